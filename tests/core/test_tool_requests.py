"""A tool and its version in one word."""

from __future__ import annotations

import pytest

from dxpy_async.core.tool_requests import ToolRequest, parse_tool_request, python_asked_for


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("ruff", ToolRequest("ruff")),
        ("ruff@0.6.0", ToolRequest("ruff==0.6.0")),
        ("black[d,jupyter]@24.1", ToolRequest("black[d,jupyter]==24.1")),
        ("Black@latest", ToolRequest("Black", newest=True)),
        ("ruff>=0.6,<1", ToolRequest("ruff>=0.6,<1")),
        ("git+https://host/x@v1", ToolRequest("git+https://host/x@v1")),
        ("x @ git+https://host/x@v1", ToolRequest("x @ git+https://host/x@v1")),
        ("x@git+https://host/x", ToolRequest("x@git+https://host/x")),
        ("./a@b", ToolRequest("./a@b")),
        ("ruff@", ToolRequest("ruff@")),
    ],
)
def test_a_version_behind_an_at_sign_is_a_pin(text: str, request_: ToolRequest) -> None:
    assert parse_tool_request(text) == request_


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("python", ""),
        ("python3.12", "3.12"),
        ("python@3.12.7", "3.12.7"),
        ("python@latest", ""),
        ("python3.12@3.12", None),
        ("pythonic", None),
        ("ruff@3.12", None),
    ],
)
def test_python_is_an_interpreter(text: str, version: str | None) -> None:
    assert python_asked_for(text) == version
