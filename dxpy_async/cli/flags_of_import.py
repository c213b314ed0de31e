"""The flags of `dxpy import`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import locking_flags, output_format_flag


def declare_import(parser: Parser) -> None:
    locking_flags(parser)
    parser.add_argument(
        "path", nargs="?", metavar="PATH", help="the project's directory (default: here), or a file to import from"
    )
    parser.add_argument(
        "--from",
        dest="sources",
        action="append",
        default=[],
        metavar="FILE",
        help="read this file instead of all that is known: a Pipfile, requirements, setup.cfg, setup.py or a lock "
        "(can be repeated)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the pyproject.toml there would be; write nothing")
    parser.add_argument("--frozen", action="store_true", help="write pyproject.toml alone, without asking an index")
    output_format_flag(parser)
    parser.epilog = (
        "What [tool.poetry], [tool.pdm], a Pipfile, files of requirements, setup.cfg or setup.py say goes into "
        "[project], [dependency-groups] and [tool.dxpy]; the versions in their locks are kept. Both files are written "
        "or neither. The files of the other tool stay."
    )
