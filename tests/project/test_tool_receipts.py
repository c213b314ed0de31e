"""Receipts of installed tools: written, read, and refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import InvalidToolFile
from dxpy_async.project.tool_receipts import ToolCommand, ToolReceipt, ToolSpec, read_receipt, write_receipt

FILE = Path("/t/dxpy-receipt.toml")
BLACK = ToolReceipt(
    spec=ToolSpec(
        requirement=parse_requirement("black[d]>=24"),
        besides=(parse_requirement("rich"), parse_requirement("own @ file:///src/own")),
        commands_from=(ProjectName("pip"),),
        python="3.12",
        options={"index_url": "https://i.example/simple", "no_index": True, "find_links": ["/w"]},
    ),
    version="24.1.0",
    commands=(ToolCommand("black", ProjectName("black")), ToolCommand("pip", ProjectName("pip"))),
)


def test_a_receipt_says_what_was_asked_for_and_what_came_of_it() -> None:
    content = write_receipt(BLACK)
    assert content.decode() == (
        "# What dxpy knows of this tool. `dxpy tool upgrade` reads and writes it.\n"
        "[tool]\n"
        'requirement = "black[d]>=24"\n'
        'version = "24.1.0"\n'
        'with = ["rich", "own @ file:///src/own"]\n'
        'with-executables-from = ["pip"]\n'
        'python = "3.12"\n'
        'commands = [{ name = "black", from = "black" }, { name = "pip", from = "pip" }]\n'
        "\n"
        "[options]\n"
        'index-url = "https://i.example/simple"\n'
        "no-index = true\n"
        'find-links = ["/w"]\n'
    )
    assert read_receipt(content, FILE) == BLACK


def test_a_receipt_has_no_credentials() -> None:
    spec = ToolSpec(requirement=parse_requirement("x"), options={"index_url": "https://me:secret@i.example/simple"})
    content = write_receipt(ToolReceipt(spec=spec, version="1", commands=()))
    assert b"secret" not in content
    assert b"https://i.example/simple" in content


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "`/t/dxpy-receipt.toml` cannot be used: `tool.requirement` is missing"),
        ("x = ", "cannot be used: "),
        (
            '[tool]\nrequirement = "a b"\n',
            "receipt.toml:2` cannot be used: `tool.requirement` holds an invalid",
        ),
        ('[tool]\nrequirement = "a"\n', "`tool.version` is missing"),
        (
            '[tool]\nrequirement = "a"\nversion = "1"\ncommands = [1]\n',
            "toml:4` cannot be used: `tool.commands`",
        ),
    ],
)
def test_a_damaged_receipt_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidToolFile) as caught:
        read_receipt(text.encode(), FILE)
    assert reason in str(caught.value)
