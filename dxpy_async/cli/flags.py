"""Flags that several commands have, a function for each kind; names and meanings follow uv's."""

from __future__ import annotations

import argparse

from dxpy_async.cli.arguments import Parser

OUTPUT_FORMATS = ("text", "json", "jsonl")
_LINK_MODES = ("hardlink", "copy", "clone", "symlink")
_RESOLUTIONS = ("highest", "lowest", "lowest-direct")
_PRERELEASES = ("disallow", "allow", "if-necessary", "explicit", "if-necessary-or-explicit")


def locking_flags(flags: Parser) -> None:
    """Everything that a resolution depends on."""
    index_flags(flags)
    resolution_flags(flags)
    build_flags(flags)
    python_flags(flags)


def project_locking_flags(flags: Parser) -> None:
    """Everything that the lock of a project depends on."""
    locking_flags(flags)
    sources_flags(flags)


def index_flags(flags: Parser) -> None:
    """Which indexes and directories are asked."""
    group = flags.add_argument_group("index options")
    group.add_argument(
        "-i", "--index-url", "--default-index", metavar="[NAME=]URL", help="the index [DXPY_DEFAULT_INDEX]"
    )
    group.add_argument(
        "--index-mirror",
        action="append",
        metavar="URL",
        help="where to turn when the index fails (can be repeated) [DXPY_INDEX_MIRRORS]",
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
    strategy_flag(group)
    group.add_argument("--no-index", action="store_true", help="use directories alone [DXPY_NO_INDEX]")
    keyring_flag(group)
    refresh_flags(group)


def strategy_flag(group: argparse._ActionsContainer) -> None:
    """Which indexes are believed."""
    group.add_argument(
        "--index-strategy",
        choices=("first-index", "unsafe-best-match"),
        help="believe the first index that has a project, or all that have it [DXPY_INDEX_STRATEGY]",
    )


def refresh_flags(group: argparse._ActionsContainer) -> None:
    """What is asked for though the cache has it."""
    group.add_argument("--refresh", action="store_true", help="ask whether cached pages still hold before using them")
    group.add_argument(
        "--refresh-package", action="append", metavar="NAME", help="the same for one project (can be repeated)"
    )


def keyring_flag(group: argparse._ActionsContainer) -> None:
    """How far the system's keyring is asked."""
    group.add_argument(
        "--keyring-provider",
        metavar="WHICH",
        help="subprocess: look for logins with the program `keyring`, too; disabled: never [DXPY_KEYRING_PROVIDER]",
    )


def sources_flags(flags: Parser) -> None:
    """Which of the project's sources count."""
    group = flags.add_argument_group("source options")
    group.add_argument(
        "--no-sources",
        action="store_true",
        help="take what the project requires as others will, without [tool.dxpy.sources] [DXPY_NO_SOURCES]",
    )
    group.add_argument(
        "--no-sources-package",
        action="append",
        metavar="NAME",
        help="the same for one project (can be repeated) [DXPY_NO_SOURCES_PACKAGE]",
    )


def build_flags(flags: Parser) -> None:
    """What may be built, and how."""
    group = flags.add_argument_group("build options")

    def switch(name: str, text: str) -> None:
        group.add_argument(name, action="store_true", help=text)

    def several(*names: str, what: str = "NAME", text: str = "the same for one project") -> None:
        group.add_argument(*names, action="append", metavar=what, help=f"{text} (can be repeated)")

    switch("--no-build", "use wheels alone, and build nothing but what is editable [DXPY_NO_BUILD]")
    several("--no-build-package")
    switch("--no-binary", "build all that comes from an index [DXPY_NO_BINARY]")
    several("--no-binary-package")
    switch("--no-build-isolation", "build in the project's environment, as it is [DXPY_NO_BUILD_ISOLATION]")
    several("--no-build-isolation-package")
    several("-C", "--config-setting", "--config-settings", what="KEY=VALUE", text="what build backends are given")
    several("--config-settings-package", what="NAME:KEY=VALUE")
    several(
        "-b",
        "--build-constraint",
        "--build-constraints",
        what="FILE",
        text="versions of what builds require [DXPY_BUILD_CONSTRAINT]",
    )
    group.add_argument("--build-timeout", metavar="SECONDS", help="for each step of a build [DXPY_BUILD_TIMEOUT]")


def resolution_flags(flags: Parser) -> None:
    """Which versions are picked."""
    group = flags.add_argument_group(
        "resolution options",
        "What holds for a project always belongs into [tool.dxpy]; a lock made with other options is stale.",
    )
    version_flags(group)
    group.add_argument(
        "-c",
        "--constraint",
        "--constraints",
        action="append",
        metavar="FILE",
        help="requirements that narrow versions and ask for nothing (can be repeated) [DXPY_CONSTRAINT]",
    )
    override_flag(group)


def override_flag(group: argparse._ActionsContainer) -> None:
    """What is required in place of what is said elsewhere."""
    group.add_argument(
        "--override",
        "--overrides",
        action="append",
        metavar="FILE",
        help="requirements that take the place of all others of their projects (can be repeated) [DXPY_OVERRIDE]",
    )


def version_flags(group: argparse._ActionsContainer) -> None:
    """Which of the versions that fit."""
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


def python_flags(flags: Parser) -> None:
    """Which interpreter."""
    group = flags.add_argument_group("interpreter options")
    group.add_argument("-p", "--python", metavar="WHICH", help="a version, a range or a path [DXPY_PYTHON]")
    preference_flags(group)
    group.add_argument(
        "--no-python-downloads",
        dest="python_downloads",
        action="store_const",
        const="never",
        help="fetch none if none fits [DXPY_PYTHON_DOWNLOADS]",
    )


def preference_flags(group: argparse._ActionsContainer) -> None:
    """Whose interpreters count."""
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        "--managed-python",
        dest="python_preference",
        action="store_const",
        const="only-managed",
        help="only those that dxpy has installed",
    )
    which.add_argument(
        "--no-managed-python",
        dest="python_preference",
        action="store_const",
        const="only-system",
        help="only those that it has not",
    )
    which.add_argument(
        "--python-preference",
        metavar="WHICH",
        help="which first: managed (default), system, or only-managed, only-system [DXPY_PYTHON_PREFERENCE]",
    )


