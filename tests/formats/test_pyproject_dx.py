"""pyproject.dx: what it refuses, naming the place, and that no file, however made, costs more than its size."""

from __future__ import annotations

import os
import struct
import time
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import pytest

from dxpy_async.core import limits
from dxpy_async.core.hashing import blake3_of
from dxpy_async.errors import InvalidDocument
from dxpy_async.formats import dpx_layout as layout
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx

DOCUMENT = {"project": {"name": "app", "dependencies": ["six>=1.16"], "big": 2**70}, "tool": {}, "": [1979, 0.5, True]}

Node = tuple[int, int, int, int, int, int]
ROOT_KEY = layout.NONE


def assemble(nodes: Sequence[Node], strings: Sequence[bytes] = (), offsets: Sequence[int] | None = None) -> bytes:
    """A file with these nodes and strings, right in every other way, its BLAKE3 included."""
    if offsets is None:
        offsets = [sum(map(len, strings[:number])) for number in range(len(strings) + 1)]
    parts = (
        b"".join(layout.NODE.pack(*node) for node in nodes),
        b"".join(layout.WORD.pack(offset) for offset in offsets),
        b"".join(strings),
    )
    starts = [100, 100 + len(parts[0]), 100 + len(parts[0]) + len(parts[1])]
    total = 100 + sum(map(len, parts))
    counts = (len(nodes), len(offsets), len(parts[2]))
    head = layout.HEADER.pack(layout.MAGIC, 1, 0, total, *counts, *starts, bytes(32), bytes(32))[:68]
    return b"".join((head, blake3_of(head, *parts), *parts))


def table(first: int, count: int, *, key: int = ROOT_KEY, order: int = 0) -> Node:
    return (key, order, layout.TABLE, 0, 0, first | count << 32)


def array(first: int, count: int, *, key: int = ROOT_KEY, order: int = 0) -> Node:
    return (key, order, layout.ARRAY, 0, 0, first | count << 32)


def scalar(kind: int, payload: int, *, key: int = ROOT_KEY, order: int = 0, minutes: int = 0) -> Node:
    return (key, order, kind, 0, minutes, payload)


def read(data: bytes) -> DxDocument:
    return DxDocument(data, file="pyproject.dx")


def patched(place: int, new: bytes) -> bytes:
    good = build_dx(DOCUMENT, b"")
    return good[:place] + new + good[place + len(new) :]


# --- opening ----------------------------------------------------------------------------------------------------------


