"""The flags of `dxpy tree`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import (
    output_format_flag,
    project_locking_flags,
    script_flag,
    selection_flags,
    upgrade_flags,
)

_FORMATS = ("text", "json", "mermaid", "dot")


def declare_tree(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    upgrade_flags(parser)
    selection_flags(parser)
    parser.add_argument("-d", "--depth", type=int, metavar="N", help="no deeper than this")
    parser.add_argument("--invert", action="store_true", help="what requires a package, instead of what it needs")
    parser.add_argument("--prune", action="append", default=[], metavar="NAME", help="leave this out (can be repeated)")
    parser.add_argument("--no-dedupe", action="store_true", help="show what a package needs wherever it comes")
    parser.add_argument("--outdated", action="store_true", help="tell the newest version, where there is a newer one")
    parser.add_argument("--show-sizes", action="store_true", help="tell how large the wheels are")
    parser.add_argument(
        "--format", choices=_FORMATS, default="text", metavar="FORM", help=f"{', '.join(_FORMATS[:-1])} or dot"
    )
    output_format_flag(parser)
    parser.set_defaults(python_version=None, python_platform=None)
    parser.epilog = (
        "Of a workspace all members are shown, and all extras, unless `--extra` names some. `--package` names what to "
        "begin at: any package in the lock."
    )