def upgrade_flags(flags: Parser) -> None:
    """Which of the lock's versions are given up."""
    group = flags.add_argument_group("upgrade options")
    group.add_argument("-U", "--upgrade", action="store_true", help="take the newest versions, whatever the lock says")
    group.add_argument(
        "-P", "--upgrade-package", action="append", default=[], metavar="NAME", help="the same for one project"
    )
    group.add_argument(
        "--upgrade-group",
        action="append",
        default=[],
        metavar="GROUP",
        help="the same for what this dependency group names",
    )


def target_flags(flags: Parser) -> None:
    """What else than this machine to lock for."""
    group = flags.add_argument_group("target options")
    group.add_argument("--python-version", metavar="VERSION", help="lock for this Python, there or not, like 3.12")
    group.add_argument(
        "--python-platform",
        metavar="NAME",
        help="lock for linux, macos, windows, or a triple like aarch64-unknown-linux-gnu",
    )


def selection_flags(flags: Parser) -> None:
    """What of the project, and how the lock is used."""
    lock = flags.add_mutually_exclusive_group()
    lock.add_argument("--frozen", action="store_true", help="use the lock as it is, without checking it")
    lock.add_argument("--locked", action="store_true", help="stop if the lock is not up to date")
    group = flags.add_argument_group("what of the project")
    group.add_argument("--extra", action="append", default=[], metavar="NAME", help="with this extra (can be repeated)")
    group.add_argument("--all-extras", action="store_true", help="with every extra")
    group.add_argument("--group", action="append", default=[], metavar="NAME", help="with this dependency group")
    group.add_argument("--no-extra", action="append", default=[], metavar="NAME", help="without it, of `--all-extras`")
    group.add_argument("--no-group", action="append", default=[], metavar="NAME", help="without this dependency group")
    group.add_argument("--dev", action="store_true", help="with the group `dev`, if there is one, as by default")
    group.add_argument("--no-dev", action="store_true", help="without the group `dev`")
    group.add_argument("--no-default-groups", action="store_true", help="without the groups that nobody has to ask for")
    group.add_argument("--only-group", action="append", default=[], metavar="NAME", help="this dependency group alone")
    group.add_argument("--only-dev", action="store_true", help="the group `dev` alone")
    group.add_argument("--all-groups", action="store_true", help="with every dependency group")
    members = group.add_mutually_exclusive_group()
    members.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="this member of the workspace (can be repeated)"
    )
    members.add_argument("--all-packages", action="store_true", help="all members of the workspace")


