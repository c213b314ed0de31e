"""The flags of `dxpy tool`."""

from __future__ import annotations

import argparse

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import linking_flags, locking_flags


def declare_tool(parser: Parser) -> None:
    actions = {
        "run": Command("run a command of a package, installed or not; `dxpyx` is short for it", _declare_run),
    }
    add_commands(parser, "action", actions)


def _declare_run(parser: Parser) -> None:
    locking_flags(parser)
    linking_flags(parser)
    group = parser.add_argument_group("what is run")
    group.add_argument("--from", dest="tool_package", metavar="PACKAGE", help="the package that the command is in")
    _with_flags(group)
    group.add_argument("-U", "--upgrade", action="store_true", help="ask whether there are newer versions, of anything")
    group.add_argument("--isolated", action="store_true", help="whether the tool is installed or not")
    group.add_argument(
        "--env-file", action="append", default=[], metavar="FILE", help="set the variables in this file [DXPY_ENV_FILE]"
    )
    group.add_argument("--no-env-file", action="store_true", help="read no file of variables [DXPY_NO_ENV_FILE]")
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="TOOL[@VERSION] ...",
        help="a command, which is in the package of that name unless `--from` says otherwise; and its arguments",
    )
    parser.epilog = "Without a command, lists the tools that are installed."


def _with_flags(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        *("-w", "--with"),
        dest="with_packages",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="with these packages besides (commas, or repeated)",
    )
    group.add_argument(
        "--with-requirements", action="append", default=[], metavar="FILE", help="with those in a file of requirements"
    )
    group.add_argument(
        "--with-editable", action="append", default=[], metavar="PATH", help="with the project in this directory"
    )
