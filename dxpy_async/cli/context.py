"""What commands share: from flags to values, and who listens to their events."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dxpy_async.cli import load
from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import without_credentials
from dxpy_async.cli.replay import describe_request, key_of
from dxpy_async.core.names import normalize_extra, normalize_group
from dxpy_async.core.settings import Settings
from dxpy_async.core.target_platforms import WantedTarget
from dxpy_async.engine.sync_options import LockMode, SyncOptions
from dxpy_async.engine.watching import StateWatch
from dxpy_async.errors import ProjectNotFound
from dxpy_async.project.pyproject import Project, find_project, read_project
from dxpy_async.project.settings import file_amendments, load_settings, switched_on

_RESOLUTION_FLAGS = (
    "resolution",
    "prerelease",
    "prerelease_package",
    "exclude_newer",
    "exclude_newer_package",
    "constraint",
    "override",
)
_SETTING_FLAGS = (
    "cache_dir",
    "index_url",
    "extra_index_url",
    "find_links",
    "python",
    "link_mode",
    "python_preference",
    "python_downloads",
    "mirror",
    *_RESOLUTION_FLAGS,
)

_FILE_VARIABLES = ("DXPY_CONSTRAINT", "DXPY_OVERRIDE")


def project_of(arguments: argparse.Namespace) -> Project:
    """The project that the command line means: `--project`, else the nearest one above the working directory."""
    return read_project(project_root(arguments))


def project_root(arguments: argparse.Namespace) -> Path:
    """Where that project is, whether or not its pyproject.toml can be read."""
    return find_project(_start(arguments))


def project_around(arguments: argparse.Namespace) -> Project | None:
    """The project, where there is one: a command that needs none goes by what it requires all the same."""
    try:
        return project_of(arguments)
    except ProjectNotFound:
        if arguments.project:
            raise
        return None


def watched_project(arguments: argparse.Namespace) -> tuple[Project, StateWatch]:
    """The project, and its files as they were just before they were read."""
    root = project_root(arguments)
    watch = StateWatch.begin(root, os.environ)
    return read_project(root), watch


def _start(arguments: argparse.Namespace) -> Path:
    return Path(os.path.abspath(arguments.project)) if arguments.project else Path.cwd()


@contextmanager
def settings_of(arguments: argparse.Namespace, project: Project | None) -> Iterator[Settings]:
    """Flags, variables and [tool.dxpy] as one value; the cache of `--no-cache` lives as long as the block."""
    flags = _flags(arguments)
    if arguments.offline:
        flags["offline"] = True
    if getattr(arguments, "refresh", False):
        flags["refresh"] = True
    if getattr(arguments, "refresh_package", None):
        flags["refresh_package"] = arguments.refresh_package
    if arguments.no_config:
        flags["no_config"] = True
    flags |= {name: True for name in ("compile_bytecode", "allow_overwrites") if getattr(arguments, name, False)}
    settings = load_settings(flags, os.environ, project, directory=Path.cwd())
    if not arguments.no_cache:
        yield settings
        return
    import tempfile  # noqa: PLC0415 - 8 ms, and few say `--no-cache`

    with tempfile.TemporaryDirectory(prefix="dxpy-cache-", ignore_cleanup_errors=True) as directory:
        yield replace(settings, cache_dir=Path(directory))


def wanted_target(arguments: argparse.Namespace) -> WantedTarget:
    """What `lock` and `export` are to work for instead of the Python and the machine at hand."""
    return WantedTarget.parse(arguments.python_version, arguments.python_platform)


def _flags(arguments: argparse.Namespace) -> dict[str, object]:
    return {name: value for name in _SETTING_FLAGS if (value := getattr(arguments, name, None)) is not None}


def sync_options(arguments: argparse.Namespace) -> SyncOptions:
    """What `sync` and `run` put into the environment, from their flags."""
    without = [*arguments.no_group, *(["dev"] if arguments.no_dev else [])]
    mode = LockMode.FROZEN if arguments.frozen else LockMode.LOCKED if arguments.locked else LockMode.UPDATE
    return SyncOptions(
        extras=tuple(map(normalize_extra, arguments.extra)),
        all_extras=arguments.all_extras,
        groups=tuple(map(normalize_group, arguments.group)),
        without_groups=tuple(map(normalize_group, without)),
        all_groups=arguments.all_groups,
        exact=not getattr(arguments, "inexact", False),
        lock_mode=mode,
        dry_run=getattr(arguments, "dry_run", False),
    )


def request_text(arguments: argparse.Namespace) -> str:
    """The flags, and files they name, that decide what a sync does, as one text; empty for the plain `dxpy sync`."""
    given = vars(arguments)
    text = describe_request(given)
    if given.get("constraint") or given.get("override") or any(os.environ.get(name) for name in _FILE_VARIABLES):
        amendments = file_amendments(_flags(arguments), os.environ, Path.cwd())
        stated = (amendments.constraints, amendments.overrides)
        text = f"{text} stated={[[str(each.requirement) for each in kind] for kind in stated]}".lstrip()
    return without_credentials(text)


def blueprint_key(arguments: argparse.Namespace, project: Project) -> str | None:
    """The key of the blueprint of this sync; None for one that nobody would look for."""
    if arguments.no_config or arguments.no_cache:
        return None
    return key_of(str(project.root), request_text(arguments), os.environ)


def listener(arguments: argparse.Namespace, output: Output) -> EventPrinter:
    """Bars where people look and want them, lines elsewhere."""
    quiet = arguments.no_progress or switched_on(os.environ, "DXPY_NO_PROGRESS") or output.verbosity < 0
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return EventPrinter(output)
    bars: EventPrinter = load("bars").BarPrinter(output)
    return bars
