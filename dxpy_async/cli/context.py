"""What commands share: from flags to values, and who listens to their events."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dxpy_async.cli import load
from dxpy_async.cli.lines import EventPrinter, event_printer
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import chosen_environment
from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import ProjectName, normalize, normalize_extra, normalize_group
from dxpy_async.core.places import LOCK_NAME
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.core.target_platforms import WantedTarget
from dxpy_async.engine.sync_options import LockMode, SyncOptions
from dxpy_async.engine.watching import StateWatch
from dxpy_async.errors import ProjectNotFound, UsageError
from dxpy_async.project.build_settings import SWITCHES, VALUES
from dxpy_async.project.pyproject import Project, ProjectPlaces, find_project
from dxpy_async.project.settings import load_settings, switched_on, watched_paths
from dxpy_async.project.source_tables import PassedOver
from dxpy_async.project.workspaces import open_project

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
    "index_mirror",
    "index_strategy",
    "find_links",
    "bundle",
    "python",
    "link_mode",
    "python_preference",
    "python_downloads",
    "mirror",
    "keyring_provider",
    "allow_insecure_host",
    "proxy",
    "cert",
    "client_cert",
    *_RESOLUTION_FLAGS,
    *VALUES,
)


def project_of(arguments: argparse.Namespace) -> Project:
    """The project that the command line means: `--script`, `--project`, else the nearest one above."""
    if (script := getattr(arguments, "script", None)) is not None:
        if getattr(arguments, "active", False):
            raise UsageError("`--active` is of projects: a script has an environment in the cache")
        found: Project = load("script_projects").settled_script(script, arguments)
        return found
    return placed(open_project(project_root(arguments), passed_over=passed_over(arguments)), arguments)


def passed_over(arguments: argparse.Namespace) -> PassedOver:
    """The sources that flags and variables pass over."""
    given = vars(arguments)
    everything = bool(given.get("no_sources")) or switched_on(os.environ, "DXPY_NO_SOURCES")
    names = given.get("no_sources_package") or os.environ.get("DXPY_NO_SOURCES_PACKAGE", "").split()
    return PassedOver(everything, frozenset(map(normalize, names)))


def placed(project: Project, arguments: argparse.Namespace) -> Project:
    """`project` with its environment where `--active` or the variable wants it."""
    active = os.environ.get("VIRTUAL_ENV", "") if getattr(arguments, "active", False) else ""
    chosen = active or chosen_environment()
    return project.with_environment(Path(chosen)) if chosen else project


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


def member_root(arguments: argparse.Namespace) -> Path:
    """The directory of the one project that is meant: that of `--package`, else the nearest one. Raises UsageError."""
    root = project_root(arguments)
    if not arguments.package:
        return root
    if len(arguments.package) > 1:
        raise UsageError("`--package` names one member here")
    project = open_project(root, passed_over=passed_over(arguments))
    (member,) = SyncOptions(packages=(normalize(arguments.package[0]),)).meant(project)
    return member.root


def lock_root(arguments: argparse.Namespace) -> Path:
    """The directory that the project's lock is in, whether or not the project can be read beside it."""
    root = project_root(arguments)
    return root if (root / LOCK_NAME).exists() else open_project(root).root


def watched_project(arguments: argparse.Namespace) -> tuple[Project, StateWatch]:
    """The project, and its files as they were just before they were read."""
    if getattr(arguments, "script", None) is not None:
        project = project_of(arguments)
        return project, StateWatch.of_lock(project.places)
    began, root = time.time_ns(), project_root(arguments)
    watch = StateWatch.begin(ProjectPlaces.within(root))
    project = placed(open_project(root, passed_over=passed_over(arguments)), arguments)
    return project, watch.of_project(
        project, watched_paths(project, os.environ, Path.cwd(), arguments.config_file), began
    )


def kept_settings(arguments: argparse.Namespace, project: Project, settings: Settings) -> Settings:
    """The settings for an environment in the cache: nobody edits what is in there, so it is of symbolic links."""
    said = getattr(arguments, "link_mode", None) or os.environ.get("DXPY_LINK_MODE") or project.tool.link_mode
    return settings if said else replace(settings, link_mode=LinkMode.SYMLINK)


def _start(arguments: argparse.Namespace) -> Path:
    return Path(os.path.abspath(arguments.project)) if arguments.project else Path.cwd()


@contextmanager
def settings_of(arguments: argparse.Namespace, project: Project | None) -> Iterator[Settings]:
    """Flags, variables and [tool.dxpy] as one value; the cache of `--no-cache` lives as long as the block."""
    settings = load_settings(given_flags(arguments), os.environ, project, directory=Path.cwd())
    if project is not None and project.elsewhere is not None:
        settings = kept_settings(arguments, project, settings)
    if not arguments.no_cache:
        yield settings
        return
    import tempfile  # noqa: PLC0415 - 8 ms, and few say `--no-cache`

    with tempfile.TemporaryDirectory(prefix="dxpy-cache-", ignore_cleanup_errors=True) as directory:
        yield replace(settings, cache_dir=Path(directory))


