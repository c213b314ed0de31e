"""Driving the solver: it says what it lacks, tasks fetch that, and it is told in its own order."""

from __future__ import annotations

import asyncio
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
"""How many answers are fetched at once, at the most; the index client bounds its connections itself."""


class Facts(Protocol):
    """Where a resolution gets its facts: indexes, or a test."""

    async def project_page(self, project: ProjectName) -> ProjectPage | Unavailable: ...

    async def core_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable: ...

    async def direct(self, project: ProjectName, url: str) -> DirectCandidate | Unavailable: ...


async def resolve(solver: Solver, facts: Facts, on_event: Listener) -> Resolution:
    """Run `solver` to its end with answers from `facts`.

    Facts are told in the order in which the solver asks, so arrival order cannot change the answer. A prefetch that
    fails does so only if its answer turns out to be needed. Raises NoSolution, or what `facts` raised for a needed one.
    """
    asked: dict[Need, asyncio.Task[Answer | DxpyError]] = {}
    told = 0
    async with asyncio.TaskGroup() as tasks:
        while needs := solver.needs():
            waiting = len(asked) - told
            for need in (needs[0], *needs[1 : max(PREFETCH - waiting, 1)]):
                if need not in asked:
                    asked[need] = tasks.create_task(_outcome(facts, need))
            answer = await asked[needs[0]]
            if isinstance(answer, DxpyError):
                for task in asked.values():
                    task.cancel()
                raise answer
            told += 1
            solver.tell(needs[0], answer)
            on_event(Resolving(pages=told, pinned=solver.decided))
        for task in asked.values():
            task.cancel()
    return solver.solution()


async def _outcome(facts: Facts, need: Need) -> Answer | DxpyError:
    try:
        match need:
            case NeedPage(project):
                return await facts.project_page(project)
            case NeedMetadata(project, version, file):
                return await facts.core_metadata(project, version, file)
            case NeedDirect(project, url):
                return await facts.direct(project, url)
    except DxpyError as error:
        return error