def test_a_file_is_mapped_and_read(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.dx"
    path.write_bytes(build_dx(DOCUMENT, b"text"))
    with DxDocument.open(path) as document:
        assert document.get("project", "dependencies") == ["six>=1.16"]
        assert document.get("project", "big") == 2**70
        assert document.get("", 1) == 0.5
        assert document.get("", "project") is None
        assert document.get("project", "name", "deeper") is None
        assert document.get("project", 0) is None
        assert document.get("\ud800") is None
        whole = document.to_dict()
    assert whole == DOCUMENT
    assert list(whole) == list(DOCUMENT)


def test_one_value_is_read_without_the_others() -> None:
    """The payload of `tool` is nonsense, and its neighbours are read all the same."""
    good = build_dx(DOCUMENT, b"")
    tool = 100 + 2 * layout.NODE.size
    data = good[: tool + 12] + struct.pack("<q", -1) + good[tool + 20 :]
    document = DxDocument(data, file="pyproject.dx", verify=False)
    assert document.get("project", "name") == "app"
    with pytest.raises(InvalidDocument):
        document.get("tool")
    with pytest.raises(InvalidDocument, match="BLAKE3"):
        document.verify()


def test_keys_of_a_large_table_are_found_quickly() -> None:
    names = {f"key {number}": number for number in range(20_000)}
    document = read(build_dx({"a": names, "z": 1}, b""))
    started = time.perf_counter()
    assert all(document.get("a", f"key {number}") == number for number in range(0, 20_000, 100))
    assert document.get("a", "key") is None
    assert document.get("a", "z") is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"", 0, "it is empty"),
        (b"DP", 0, "begins with 44 50, expected 44 50 58 01"),
        (b"DPL\x01" + bytes(200), 0, "begins with 44 50 4c 01"),
        (b'[project]\nname = "x"', 0, "is not a pyproject.dx"),
        (b"DPX\x01\x01\x00", 6, "is cut short: it has 6 bytes, its header alone has 100"),
        (build_dx(DOCUMENT, b"")[:-1], 8, "its header says"),
        (build_dx(DOCUMENT, b"") + b"\x00", 8, "its header says"),
        (patched(4, b"\x02"), 4, "has version 2 of the format, this dxpy reads 1"),
        (patched(4, b"\x00"), 4, "has version 0 of the format"),
        (patched(12, b"\xff\xff\xff\xff"), 28, "has its string offsets at"),
        (patched(20, b"\xff\xff\xff\xff"), 12, "has sections that end at"),
        (patched(24, b"\x00"), 24, "has its nodes at 0, expected 100"),
        (patched(32, b"\xff"), 32, "has its strings at"),
        (patched(68, bytes(32)), 68, "is damaged: its content has BLAKE3"),
        (patched(40, b"\xff"), 68, "is damaged: its content has BLAKE3"),
        (patched(112, b"\xff"), 68, "is damaged: its content has BLAKE3"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, offset: int, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(data)
    assert (caught.value.file, caught.value.offset) == ("pyproject.dx", offset)
    assert reason in str(caught.value)


def test_a_newer_version_asks_for_a_newer_dxpy() -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(patched(4, b"\x02"))
    assert caught.value.hints() == ("a newer dxpy reads it",)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), limits.DOCUMENT_BYTES + 1), "the limit"),
    ],
)
def test_a_file_that_cannot_be_opened_is_said_to_be_so(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    path = tmp_path / "pyproject.dx"
    make(path)
    with pytest.raises(InvalidDocument) as caught:
        DxDocument.open(path)
    assert reason in str(caught.value)
    assert str(path) in str(caught.value)


# --- files made to deceive, with the right BLAKE3 ---------------------------------------------------------------------

NO_OFFSETS: Sequence[int] = ()
A, B = (b"a",), (b"a", b"b")
FORGED = {
    "no nodes": assemble([]),
    "no string offsets": assemble([table(0, 0)], (), NO_OFFSETS),
    "strings that do not fill their section": assemble([table(0, 0)], A, (0, 0)),
    "the document is an array": assemble([array(0, 0)]),
    "the document is its own child": assemble([table(0, 1)], A),
    "a table is its own child": assemble([table(1, 1), table(1, 1, key=0)], A),
    "children that are not there": assemble([table(1, 2), scalar(layout.INTEGER, 1, key=0)], A),
    "four billion children": assemble([(ROOT_KEY, 0, layout.TABLE, 0, 0, 1 | 0x7FFFFFFF << 32)]),
    "a negative number of children": assemble([(ROOT_KEY, 0, layout.TABLE, 0, 0, -1)]),
    "a first child and none": assemble([(ROOT_KEY, 0, layout.TABLE, 0, 0, 1)]),
    "two parents": assemble(
        [table(1, 2), array(3, 1, key=0), array(3, 1, key=1, order=1), scalar(layout.INTEGER, 1)], B
    ),
    "children of the second first": assemble(
        [
            table(1, 2),
            array(4, 1, key=0),
            array(3, 1, key=1, order=1),
            scalar(layout.INTEGER, 1),
            scalar(layout.INTEGER, 2),
        ],
        B,
    ),
    "no parent": assemble([table(0, 0), scalar(layout.INTEGER, 1)]),
    "a gap between levels": assemble([table(2, 1), scalar(layout.INTEGER, 1), scalar(layout.INTEGER, 1, key=0)], A),
    "a key twice": assemble([table(1, 2), scalar(4, 1, key=0), scalar(4, 2, key=0, order=1)], A),
    "keys out of order": assemble([table(1, 2), scalar(4, 1, key=1), scalar(4, 2, key=0, order=1)], B),
    "an order beyond the table": assemble([table(1, 1), scalar(4, 1, key=0, order=7)], A),
    "a child of a table without a key": assemble([table(1, 1), scalar(4, 1)], A),
    "a key that is not there": assemble([table(1, 1), scalar(4, 1, key=1)], A),
    "an element with a key": assemble([table(1, 1), array(2, 1, key=0), scalar(4, 1, key=0)], A),
    "an element with an order": assemble([table(1, 1), array(2, 1, key=0), scalar(4, 1, order=1)], A),
    "a string that is not there": assemble([table(1, 1), scalar(layout.STRING, 1, key=0)], A),
    "a negative string": assemble([table(1, 1), scalar(layout.STRING, -1, key=0)], A),
    "a string that is not UTF-8": assemble([table(1, 1), scalar(layout.STRING, 1, key=0)], (b"a", b"\xff")),
    "a surrogate": assemble([table(1, 1), scalar(layout.STRING, 1, key=0)], (b"a", b"\xed\xa0\x80")),
    "strings out of order": assemble([table(1, 1), scalar(4, 1, key=0)], (b"b", b"a")),
    "a string twice": assemble([table(1, 1), scalar(4, 1, key=0)], (b"a", b"a")),
    "strings that overlap": assemble([table(1, 1), scalar(4, 1, key=0)], (b"abc",), (0, 3, 0, 3)),
    "an offset beyond the strings": assemble([table(1, 1), scalar(4, 1, key=0)], (b"abc",), (0, 9, 3)),
    "kind 0": assemble([table(1, 1), scalar(0, 0, key=0)], A),
    "kind 12": assemble([table(1, 1), scalar(12, 0, key=0)], A),
    "a boolean that is 2": assemble([table(1, 1), scalar(layout.BOOLEAN, 2, key=0)], A),
    "an offset from UTC on an integer": assemble([table(1, 1), scalar(4, 1, key=0, minutes=1)], A),
    "an offset from UTC on a string": assemble([table(1, 1), scalar(layout.STRING, 0, key=0, minutes=1)], A),
    "a day before the first": assemble([table(1, 1), scalar(layout.LOCAL_DATE, 0, key=0)], A),
    "a day after the last": assemble([table(1, 1), scalar(layout.LOCAL_DATE, 3_652_060, key=0)], A),
    "a day beyond all": assemble([table(1, 1), scalar(layout.LOCAL_DATE, 2**63 - 1, key=0)], A),
    "a time of the next day": assemble([table(1, 1), scalar(layout.LOCAL_TIME, layout.DAY_MICROSECONDS, key=0)], A),
    "a time before midnight": assemble([table(1, 1), scalar(layout.LOCAL_TIME, -1, key=0)], A),
    "a moment after 9999": assemble([table(1, 1), scalar(layout.LOCAL_DATE_TIME, 2**63 - 1, key=0)], A),
    "a day from UTC": assemble([table(1, 1), scalar(layout.OFFSET_DATE_TIME, 0, key=0, minutes=1440)], A),
    "a small big integer": assemble([table(1, 1), scalar(layout.BIG_INTEGER, 0, key=0)], A),
    "a big integer that is none": assemble([table(1, 1), scalar(layout.BIG_INTEGER, 1, key=0)], (b"a", b"z" * 30)),
    "a big integer in capitals": assemble([table(1, 1), scalar(layout.BIG_INTEGER, 0, key=1)], (b"A" * 30, b"a")),
    "a big integer with zeros": assemble(
        [table(1, 1), scalar(layout.BIG_INTEGER, 0, key=1)], (b"00" + b"a" * 30, b"a")
    ),
    "a big integer with lines": assemble([table(1, 1), scalar(layout.BIG_INTEGER, 1, key=0)], (b"a", b"f_f" * 20)),
    "a long negative integer": assemble(
        [table(1, 1), scalar(layout.BIG_INTEGER, 0, key=1)], (b"-" + b"f" * 3501, b"a")
    ),
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_a_forged_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read(data).to_dict()
    assert caught.value.offset is not None
    assert caught.value.offset <= len(data)


def chain(depth: int) -> bytes:
    """`a = [[…]]`, that deep."""
    nodes = [table(1, 1), *(array(n + 2, 1, key=0 if n == 0 else ROOT_KEY) for n in range(depth - 1))]
    return assemble([*nodes, scalar(layout.INTEGER, 1, key=ROOT_KEY if depth > 1 else 0)], A)


def test_depth_has_a_limit_that_builder_and_reader_share() -> None:
    value: Any = 1
    for _ in range(limits.DOCUMENT_DEPTH - 1):
        value = [value]
    assert build_dx({"a": value}, b"")[100:] == chain(limits.DOCUMENT_DEPTH)[100:]
    assert read(chain(limits.DOCUMENT_DEPTH)).to_dict() == {"a": value}
    with pytest.raises(InvalidDocument, match="256 levels deep"):
        read(chain(limits.DOCUMENT_DEPTH + 1)).to_dict()
    with pytest.raises(InvalidDocument, match="nests more than 256"):
        build_dx({"a": [value]}, b"")


def test_shared_children_do_not_multiply() -> None:
    """Forty arrays, each of which holds the next one twice: a million million values to a careless reader."""
    nodes = [table(1, 1), array(2, 2, key=0)]
    for level in range(40):
        nodes += [array(2 * level + 4, 2), array(2 * level + 4, 2)]
    document = read(assemble([*nodes, scalar(4, 1), scalar(4, 1)], A))
    for ask in (document.to_dict, lambda: document.get("a"), lambda: document.get("a", 0)):
        with pytest.raises(InvalidDocument):
            ask()


@pytest.mark.parametrize("kind", [layout.STRING, layout.BIG_INTEGER])
def test_a_long_string_that_many_refer_to_is_there_once(kind: int) -> None:
    many = [scalar(kind, 1)] * 1_000
    data = assemble([table(1, 1), array(2, len(many), key=0), *many], (b"a", b"f" * 200_000))
    tracemalloc.start()
    try:
        found = read(data).to_dict()["a"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == len(many)
    assert peak < 4_000_000


def test_strings_that_overlap_do_not_multiply() -> None:
    """Read one by one, every second string would be the whole section."""
    offsets = [0, 100_000] * 500
    nodes = [scalar(layout.STRING, 2 * number) for number in range(500)]
    data = assemble([table(1, 1), array(2, 500, key=0), *nodes], (b"x" * 100_000,), [*offsets, 100_000])
    document = DxDocument(data, file="pyproject.dx")
    with pytest.raises(InvalidDocument):
        document._decode(1)  # by its number: to find its key would mean to read these strings
    with pytest.raises(InvalidDocument):
        document.to_dict()


# --- building ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "NoneType"),
        ({1, 2}, "set"),
        (b"bytes", "bytes"),
        ({1: 2}, "a key that is not a string"),
        ("\ud800", "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        (clock_time(12, tzinfo=UTC), "time"),
        (datetime(2020, 1, 1, tzinfo=timezone(timedelta(seconds=90))), "no whole number of minutes"),
        (-(2**14_000), "a negative integer of 14001 bits, the limit is 14000"),
    ],
)
def test_what_toml_has_no_place_for_is_refused(value: object, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        build_dx({"a": [value]}, b"", file="some.toml")
    assert reason in str(caught.value)
    assert caught.value.file == "some.toml"


def test_longest_integers_are_kept() -> None:
    document = {"a": -(2**14_000) + 1, "b": 2**100_000, "c": [-(2**63), 2**63 - 1, -(2**63) - 1, 2**63]}
    assert read(build_dx(document, b"")).to_dict() == document
