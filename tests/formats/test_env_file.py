"""Files of environment variables."""

from __future__ import annotations

import pytest

from dxpy_async.errors import InvalidEnvFile
from dxpy_async.formats.env_file import parse_env_file

AROUND = {"HOME": "/home/x", "EMPTY": ""}


def value(text: str) -> str:
    return parse_env_file(f"B=b\nA={text}\nC=c\n".encode(), AROUND, file=".env")["A"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("two words  ", "two words"),
        ("x # comment", "x"),
        ("x#y", "x#y"),
        ("'as it ${B} is\\n' # comment", "as it ${B} is\\n"),
        ('"a\\tb\\n\\"\\\\\\$HOME"', 'a\tb\n"\\$HOME'),
        ('"one\ntwo"', "one\ntwo"),
        ("'one\n\ntwo'", "one\n\ntwo"),
        ("$HOME/${B}", "/home/x/b"),
        ('"$HOME/${B}"', "/home/x/b"),
        ("${NO}$NO", ""),
        ("${NO:-else}${EMPTY:-other}${B:-no}", "elseotherb"),
        ("\\$HOME", "$HOME"),
        ("C:\\new", "C:\\new"),
        ("it's", "it's"),
        ("a=b=c", "a=b=c"),
        ("  'x'  ", "x"),
    ],
)
def test_a_value_is(text: str, expected: str) -> None:
    assert value(text) == expected


def test_a_file_is_read_line_by_line() -> None:
    content = b"\xef\xbb\xbf# first\r\n\r\nexport A=1\r\n  B = 2\r\nA.b=3\r\n\tC='4'"
    assert parse_env_file(content, {}, file=".env") == {"A": "1", "B": "2", "A.b": "3", "C": "4"}
    assert parse_env_file(b"", {}, file=".env") == {}
    assert parse_env_file(b"A=1\nA=${A}2\n", {}, file=".env") == {"A": "12"}


def test_the_surroundings_come_before_what_the_file_sets() -> None:
    assert parse_env_file(b"HOME=/other\nA=$HOME", AROUND, file=".env") == {"HOME": "/other", "A": "/home/x"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"A=1\nB", "`.env:2` has `B` where `NAME=value` should be"),
        (b"\n\n1A=2", "`.env:3` has `1A=2` where `NAME=value` should be"),
        (b"A='x\ny", "`.env:1` opens a quote for `A` that is never closed"),
        (b'A="x" y', "`.env:1` has `y` behind the quoted value of `A`"),
        (b"A=${x y}", "`.env:1` has `${x y}` in the value of `A`, which is no variable"),
        (b"A=1\nB=\xff", "`.env:2` is not UTF-8"),
        (b"A=\0", "`.env:1` gives `A` a value with a NUL"),
    ],
)
def test_a_line_that_sets_nothing_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidEnvFile) as refused:
        parse_env_file(content, {}, file=".env")
    assert str(refused.value) == reason
