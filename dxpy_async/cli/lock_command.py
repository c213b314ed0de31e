"""`dxpy lock` with the engine: resolve the project and write the lock."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dxpy_async.cli import load
from dxpy_async.cli.context import listener, project_of, settings_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.git import conflicting_sides
from dxpy_async.cli.locking import lock_options, report_lock, say_differences
from dxpy_async.cli.output import Output
from dxpy_async.core.lock_merging import LockSides, merged_pins
from dxpy_async.core.locks import Lock
from dxpy_async.core.pins import WantedPin
from dxpy_async.engine.locking import LockOptions, LockOutcome, read_lock
from dxpy_async.errors import InvalidLock, LockError, LockNotFound, UsageError
from dxpy_async.formats.dpl import DplLockFile, build_dpl
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.workspaces import open_project

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    if arguments.git_merge:
        return _merge_for_git(arguments, output)
    project = project_of(arguments)
    path = project.lock
    file = arguments.pins_from
    words = load("pin_words") if file is not None else None  # which loads the readers of other tools' locks
    pins: tuple[WantedPin, ...] = words.foreign_pins(file, output) if words is not None else ()
    sides = _sides_to_merge(arguments, path, output) if not pins else None
    if sides is not None:
        pins = tuple(WantedPin(name, version) for name, version in merged_pins(sides).items())
    outcome = _lock(project, lock_options(arguments, pins=pins, anew=sides is not None), arguments, output)
    report_lock(outcome, output, earlier=None if sides is None else sides.ours)
    if words is not None:
        words.say_what_was_kept(file, pins, outcome.lock, output)
    return 0


def _lock(project: Project, options: LockOptions, arguments: argparse.Namespace, output: Output) -> LockOutcome:
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> LockOutcome:
            return await engine.lock_project(project, options=options, on_event=on_event)

        return run_engine(settings, work)


def _sides_to_merge(arguments: argparse.Namespace, path: Path, output: Output) -> LockSides | None:
    """The two locks whose pins count, if the flags name two or git has two for a lock that cannot be read."""
    if arguments.merge:
        if len(arguments.merge) != 2:
            raise UsageError(
                "`--merge` takes the paths of two locks",
                hints=("in the middle of a git merge, it needs none: `dxpy lock --merge`",),
            )
        ours, theirs = (_existing_lock(Path(each)) for each in arguments.merge)
        return LockSides(ours, theirs)
    if arguments.merge is not None:
        sides = _sides_in_git(path)
        if sides is None:
            raise LockError(
                f"git has no two sides of `{path}` to merge",
                hints=("name the two locks: `dxpy lock --merge OURS THEIRS`",),
            )
        return sides
    if arguments.check:
        return None
    try:
        read_lock(path)
    except InvalidLock as error:
        sides = _sides_in_git(path)
        if sides is None:
            raise
        output.warn(f"`{path}` {error.reason}; git has both sides of it, their pins are kept where they fit")
        return sides
    return None


def _existing_lock(path: Path) -> Lock:
    lock = read_lock(path)
    if lock is None:
        raise LockNotFound(str(path))
    return lock


def _sides_in_git(path: Path) -> LockSides | None:
    found = conflicting_sides(path)
    if found is None:
        return None
    base, ours, theirs = found
    return LockSides(
        _parsed(ours, f"{path} (ours)"),
        _parsed(theirs, f"{path} (theirs)"),
        _parsed(base, f"{path} (base)") if base else None,
    )


def _parsed(data: bytes, name: str) -> Lock:
    with DplLockFile(data, file=name) as lock:
        return lock.to_lock()


def _merge_for_git(arguments: argparse.Namespace, output: Output) -> int:
    """What git asks a merge driver: put the merge of three files into the second; a failure leaves it as a conflict."""
    base, ours, theirs, place = map(Path, arguments.git_merge)
    sides = LockSides(
        _existing_lock(ours), _existing_lock(theirs), _existing_lock(base) if base.stat().st_size else None
    )
    project = open_project((Path.cwd() / place).parent)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> Lock:
            return await engine.merge_locks(project.root, sides, on_event=on_event)

        merged = run_engine(settings, work)
    replace_file(ours, build_dpl(merged))
    say_differences(sides.ours, merged, output)
    return 0
