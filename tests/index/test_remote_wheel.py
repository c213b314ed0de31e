"""METADATA out of a wheel of which only parts are read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version
from wheels import STORED, End, Fields, Member, build_wheel, wheel_members, write_wheel, zip_bytes

from dxpy_async.core.names import ProjectName
from dxpy_async.errors import InvalidWheel
from dxpy_async.index.byte_ranges import Span
from dxpy_async.index.remote_wheel import read_metadata

A, ONE = ProjectName("a"), Version("1.0")
METADATA = "a-1.0.dist-info/METADATA"
TEXT = b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"


def read(content: bytes, tail: int = 64 * 1024) -> tuple[bytes, list[Span]]:
    """METADATA, and which parts were asked for beyond the tail."""
    spans: list[Span] = []
    steps = read_metadata(content[-tail:], len(content), filename="a.whl", project=A, version=ONE)
    part: bytes | None = None
    while True:
        try:
            span = next(steps) if part is None else steps.send(part)
        except StopIteration as done:
            return done.value, spans
        spans.append(span)
        part = content[span.start : span.stop]


def test_the_tail_is_enough_for_most_wheels(tmp_path: Path) -> None:
    content = build_wheel(tmp_path, "a", "1.0").read_bytes()
    metadata, spans = read(content)
    assert metadata.startswith(b"Metadata-Version")
    assert spans == []


@pytest.mark.parametrize("tail", [22, 30, 60, 100, 200])
def test_any_tail_leads_to_the_same(tmp_path: Path, tail: int) -> None:
    content = build_wheel(tmp_path, "a", "1.0").read_bytes()
    metadata, spans = read(content, tail)
    assert metadata == read(content)[0]
    assert 1 <= len(spans) <= 3


def test_stored_members(tmp_path: Path) -> None:
    content = write_wheel(tmp_path / "a.whl", wheel_members("a", "1.0"), method=STORED).read_bytes()
    assert read(content)[0].startswith(b"Metadata-Version")


@pytest.mark.parametrize("tail", [98, 64 * 1024])
def test_zip64(tail: int) -> None:
    content = zip_bytes([Member("x" * 200, b"x"), Member(METADATA, TEXT)], end=End(zip64=True))
    assert read(content, tail)[0] == TEXT


def test_a_comment_that_is_only_a_comment() -> None:
    assert read(zip_bytes([Member(METADATA, TEXT)], end=End(comment=b"hello")))[0] == TEXT


def test_other_spellings_of_the_name() -> None:
    content = zip_bytes([Member("A-1.dist-info/METADATA", TEXT), Member("a/x.dist-info/METADATA", b"not at the top")])
    assert read(content)[0] == TEXT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no end record"),
        (b"PK\x05\x06", "no end record"),
        (b"not a zip" * 100, "no end record"),
        (zip_bytes([Member(METADATA, TEXT)], suffix=b"x"), "something after its end record"),
        (zip_bytes([Member(METADATA, TEXT)], end=End(offset=0)), "gap before its end record"),
        (zip_bytes([Member(METADATA, TEXT)], prefix=b"junk", end=End(offset=0)), "gap"),
        (zip_bytes([Member(METADATA, TEXT)], end=End(count=2)), "several disks"),
        (zip_bytes([Member(METADATA, TEXT)], end=End(count=2, total=2)), "damaged directory"),
        (zip_bytes([Member("a", b""), Member(METADATA, TEXT)], end=End(count=1, total=1)), "damaged directory"),
        (zip_bytes([Member("a", b"")]), "has 0 METADATA files of `a` 1.0"),
        (zip_bytes([Member("b-1.0.dist-info/METADATA", TEXT)]), "has 0 METADATA files"),
        (zip_bytes([Member("a-2.0.dist-info/METADATA", TEXT)]), "has 0 METADATA files"),
        (zip_bytes([Member(METADATA, TEXT), Member("A-1.0.dist-info/METADATA", b"")]), "has 2 METADATA files"),
        (zip_bytes([Member(METADATA, TEXT, local=Fields(name=b"a-1.0.dist-info/WHEEL   "))]), "disagree"),
        (zip_bytes([Member(METADATA, TEXT, central=Fields(crc=1))]), "damaged"),
        (zip_bytes([Member(METADATA, TEXT, central=Fields(size=5))]), "damaged"),
        (zip_bytes([Member(METADATA, TEXT, central=Fields(size=2**31))]), "over the limit"),
        (zip_bytes([Member(METADATA, TEXT, central=Fields(compressed=2**31))]), "too large"),
        (zip_bytes([Member(METADATA, TEXT, central=Fields(method=99))]), "method 99"),
        (zip_bytes([Member(METADATA, TEXT, central=Fields(flags=1))]), "encrypted"),
        (zip_bytes([Member(METADATA, TEXT, payload=b"\xff" * 20)]), "does not inflate"),
        (zip_bytes([Member(METADATA, TEXT, offset=2**31)]), "too large, or reaches"),
    ],
)
def test_lies_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(InvalidWheel, match=message):
        read(content)


def test_a_part_that_is_shorter_than_asked_for_is_refused() -> None:
    content = zip_bytes([Member(METADATA, TEXT)])
    steps = read_metadata(content[-22:], len(content), filename="a.whl", project=A, version=ONE)
    span = next(steps)
    with pytest.raises(InvalidWheel, match="cut short"):
        steps.send(content[span.start : span.stop - 1])


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_damage_ends_in_an_answer_or_a_refusal(data: st.DataObject) -> None:
    content = bytearray(zip_bytes([Member("x", b"x" * 50), Member(METADATA, TEXT)], end=End(zip64=True)))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(InvalidWheel):
        assert read(bytes(content), data.draw(st.sampled_from([22, 80, 300])))[0] == TEXT
