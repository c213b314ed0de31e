"""How people name a tool and its version in one word: `ruff`, `ruff@0.6.0`, `black[d]@latest`, `python@3.12`."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = r"[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*"
_AT = re.compile(rf"(?P<package>{_NAME}(?:\[[\w\s,.-]*\])?)@(?P<version>[^@/:\s]+)")
_PYTHON = re.compile(r"python(?P<version>[0-9][0-9.]*)?", re.ASCII)

LATEST = "latest"


class ToolRequest(NamedTuple):
    """What a word asks for: a requirement, or what else can be given as one; with `newest`, whatever is cached."""

    package: str
    newest: bool = False


def parse_tool_request(text: str) -> ToolRequest:
    """Read `PACKAGE`, `PACKAGE@VERSION` and `PACKAGE@latest`; an address or a requirement stays what it is."""
    found = _AT.fullmatch(text)
    if found is None:
        return ToolRequest(text)
    if found["version"] == LATEST:
        return ToolRequest(found["package"], newest=True)
    return ToolRequest(f"{found['package']}=={found['version']}")


def python_asked_for(text: str) -> str | None:
    """The version in `python`, `python3.12` or `python@3.12`, which mean an interpreter; empty for any.

    None for everything else.
    """
    name, at, version = text.partition("@")
    found = _PYTHON.fullmatch(name)
    if found is None or (found["version"] and at):
        return None
    return found["version"] or ("" if version == LATEST else version)
