"""The flags of the commands that work on files, whatever project they are of."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import output_format_flag


def declare_convert(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE", help="a TOML file or a pyproject.dx; the direction follows from it")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to (default: beside it; `-`: print the TOML)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there and says something else")
    parser.epilog = "All values, their types and order are kept both ways; comments and layout stay in the TOML only."


def declare_dpp(parser: Parser) -> None:
    actions = {
        "build": Command("make the package of a wheel", _declare_build),
        "show": Command("print what a package holds", _declare_show),
        "wheel": Command("make the wheel of a fat package", _declare_wheel),
        "verify": Command("compare a package with all its digests", _declare_verify),
    }
    add_commands(parser, "action", actions)


def declare_self(parser: Parser) -> None:
    add_commands(parser, "action", {"version": Command("print dxpy's own version", _declare_version)})


def _declare_version(parser: Parser) -> None:
    parser.add_argument("--short", action="store_true", help="print the version alone")
    output_format_flag(parser)


def _declare_build(parser: Parser) -> None:
    parser.add_argument("file", metavar="WHEEL")
    parser.add_argument("-o", "--output", metavar="FILE", help="where (default: here, named like the wheel)")
    parser.add_argument(
        "--fat",
        action="store_true",
        help="with the files' contents, so that it can be installed; without this flag the package is thin: it holds "
        "metadata, dependencies and the digests of all files, for tools that want to know and not to install",
    )
    parser.add_argument(
        "--bytecode", action="append", default=[], metavar="TAG", help="with code compiled for cp311 (can be repeated)"
    )


def _declare_show(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--files", action="store_true", help="list the files too")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _declare_wheel(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("-o", "--output", metavar="DIR", default=".", help="where (default: here)")


def _declare_verify(parser: Parser) -> None:
    parser.add_argument("file", metavar="FILE")
