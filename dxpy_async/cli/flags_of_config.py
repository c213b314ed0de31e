"""The flags of `dxpy config`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import output_format_flag


def declare_config(parser: Parser) -> None:
    actions = {
        "list": Command("show all settings as they count, and where each comes from", _declare_list),
        "get": Command("print one setting as it counts", _declare_get),
        "set": Command("write a setting into a file", _declare_set),
        "unset": Command("take a setting out of a file", _declare_unset),
        "path": Command("print which file settings are written to", _declare_path),
    }
    add_commands(parser, "action", actions)


def _declare_list(parser: Parser) -> None:
    parser.add_argument("--all", action="store_true", help="also those that are said nowhere and have no default")
    output_format_flag(parser)


def _declare_get(parser: Parser) -> None:
    parser.add_argument("key", metavar="KEY", help="as in a file of settings; a dot leads into a table")
    output_format_flag(parser)


def _declare_set(parser: Parser) -> None:
    parser.add_argument("key", metavar="KEY", help="as in a file of settings; a dot leads into a table")
    parser.add_argument("values", nargs="+", metavar="VALUE", help="plain text or TOML; several are a list")
    _scope_flags(parser)


def _declare_unset(parser: Parser) -> None:
    parser.add_argument("key", metavar="KEY", help="as in a file of settings; a dot leads into a table")
    _scope_flags(parser)


def _declare_path(parser: Parser) -> None:
    _scope_flags(parser)
    output_format_flag(parser)


def _scope_flags(parser: Parser) -> None:
    # Elsewhere `--project` has a directory; with these that is said before the command.
    scope = parser.add_argument_group("where", conflict_handler="resolve").add_mutually_exclusive_group()
    scope.add_argument("--user", dest="scope", action="store_const", const="user", help="the user's file (default)")
    scope.add_argument("--project", dest="scope", action="store_const", const="project", help="the project's file")
    scope.add_argument("--system", dest="scope", action="store_const", const="system", help="the system's file")
    parser.set_defaults(scope="user")
