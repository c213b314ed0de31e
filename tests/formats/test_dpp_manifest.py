"""The store's thin packages come back as they were written, and damage of any kind is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import FormatError, InvalidPackage
from dxpy_async.formats.dpp_manifest import decode_manifest, encode_manifest

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
DIGESTS = st.binary(min_size=32, max_size=32)
FILES = st.builds(
    ManifestFile,
    TEXTS,
    st.integers(0, 2**60),
    st.booleans(),
    DIGESTS,
    st.integers(-(2**63), 2**63 - 1),
)
MANIFESTS = st.builds(
    Manifest,
    name=TEXTS.map(ProjectName),
    version=TEXTS,
    filename=TEXTS,
    sha256=DIGESTS.map(bytes.hex),
    blake3=DIGESTS.map(bytes.hex),
    size=st.integers(0, 2**64 - 1),
    root_is_purelib=st.booleans(),
    dist_info=TEXTS,
    data=TEXTS,
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    files=st.lists(FILES, max_size=4).map(tuple),
    entry_points=st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=2), max_size=2),
    top_level=st.lists(TEXTS, max_size=2).map(tuple),
)

SMALL = Manifest(
    name=ProjectName("demo"),
    version="1.0",
    filename="demo-1.0-py3-none-any.whl",
    sha256="ab" * 32,
    blake3="cd" * 32,
    size=1234,
    root_is_purelib=True,
    dist_info="demo-1.0.dist-info",
    data="",
    tags=("py3-none-any",),
    files=(ManifestFile("demo.py", 3, False, b"\1" * 32, 1_700_000_000_000_000_000),),
    entry_points={"console_scripts": {"demo": "demo:main"}},
    top_level=("demo.py",),
)


@settings(max_examples=100)
@given(MANIFESTS)
def test_every_manifest_survives_the_round_trip(manifest: Manifest) -> None:
    data = encode_manifest(manifest)
    assert decode_manifest(data, "m") == manifest
    assert encode_manifest(decode_manifest(data, "m")) == data


@settings(max_examples=200)
@given(st.data())
def test_any_damage_is_a_format_error(data: st.DataObject) -> None:
    good = encode_manifest(SMALL)
    bad = bytearray(good)
    if data.draw(st.booleans()):
        del bad[data.draw(st.integers(0, len(bad) - 1)) :]
    else:
        bad[data.draw(st.integers(0, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FormatError):
        decode_manifest(bytes(bad), "m")


@settings(max_examples=200)
@given(st.data())
def test_damage_with_a_checksum_that_fits_is_a_format_error_or_a_manifest(data: st.DataObject) -> None:
    bad = bytearray(encode_manifest(SMALL))
    for _ in range(data.draw(st.integers(1, 3))):
        bad[data.draw(st.integers(4, len(bad) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del bad[data.draw(st.integers(64, len(bad))) :]
        bad[28:32] = len(bad).to_bytes(4, "little")
    bad[32:64] = blake3_of(bytes(bad[:32]), bytes(bad[64:]))
    try:
        found = decode_manifest(bytes(bad), "m")
    except FormatError:
        return
    assert isinstance(found, Manifest)


@pytest.mark.parametrize("data", [b"", b"DPP\x01", b"\0" * 500, b"DPP\x02" + b"\0" * 500])
def test_other_bytes_are_not_a_manifest(data: bytes) -> None:
    with pytest.raises(InvalidPackage, match=r"`m \(at byte \d+\)` is"):
        decode_manifest(data, "m")


def test_a_nul_character_is_not_written() -> None:
    with pytest.raises(InvalidPackage, match="NUL"):
        encode_manifest(SMALL._replace(filename="1\x000"))
