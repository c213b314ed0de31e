"""Every command, flag and help text, in one place. Names and meanings follow uv's, so that hands need not relearn."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from typing import NoReturn

from dxpy_async._version import __version__
from dxpy_async.errors import UsageError

_LINK_MODES = ("hardlink", "copy", "clone", "symlink")
_RESOLUTIONS = ("highest", "lowest", "lowest-direct")
_PRERELEASES = ("disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit")
_BOUNDS = ("lower", "major", "minor", "exact")
_EXPORT_FORMATS = ("requirements-txt", "pylock.toml")


_INVALID_CHOICE = re.compile(r"argument (.+?): invalid choice: '(.*?)' \(choose from (.*)\)")
"""What argparse says of a command or value that is not one of those it knows."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of exiting, so that mistakes are worded in one place."""

    def error(self, message: str) -> NoReturn:
        hints = [f"see `{self.prog} --help`"]
        if found := _INVALID_CHOICE.fullmatch(message):
            kind, given, known = found[1], found[2], re.findall(r"[\w.-]+", found[3])
            message = f"`{given}` is no {kind.lower()} of `{self.prog}`" if kind.isupper() else f"{kind}: not `{given}`"
            if close := get_close_matches(given, known, n=2):
                hints.insert(0, f"did you mean {' or '.join(f'`{each}`' for each in close)}?")
            elif not kind.isupper():
                hints.insert(0, f"it can be {', '.join(known)}")
        raise UsageError(message, hints=tuple(hints))


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace with `command` and all flags. Raises UsageError; `--help` ends the process."""
    return _parser().parse_args(arguments)


def _parser() -> _Parser:
    parser = _Parser(
        prog="dxpy",
        description="A Python package and project manager whose engine is an asyncio library.",
        epilog="`dxpy COMMAND --help` tells more of one command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_globals(top=True)],
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"dxpy {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)

    def command(name: str, summary: str, *parents: _Parser) -> _Parser:
        return commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            parents=[_globals(top=False), *parents],
            allow_abbrev=False,
        )

    edit_needs = (_index(), _resolution(), _python(), _linking())
    add = command("add", "add requirements to the project, lock, and sync", *edit_needs)
    add.add_argument("packages", nargs="*", metavar="PACKAGE", help="a requirement, like flask or 'flask>=3'")
    add.add_argument(
        "-r",
        "--requirements",
        action="append",
        default=[],
        metavar="FILE",
        help="add those in a file (can be repeated)",
    )
    add.add_argument("-m", "--marker", metavar="MARKER", help="only where this holds, like \"sys_platform == 'win32'\"")
    add.add_argument(
        "--extra", dest="with_extra", action="append", default=[], metavar="NAME", help="with this extra of theirs"
    )
    add.add_argument(
        "--bounds",
        choices=_BOUNDS,
        default="lower",
        metavar="KIND",
        help="what to write for one without a version: lower (>=1.2.3, default), major, minor, exact",
    )
    add.add_argument("--raw", action="store_true", help="write requirements as they are given, with no bounds")
    _add_place(add)
    remove = command("remove", "remove requirements from the project, lock, and sync", *edit_needs)
    remove.add_argument("packages", nargs="+", metavar="PACKAGE", help="the name of a project")
    _add_place(remove)

    lock_needs = (_index(), _resolution(), _python(), _target())
    lock = command("lock", "resolve the project and write the lock", *lock_needs)
    lock.add_argument("--check", "--locked", action="store_true", help="only tell whether the lock is up to date")
    lock.add_argument("--dry-run", action="store_true", help="resolve, but write nothing")
    lock.add_argument("-U", "--upgrade", action="store_true", help="take the newest versions, whatever the lock says")
    lock.add_argument("-P", "--upgrade-package", action="append", default=[], metavar="NAME", help="upgrade only this")
    instead = lock.add_mutually_exclusive_group()
    instead.add_argument("--show", nargs="?", const="", metavar="PACKAGE", help="print the lock, or one package")
    instead.add_argument(
        "--merge",
        nargs="*",
        metavar="LOCK",
        help="lock with the pins of two locks, the newer where they differ; without names, those of a git conflict",
    )
    instead.add_argument(
        "--from", dest="pins_from", metavar="FILE", help="keep the pins of a pylock.toml, requirements.txt, uv.lock, …"
    )
    instead.add_argument("--git-setup", action="store_true", help="let git show and merge locks with dxpy")
    instead.add_argument("--git-textconv", metavar="FILE", help="for git: a lock as text")
    instead.add_argument(
        "--git-merge", nargs=4, metavar=("BASE", "OURS", "THEIRS", "PATH"), help="for git: merge locks, into OURS"
    )

    why = command("why", "tell why a package is in the lock")
    why.add_argument("package", metavar="PACKAGE", help="its name")
    why.add_argument("--all", action="store_true", help="show all chains of requirements that lead to it")

    export_needs = (_index(), _resolution(), _python(), _target(), _selection())
    export = command("export", "write the lock in a form that other tools read", *export_needs)
    export.add_argument("--format", choices=_EXPORT_FORMATS, metavar="FORM", help=f"{' or '.join(_EXPORT_FORMATS)}")
    export.add_argument("-o", "--output-file", metavar="FILE", help="write to this file, not to the screen")
    export.add_argument("--no-hashes", action="store_true", help="requirements-txt: pins alone")

    sync_needs = (_index(), _resolution(), _python(), _selection(), _linking())
    sync = command("sync", "make the project's environment hold what the lock says", *sync_needs)
    sync.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    sync.add_argument("--inexact", action="store_true", help="keep what the lock does not name")

    run = command("run", "run a command in the project's environment", *sync_needs)
    run.add_argument("--no-sync", action="store_true", help="take the environment as it is")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="CMD ...", help="the command and its arguments")

    venv = command("venv", "make a virtual environment", _python())
    venv.add_argument("path", nargs="?", metavar="PATH", help="where (default: .venv)")
    venv.add_argument("--prompt", metavar="TEXT", help="what the activated shell shows")
    venv.add_argument("--clear", action="store_true", help="replace an environment that is there")
    venv.add_argument("--allow-existing", action="store_true", help="keep an environment that is there")
    venv.add_argument("--system-site-packages", action="store_true", help="let the interpreter's own packages be seen")

    convert = command("convert", "turn a pyproject.toml into its binary form, pyproject.dx, or back")
    convert.add_argument("file", metavar="FILE", help="a TOML file or a pyproject.dx; the direction follows from it")
    convert.add_argument("-o", "--output", metavar="FILE", help="where to (default: beside it; `-`: print the TOML)")
    convert.add_argument("--force", action="store_true", help="replace a file that is there and says something else")
    convert.epilog = "All values, their types and order are kept both ways; comments and layout stay in the TOML only."

    _add_dpp(command("dpp", "make, look at or take apart DPP packages"))

    _add_cache(command("cache", "look at or clean the store"))
    return parser


def _add_cache(cache: _Parser) -> None:
    actions = cache.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)

    def action(name: str, summary: str) -> _Parser:
        described = summary[0].upper() + summary[1:] + "."
        parents = [_globals(top=False)]
        parser: _Parser = actions.add_parser(
            name, help=summary, description=described, parents=parents, allow_abbrev=False
        )
        return parser

    action("dir", "print where it is")
    action("size", "tell how large it is").add_argument("--json", action="store_true", help="print it as JSON")
    action("list", "list the packages in it").add_argument("--json", action="store_true", help="print them as JSON")
    action("verify", "compare every file in it with its digest, and remove what is damaged")
    clean = action("clean", "remove everything in it, or all of some packages")
    clean.add_argument("packages", nargs="*", metavar="PACKAGE", help="names; without any, everything")
    clean.add_argument("--force", action="store_true", help="also what environments link to, which breaks them")
    action("prune", "remove what is of no use: unfinished work and what cannot be read")
    collect = action("gc", "remove what has not been used for long")
    collect.add_argument("--older-than", metavar="AGE", help="what was last used so long ago (`30d`)")
    collect.add_argument("--max-size", metavar="SIZE", help="what was used longest ago, until this is left, like `5GB`")
    collect.add_argument("--dry-run", action="store_true", help="print what would go, and remove nothing")


def _add_place(parser: _Parser) -> None:
    """The flags that say which of a project's lists is changed, and what follows."""
    group = parser.add_argument_group("where, and what then")
    place = group.add_mutually_exclusive_group()
    place.add_argument("--dev", action="store_true", help="in the dependency group `dev`")
    place.add_argument("--group", dest="to_group", metavar="NAME", help="in this dependency group")
    place.add_argument("--optional", metavar="EXTRA", help="in this extra")
    group.add_argument("--no-sync", action="store_true", help="lock, but leave the environment as it is")
    group.add_argument("--frozen", action="store_true", help="change pyproject.toml alone, without asking an index")
    # What `sync` is told afterwards.
    parser.set_defaults(extra=[], all_extras=False, group=[], no_group=[], no_dev=False, all_groups=False, locked=False)


