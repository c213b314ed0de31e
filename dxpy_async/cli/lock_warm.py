"""`dxpy lock` when the lock is up to date already, and `dxpy lock --show`."""

from __future__ import annotations

import argparse
import os
import sys
import time

from dxpy_async.cli.context import project_of, settings_of
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.core.names import normalize
from dxpy_async.core.places import LOCK_NAME
from dxpy_async.engine.locking import why_stale
from dxpy_async.engine.syncing import interpreter_for
from dxpy_async.errors import UsageError
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.formats.lock_text import describe_lock
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    started = time.perf_counter()
    project = project_of(arguments)
    if arguments.show is not None:
        return _show(project, arguments.show, output)
    path = project.root / LOCK_NAME
    if arguments.upgrade or arguments.upgrade_package or not path.exists():
        return None
    with settings_of(arguments, project) as settings, DplLockFile.open(path) as lock:
        interpreter = interpreter_for(project, settings, SearchPlaces.from_environ(os.environ, sys.executable))
        if why_stale(lock, project, interpreter.target, settings.indexes) is not None:
            return None
        output.say(f"Resolved {count(len(lock))} in {duration(time.perf_counter() - started)}")
    return 0


def _show(project: Project, name: str, output: Output) -> int:
    path = project.root / LOCK_NAME
    with DplLockFile.open(path) as opened:
        lock = opened.to_lock()
    packages = [package for package in lock.packages if not name or package.name == normalize(name)]
    if not packages and name:
        raise UsageError(f"`{name}` is not in the lock `{path}`")
    output.data(describe_lock(lock, only=normalize(name) if name else None))
    return 0
