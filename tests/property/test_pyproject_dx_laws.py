"""The laws of pyproject.dx: nothing is lost either way, bytes are a function of the content, damage is noticed."""

from __future__ import annotations

import random
import struct
import tomllib
from itertools import pairwise
from typing import Any

import pytest
from documents import ask_everything, documents, exactly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxpy_async.core.hashing import blake3_of
from dxpy_async.errors import InvalidDocument
from dxpy_async.formats import dpx_layout as layout
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx
from dxpy_async.formats.toml_writer import write_toml

at_leisure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
"""A busy machine takes its time to draw a whole document."""


def read(data: bytes) -> DxDocument:
    return DxDocument(data, file="pyproject.dx")


@given(documents)
@settings(at_leisure, max_examples=150)
def test_toml_to_dx_to_toml_loses_nothing(document: dict[str, Any]) -> None:
    """loads(toml(read(build(loads(toml))))) is loads(toml): every value, its type, the order of keys."""
    text = write_toml(document)
    parsed = tomllib.loads(text)
    assert exactly(parsed) == exactly(document)
    back = read(build_dx(parsed, text.encode())).to_dict()
    assert exactly(back) == exactly(document)
    assert write_toml(back) == text


@given(documents, st.binary(max_size=20))
@settings(at_leisure, max_examples=50)
def test_the_bytes_are_a_function_of_the_content(document: dict[str, Any], source: bytes) -> None:
    """The same document and source give the same bytes, and so does what was read back."""
    data = build_dx(document, source)
    assert build_dx(read(data).to_dict(), source) == data
    assert read(data).is_of(source)
    assert not read(data).is_of(source + b" ")


@given(documents)
@settings(at_leisure, max_examples=50)
def test_the_parts_of_the_file_stand_one_after_the_other(document: dict[str, Any]) -> None:
    """Header 100 bytes; each section begins where the one before ends, the last ends the file; BLAKE3 matches; strings
    are sorted, each once."""
    data = build_dx(document, b"source")
    fields = layout.HEADER.unpack_from(data)
    assert (fields[0], fields[1], fields[2], fields[3], layout.HEADER.size) == (b"DPX\x01", 1, 0, len(data), 100)
    counts, offsets = fields[4:7], fields[7:10]
    assert offsets == (100, 100 + 20 * counts[0], 100 + 20 * counts[0] + 4 * counts[1])
    assert offsets[2] + counts[2] == len(data)
    assert fields[10:] == (blake3_of(b"source"), blake3_of(data[:68], data[100:]))
    ends = struct.unpack_from(f"<{counts[1]}I", data, offsets[1])
    strings = [data[offsets[2] + start : offsets[2] + end] for start, end in pairwise(ends)]
    assert strings == sorted(set(strings))


@given(documents)
@settings(at_leisure, max_examples=60)
def test_every_value_is_found_at_its_path(document: dict[str, Any]) -> None:
    """get(path) is what the whole document has there, and None for a path that leads nowhere."""
    dx = read(build_dx(document, b""))
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        assert exactly(dx.get(*path)) == exactly(value)
        assert dx.get(*path, "absent from every document") is None
        assert dx.get(*path, -1) is None
        if isinstance(value, dict):
            pending += [((*path, key), item) for key, item in value.items()]
        if isinstance(value, list):
            assert dx.get(*path, len(value)) is None
            pending += [((*path, number), item) for number, item in enumerate(value)]


@given(documents, st.data())
@settings(at_leisure, max_examples=150)
def test_changed_bytes_are_an_invalid_document_and_nothing_else(document: dict[str, Any], data: st.DataObject) -> None:
    """Any change is seen when the digest is checked; without it, nothing but InvalidDocument ever comes out."""
    good = build_dx(document, b"")
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    if damaged != good:
        with pytest.raises(InvalidDocument) as caught:
            read(bytes(damaged))
        assert caught.value.file == "pyproject.dx"
    ask_everything(bytes(damaged))


def test_thousands_of_damaged_files_are_invalid_documents_and_nothing_else() -> None:
    """Bytes changed, references and counts replaced, ends cut off; the same cases every time."""
    nested = {"project": {"name": "x", "urls": {"a.b": [1, [2.5, {"": 2**70}], "ü"]}}, "tool": {"x": {"y": [{}, {}]}}}
    good = build_dx(nested, b"")
    nodes = layout.HEADER.unpack_from(good)[4]
    chance = random.Random(0)
    for _ in range(5_000):
        damaged = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            if chance.random() < 0.5:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            else:
                place = 100 + 20 * chance.randrange(nodes) + chance.choice((0, 4, 8, 12, 16))
                damaged[place : place + 4] = chance.choice((0, 1, 2, 5, 9, 300, 2**31, 2**32 - 1)).to_bytes(4, "little")
        ask_everything(bytes(damaged))
        ask_everything(bytes(damaged[: chance.randrange(len(damaged))]))


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda tail: b"DPX\x01\x01\x00\x00\x00" + tail)))
@settings(at_leisure, max_examples=300)
def test_random_bytes_are_an_invalid_document(data: bytes) -> None:
    """Whatever the bytes, InvalidDocument."""
    with pytest.raises(InvalidDocument):
        read(data)
