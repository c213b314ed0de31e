"""The flags of `dxpy workspace`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import output_format_flag


def declare_workspace(parser: Parser) -> None:
    actions = {
        "list": Command("list the members", _declare_list),
        "dir": Command("print where the workspace is, or a member of it", _declare_dir),
    }
    add_commands(parser, "action", actions)


def _declare_list(parser: Parser) -> None:
    parser.add_argument("--paths", action="store_true", help="print their directories, not their names")
    output_format_flag(parser)


def _declare_dir(parser: Parser) -> None:
    parser.add_argument("--package", metavar="NAME", help="of this member")
    output_format_flag(parser)
