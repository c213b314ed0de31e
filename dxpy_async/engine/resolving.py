"""Driving the solver: it says what it lacks, tasks fetch that, and it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from packaging.version import Version

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.engine.events import Listener, Resolving
from dxpy_async.errors import DxpyError
from dxpy_async.resolver.needs import Answer, DirectCandidate, Need, NeedDirect, NeedMetadata, NeedPage
from dxpy_async.resolver.resolution import Resolution
from dxpy_async.resolver.solver import Solver

PREFETCH = 256
"""How many answers are under way at once, at the most; the index client bounds its connections itself."""


class Facts(Protocol):
    """Where a resolution gets its facts: indexes, or a test."""

    async def project_page(self, project: ProjectName) -> ProjectPage | Unavailable: ...

    async def core_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable: ...

    async def direct(self, project: ProjectName, url: str) -> DirectCandidate | Unavailable: ...


Watcher = Callable[[Solver], None]
"""Called whenever a solver was told something and has gone on."""


def look_away(solver: Solver) -> None:
    """The watcher of those who wait for the answer."""


async def resolve(solver: Solver, facts: Facts, on_event: Listener, watcher: Watcher = look_away) -> Resolution:
    """Run `solver` to its end with answers from `facts`.

    Every answer is told when it arrives, so that the solver sees further ahead; what it decides does not depend on
    that order. A fetch that fails does so only if its answer turns out to be the one that the solver waits for.
    Raises NoSolution, or what `facts` raised.
    """
    arrived: asyncio.Queue[tuple[Need, Answer | DxpyError]] = asyncio.Queue()
    asked: dict[Need, asyncio.Task[None]] = {}
    failed: dict[Need, DxpyError] = {}
    told = 0

    async def fetch(need: Need) -> None:
        try:
            arrived.put_nowait((need, await _answer(facts, need)))
        except DxpyError as error:
            arrived.put_nowait((need, error))

    async with asyncio.TaskGroup() as tasks:
        try:
            while needs := solver.needs():
                if needs[0] in failed:
                    raise failed[needs[0]]
                watcher(solver)
                room = PREFETCH - (len(asked) - told - len(failed))
                for need in (needs[0], *needs[1 : max(room, 1)]):
                    if need not in asked:
                        asked[need] = tasks.create_task(fetch(need))
                batch = [await arrived.get()]
                while not arrived.empty():
                    batch.append(arrived.get_nowait())
                for need, answer in batch:
                    if isinstance(answer, DxpyError):
                        failed[need] = answer
                    else:
                        told += 1
                        solver.tell(need, answer)
                on_event(Resolving(pages=told, pinned=solver.decided))
        finally:
            for task in asked.values():
                task.cancel()  # prefetches that turned out not to matter
    return solver.solution()


async def _answer(facts: Facts, need: Need) -> Answer:
    match need:
        case NeedPage(project):
            return await facts.project_page(project)
        case NeedMetadata(project, version, file):
            return await facts.core_metadata(project, version, file)
        case NeedDirect(project, url):
            return await facts.direct(project, url)
