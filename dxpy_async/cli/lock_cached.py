"""`dxpy lock` when all that a resolution needs is in the cache: the lock is written without an event loop."""

from __future__ import annotations

import argparse
import os
import sys

from dxpy_async.cli.context import project_of, settings_of
from dxpy_async.cli.lines import event_printer
from dxpy_async.cli.locking import expect_no_garbage, lock_options, report_lock
from dxpy_async.cli.output import Output
from dxpy_async.engine.cached_locking import lock_from_cache
from dxpy_async.engine.targets import target_for
from dxpy_async.errors import InvalidLock
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    if arguments.merge is not None or arguments.pins_from or arguments.git_merge:
        return None
    expect_no_garbage()
    project, options = project_of(arguments), lock_options(arguments)
    with settings_of(arguments, project) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        target = target_for(options.target, project, settings, search)
        try:
            outcome = lock_from_cache(project, target, settings, options, on_event=event_printer(output))
        except InvalidLock:  # which may be a conflict that the next rung can solve
            return None
    if outcome is None:
        return None
    report_lock(outcome, output)
    return 0