def _add_dpp(dpp: _Parser) -> None:
    actions = dpp.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)

    def action(name: str, summary: str, file: str = "FILE") -> _Parser:
        parser: _Parser = actions.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            parents=[_globals(top=False)],
            allow_abbrev=False,
        )
        parser.add_argument("file", metavar=file)
        return parser

    build = action("build", "make the package of a wheel", "WHEEL")
    build.add_argument("-o", "--output", metavar="FILE", help="where (default: here, named like the wheel)")
    build.add_argument(
        "--fat",
        action="store_true",
        help="with the files' contents, so that it can be installed; without this flag the package is thin: it holds "
        "metadata, dependencies and the digests of all files, for tools that want to know and not to install",
    )
    build.add_argument(
        "--bytecode", action="append", default=[], metavar="TAG", help="with code compiled for cp311 (can be repeated)"
    )
    show = action("show", "print what a package holds")
    show.add_argument("--files", action="store_true", help="list the files too")
    show.add_argument("--json", action="store_true", help="print it as JSON")
    wheel = action("wheel", "make the wheel of a fat package")
    wheel.add_argument("-o", "--output", metavar="DIR", default=".", help="where (default: here)")
    action("verify", "compare a package with all its digests")


@cache
def _globals(*, top: bool) -> _Parser:
    """The flags every command takes. Given before the command or after it; the later place wins only if used."""
    flags = _Parser(add_help=False, argument_default=None if top else argparse.SUPPRESS)
    group = flags.add_argument_group("global options")

    def switch(*names: str, text: str) -> None:
        group.add_argument(*names, action="store_true", default=False if top else argparse.SUPPRESS, help=text)

    def counter(*names: str, text: str) -> None:
        group.add_argument(*names, action="count", default=0 if top else argparse.SUPPRESS, help=text)

    counter("-q", "--quiet", text="say less")
    counter("-v", "--verbose", text="say more")
    switch("--offline", text="use no network: only what the cache and local directories have")
    switch("-n", "--no-cache", text="use a cache of this run's own, removed afterwards")
    group.add_argument("--cache-dir", metavar="DIR", help="where the store is [DXPY_CACHE_DIR]")
    group.add_argument("--directory", metavar="DIR", help="change to this directory first")
    group.add_argument("--project", metavar="DIR", help="the project's directory")
    switch("--no-progress", text="draw no progress bars [DXPY_NO_PROGRESS]")
    switch("--no-config", text="ignore [tool.dxpy] and other settings files [DXPY_NO_CONFIG]")
    colors = ("auto", "always", "never")
    group.add_argument("--color", choices=colors, default="auto" if top else argparse.SUPPRESS, help="when to colour")
    return flags


