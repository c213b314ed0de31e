"""Core metadata: what a resolution reads of it, what it refuses, and the compact form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, Unavailable
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import FormatError, InvalidMetadata
from dxpy_async.formats.compact_metadata import decode_metadata, encode_metadata
from dxpy_async.formats.core_metadata import parse_core_metadata

A = ProjectName("a-b")
HEAD = "Metadata-Version: 2.1\nName: A_B\nVersion: 1.0\n"


def read(text: str | bytes, project: ProjectName | None = A, version: str | None = "1.0") -> CoreMetadata:
    data = text if isinstance(text, bytes) else text.encode()
    wanted = Version(version) if version is not None else None
    return parse_core_metadata(data, origin="METADATA of a_b", project=project, version=wanted)


def test_reads_what_a_resolution_needs() -> None:
    metadata = read(
        HEAD + "Requires-Python: >=3.8\nProvides-Extra: Dev_Tools\nRequires-Dist: c>=1 ; extra == 'dev-tools'\n"
        "Requires-Dist: D[x,y] (>=2,<3)\nRequires-Dist: e @ https://x.test/e-1-py3-none-any.whl\n\nName: not this\n"
    )
    assert metadata == CoreMetadata(
        name=A,
        version=Version("1.0"),
        requires_python=">=3.8",
        requirements=(
            parse_requirement('c>=1; extra == "dev-tools"'),
            parse_requirement("d[x,y]<3,>=2"),
            parse_requirement("e @ https://x.test/e-1-py3-none-any.whl"),
        ),
        extras=frozenset({"dev-tools"}),
    )


def test_windows_line_ends_and_a_byte_order_mark() -> None:
    text = "\ufeff" + (HEAD + "Requires-Dist: c\n\nbody: x\n").replace("\n", "\r\n")
    assert read(text).requirements == (parse_requirement("c"),)


def test_a_folded_requirement_is_one() -> None:
    assert read(HEAD + "Requires-Dist: c\n  >=1\n").requirements == (parse_requirement("c>=1"),)


def test_other_bytes_than_utf8_elsewhere_do_no_harm() -> None:
    assert read(HEAD.encode() + b"Author: J\xf6rg\nRequires-Dist: c\n").requirements


def test_nobody_known_beforehand() -> None:
    assert read(HEAD, project=None, version=None).name == "a-b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Name: a-b\nVersion: 1.0\n", "has no Metadata-Version"),
        ("Metadata-Version: 99.0\nName: a-b\nVersion: 1.0\n", "has Metadata-Version 99.0"),
        ("Metadata-Version: three\nName: a-b\nVersion: 1.0\n", "Metadata-Version that is none"),
        ("Metadata-Version: 2.1\nVersion: 1.0\n", "has no Name"),
        ("Metadata-Version: 2.1\nName: a-b\n", "has no Version"),
        ("Metadata-Version: 2.1\nName: c\nVersion: 1.0\n", "is of `c`, not of `a-b`"),
        ("Metadata-Version: 2.1\nName: a-b\nVersion: 2.0\n", "is of version 2.0, not 1.0"),
        ("Metadata-Version: 2.1\nName: a-b\nVersion: new\n", "has a version that is none"),
        ("Metadata-Version: 2.1\nName: a-b\n c\nVersion: 1.0\n", "has a name that is none"),
        (HEAD + "Name: other\n", "different values of Name"),
        (HEAD + "Requires-Dist: c\nRequires-Dist: d>=1.*\n", "invalid Requires-Dist on line 5, 'd>=1.\\*'"),
        (HEAD + "Requires-Dist: d (>=1,\n", "invalid Requires-Dist on line 4"),
        (HEAD + "Requires-Dist: d; os_name ==\n", "invalid Requires-Dist on line 4"),
        (HEAD + "Requires-Dist: d; " + "(" * 5000 + "os_name == 'x'" + ")" * 5000 + "\n", "invalid Requires-Dist"),
        (HEAD + "no field\n", "does not parse: line 4"),
        ("", "has no Metadata-Version"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(InvalidMetadata, match=message) as caught:
        read(text)
    assert "METADATA of a_b" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidMetadata):
        read(data)


def full() -> CoreMetadata:
    return read(HEAD + "Requires-Python: >=3\nProvides-Extra: x\nRequires-Dist: c[y]>=1; extra == 'x'\n")


def test_the_compact_form_keeps_everything() -> None:
    assert decode_metadata(encode_metadata(full()), origin="test") == full()
    assert decode_metadata(encode_metadata(Unavailable("why")), origin="test") == Unavailable("why")


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_every_damage_of_the_compact_form_is_noticed(data: st.DataObject) -> None:
    encoded = bytearray(encode_metadata(full()))
    if data.draw(st.booleans()):
        encoded = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    else:
        encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FormatError):
        decode_metadata(bytes(encoded), origin="test")
