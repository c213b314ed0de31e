"""The flags of the commands that work on a project."""

from __future__ import annotations

import argparse
from typing import Any

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import (
    active_flag,
    index_flags,
    linking_flags,
    output_format_flag,
    place_flags,
    project_locking_flags,
    python_flags,
    reinstall_flags,
    script_flag,
    selection_flags,
    target_flags,
    uninstalled_flags,
    upgrade_flags,
    what_then_flags,
)
from dxpy_async.errors import UsageError

_BOUNDS = ("lower", "major", "minor", "exact")
_EXPORT_FORMATS = ("requirements-txt", "pylock.toml", "cyclonedx1.5", "cyclonedx1.6")


def declare_add(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    upgrade_flags(parser)
    reinstall_flags(parser)
    active_flag(parser)
    linking_flags(parser)
    parser.add_argument(
        "packages", nargs="*", metavar="PACKAGE", help="flask, 'flask>=3', ./libs/tool or git+https://…"
    )
    parser.add_argument(
        "-r",
        "--requirements",
        action="append",
        default=[],
        metavar="FILE",
        help="add those in a file (can be repeated)",
    )
    parser.add_argument(
        "-m", "--marker", metavar="MARKER", help="only where this holds, like \"sys_platform == 'win32'\""
    )
    parser.add_argument(
        "--extra", dest="with_extra", action="append", default=[], metavar="NAME", help="with this extra of theirs"
    )
    parser.add_argument(
        "--bounds",
        choices=_BOUNDS,
        default="lower",
        metavar="KIND",
        help="what to write for one without a version: lower (>=1.2.3, default), major, minor, exact",
    )
    parser.add_argument("--raw", action="store_true", help="write requirements as they are given, with no bounds")
    _source_flags(parser)
    place_flags(parser)
    uninstalled_flags(parser)
    output_format_flag(parser)


def _source_flags(parser: Parser) -> None:
    group = parser.add_argument_group("where it comes from", "An `--index` goes into the project too.")
    place = group.add_mutually_exclusive_group()
    place.add_argument("--git", metavar="URL", help="a git repository, as `git+URL` says as well")
    place.add_argument("--path", metavar="PATH", help="a directory or archive, as a PACKAGE with a `/` says as well")
    revision = group.add_mutually_exclusive_group()
    revision.add_argument("--rev", metavar="COMMIT", help="of a git repository this commit")
    revision.add_argument("--tag", metavar="TAG", help="… this tag")
    revision.add_argument("--branch", metavar="BRANCH", help="… this branch")
    group.add_argument("--editable", action="store_true", help="a directory: run it from where it is")


def declare_remove(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    upgrade_flags(parser)
    reinstall_flags(parser)
    active_flag(parser)
    linking_flags(parser)
    parser.add_argument("packages", nargs="+", metavar="PACKAGE", help="the name of a project")
    place_flags(parser)
    output_format_flag(parser)


def declare_version(parser: Parser) -> None:
    project_locking_flags(parser)
    upgrade_flags(parser)
    reinstall_flags(parser)
    active_flag(parser)
    linking_flags(parser)
    parser.add_argument("value", nargs="?", metavar="VALUE", help="the version to write")
    parser.add_argument(
        "--bump",
        action="append",
        metavar="PART[=N]",
        help="step up major, minor, patch, stable, alpha, beta, rc, post or dev (can be combined)",
    )
    parser.add_argument("--dry-run", action="store_true", help="tell the version, and write nothing")
    parser.add_argument("--short", action="store_true", help="print the version alone")
    output_format_flag(parser)
    what_then_flags(parser)


def declare_lock(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    upgrade_flags(parser)
    target_flags(parser)
    parser.add_argument("--check", "--locked", action="store_true", help="only tell whether the lock is up to date")
    parser.add_argument(
        "--check-exists", "--frozen", dest="frozen", action="store_true", help="only tell whether there is a lock"
    )
    parser.add_argument("--dry-run", action="store_true", help="resolve, but write nothing")
    instead = parser.add_mutually_exclusive_group()
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
    output_format_flag(parser)


def declare_why(parser: Parser) -> None:
    parser.add_argument("package", metavar="PACKAGE", help="its name")
    parser.add_argument("--all", action="store_true", help="show all chains of requirements that lead to it")
    output_format_flag(parser)


def declare_export(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    upgrade_flags(parser)
    target_flags(parser)
    selection_flags(parser)
    parser.add_argument("--format", choices=_EXPORT_FORMATS, metavar="FORM", help=f"{', '.join(_EXPORT_FORMATS)}")
    parser.add_argument("-o", "--output-file", metavar="FILE", help="write to this file, not to the screen")
    _emitted_flags(parser)


def _emitted_flags(parser: Parser) -> None:
    group = parser.add_argument_group("what is written")

    def switch(name: str, text: str) -> None:
        group.add_argument(name, action="store_true", help=text)

    def several(name: str, text: str) -> None:
        group.add_argument(name, action="append", default=[], metavar="NAME", help=f"{text} (can be repeated)")

    several("--prune", "leave this out, and what nothing else needs")
    several("--no-emit-package", "leave this out, though not what it needs")
    switch("--no-emit-project", "leave the project itself out")
    switch("--no-emit-workspace", "leave all members of the workspace out")
    switch("--no-emit-local", "leave out what is on this machine alone")
    switch("--no-hashes", "requirements-txt: pins alone")
    switch("--no-annotate", "requirements-txt: no comments that say who asks for what")
    switch("--no-header", "requirements-txt: no comment at the top")
    switch("--no-editable", "requirements-txt: directories without `-e`")
    switch("--emit-index-url", "requirements-txt: lines for the indexes")
    switch("--emit-find-links", "requirements-txt: lines for the directories")


def declare_sync(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    upgrade_flags(parser)
    reinstall_flags(parser)
    selection_flags(parser)
    active_flag(parser)
    linking_flags(parser)
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    uninstalled_flags(parser)
    parser.add_argument("--check", action="store_true", help="only tell whether something would change")
    parser.add_argument("--inexact", action="store_true", help="keep what the lock does not name")
    parser.add_argument(
        "--bundle", metavar="DIR", help="take all from this directory, made by `dxpy bundle`, and use no network"
    )
    output_format_flag(parser)


def declare_bundle(parser: Parser) -> None:
    script_flag(parser)
    project_locking_flags(parser)
    target_flags(parser)
    selection_flags(parser)
    uninstalled_flags(parser)
    parser.add_argument("-o", "--output-dir", default="bundle", metavar="DIR", help="put the files here (bundle)")
    parser.add_argument(
        "--no-build-requirements", action="store_true", help="leave out what builds require, which may be a lot"
    )
    output_format_flag(parser)
    parser.epilog = (
        "Without a network, `dxpy sync --bundle DIR`, `dxpy pip install --no-index --find-links DIR` and "
        "`pip install --no-index --find-links DIR -r DIR/requirements.txt` install from it."
    )


def declare_install(parser: Parser) -> None:
    declare_sync(parser)
    parser.add_argument("packages", nargs="*", action=_NoPackages, help=argparse.SUPPRESS)


class _NoPackages(argparse.Action):
    """Refuses what `pip install` would take."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        if values:
            raise UsageError(
                "`dxpy install` installs what the project requires, and takes no packages",
                hints=(f"to let the project require them: `dxpy add {' '.join(values)}`",),
            )


def declare_venv(parser: Parser) -> None:
    index_flags(parser)
    python_flags(parser)
    linking_flags(parser)
    parser.add_argument("path", nargs="?", metavar="PATH", help="where (default: .venv)")
    parser.add_argument("--prompt", metavar="TEXT", help="what the activated shell shows")
    parser.add_argument("--seed", action="store_true", help="install pip (before Python 3.12 also setuptools, wheel)")
    parser.add_argument("-c", "--clear", action="store_true", help="replace an environment that is there")
    parser.add_argument("--force", action="store_true", help="with --clear: also a directory that is none")
    parser.add_argument(
        "--allow-existing", action="store_true", help="keep an environment that is there; make one among other files"
    )
    parser.add_argument("--relocatable", action="store_true", help="make one that can be moved as a whole")
    parser.add_argument(
        "--system-site-packages", action="store_true", help="let the interpreter's own packages be seen"
    )
    output_format_flag(parser)
