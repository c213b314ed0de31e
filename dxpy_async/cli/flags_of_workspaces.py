"""The flags of `dxpy workspace`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands


def declare_workspace(parser: Parser) -> None:
    actions = {
        "list": Command("list the members", _declare_list),
        "dir": Command("print where the workspace is, or a member of it", _declare_dir),
    }
    add_commands(parser, "action", actions)


def _declare_list(parser: Parser) -> None:
    parser.add_argument("--paths", action="store_true", help="print their directories, not their names")
    parser.add_argument(
        "--output-format", choices=("text", "json"), default="text", metavar="FORM", help="text (default) or json"
    )


def _declare_dir(parser: Parser) -> None:
    parser.add_argument("--package", metavar="NAME", help="of this member")
