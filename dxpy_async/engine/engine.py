"""The engine: one awaitable method per operation, safe to run many at once in one event loop.

Every operation is one task group; cancelling it at any await leaves locks released, no half-written file, and the
environment as it was or as it should be. Blocking file work goes to threads, unpacking to worker processes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from packaging.version import Version

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import Lock, LockedPackage, LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.selection import Selected, Selection
from dxpy_async.core.settings import Settings
from dxpy_async.core.wheel_names import best_wheel
from dxpy_async.engine.events import (
    Finished,
    Installing,
    Linked,
    Listener,
    Prepared,
    Resolved,
    Waiting,
    Warned,
    ignore,
)
from dxpy_async.engine.facts import IndexFacts
from dxpy_async.engine.fetching import ByteBudget, Fetcher
from dxpy_async.engine.locking import LOCK_NAME, assemble_lock, read_lock, root_requirements, why_stale, write_lock
from dxpy_async.engine.resolving import resolve
from dxpy_async.engine.syncing import (
    ENVIRONMENT_NAME,
    LockMode,
    SyncOptions,
    SyncOutcome,
    SyncPlan,
    check_identity,
    environment_for,
    interpreter_for,
    plan_changes,
    record_state,
    select_packages,
)
from dxpy_async.engine.threads import run_to_end
from dxpy_async.engine.workers import WorkerPool
from dxpy_async.errors import DxpyError, LockNotFound, StaleLock
from dxpy_async.index.client import IndexClient
from dxpy_async.installer.transaction import Transaction
from dxpy_async.project.pyproject import Project, read_project
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.solver import Resolution, Solver
from dxpy_async.store.locks import FileLock
from dxpy_async.store.store import Store, StoredWheel

LOCK_POLL_SECONDS = 0.05
UNPACK_WORKERS = 2
FILE_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """What locking came to. `changed` tells whether the file was written; `path` is where it is."""

    lock: Lock
    path: Path
    changed: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """How to lock. `upgrade` forgets every earlier pin, `upgrade_projects` those of some; `check` only compares."""

    upgrade: bool = False
    upgrade_projects: tuple[ProjectName, ...] = ()
    check: bool = False
    dry_run: bool = False


class Engine:
    """Resolves, locks, syncs and installs. Made once, used for any number of operations, also at the same time.

        async with Engine(settings) as engine:
            outcome = await engine.sync(Path("my-project"))

    All methods take `on_event`, called with typed progress (see `engine.events`; an `EventStream` makes an async
    iterator of it), raise `DxpyError` leaves, never exception groups, and can be cancelled at any await.
    """

    def __init__(self, settings: Settings, *, search: SearchPlaces | None = None) -> None:
        self._settings = settings
        self._search = search or SearchPlaces.from_environ(os.environ, sys.executable)
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        settings = self._settings
        async with AsyncExitStack() as exits:
            self._store = Store(settings.cache_dir)
            self._threads = exits.enter_context(ThreadPoolExecutor(FILE_THREADS, "dxpy"))
            self._client = await exits.enter_async_context(
                IndexClient(
                    indexes=settings.indexes,
                    network=settings.network,
                    cache_dir=settings.cache_dir,
                    now=time.time,
                    base_directory=Path.cwd(),
                )
            )
            workers = await exits.enter_async_context(WorkerPool(UNPACK_WORKERS))
            budget = ByteBudget(settings.network.bytes_in_flight)
            self._fetcher = Fetcher(self._client, self._store, workers, budget)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    # Resolving and locking

    async def resolve(
        self,
        requirements: Sequence[str | Requirement],
        *,
        target: TargetEnvironment,
        requires_python: str = "",
        preferences: Mapping[ProjectName, Version] | None = None,
        on_event: Listener = ignore,
    ) -> Resolution:
        """The releases that satisfy `requirements` in an environment like `target`; prefers `preferences` where they fit.

        Raises NoSolution with the reasons in words.
        """
        async with self._operation(on_event):
            parsed = tuple(parse_requirement(each) if isinstance(each, str) else each for each in requirements)
            facts = IndexFacts(self._client, self._fetcher, on_event)
            options = ResolutionOptions(preferences=preferences or {})
            return await self._resolve(parsed, facts, target, requires_python, options, "what you ask for", on_event)

    async def _resolve(
        self,
        requirements: Sequence[Requirement],
        facts: IndexFacts,
        target: TargetEnvironment,
        requires_python: str,
        options: ResolutionOptions,
        root_name: str,
        on_event: Listener,
    ) -> Resolution:
        started = time.perf_counter()
        solver = Solver(
            requirements, target=target, requires_python=requires_python, options=options, root_name=root_name
        )
        resolution = await resolve(solver, facts, on_event)
        on_event(Resolved(len(resolution.pins), time.perf_counter() - started))
        for warning in resolution.warnings:
            on_event(Warned(warning))
        return resolution

    async def lock(
        self, directory: Path, *, options: LockOptions = LockOptions(), on_event: Listener = ignore
    ) -> LockOutcome:
        """Bring the lock of the project in `directory` up to date. With `check`, raise StaleLock instead of changing it.

        Pins of an earlier lock stay where they still fit. A lock that is up to date is not touched and asks no index.
        """
        async with self._operation(on_event):
            project = read_project(directory)
            interpreter = await self._in_thread(interpreter_for, project, self._settings, self._search)
            return await self._lock(project, interpreter.target, options, on_event)

    async def _lock(
        self, project: Project, target: TargetEnvironment, options: LockOptions, on_event: Listener
    ) -> LockOutcome:
        started = time.perf_counter()
        path = project.root / LOCK_NAME
        earlier = read_lock(path)
        upgrading = options.upgrade or bool(options.upgrade_projects)
        reason = f"there is no lock at `{path}`"
        if earlier is not None:
            stale = why_stale(earlier, project, target, self._settings.indexes)
            if stale is None and not upgrading:
                on_event(Resolved(len(earlier.packages), time.perf_counter() - started))
                return LockOutcome(lock=earlier, path=path, changed=False)
            reason = stale or "an upgrade was asked for"
        if options.check and earlier is None:
            raise LockNotFound(str(path))
        if options.check and not upgrading:
            raise StaleLock(str(path), reason)
        lock, warnings = await self._resolve_lock(project, target, earlier, options, on_event)
        if options.check and lock != earlier:
            raise StaleLock(str(path), "newer versions are there")
        changed = lock != earlier if options.dry_run else write_lock(path, lock)
        return LockOutcome(lock=lock, path=path, changed=changed, warnings=warnings)

    async def _resolve_lock(
        self,
        project: Project,
        target: TargetEnvironment,
        earlier: Lock | None,
        options: LockOptions,
        on_event: Listener,
    ) -> tuple[Lock, tuple[str, ...]]:
        facts = IndexFacts(self._client, self._fetcher, on_event)
        pins = {} if earlier is None or options.upgrade else preferences_of(earlier, options.upgrade_projects)
        roots = root_requirements(project.roots)
        resolution = await self._resolve(
            roots,
            facts,
            target,
            project.requires_python,
            ResolutionOptions(preferences=pins),
            project.name or "your project",
            on_event,
        )
        lock = assemble_lock(
            resolution, facts.pages, project=project, target=target, indexes=self._settings.indexes
        )
        return await self._with_hashes(lock, target, on_event), resolution.warnings

    async def _with_hashes(self, lock: Lock, target: TargetEnvironment, on_event: Listener) -> Lock:
        """`lock` with a sha256 for every wheel that `target` would install; where the index has none, it is computed."""

        async def completed(package: LockedPackage) -> LockedPackage:
            wheel = best_wheel(package.wheels, target.tag_ranks)
            if wheel is None or "sha256" in wheel.hashes:
                return package
            stored = await self._fetcher.fetch(wheel, origin=package.source.url, on_event=on_event)
            hashed = replace(
                wheel, hashes={**wheel.hashes, "sha256": stored.manifest.sha256}, size=stored.manifest.size
            )
            return replace(package, wheels=tuple(hashed if each is wheel else each for each in package.wheels))

        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(completed(package)) for package in lock.packages]
        return replace(lock, packages=tuple(task.result() for task in running))

    # Syncing and installing

    async def sync(
        self,
        directory: Path,
        *,
        options: SyncOptions = SyncOptions(),
        state_facts: Mapping[str, str] | None = None,
        on_event: Listener = ignore,
    ) -> SyncOutcome:
        """Make the environment of the project in `directory` hold what its lock says, locking first where needed.

        `state_facts` are recorded in the environment for the path that finds nothing changed (see `installer.state`).
        """
        async with self._operation(on_event):
            watch = StateWatch.begin(directory)
            project = read_project(directory)
            interpreter = await self._in_thread(interpreter_for, project, self._settings, self._search)
            lock = await self._lock_for_sync(project, interpreter.target, options, on_event)
            selection = select_packages(lock, project, interpreter.target, options)
            async with self._environment(project, interpreter, options, on_event) as environment:
                outcome = await self._change(environment, selection, options, on_event)
                if not options.dry_run and state_facts is not None:
                    record_state(environment, state_facts, watch, len(selection.packages))
            return outcome

    async def _lock_for_sync(
        self, project: Project, target: TargetEnvironment, options: SyncOptions, on_event: Listener
    ) -> Lock:
        if options.lock_mode is LockMode.FROZEN:
            return require_lock(project, target)
        locking = LockOptions(check=options.lock_mode is LockMode.LOCKED, dry_run=options.dry_run)
        return (await self._lock(project, target, locking, on_event)).lock

    async def install(
        self,
        requirements: Sequence[str | Requirement],
        *,
        environment: VirtualEnvironment,
        on_event: Listener = ignore,
    ) -> SyncOutcome:
        """Resolve `requirements` for `environment` and install what is missing there; nothing else is removed."""
        async with self._operation(on_event):
            target = environment.interpreter.target
            parsed = tuple(parse_requirement(each) if isinstance(each, str) else each for each in requirements)
            facts = IndexFacts(self._client, self._fetcher, on_event)
            options = ResolutionOptions(preferences=installed_versions(environment))
            resolution = await self._resolve(parsed, facts, target, "", options, "what you ask for", on_event)
            lock = Lock(
                roots=LockedRoots(requirements=parsed),
                environment=dict(target.markers),
                packages=locked_packages(resolution, facts.pages),
            )
            lock = await self._with_hashes(lock, target, on_event)
            selection = select(lock, target)
            async with self._locked(environment.root, on_event):
                return await self._change(environment, selection, SyncOptions(exact=False), on_event)

    async def _change(
        self, environment: VirtualEnvironment | None, selection: Selection, options: SyncOptions, on_event: Listener
    ) -> SyncOutcome:
        """Bring `environment` (None: one that a dry run did not make) to hold `selection`. Holds its lock already."""
        transaction = None
        if environment is not None:
            transaction = Transaction(
                environment.scheme,
                link_mode=self._settings.link_mode,
                on_fallback=lambda message: on_event(Warned(message)),
            )
            if not options.dry_run:
                await self._in_thread(transaction.recover)
        plan = await self._in_thread(plan_changes, selection, environment, self._store, exact=options.exact)
        if transaction is None or options.dry_run or plan.changes.is_empty:
            return SyncOutcome.of(plan, dry_run=options.dry_run)
        try:
            await self._carry_out(transaction, plan, on_event)
        except BaseException:
            await self._in_thread(transaction.rollback)
            raise
        return SyncOutcome.of(plan, dry_run=False)

    async def _carry_out(self, transaction: Transaction, plan: SyncPlan, on_event: Listener) -> None:
        """Fetch what is missing, and link each distribution as soon as it is stored; make all of it visible at the end."""
        started = time.perf_counter()
        loop = asyncio.get_running_loop()

        def linked(item: Selected) -> None:
            loop.call_soon_threadsafe(on_event, Linked(item.package.name, item.package.version))

        async def stage(item: Selected, stored: StoredWheel) -> None:
            await self._in_thread(stage_package, transaction, plan, item, check_identity(item, stored))
            on_event(Linked(item.package.name, item.package.version))

        on_event(Installing(len(plan.stored) + len(plan.missing)))
        async with asyncio.TaskGroup() as tasks:
            if plan.missing:
                tasks.create_task(self._fetcher.fetch_all(plan.missing, stage, on_event))
            tasks.create_task(self._in_thread(stage_stored, transaction, plan, linked))
        on_event(Prepared(len(plan.missing), time.perf_counter() - started))
        await self._in_thread(finish, transaction, plan)

    # Shared by all operations

    @asynccontextmanager
    async def _operation(self, on_event: Listener) -> AsyncIterator[None]:
        """One operation: its failures come out as the first error itself, and `Finished` is told in any case."""
        try:
            yield
        except BaseExceptionGroup as group:
            raise first_error(group) from None
        finally:
            on_event(Finished())
