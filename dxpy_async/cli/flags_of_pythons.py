"""The flags of `dxpy python`."""

from __future__ import annotations

from dxpy_async.cli.arguments import Command, Parser, add_commands
from dxpy_async.cli.flags import output_format_flag, preference_flags


def declare_python(parser: Parser) -> None:
    actions = {
        "list": Command("list the Pythons that are there, and those that can be installed", _declare_list),
        "install": Command("install Pythons from a mirror", _declare_install),
        "upgrade": Command("install the newest patch release of Pythons beside those that are installed", _declare_up),
        "find": Command("print which Python would be used", _declare_find),
        "pin": Command("write a Python into `.python-version`, for this project or directory", _declare_pin),
        "uninstall": Command("remove Pythons that dxpy has installed", _declare_uninstall),
        "dir": Command("print where Pythons are installed", _declare_dir),
    }
    add_commands(parser, "action", actions)


def _declare_list(parser: Parser) -> None:
    parser.add_argument("request", nargs="?", metavar="WHICH", help="only those that fit this version or range")
    parser.add_argument("--only-installed", action="store_true", help="only those that are there")
    parser.add_argument("--only-downloads", action="store_true", help="only those that can be installed")
    parser.add_argument("--all-versions", action="store_true", help="of each minor version every patch release")
    _add_mirror(parser)
    preference_flags(parser)
    output_format_flag(parser)


def _declare_install(parser: Parser) -> None:
    parser.add_argument("requests", nargs="*", metavar="VERSION", help="like 3.12, 3.12.7, '>=3.11,<3.13' or 3.13t")
    parser.add_argument("-r", "--reinstall", action="store_true", help="install again what is installed")
    parser.add_argument("-f", "--force", action="store_true", help="replace commands on PATH that are not dxpy's")
    parser.add_argument("--no-bin", action="store_true", help="put no `python3.12` into the directory of commands")
    parser.add_argument("--default", action="store_true", help="put `python` and `python3` there, too")
    _add_mirror(parser)
    output_format_flag(parser)


def _declare_up(parser: Parser) -> None:
    parser.add_argument("requests", nargs="*", metavar="VERSION", help="minor versions (default: all that are there)")
    parser.add_argument("--no-bin", action="store_true", help="leave the directory of commands as it is")
    _add_mirror(parser)
    output_format_flag(parser)


def _declare_find(parser: Parser) -> None:
    parser.add_argument("request", nargs="?", metavar="WHICH", help="a version, a range or a path")
    parser.add_argument("--system", action="store_true", help="pass over the environments of projects")
    parser.add_argument("--no-project", action="store_true", help="whatever the project around requires")
    parser.add_argument("--show-version", action="store_true", help="print the version, not the path")
    preference_flags(parser)
    output_format_flag(parser)


def _declare_pin(parser: Parser) -> None:
    parser.add_argument("request", nargs="?", metavar="WHICH", help="a version, a range or a path; without one: show")
    parser.add_argument("--global", dest="user_wide", action="store_true", help="wherever nothing else is said")
    parser.add_argument("--rm", action="store_true", help="remove the pin")
    parser.add_argument("--resolved", action="store_true", help="write the path of the Python that is found")
    parser.add_argument("--no-project", action="store_true", help="whatever the project around requires")
    output_format_flag(parser)


def _declare_uninstall(parser: Parser) -> None:
    parser.add_argument("requests", nargs="*", metavar="VERSION", help="a version, a range or a name from `list`")
    parser.add_argument("--all", dest="all_versions", action="store_true", help="all of them")
    output_format_flag(parser)


def _declare_dir(parser: Parser) -> None:
    parser.add_argument("--bin", action="store_true", help="where the commands for PATH are put")
    output_format_flag(parser)


def _add_mirror(parser: Parser) -> None:
    parser.add_argument("--mirror", metavar="URL", help="where the archives are [DXPY_PYTHON_INSTALL_MIRROR]")
