"""The flags of `dxpy build`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import build_flags, index_flags, python_flags


def declare_build(parser: Parser) -> None:
    parser.description = (
        "Build a source distribution, and a wheel from that. With `--sdist` or `--wheel` only what they name is built, "
        "from the directory."
    )
    parser.add_argument("source", nargs="?", metavar="SRC", help="a project's directory, or an sdist (default: here)")
    parser.add_argument("--sdist", action="store_true", help="build a source distribution")
    parser.add_argument("--wheel", action="store_true", help="build a wheel")
    parser.add_argument("-o", "--out-dir", metavar="DIR", help="where to put what is built (default: dist)")
    members = parser.add_mutually_exclusive_group()
    members.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="this member of the workspace (can be repeated)"
    )
    members.add_argument(
        "--all-packages", "--all", action="store_true", help="all members of the workspace that are packages"
    )
    parser.add_argument(
        "--clear", action="store_true", help="remove other distributions from that directory once these are built"
    )
    parser.add_argument(
        "--list", dest="list_files", action="store_true", help="print what would be in them, and keep nothing"
    )
    parser.add_argument("--no-create-gitignore", action="store_true", help="put no `.gitignore` into that directory")
    build_flags(parser)
    python_flags(parser)
    index_flags(parser)