def uninstalled_flags(flags: Parser) -> None:
    """What is not installed, though what it needs is."""
    group = flags.add_argument_group("what is left out")
    group.add_argument("--no-install-project", action="store_true", help="the project itself")
    group.add_argument("--no-install-workspace", action="store_true", help="all members of the workspace")
    group.add_argument("--no-install-local", action="store_true", help="what lies on this machine: these, and paths")
    group.add_argument("--no-install-package", action="append", default=[], metavar="NAME", help="this package")


def linking_flags(flags: Parser) -> None:
    """How files come out of the store."""
    link_mode_flag(flags)
    flags.add_argument(
        "--compile-bytecode", action="store_true", help="compile what is installed [DXPY_COMPILE_BYTECODE]"
    )
    flags.add_argument(
        "--allow-overwrites",
        action="store_true",
        help="let a package replace a file of another, in the order of the lock [DXPY_ALLOW_OVERWRITES]",
    )


def link_mode_flag(group: argparse._ActionsContainer) -> None:
    group.add_argument("--link-mode", choices=_LINK_MODES, help="how files come out of the store [DXPY_LINK_MODE]")


def reinstall_flags(flags: Parser) -> None:
    """What is installed again though it is there."""
    flags.add_argument("--reinstall", action="store_true", help="install again what is there already")
    flags.add_argument(
        "--reinstall-package", action="append", default=[], metavar="NAME", help="the same for one project"
    )


def active_flag(parser: argparse._ActionsContainer) -> None:
    """Which environment the project has."""
    parser.add_argument(
        "--active",
        action="store_true",
        help="work on the active virtual environment, if there is one, not on the project's [DXPY_PROJECT_ENVIRONMENT]",
    )


def script_flag(parser: Parser) -> None:
    parser.add_argument("--script", metavar="FILE", help="work on this script and its metadata, not on the project")


def place_flags(parser: Parser) -> None:
    """The flags that say which of a project's lists is changed, and what follows."""
    group = parser.add_argument_group("where in the project")
    place = group.add_mutually_exclusive_group()
    place.add_argument("--dev", action="store_true", help="in the dependency group `dev`")
    place.add_argument("--group", dest="to_group", metavar="NAME", help="in this dependency group")
    place.add_argument("--optional", metavar="EXTRA", help="in this extra")
    what_then_flags(parser)


def what_then_flags(parser: Parser) -> None:
    """The flags that say what follows a change of the project file."""
    parser.add_argument(
        "--package", action="append", default=[], metavar="NAME", help="of this member of the workspace"
    )
    group = parser.add_argument_group("what then")
    group.add_argument("--no-sync", action="store_true", help="lock, but leave the environment as it is")
    lock = group.add_mutually_exclusive_group()
    lock.add_argument("--frozen", action="store_true", help="change pyproject.toml alone, without asking an index")
    lock.add_argument("--locked", action="store_true", help="stop if the lock would become another")
    # What `sync` is told afterwards.
    parser.set_defaults(extra=[], all_extras=False, group=[], no_group=[], no_dev=False, all_groups=False)


def output_format_flag(parser: argparse._ActionsContainer) -> None:
    """For a command that gives `Output.document` what it came to."""
    parser.add_argument(
        "--output-format",
        choices=OUTPUT_FORMATS,
        default="text",
        metavar="FORM",
        help="text (default), json: one document on stdout, or jsonl: a line for each step and at last the document",
    )


def with_flags(group: argparse._ActionsContainer) -> None:
    """What a command is run with, besides what it needs itself."""
    group.add_argument(
        *("-w", "--with"),
        dest="with_packages",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="with these packages besides (commas, or repeated)",
    )
    group.add_argument(
        "--with-requirements", action="append", default=[], metavar="FILE", help="with those in a file of requirements"
    )
    group.add_argument(
        "--with-editable", action="append", default=[], metavar="PATH", help="with the project in this directory"
    )
