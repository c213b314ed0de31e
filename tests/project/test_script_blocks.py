"""The block of metadata in a script: found as the specification has it, and replaced with nothing else changed.

Source: https://packaging.python.org/en/latest/specifications/inline-script-metadata/
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import InvalidScript
from dxpy_async.project.script_blocks import find_block, unfinished_block, with_block
from dxpy_async.project.scripts import project_of_script

BLOCK = b"# /// script\n# dependencies = ['web']\n# ///\n"


def toml_of(content: bytes) -> str | None:
    block = find_block(content, "s.py")
    return block.toml if block is not None else None


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidScript) as refused:
        project_of_script(content, Path("/s.py"))
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "toml"),
    [
        pytest.param(BLOCK, "dependencies = ['web']\n", id="alone"),
        pytest.param(b"#!/bin/x\nimport os\n" + BLOCK + b"print()\n", "dependencies = ['web']\n", id="in the middle"),
        pytest.param(BLOCK.replace(b"\n", b"\r\n"), "dependencies = ['web']\n", id="windows"),
        pytest.param(b"\xef\xbb\xbf" + BLOCK, "dependencies = ['web']\n", id="byte order mark"),
        pytest.param(BLOCK[:-1], "dependencies = ['web']\n", id="closed by the end of the file"),
        pytest.param(b"# /// script\n#\n#   a = 1\n# ///\n", "\n  a = 1\n", id="indented"),
        pytest.param(b"# /// script\n# a = '''\n# ///\n# '''\n# ///\n", "a = '''\n///\n'''\n", id="closed by the last"),
        pytest.param(b"# /// other\n# /// script\n# a = 1\n# ///\n", None, id="within another block"),
        pytest.param(b"# /// script\n# a = 1\nprint()\n# ///\n", None, id="never closed"),
        pytest.param(b"# /// script\n#a = 1\n# ///\n", None, id="a line without a space"),
        pytest.param(b" # /// script\n# a = 1\n# ///\n", None, id="not at the beginning of a line"),
        pytest.param(b"# /// scripts\n# a = 1\n# ///\n", None, id="of another type"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_a_block_is_what_the_specification_says(content: bytes, toml: str | None) -> None:
    assert toml_of(content) == toml


def test_an_encoding_that_the_script_names_is_that_of_its_block() -> None:
    content = "# -*- coding: latin-1 -*-\n# /// script\n# dependencies = [] # für\n# ///\n".encode("latin-1")
    assert toml_of(content) == "dependencies = [] # für\n"
    assert with_block(content, "dependencies = [] # größer\n", "s.py") == content.replace(
        "für".encode("latin-1"), "größer".encode("latin-1")
    )


def test_mistakes_name_the_file_and_the_line() -> None:
    assert refusal(b"\n" + BLOCK + b"\n" + BLOCK) == (
        "the metadata in `/s.py:6` is not valid: it has 2 blocks of metadata, in the lines 2, 6"
    )
    assert refusal(b"\n\n# /// script\n# a = \xff\n# ///\n") == (
        "the metadata in `/s.py:4` is not valid: its metadata is not UTF-8: byte 0xff"
    )
    assert refusal(b"print()\n# /// script\n# dependencies = [\n#   'a b',\n# ]\n# ///\n").startswith(
        "the metadata in `/s.py:4` is not valid: `dependencies` holds an invalid requirement: "
    )
    assert refusal(b"# /// script\n# requires_python = '3'\n# ///\n") == (
        "the metadata in `/s.py:2` is not valid: a script has no `requires_python`"
    )
    assert refusal(b"# /// script\n# x = \n# ///\n").startswith("the metadata in `/s.py:2` is not valid: ")
    assert refusal(b"# coding: klingon\n# /// script\n# x = 1\n# ///\n") == (
        "the metadata in `/s.py:1` is not valid: it names the encoding `klingon`, which is unknown"
    )


def test_what_a_script_needs_is_read_with_its_tool_table() -> None:
    script = project_of_script(
        b"# /// script\n# requires-python = '>=3.11'\n# dependencies = ['web', 'Safe>1']\n"
        b"# [tool.dxpy]\n# exclude-newer = '2024-01-31'\n# ///\n",
        Path("/d/s.py"),
    )
    assert (script.root, script.requires_python) == (Path("/d"), ">=3.11")
    assert script.dependencies == (parse_requirement("web"), parse_requirement("safe>1"))
    assert script.tool.upload_limits.general is not None
    assert script.lock == Path("/d/s.py.lock")


def test_a_comment_that_looks_like_an_opening_is_noticed() -> None:
    assert unfinished_block(b"import os\n# /// script \n# x = 1\n# ///\n") == 2
    assert unfinished_block(b"# /// script\nprint()\n") == 1
    assert unfinished_block(b"#/// script\n#///\n") == 1
    assert unfinished_block(b"print('# /// script')\n") is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b"# /// script\n# x = 1\n# ///\n"),
        (b"print()", b"# /// script\n# x = 1\n# ///\n\nprint()"),
        (b"\nprint()\n", b"# /// script\n# x = 1\n# ///\n\nprint()\n"),
        (b"#!/bin/x\nprint()\n", b"#!/bin/x\n# /// script\n# x = 1\n# ///\n\nprint()\n"),
        (b"#!/bin/x", b"#!/bin/x\n# /// script\n# x = 1\n# ///\n"),
        (b"#!/bin/x\r\nprint()\r\n", b"#!/bin/x\r\n# /// script\r\n# x = 1\r\n# ///\r\n\r\nprint()\r\n"),
        (b"# vim: coding=utf-8\nprint()\n", b"# vim: coding=utf-8\n# /// script\n# x = 1\n# ///\n\nprint()\n"),
        (b"\xef\xbb\xbfprint()\n", b"\xef\xbb\xbf# /// script\n# x = 1\n# ///\n\nprint()\n"),
    ],
)
def test_a_script_without_a_block_gets_one_behind_its_first_lines(content: bytes, expected: bytes) -> None:
    assert with_block(content, "x = 1\n", "s.py") == expected
