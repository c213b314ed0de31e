"""`dxpy export`: write the lock in a form that other tools read, when the lock is there and up to date."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import replace
from pathlib import Path

from dxpy_async.cli import load
from dxpy_async.cli.context import project_of, settings_of, sync_options, wanted_target, wants_upgrade
from dxpy_async.cli.lock_warm import up_to_date
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.core.excerpts import excerpt, pruned
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.selection import reached_from
from dxpy_async.core.target_platforms import HERE
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.errors import UsageError
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.formats.option_lines import find_links_lines, index_lines
from dxpy_async.formats.pinned_requirements import PinStyle
from dxpy_async.formats.pylock import write_pylock
from dxpy_async.formats.requirements_txt import header_of, write_requirements
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file

_PYLOCK_NAME = re.compile(r"pylock(\.[^.]+)?\.toml")


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    started = time.perf_counter()
    place = Path(arguments.output_file) if arguments.output_file is not None else None
    _check_place(arguments, place)
    if arguments.frozen and wanted_target(arguments) != HERE:
        raise UsageError("`--frozen` takes the lock for what it was made for, and goes with no other target")
    project = project_of(arguments)
    path = project.lock
    if wants_upgrade(arguments) or (not path.exists() and not arguments.frozen):
        return None
    with DplLockFile.open(path) as file:
        if not arguments.frozen:
            if not up_to_date(file, project, arguments):
                return None
            output.say(f"Resolved {count(len(file))} in {duration(time.perf_counter() - started)}")
        lock = file.to_lock()
    write(lock, project, arguments, output)
    return 0


def write(lock: Lock, project: Project, arguments: argparse.Namespace, output: Output) -> None:
    """Write `lock` where and in the form that the flags say."""
    place = Path(arguments.output_file) if arguments.output_file is not None else None
    options = sync_options(arguments)
    lock = _seen(lock, options.roots(project, lock.roots))
    if arguments.prune:
        lock = pruned(lock, [normalize(name) for name in arguments.prune])
    if _wants_materials(arguments):
        text = _materials(lock, project, arguments, options)
    else:
        form = _pylock if _wants_pylock(arguments, place) else _requirements
        text = form(lock, project, arguments, options)
    if place is None:
        output.data(text)
    else:
        replace_file(place, text.encode())
        output.say(f"Wrote `{place}`")


def _seen(lock: Lock, roots: LockedRoots) -> Lock:
    """`lock` with these roots, and what can be reached from them."""
    if roots == lock.roots:
        return lock
    seen = replace(lock, roots=roots)
    reached = reached_from(seen, lock.environment, extras=roots.optional, groups=roots.groups)
    return replace(seen, packages=tuple(package for package in lock.packages if package.name in reached))


def _wants_pylock(arguments: argparse.Namespace, target: Path | None) -> bool:
    """Whether the form is pylock.toml: as `--format` says, else as the name of the file does."""
    named = target is not None and _PYLOCK_NAME.fullmatch(target.name) is not None
    wants = named if arguments.format is None else arguments.format == "pylock.toml"
    if wants and arguments.no_hashes:
        raise UsageError("a pylock.toml always has hashes", hints=("leave out `--no-hashes`",))
    if wants and target is not None and not named:
        raise UsageError(
            f"`{target.name}` is no name for a pylock.toml, other tools would not know it",
            hints=("call it `pylock.toml` or `pylock.NAME.toml`",),
        )
    return wants


def _wants_materials(arguments: argparse.Namespace) -> bool:
    """Whether the form is that of a bill of materials."""
    wants = (arguments.format or "").startswith("cyclonedx")
    if wants and arguments.no_hashes:
        raise UsageError("a bill of materials always has hashes", hints=("leave out `--no-hashes`",))
    return wants


def _check_place(arguments: argparse.Namespace, target: Path | None) -> None:
    """Refuse, before anything is resolved, what cannot be written."""
    _wants_materials(arguments)
    _wants_pylock(arguments, target)
    if target is None:
        return
    if target.is_dir():
        raise UsageError(f"`{target}` is a directory", hints=("name a file with `-o`",))
    if not target.parent.is_dir():
        raise UsageError(f"there is no directory `{target.parent}` to write `{target.name}` in")


def _requirements(lock: Lock, project: Project, arguments: argparse.Namespace, options: SyncOptions) -> str:
    style = PinStyle(
        header=() if arguments.no_header else header_of(lock),
        options=_option_lines(project, arguments),
        hashes=not arguments.no_hashes,
        markers=True,
        annotated=not arguments.no_annotate,
        without=_left_out(lock, project, arguments, options),
        editable=not arguments.no_editable,
    )
    return write_requirements(
        lock,
        extras=options.selected_extras(lock.roots.optional),
        groups=options.selected_groups(project, lock.roots.groups),
        style=style,
    )


def _option_lines(project: Project, arguments: argparse.Namespace) -> tuple[str, ...]:
    if not arguments.emit_index_url and not arguments.emit_find_links:
        return ()
    with settings_of(arguments, project) as settings:
        indexes = settings.indexes
    return (
        *(index_lines(indexes) if arguments.emit_index_url else ()),
        *(find_links_lines(indexes) if arguments.emit_find_links else ()),
    )


def _left_out(
    lock: Lock, project: Project, arguments: argparse.Namespace, options: SyncOptions
) -> frozenset[ProjectName]:
    """What of the lock is not written, though what it needs is."""
    left_out = {normalize(name) for name in arguments.no_emit_package}
    if arguments.no_emit_project:
        left_out |= {each.name for each in options.meant(project)}
    if arguments.no_emit_workspace:
        left_out |= {project.name, *(member.project.name for member in project.members)}
    if arguments.no_emit_local:
        left_out |= {package.name for package in lock.packages if package.source.is_local}
    return frozenset(left_out)


def _pylock(lock: Lock, project: Project, arguments: argparse.Namespace, options: SyncOptions) -> str:
    """With extras and groups left to whoever installs, or with those that the flags choose and no choice left."""
    without = _left_out(lock, project, arguments, options)
    chosen = (arguments.extra, arguments.all_extras, arguments.group, arguments.all_groups, options.without_groups)
    if not any(chosen):
        usual = [each for each in options.selected_groups(project, lock.roots.groups) if each in lock.roots.groups]
        return write_pylock(lock, default_groups=usual, without=without)
    extras = options.selected_extras(lock.roots.optional)
    groups = options.selected_groups(project, lock.roots.groups)
    return write_pylock(excerpt(lock, extras=extras, groups=groups), without=without)


def _materials(lock: Lock, project: Project, arguments: argparse.Namespace, options: SyncOptions) -> str:
    extras = options.selected_extras(lock.roots.optional)
    groups = options.selected_groups(project, lock.roots.groups)
    chosen = excerpt(lock, extras=extras, groups=groups)
    without = _left_out(lock, project, arguments, options)
    chosen = replace(chosen, packages=tuple(each for each in chosen.packages if each.name not in without))
    text: str = load("export_materials").text(chosen, project, arguments.format)
    return text