@cache
def _index() -> _Parser:
    flags = _Parser(add_help=False)
    group = flags.add_argument_group("index options")
    group.add_argument(
        "-i", "--index-url", "--default-index", metavar="[NAME=]URL", help="the index [DXPY_DEFAULT_INDEX]"
    )
    group.add_argument(
        "--extra-index-url",
        "--index",
        action="append",
        metavar="[NAME=]URL",
        help="an index asked first, or where the project's index of that NAME is (can be repeated) [DXPY_INDEX]",
    )
    group.add_argument(
        "-f", "--find-links", action="append", metavar="DIR", help="a directory of wheels (can be repeated)"
    )
    group.add_argument("--refresh", action="store_true", help="ask whether cached pages still hold before using them")
    group.add_argument(
        "--refresh-package", action="append", metavar="NAME", help="the same for one project (can be repeated)"
    )
    return flags


@cache
def _resolution() -> _Parser:
    flags = _Parser(add_help=False)
    group = flags.add_argument_group(
        "resolution options",
        "What holds for a project always belongs into [tool.dxpy]; a lock made with other options is stale.",
    )
    group.add_argument(
        "--resolution",
        choices=_RESOLUTIONS,
        metavar="WHICH",
        help="of the versions that fit the `highest` (default), the `lowest`, or the lowest of what the project itself "
        "requires and the highest of the rest, `lowest-direct` [DXPY_RESOLUTION]",
    )
    group.add_argument(
        "--prerelease",
        choices=_PRERELEASES,
        metavar="WHEN",
        help=f"pre-releases: {', '.join(_PRERELEASES[:-1])} or (default) {_PRERELEASES[-1]} [DXPY_PRERELEASE]",
    )
    group.add_argument(
        "--prerelease-package", action="append", metavar="NAME=WHEN", help="the same for one project (can be repeated)"
    )
    group.add_argument(
        "--exclude-newer",
        metavar="WHEN",
        help="only what was uploaded up to a day (`2024-01-31`, UTC), before a moment (`2024-01-31T12:00:00Z`) or "
        "at least this long ago (`30 days`, `P30D`) [DXPY_EXCLUDE_NEWER]",
    )
    group.add_argument(
        "--exclude-newer-package",
        action="append",
        metavar="NAME=WHEN",
        help="the same for one project, `NAME=false` for no limit (can be repeated)",
    )
    group.add_argument(
        "-c",
        "--constraint",
        "--constraints",
        action="append",
        metavar="FILE",
        help="requirements that narrow versions and ask for nothing (can be repeated) [DXPY_CONSTRAINT]",
    )
    group.add_argument(
        "--override",
        "--overrides",
        action="append",
        metavar="FILE",
        help="requirements that take the place of all others of their projects (can be repeated) [DXPY_OVERRIDE]",
    )
    return flags


