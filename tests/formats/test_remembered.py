"""Remembered answers as bytes: nothing is lost, and nothing but what was written is ever read."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.names import normalize
from dxpy_async.errors import FormatError
from dxpy_async.formats.remembered import (
    FileSeen,
    PageSeen,
    Remembered,
    decode_remembered,
    encode_remembered,
    roots_of_remembered,
)

SMALL = Remembered(
    key=bytes(range(32)),
    roots=frozenset(map(normalize, ("a", "b"))),
    pages=(
        PageSeen(normalize("a"), 0, b"identity"),
        PageSeen(normalize("b")),
        PageSeen(normalize("c"), 254, b"\xff" * 8),
    ),
    archives=(FileSeen("/tmp/odd\nname\udcff.whl", 12, 34),),
    warnings=("`a` 1 has no extra `x`", "ünïcode"),
    answer=b"the answer",
    packages=3,
)

NAMES = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,3})?", fullmatch=True).map(normalize)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
NUMBERS = st.integers(0, 2**63)


@st.composite
def answers(draw: st.DrawFn) -> Remembered:
    seen = st.one_of(st.none(), st.tuples(st.integers(0, 254), st.binary(min_size=8, max_size=8)))
    pages = draw(st.dictionaries(NAMES, seen, max_size=6))
    return Remembered(
        key=draw(st.binary(min_size=32, max_size=32)),
        roots=draw(st.frozensets(NAMES, max_size=5)),
        pages=tuple(PageSeen(name, *(found or ())) for name, found in sorted(pages.items())),
        archives=tuple(draw(st.lists(st.builds(FileSeen, TEXTS, NUMBERS, NUMBERS), max_size=3))),
        warnings=tuple(draw(st.lists(TEXTS, max_size=3))),
        answer=draw(st.binary(max_size=50)),
        packages=draw(st.integers(0, 2**32 - 1)),
    )


@settings(max_examples=150)
@given(answers())
def test_every_answer_survives_the_round_trip(answer: Remembered) -> None:
    data = encode_remembered(answer)
    assert decode_remembered(data, "m") == answer
    assert roots_of_remembered(data, "m") == answer.roots


def test_a_path_that_is_no_text_and_a_page_that_no_index_had_survive_too() -> None:
    assert decode_remembered(encode_remembered(SMALL), "m") == SMALL


def test_every_cut_and_every_flipped_byte_is_a_format_error() -> None:
    good = encode_remembered(SMALL)
    for end in range(len(good)):
        with pytest.raises(FormatError):
            decode_remembered(good[:end], "m")
    for place in range(len(good)):
        with pytest.raises(FormatError):
            decode_remembered(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :], "m")
    with pytest.raises(FormatError):
        decode_remembered(good + b"\0", "m")


def test_damage_with_a_checksum_that_fits_is_a_format_error_or_an_answer() -> None:
    good, chance = encode_remembered(SMALL), random.Random(9)
    refused = 0
    for _ in range(5_000):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            bad[chance.randrange(36, len(bad))] = chance.randrange(256)
        if chance.random() < 0.3:
            del bad[chance.randrange(36, len(bad)) :]
        bad[4:36] = blake3_of(bytes(bad[36:]))
        try:
            assert isinstance(decode_remembered(bytes(bad), "m"), Remembered)
        except FormatError as error:
            refused += error.file == "m"
    assert refused > 500


@pytest.mark.parametrize("data", [b"", b"DXR\x01", b"DXR\x02" + bytes(200), bytes(500)])
def test_other_bytes_are_no_answer(data: bytes) -> None:
    for read in (decode_remembered, roots_of_remembered):
        with pytest.raises(FormatError, match=r"`m .*is not a remembered answer"):
            read(data, "m")


def test_roots_that_are_not_all_there_are_not_guessed() -> None:
    data = encode_remembered(SMALL)
    length = struct.unpack_from("<I", data, 72)[0]
    assert roots_of_remembered(data[: 96 + length], "m") == SMALL.roots
    with pytest.raises(FormatError):
        roots_of_remembered(data[: 95 + length], "m")
