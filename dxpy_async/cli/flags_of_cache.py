"""The flags of `dxpy cache`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import output_format_flag


def declare_cache(parser: Parser) -> None:
    actions = {
        "dir": Command("print where it is", output_format_flag),
        "size": Command("tell how large it is", _declare_size),
        "list": Command("list the packages in it", _declare_json),
        "verify": Command("compare every file in it with its digest, and remove what is damaged", output_format_flag),
        "clean": Command("remove everything in it, or all of some packages", _declare_clean),
        "prune": Command("remove what is of no use: unfinished work and what cannot be read", _declare_prune),
        "gc": Command("remove what has not been used for long", _declare_gc),
    }
    add_commands(parser, "action", actions)


def _declare_json(parser: Parser) -> None:
    output_format_flag(parser)
    parser.add_argument(
        "--json", dest="output_format", action="store_const", const="json", help="the same as `--output-format json`"
    )


def _declare_size(parser: Parser) -> None:
    parser.add_argument("-H", "--human", action="store_true", help="(as by default)")
    _declare_json(parser)


def _declare_prune(parser: Parser) -> None:
    parser.add_argument("--force", action="store_true", help="(does nothing: what is in use stays in any case)")
    output_format_flag(parser)


def _declare_clean(parser: Parser) -> None:
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="names; without any, everything")
    parser.add_argument("--force", action="store_true", help="also what environments link to, which breaks them")
    output_format_flag(parser)


def _declare_gc(parser: Parser) -> None:
    parser.add_argument("--older-than", metavar="AGE", help="what was last used so long ago (`30d`)")
    parser.add_argument("--max-size", metavar="SIZE", help="what was used longest ago, until this is left, like `5GB`")
    parser.add_argument("--dry-run", action="store_true", help="print what would go, and remove nothing")
    output_format_flag(parser)
