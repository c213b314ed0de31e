"""Locking that waits for nothing: every page and all metadata in the cache, and fresh. No event loop, no network.

The same solver as the engine's, told from the cache alone. The first answer that an index would have to give makes it
None, before anything is written, and the engine takes over.
"""

from __future__ import annotations

import time
from typing import Protocol

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, ProjectPage, Unavailable
from dxpy_async.core.settings import Settings
from dxpy_async.engine.events import Listener, Resolved, Warned
from dxpy_async.engine.locking import (
    LockOptions,
    LockOutcome,
    assemble_lock,
    begin_lock,
    finish_lock,
    project_question,
    root_requirements,
)
from dxpy_async.engine.recalling import Recollection
from dxpy_async.errors import FormatError, NoSolution
from dxpy_async.formats.dpl import build_dpl
from dxpy_async.index.http_cache import HttpCache
from dxpy_async.index.kept import KeptPages, kept_metadata
from dxpy_async.index.remote_index import RemoteIndex, remote_index
from dxpy_async.project.pyproject import Project
from dxpy_async.resolver.needs import Need, NeedMetadata, NeedPage
from dxpy_async.resolver.resolution import Resolution
from dxpy_async.resolver.solver import Solver


def lock_from_cache(
    project: Project, target: TargetEnvironment, settings: Settings, options: LockOptions, *, on_event: Listener
) -> LockOutcome | None:
    """Lock `project` for `target` if that needs no waiting, else None; what there is to complain of is left to others.

    Raises LockNotFound and StaleLock for a check that fails, and InvalidLock.
    """
    started = time.perf_counter()
    facts = CachedFacts.of(settings)
    if facts is None or project.is_told_by_backend:
        return None
    ahead = begin_lock(project, target, settings, options)
    if isinstance(ahead, LockOutcome):
        on_event(Resolved(len(ahead.lock.packages), time.perf_counter() - started))
        return ahead
    question = project_question(project, target, settings, options, ahead.preferences, now=time.time(), directories=b"")
    asked = question.options
    solver = Solver(
        root_requirements(question.roots),
        target=target,
        requires_python=project.requires_python,
        options=asked,
        foresight=False,
    )
    try:
        resolution = resolve_from_cache(solver, facts)
        if resolution is None:
            return None
        lock = assemble_lock(
            resolution, facts.pages, project=project, target=target, settings=settings, cutoffs=asked.cutoffs
        )
    except FormatError:  # something in the cache is damaged, and the engine gets it anew
        return None
    if not has_hashes(lock):
        return None
    on_event(Resolved(len(lock.packages), time.perf_counter() - started))
    for warning in resolution.warnings:
        on_event(Warned(warning))
    warnings = resolution.warnings
    if options.dry_run:
        return finish_lock(ahead, lock, b"", warnings, options)
    data = build_dpl(lock)
    Recollection(settings).keep(question, data, count=len(lock.packages), pages=facts.pages, warnings=warnings)
    return finish_lock(ahead, lock, data, warnings, options)


class CachedFacts:
    """Answers a solver's needs from the cache of one index, and keeps the pages for the lock."""

    def __init__(self, index: RemoteIndex, cache: HttpCache, pages: KeptPages) -> None:
        self._index, self._cache, self._kept = index, cache, pages
        self.pages: dict[ProjectName, ProjectPage] = {}

    @classmethod
    def of(cls, settings: Settings) -> CachedFacts | None:
        """Those for `settings`; None where more may have a say than the cache of one index.

        That an earlier index does not have a project is not kept, and directories are read by the engine.
        """
        indexes = settings.indexes
        if indexes.extra_index_urls or indexes.find_links or indexes.pinned or settings.bundle is not None:
            return None
        index, _ = remote_index(indexes.index_url)
        if index is None:
            return None
        cache = HttpCache(settings.cache_dir)
        return cls(index, cache, KeptPages(cache, now=time.time, network=settings.network))

    def answer(self, need: Need) -> ProjectPage | CoreMetadata | Unavailable | None:
        """What the cache knows; None when it does not, or it may not be used unasked."""
        if isinstance(need, NeedPage):
            page = self._kept.usable(self._index, need.project)
            if page is not None:
                self.pages[need.project] = page
            return page
        if isinstance(need, NeedMetadata):
            return kept_metadata(self._cache, need.file)
        return None


class WaitlessFacts(Protocol):
    """Answers what a solver needs; None where that would take waiting."""

    def answer(self, need: Need) -> ProjectPage | CoreMetadata | Unavailable | None: ...


def resolve_from_cache(solver: Solver, facts: WaitlessFacts) -> Resolution | None:
    """Run `solver` to its end; None when an answer is lacking, or there is no solution."""
    while needs := solver.needs():
        answer = facts.answer(needs[0])
        if answer is None:
            return None
        solver.tell(needs[0], answer)
    try:
        return solver.solution()
    except NoSolution:  # the engine finds out too, and looks for what was meant
        return None


def has_hashes(lock: Lock) -> bool:
    """Whether the index gave a sha256 for every wheel; else the engine computes those that are installed."""
    return all("sha256" in wheel.hashes for package in lock.packages for wheel in package.wheels)