@cache
def _python() -> _Parser:
    flags = _Parser(add_help=False)
    flags.add_argument("-p", "--python", metavar="WHICH", help="a version, a range or a path [DXPY_PYTHON]")
    return flags


@cache
def _target() -> _Parser:
    flags = _Parser(add_help=False)
    group = flags.add_argument_group("target options")
    group.add_argument("--python-version", metavar="VERSION", help="lock for this Python, there or not, like 3.12")
    group.add_argument(
        "--python-platform",
        metavar="NAME",
        help="lock for linux, macos, windows, or a triple like aarch64-unknown-linux-gnu",
    )
    return flags


@cache
def _selection() -> _Parser:
    flags = _Parser(add_help=False)
    lock = flags.add_mutually_exclusive_group()
    lock.add_argument("--frozen", action="store_true", help="use the lock as it is, without checking it")
    lock.add_argument("--locked", action="store_true", help="stop if the lock is not up to date")
    group = flags.add_argument_group("what of the project")
    group.add_argument("--extra", action="append", default=[], metavar="NAME", help="with this extra (can be repeated)")
    group.add_argument("--all-extras", action="store_true", help="with every extra")
    group.add_argument("--group", action="append", default=[], metavar="NAME", help="with this dependency group")
    group.add_argument("--no-group", action="append", default=[], metavar="NAME", help="without this dependency group")
    group.add_argument("--no-dev", action="store_true", help="without the group `dev`")
    group.add_argument("--all-groups", action="store_true", help="with every dependency group")
    return flags


@cache
def _linking() -> _Parser:
    flags = _Parser(add_help=False)
    flags.add_argument("--link-mode", choices=_LINK_MODES, help="how files come out of the store [DXPY_LINK_MODE]")
    flags.add_argument(
        "--compile-bytecode", action="store_true", help="compile what is installed [DXPY_COMPILE_BYTECODE]"
    )
    flags.add_argument(
        "--allow-overwrites",
        action="store_true",
        help="let a package replace a file of another, in the order of the lock [DXPY_ALLOW_OVERWRITES]",
    )
    return flags
