"""The flags of `dxpy pip install` and `uninstall`, and those that all have that resolve."""

from __future__ import annotations

from typing import Any

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import link_mode_flag, override_flag, refresh_flags, strategy_flag, version_flags
from dxpy_async.cli.flags_of_pip import begin, environment_flags, finish, refuse

_SEVERAL = "(can be repeated)"


def declare_install(parser: Parser) -> None:
    begin(parser, "install")
    requirement_flags(parser)
    parser.add_argument(
        "--group", action="append", default=[], metavar="[PATH:]NAME", help="a dependency group of a pyproject.toml"
    )
    group = parser.add_argument_group("how to install")

    def switch(*names: str, text: str) -> None:
        group.add_argument(*names, action="store_true", help=text)

    switch("-U", "--upgrade", text="the newest versions of what is named")
    group.add_argument(
        "--upgrade-strategy",
        choices=("only-if-needed", "eager"),
        default="only-if-needed",
        help="whether `--upgrade` is for what that requires, too",
    )
    switch("--force-reinstall", "--reinstall", text="install again what is installed")
    switch("-I", "--ignore-installed", text="go by what the indexes have, whatever is installed")
    switch("--dry-run", text="say what would be installed, and install nothing")
    group.add_argument("--report", metavar="FILE", help="write what was installed as JSON; `-` for standard output")
    compiling = group.add_mutually_exclusive_group()
    compiling.add_argument(
        "--compile",
        "--compile-bytecode",
        dest="compile_bytecode",
        action="store_true",
        help="compile what is installed",
    )
    compiling.add_argument("--no-compile", dest="unheeded", action="store_true", help="leave that to Python (default)")
    place_flags(parser)
    target_flags(parser)
    uv_flags(parser)
    refuse(parser, "--root", "install below a directory with `--prefix` or `--target`", nargs=None)
    refuse(
        parser, "--global-option", "build backends are given what they understand by `--config-settings`", nargs=None
    )
    refuse(parser, "--build-option", "build backends are given what they understand by `--config-settings`", nargs=None)
    finish(parser, "install")


def declare_uninstall(parser: Parser) -> None:
    begin(parser, "uninstall")
    parser.add_argument("packages", nargs="*", metavar="NAME", help="what to uninstall")
    parser.add_argument(
        "-r",
        "--requirement",
        "--requirements",
        action="append",
        default=[],
        metavar="FILE",
        help=f"what this file names {_SEVERAL}",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    place_flags(parser)
    finish(parser, "uninstall")


def requirement_flags(parser: Parser) -> None:
    """What is asked for, where it is looked for, and what may be used."""
    parser.add_argument("packages", nargs="*", metavar="REQUIREMENT", help="a requirement, a path, or a URL")
    what = parser.add_argument_group("what")
    _several(what, "-r", "--requirement", "--requirements", what="FILE", text="requirements in a file")
    _several(what, "-c", "--constraint", "--constraints", what="FILE", text="limits in a file", dest="limits")
    _several(what, "-e", "--editable", what="PATH", text="a directory, so that what changes there takes effect")
    what.add_argument("--no-deps", "--no-dependencies", dest="no_deps", action="store_true", help="nothing but these")
    what.add_argument("--pre", action="store_true", help="pre-releases, too")
    what.add_argument("--require-hashes", action="store_true", help="nothing that has no hash in a file")
    index_flags(parser)
    build = parser.add_argument_group("build options")
    _several(build, "--no-binary", what="NAMES", text="build these, or `:all:` or `:none:`", dest="sources")
    _several(build, "--only-binary", what="NAMES", text="do not build these: as above", dest="wheels")
    build.add_argument("--no-build-isolation", action="store_true", help="build in the environment, as it is")
    build.add_argument("--check-build-dependencies", dest="unheeded", action="store_true", help="(does nothing)")
    _several(build, "-C", "--config-settings", "--config-setting", what="KEY=VALUE", text="for build backends")
    _several(
        build,
        *("-b", "--build-constraint", "--build-constraints"),
        what="FILE",
        text="limits of what builds require",
        dest="build_constraint",
    )


def index_flags(parser: Parser) -> None:
    """Where distributions are looked for."""
    index = parser.add_argument_group("index options")
    index.add_argument(
        *("-i", "--index-url", "--pypi-url", "--default-index"), metavar="URL", help="the index [PIP_INDEX_URL]"
    )
    _several(index, "--extra-index-url", "--index", what="URL", text="an index that is asked first")
    _several(index, "-f", "--find-links", what="DIR", text="a directory of archives")
    index.add_argument("--no-index", action="store_true", help="use directories alone")


def uv_flags(parser: Parser) -> None:
    """What uv's `pip install` and `pip sync` have besides pip's flags."""
    group = parser.add_argument_group("uv's flags")
    version_flags(group)
    override_flag(group)
    strategy_flag(group)
    refresh_flags(group)
    link_mode_flag(group)
    group.add_argument("--no-build", action="store_true", help="the same as `--only-binary :all:`")
    group.add_argument("--no-break-system-packages", dest="unheeded", action="store_true", help="(as by default)")


def place_flags(parser: Parser) -> None:
    """Where it goes."""
    environment_flags(parser)
    group = parser.add_argument_group("where")
    group.add_argument("-t", "--target", metavar="DIR", help="right into this directory")
    group.add_argument("--prefix", metavar="DIR", help="below this directory, laid out like an installation")
    group.add_argument("--user", action="store_true", help="for this user, whatever environment is active")
    group.add_argument(
        "--break-system-packages", action="store_true", help="also where another package manager looks after packages"
    )


def target_flags(parser: Parser) -> None:
    """For what else than the interpreter and machine at hand."""
    group = parser.add_argument_group("for which Python and machine")
    group.add_argument("--python-version", metavar="VERSION", help="like 3.12, 312 or 3.12.1")
    _several(group, "--platform", "--python-platform", what="TAG", text="a platform as wheels name it")
    group.add_argument("--implementation", metavar="NAME", help="cp or py")
    _several(group, "--abi", what="TAG", text="an ABI as wheels name it")


def _several(group: Any, *names: str, what: str, text: str, dest: str | None = None) -> None:
    to = {"dest": dest} if dest is not None else {}
    group.add_argument(*names, action="append", default=[], metavar=what, help=f"{text} {_SEVERAL}", **to)
