"""`dxpy tree` from a lock that is up to date, or is taken as it is."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from dxpy_async.cli.context import project_of, wants_upgrade
from dxpy_async.cli.lock_warm import up_to_date
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.cli.trees import graph_of, lock_file, show, sizes_of
from dxpy_async.formats.dependency_trees import Notes
from dxpy_async.formats.dpl import DplLockFile


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    started = time.perf_counter()
    project = project_of(arguments)
    path = Path(lock_file(project))
    if arguments.outdated or wants_upgrade(arguments) or (not path.exists() and not arguments.frozen):
        return None
    with DplLockFile.open(path) as lock:
        if not arguments.frozen:
            if not up_to_date(lock, project, arguments):
                return None
            output.say(f"Resolved {count(len(lock))} in {duration(time.perf_counter() - started)}")
        graph = graph_of(lock, project, arguments)
        show(graph, Notes(sizes_of(graph, project, arguments)), arguments, output, file=str(path))
    return 0
