"""`dxpy tree` with the engine: bring the lock up to date first, or ask for the newest versions."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, project_of, settings_of, upgraded_projects
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.trees import graph_of, lock_file, show, sizes_of
from dxpy_async.core.dependency_graphs import DependencyGraph
from dxpy_async.core.locks import Lock, SourceKind
from dxpy_async.core.names import ProjectName
from dxpy_async.engine.locking import LockOptions, read_lock
from dxpy_async.errors import LockNotFound
from dxpy_async.formats.dependency_trees import Notes

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_of(arguments)
    path = Path(lock_file(project))

    async def work(engine: Engine) -> tuple[DependencyGraph, dict[ProjectName, str]]:
        lock = read_lock(path) if arguments.frozen else await locked(engine)
        if lock is None:
            raise LockNotFound(str(path))
        graph = graph_of(lock, project, arguments)
        return graph, await engine.newest_versions(_of_indexes(graph)) if arguments.outdated else {}

    async def locked(engine: Engine) -> Lock:
        options = LockOptions(
            check=arguments.locked, upgrade=arguments.upgrade, upgrade_projects=upgraded_projects(arguments)
        )
        return (await engine.lock_project(project, options=options, on_event=on_event)).lock

    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:
        graph, latest = run_engine(settings, work)
    show(graph, Notes(sizes_of(graph, project, arguments), latest), arguments, output, file=str(path))
    return 0


def _of_indexes(graph: DependencyGraph) -> list[ProjectName]:
    """The projects of the graph that an index was asked for."""
    found = {release.name for release in graph.releases if release.source.kind is SourceKind.INDEX}
    return sorted(found.intersection(graph.names()))
