"""`dxpy lock` when the lock is up to date already or is remembered, and what it shows and sets up."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from dxpy_async.cli.context import (
    lock_root,
    project_of,
    project_root,
    settings_of,
    wanted_target,
    wants_upgrade,
    watched_project,
)
from dxpy_async.cli.git import set_up
from dxpy_async.cli.lines import event_printer
from dxpy_async.cli.lock_again import note_question
from dxpy_async.cli.lock_showing import show
from dxpy_async.cli.locking import is_plain_lock, lock_options, report_current, report_lock
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.cli.quick import lock_facts_at
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.places import LOCK_NAME
from dxpy_async.core.settings import IndexSettings, Settings
from dxpy_async.engine.locking import LockOptions, is_current, project_question
from dxpy_async.engine.recalled_locking import lock_from_memory
from dxpy_async.engine.targets import target_for
from dxpy_async.engine.watching import StateWatch
from dxpy_async.errors import InvalidLock, LockNotFound, UsageError
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.formats.lock_text import describe_lock
from dxpy_async.index.remote_index import remote_index
from dxpy_async.installer.state import take_stamps
from dxpy_async.project.pin_files import NAMES
from dxpy_async.project.pyproject import FILE_NAME, Project
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    started = time.perf_counter()
    if arguments.git_textconv is not None:
        output.data(_text_for_git(arguments.git_textconv))
        return 0
    if arguments.git_setup:
        root = project_root(arguments)
        done = set_up(root)
        for line in done or ["git shows and merges locks with dxpy already"]:
            output.say(line)
        output.document({"schema": "dxpy/lock-git-setup/1", "directory": str(root), "done": done})
        return 0
    if arguments.show is not None:
        show(_lock_of(arguments), arguments.show, output)
        return 0
    pins = arguments.merge is not None or arguments.pins_from or arguments.git_merge
    if pins and (arguments.upgrade or arguments.check):
        raise UsageError("`--merge` and `--from` go neither with `--upgrade` nor with `--check`")
    if pins:
        return None
    project, watch = watched_project(arguments)
    if arguments.frozen:
        if not project.lock.is_file():
            raise LockNotFound(str(project.lock))
        output.say(f"There is a lock at `{project.lock}`")
        if output.is_json:
            with DplLockFile.open(project.lock) as lock:
                report_current(project.lock, len(lock), output)
        return 0
    if project.is_told_by_backend:
        return None
    output.warn_all(project.warnings)
    with settings_of(arguments, project) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        watch = watch.of_target(settings.python, search)
        target = target_for(wanted_target(arguments), project, settings, search)
        try:
            locked = None if wants_upgrade(arguments) else _current(project, target, settings, watch)
            if locked is None and not _lock_from_memory(project, target, settings, arguments, output):
                return None
        except InvalidLock:  # which may be a conflict that a later rung can solve
            return None
        if is_plain_lock(arguments):
            _note_question(project, target, settings, watch)
        if locked is not None:
            packages, watch = locked
            if is_plain_lock(arguments):
                facts = lock_facts_at(str(project.directory), os.environ)
                watch.record_lock(project.directory, settings.cache_dir, facts, packages)
            output.say(f"Resolved {count(packages)} in {duration(time.perf_counter() - started)}")
            report_current(project.lock, packages, output)
    return 0


def _lock_from_memory(
    project: Project, target: TargetEnvironment, settings: Settings, arguments: argparse.Namespace, output: Output
) -> bool:
    options, on_event = lock_options(arguments), event_printer(output)
    outcome = lock_from_memory(project, target, settings, options, on_event=on_event)
    if outcome is None:
        return False
    report_lock(outcome, output)
    return True


def _note_question(project: Project, target: TargetEnvironment, settings: Settings, watch: StateWatch) -> None:
    """Note what `dxpy lock` asks when it finds no lock, if that is the same on another day and in another place."""
    indexes, limits, file = settings.indexes, settings.resolution.upload_limits, project.root / FILE_NAME
    ages = any(limit is not None and limit.moment is None for limit in (limits.general, *limits.projects.values()))
    index, _ = remote_index(indexes.index_url)
    if index is None or ages or not settings.hints or indexes != IndexSettings(index_url=indexes.index_url):
        return
    root = project.root
    if any((root / name).exists() for name in NAMES):
        return
    if not _means_the_same_everywhere(settings.python, root) or project.environment.exists():
        return
    text, now = file.read_bytes(), take_stamps([str(file)], time.time_ns())
    if now[str(file)] != watch.stamps[str(file)]:
        return
    question = project_question(project, target, settings, LockOptions(), {}, now=0.0, directories=b"")
    stamps = {path: stamp for path, stamp in watch.stamps.items() if not Path(path).is_relative_to(root)}
    note_question(str(settings.cache_dir), text, stamps, question.context(), index.key, question.key().hex())


def _means_the_same_everywhere(python: str | None, root: Path) -> bool:
    """Whether `python`, as it is asked for, and the variables lead to the same interpreters wherever a project is."""
    if os.environ.get("VIRTUAL_ENV") or (python and (python[0] not in "0123456789<>=!~" or os.sep in python)):
        return python is not None and os.path.isabs(python) and not Path(python).is_relative_to(root)
    places = [*os.environ.get("PATH", "").split(os.pathsep), os.environ.get("PYENV_ROOT", "")]
    return all(os.path.isabs(place) and not Path(place).is_relative_to(root) for place in places if place)


def _current(
    project: Project, target: TargetEnvironment, settings: Settings, watch: StateWatch
) -> tuple[int, StateWatch] | None:
    """How many packages are in the project's lock, and `watch` with the files of the directories in it.

    None when there is no lock, or one that is not up to date.
    """
    try:
        with DplLockFile.open(project.lock) as lock:
            watch = watch.of_trees(project, lock)
            return (len(lock), watch) if is_current(lock, project, target, settings) else None
    except LockNotFound:
        return None


def up_to_date(lock: DplLockFile, project: Project, arguments: argparse.Namespace) -> bool:
    """Whether `lock` answers the project as it is now, for the target that the flags and the environment mean."""
    wanted = wanted_target(arguments)
    with settings_of(arguments, project) as settings:
        target = target_for(wanted, project, settings, SearchPlaces.from_environ(os.environ, sys.executable))
        return is_current(lock, project, target, settings)


def _text_for_git(path: str) -> str:
    """The lock at `path` as text. One that cannot be read is told in a line: `git log -p` shall not end there."""
    try:
        with DplLockFile.open(path) as lock:
            return describe_lock(lock.to_lock())
    except InvalidLock as error:
        return f"a lock that cannot be read: it {error.reason}\n"


def _lock_of(arguments: argparse.Namespace) -> Path:
    return project_of(arguments).lock if arguments.script is not None else lock_root(arguments) / LOCK_NAME
