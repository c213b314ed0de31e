"""Bring docs/uv.md up to date with the flags that dxpy's parser takes: `python scripts/uv_page.py`.

A flag of uv that dxpy takes by now moves from "not there" to "same", one that it no longer takes goes the other way.
Reasons and differences stay as they are on the page, where they are written by hand.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from dxpy_async.cli import arguments as parsing
from dxpy_async.cli.arguments import COMMANDS, Command, Parser
from dxpy_async.cli.flags_of_pip import Refused

PAGE = Path(__file__).parents[1] / "docs" / "uv.md"
_WIDTH = 118
_LIST = re.compile(r"^- (same|differs|not there): (.*?)(?=^- |^#|^$|\Z)", re.MULTILINE | re.DOTALL)
_FLAG = re.compile(r"`(--[a-z0-9-]+)`")


def _parser_of(path: str) -> Parser | None:
    """What parses a command of dxpy, which is named by its words; None when there is none of that name."""
    commands, prog, parser = dict(COMMANDS), "dxpy", Parser(prog="dxpy")
    if not path:
        parsing._add_globals(parser, top=True)
        parser.add_argument("-V", "--version", action="version")
    for name in path.split():
        declared: Command | None = commands.get(name)
        if declared is None:
            return None
        parser, prog = parsing.command_parser(name, declared, prog, Parser), f"{prog} {name}"
        inner = [each for each in parser._actions if isinstance(each, parsing._Choose)]
        commands = dict(inner[0]._commands) if inner else {}
    return parser


def flags_of(path: str) -> set[str]:
    """The flags that a command takes."""
    parser = _parser_of(path)
    known = parser._option_string_actions if parser is not None else {}
    return {flag for flag, action in known.items() if not isinstance(action, Refused)}


def reasons_in(text: str) -> dict[str, str]:
    """The flags in a list of what is not there, `--a` `--b` (why); …, each with its reason, empty without one."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for flag, why, _ in re.findall(r"`(--[a-z0-9-]+)`|\s\(((?:[^()]|\([^()]*\))*)\)|(;)", text):
        if flag:
            waiting.append(flag)
            found[flag] = ""
            continue
        found.update(dict.fromkeys(waiting, " ".join(why.split())))
        waiting = []
    return found


def renewed(text: str) -> str:
    """The page with each flag in the list where it belongs."""
    parts = re.split(r"^(?=### uv)", text, flags=re.MULTILINE)
    return "".join([parts[0], *map(_renewed_section, parts[1:])])


def _renewed_section(section: str) -> str:
    matches = list(_LIST.finditer(section))
    if not matches:
        return section
    told = {match[1]: match[2] for match in matches}
    taken = flags_of(section.partition("\n")[0].removeprefix("### uv").strip())
    same, gone = _FLAG.findall(told.get("same", "")), reasons_in(told.get("not there", ""))
    if taken.issuperset(same) and taken.isdisjoint(gone):
        return section
    now_same = [flag for flag in (*same, *gone) if flag in taken]
    now_gone = {flag: gone.get(flag, "") for flag in (*gone, *same) if flag not in taken}
    rows = {
        "same": " ".join(f"`{flag}`" for flag in now_same),
        "differs": " ".join(told.get("differs", "").split()),
        "not there": _grouped(now_gone),
    }
    written = "".join(f"{_wrapped(f'- {kind}: {text}')}\n" for kind, text in rows.items() if text)
    return section[: matches[0].start()] + written + section[matches[-1].end() :]


def _grouped(flags: dict[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for flag, why in flags.items():
        groups.setdefault(why, []).append(f"`{flag}`")
    return "; ".join(" ".join(named) + (f" ({why})" if why else "") for why, named in groups.items())


def _wrapped(row: str) -> str:
    return textwrap.fill(row, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