def given_flags(arguments: argparse.Namespace) -> dict[str, object]:
    """All flags that have a say in the settings, as `load_settings` takes them."""
    flags = settings_flags(arguments)
    if arguments.offline:
        flags["offline"] = True
    if getattr(arguments, "refresh", False):
        flags["refresh"] = True
    if getattr(arguments, "refresh_package", None):
        flags["refresh_package"] = arguments.refresh_package
    if arguments.no_config:
        flags["no_config"] = True
    if arguments.config_file:
        flags["config_file"] = arguments.config_file
    switches = ("compile_bytecode", "allow_overwrites", "no_index", *SWITCHES)
    return flags | {name: True for name in switches if getattr(arguments, name, False)}


def wanted_target(arguments: argparse.Namespace) -> WantedTarget:
    """What `lock` and `export` are to work for instead of the Python and the machine at hand."""
    return WantedTarget.parse(arguments.python_version, arguments.python_platform)


def settings_flags(arguments: argparse.Namespace) -> dict[str, object]:
    """The flags that were given for a setting, by its name."""
    return {name: value for name in _SETTING_FLAGS if (value := getattr(arguments, name, None)) is not None}


def wants_upgrade(arguments: argparse.Namespace) -> bool:
    """Whether versions in the lock are to be given up, so that it has to be resolved. Raises UsageError."""
    given = vars(arguments)
    wants = any(given.get(name) for name in ("upgrade", "upgrade_package", "upgrade_group"))
    if wants and given.get("frozen"):
        raise UsageError("`--frozen` takes the lock as it is, and goes with no `--upgrade`")
    return wants


def upgraded_projects(arguments: argparse.Namespace) -> tuple[ProjectName, ...]:
    """The projects whose versions are to be given up: those that are named, and those that groups name."""
    given = vars(arguments)
    names = [*map(normalize, given.get("upgrade_package") or ())]
    if groups := list(map(normalize_group, given.get("upgrade_group") or ())):
        project = project_of(arguments)
        known = [project, *(member.project for member in project.members)]
        for group in groups:
            found = [each.dependency_groups[group] for each in known if group in each.dependency_groups]
            if not found:
                there = sorted({f"`{name}`" for each in known for name in each.dependency_groups})
                hints = (f"there is {', '.join(there)}",) if there else ()
                raise UsageError(f"there is no dependency group `{group}` to upgrade", hints=hints)
            names += [requirement.name for listed in found for requirement in listed]
    return tuple(dict.fromkeys(names))


def sync_options(arguments: argparse.Namespace) -> SyncOptions:
    """What `sync` and `run` put into the environment, from their flags."""
    given = vars(arguments)
    wants_upgrade(arguments)
    is_locked = arguments.locked or given.get("bundle")  # a bundle has what the lock says, and nothing else
    mode = LockMode.FROZEN if arguments.frozen else LockMode.LOCKED if is_locked else LockMode.UPDATE
    only = [*given.get("only_group", ()), *(["dev"] if given.get("only_dev") else [])]
    without = [*arguments.no_group, *(["dev"] if arguments.no_dev else [])]
    if only and (arguments.group or arguments.all_groups or given.get("dev")):
        raise UsageError("`--only-group` and `--only-dev` go neither with `--group` nor with `--dev` or `--all-groups`")
    exact = given.get("exact", False) if arguments.command == "run" else not given.get("inexact", False)
    return SyncOptions(
        packages=tuple(map(normalize, given.get("package", ()))),
        all_packages=given.get("all_packages", False),
        extras=tuple(map(normalize_extra, arguments.extra)),
        without_extras=tuple(map(normalize_extra, given.get("no_extra", ()))),
        all_extras=arguments.all_extras,
        groups=tuple(map(normalize_group, only or arguments.group)),
        without_groups=tuple(map(normalize_group, without)),
        all_groups=arguments.all_groups,
        with_dev=given.get("dev") is True,
        default_groups=not (only or given.get("no_default_groups", False)),
        only_groups=bool(only),
        uninstalled=tuple(map(normalize, given.get("no_install_package", ()))),
        without_project=given.get("no_install_project", False),
        without_workspace=given.get("no_install_workspace", False),
        without_local=given.get("no_install_local", False),
        exact=exact,
        lock_mode=mode,
        reinstall=given.get("reinstall", False),
        reinstall_projects=tuple(map(normalize, given.get("reinstall_package") or ())),
        upgrade=given.get("upgrade", False),
        upgrade_projects=upgraded_projects(arguments),
        dry_run=given.get("dry_run", False) or given.get("check", False),
    )


def listener(arguments: argparse.Namespace, output: Output) -> EventPrinter:
    """Bars where people look and want them, lines elsewhere, and JSON where it is asked for."""
    quiet = arguments.no_progress or switched_on(os.environ, "DXPY_NO_PROGRESS") or output.verbosity < 0
    if output.in_lines or quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return event_printer(output)
    bars: EventPrinter = load("bars").BarPrinter(output)
    return bars
