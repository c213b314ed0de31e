"""TOML text as a person would write it, and always read back as it was meant."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from documents import exactly

from dxpy_async.formats.toml_writer import write_toml


def test_a_whole_project() -> None:
    document = {
        "build-system": {"requires": ["hatchling>=1.25"], "build-backend": "hatchling.build"},
        "project": {
            "name": "app",
            "authors": [{"name": "Ännchen", "email": "a@example.org"}],
            "dependencies": [
                "aiohttp>=3.11",
                "six>=1.16; python_version < '3.12' and sys_platform == 'win32'",
                "x" * 60,
            ],
            "optional-dependencies": {},
            "urls": {"Source Code": "https://example.org/app"},
        },
        "tool": {
            "black": {"exclude": "(\n  \\.git\n)", "target": "\\d+"},
            "x": {"since": date(1979, 5, 27), "at": time(7, 32), "index": [{"url": "u"}, {"more": {"deep": True}}]},
        },
    }
    text = write_toml(document)
    assert text == (
        """\
[build-system]
requires = ["hatchling>=1.25"]
build-backend = "hatchling.build"

[project]
name = "app"
authors = [{ name = "Ännchen", email = "a@example.org" }]
dependencies = [
    "aiohttp>=3.11",
    "six>=1.16; python_version < '3.12' and sys_platform == 'win32'",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
]

[project.optional-dependencies]

[project.urls]
"Source Code" = "https://example.org/app"

[tool.black]
exclude = \"""
(
  \\\\.git
)\"""
target = '\\d+'

[tool.x]
since = 1979-05-27
at = 07:32:00

[[tool.x.index]]
url = "u"

[[tool.x.index]]

[tool.x.index.more]
deep = true
"""
    )
    assert exactly(tomllib.loads(text)) == exactly(document)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", '""'),
        ("tab\t", '"tab\\t"'),
        ("\x00\x1f\x7f", '"\\u0000\\u001f\\u007f"'),
        ("C:\\dir", "'C:\\dir'"),
        ("it's \\", '"it\'s \\\\"'),
        ("\r\n", '"""\n\\r\n"""'),
        ('\n"""', '"""\n\n""\\""""'),
        ('\n""""""', '"""\n\n""\\"\\"\\"\\""""'),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (5e-324, "5e-324"),
        (float("inf"), "inf"),
        (-float("inf"), "-inf"),
        (float("nan"), "nan"),
        (-float("nan"), "-nan"),
        (True, "true"),
        (2**64, "18446744073709551616"),
        (datetime(1979, 5, 27, 7, 32, tzinfo=UTC), "1979-05-27T07:32:00+00:00"),
        (datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=timezone(timedelta(minutes=-61))), "0001-01-01T00:00:00.000001-01:01"),
        (datetime(9999, 12, 31), "9999-12-31T00:00:00"),
        ([], "[]"),
        ([[], [{}]], "[[], [{}]]"),
        ([1, {"a b": {}}], '[1, { "a b" = {} }]'),
    ],
)
def test_a_value(value: Any, text: str) -> None:
    written = write_toml({"key": value})
    assert written == f"key = {text}\n"
    assert exactly(tomllib.loads(written)) == exactly({"key": value})


def test_a_table_that_other_keys_follow_is_inline_so_that_the_order_stays() -> None:
    document = {"a": {"b": {"c": 1}}, "d": [{"e": 1}], "f": 2, "g": {"h": {}, "i": 3}, "j": {"k": {"l": 4}}}
    text = write_toml(document)
    assert text == ("a = { b = { c = 1 } }\nd = [{ e = 1 }]\nf = 2\n\n[g]\nh = {}\ni = 3\n\n[j.k]\nl = 4\n")
    assert exactly(tomllib.loads(text)) == exactly(document)


@pytest.mark.parametrize("key", ["", "a.b", 'a"b', "a\nb", "ä", "\\", "true", "1979-05-27"])
def test_any_key(key: str) -> None:
    document = {key: {key: 1, "x": {key: [{key: 2}]}}}
    assert exactly(tomllib.loads(write_toml(document))) == exactly(document)


def test_integers_that_python_does_not_print_are_hexadecimal() -> None:
    written = write_toml({"key": 2**20_000})
    assert written == f"key = {2**20_000:#x}\n"
    assert tomllib.loads(written)["key"] == 2**20_000


def test_an_empty_document_is_an_empty_text() -> None:
    assert write_toml({}) == ""
    assert write_toml({"a": {}}) == "[a]\n"


def test_deep_values_are_written_and_read() -> None:
    value: Any = {}
    for level in range(120):
        value = [value] if level % 2 else {"k": value}
    document = {"a": value, "b": 1}
    assert exactly(tomllib.loads(write_toml(document))) == exactly(document)
