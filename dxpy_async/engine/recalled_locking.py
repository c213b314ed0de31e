"""Locking from memory: the same was locked before, and every page that rests on is in the cache, and fresh.

No solver, no page opened, no event loop, no network. Any doubt gives None, before anything is written.
"""

from __future__ import annotations

import time

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.settings import Settings
from dxpy_async.engine.events import Listener, Resolved, Warned
from dxpy_async.engine.locking import LockOptions, LockOutcome, begin_lock, finish_lock, project_question
from dxpy_async.engine.recalling import Recollection
from dxpy_async.errors import FormatError
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.project.pyproject import Project


def lock_from_memory(
    project: Project, target: TargetEnvironment, settings: Settings, options: LockOptions, *, on_event: Listener
) -> LockOutcome | None:
    """Lock `project` for `target` if memory knows how, without asking anybody; else None.

    Raises LockNotFound and StaleLock for a check that fails, and InvalidLock.
    """
    started = time.perf_counter()
    if settings.indexes.find_links:  # what lies there is read by the engine
        return None
    ahead = begin_lock(project, target, settings, options)
    if isinstance(ahead, LockOutcome):
        on_event(Resolved(len(ahead.lock.packages), time.perf_counter() - started))
        return ahead
    now = time.time()
    question = project_question(project, target, settings, options, ahead.preferences, now=now, directories=b"")
    recalled = Recollection(settings).recall(question, now=now)
    if recalled is None or recalled.doubtful:
        return None
    data, warnings = recalled.remembered.answer, recalled.remembered.warnings
    try:
        with DplLockFile(data, file="a remembered lock", verify=False) as file:
            lock = file.to_lock()
    except FormatError:  # written by another dxpy of the same version
        return None
    on_event(Resolved(len(lock.packages), time.perf_counter() - started, remembered=True))
    for warning in warnings:
        on_event(Warned(warning))
    return finish_lock(ahead, lock, data, warnings, options)
