"""The flags of `dxpy init`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import output_format_flag, python_flags

_BACKENDS = ("hatchling", "flit-core", "pdm-backend", "poetry-core", "setuptools", "maturin", "scikit-build-core")
_SHORT = ("hatch", "flit", "pdm", "poetry", "scikit")


def declare_init(parser: Parser) -> None:
    python_flags(parser)
    parser.add_argument(
        "path", nargs="?", metavar="PATH", help="the project's directory (default: here), or the script"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--app", action="store_true", help="something to be run (default)")
    kind.add_argument("--lib", action="store_true", help="something to be imported by others; is built and installed")
    kind.add_argument(
        "--script", dest="is_script", action="store_true", help="a single file that says what it requires"
    )
    parser.add_argument("--bare", action="store_true", help="a pyproject.toml and nothing else")
    package = parser.add_mutually_exclusive_group()
    package.add_argument(
        "--package",
        action="store_true",
        default=None,
        help="an application that is built and installed",
    )
    package.add_argument("--no-package", dest="package", action="store_false", help="nothing that is built")
    parser.add_argument("--name", metavar="NAME", help="the project's name (default: the directory's)")
    described = parser.add_mutually_exclusive_group()
    described.add_argument("--description", metavar="TEXT", help="what it is, in a sentence")
    described.add_argument("--no-description", action="store_true", help="without one, as by default")
    parser.add_argument(
        "--build-backend",
        choices=(*_BACKENDS, *_SHORT),
        metavar="NAME",
        help=f"what builds it: {', '.join(_BACKENDS)} (default: {_BACKENDS[0]}) [DXPY_INIT_BUILD_BACKEND]",
    )
    parser.add_argument(
        "--vcs", choices=("git", "none"), metavar="WHAT", help="`git` or `none` (default: git if it is there)"
    )
    parser.add_argument("--no-readme", action="store_true", help="without a README.md")
    parser.add_argument(
        "--author-from",
        choices=("auto", "git", "none"),
        default="auto",
        metavar="WHERE",
        help="`git`, `none` or (default) `auto`: git, for what is built",
    )
    parser.add_argument("--no-pin-python", action="store_true", help="without a .python-version")
    parser.add_argument("--no-workspace", action="store_true", help="also inside a workspace a project of its own")
    output_format_flag(parser)
