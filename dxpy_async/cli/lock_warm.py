"""`dxpy lock` when the lock is up to date already, and `dxpy lock --show`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from difflib import get_close_matches
from pathlib import Path

from dxpy_async.cli.context import project_of, project_root, settings_of
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.core.locks import Lock
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
    if arguments.show is not None:
        return _show(project_root(arguments), arguments.show, output)
    project = project_of(arguments)
    if arguments.upgrade or arguments.upgrade_package:
        return None
    path = project.root / LOCK_NAME
    if not path.exists():
        return None
    with DplLockFile.open(path) as lock:
        if not up_to_date(lock, project, arguments):
            return None
        output.say(f"Resolved {count(len(lock))} in {duration(time.perf_counter() - started)}")
    return 0


def up_to_date(lock: DplLockFile, project: Project, arguments: argparse.Namespace) -> bool:
    """Whether `lock` answers the project as it is now, for the Python that the flags and the environment mean."""
    with settings_of(arguments, project) as settings:
        interpreter = interpreter_for(project, settings, SearchPlaces.from_environ(os.environ, sys.executable))
        return why_stale(lock, project, interpreter.target, settings.indexes) is None


def _show(root: Path, name: str, output: Output) -> int:
    path = root / LOCK_NAME
    with DplLockFile.open(path) as file:
        if not name:
            output.data(describe_lock(file.to_lock()))
            return 0
        wanted = normalize(name)
        packages = file.lookup(wanted)
        if not packages:
            close = " or ".join(f"`{each}`" for each in get_close_matches(wanted, file.names()))
            hints = (f"did you mean {close}?",) if close else ("`dxpy lock --show` prints all that is in it",)
            raise UsageError(f"`{name}` is not in the lock `{path}`", hints=hints)
        output.data(describe_lock(Lock(packages=packages), only=wanted))
    return 0
