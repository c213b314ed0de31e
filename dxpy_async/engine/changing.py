"""Changing one environment: what is missing fetched and built, all of it linked, or nothing changed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from dxpy_async.core.names import ProjectName
from dxpy_async.core.selection import Selected, Selection
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.afterwards import see_to_the_rest
from dxpy_async.engine.events import Installing, Linked, Listener, Prepared, Preparing, Warned
from dxpy_async.engine.fetching import Fetcher
from dxpy_async.engine.locating import FindBuilt
from dxpy_async.engine.replaying import Sketch
from dxpy_async.engine.store_links import prepare_links, settle_links
from dxpy_async.engine.syncing import SyncOutcome, SyncPlan, check_identity, finish, outcome_of, plan_changes, stage
from dxpy_async.engine.trees import Trees
from dxpy_async.errors import DamagedEntry
from dxpy_async.installer.transaction import Transaction
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.store.store import Store, StoredWheel

P = ParamSpec("P")
T = TypeVar("T")

_TRIES = 3
"""How often a wheel is fetched that turns out to be damaged when it is about to be linked."""

_LINKING_AT_ONCE = 1
"""Threads that link while other wheels are fetched: more of them only take the interpreter's lock from one another."""

Sketching = Callable[[SyncPlan, VirtualEnvironment], Sketch | None]
"""Gives what to keep of a change as a blueprint, if anything."""


def sketch_nothing(plan: SyncPlan, environment: VirtualEnvironment) -> None:
    """For what nobody will look for a blueprint of."""


class InThread(Protocol):
    """Runs something that blocks in a thread, and waits for it."""

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]: ...


class Changing:
    """One change of `environment`, whose lock is held."""

    def __init__(
        self,
        environment: VirtualEnvironment,
        *,
        settings: Settings,
        store: Store,
        fetcher: Fetcher,
        trees: Trees,
        in_thread: InThread,
        on_event: Listener,
    ) -> None:
        self._environment, self._settings, self._store = environment, settings, store
        self._fetcher, self._trees = fetcher, trees
        self._in_thread, self._on_event = in_thread, on_event
        self._linking = asyncio.Semaphore(_LINKING_AT_ONCE)
        self._brought: dict[ProjectName, StoredWheel] = {}
        """What has come into the store just now, before it was planned what is linked to it."""
        self._known_whole: set[str] = set()
        """The keys of entries in which nobody can have changed a file since they were last looked at."""

    async def bring(
        self,
        selection: Selection,
        *,
        exact: bool,
        built: FindBuilt,
        sketched: Sketching = sketch_nothing,
        renew: Collection[ProjectName] = (),
        spare: Collection[ProjectName] = (),
    ) -> SyncOutcome:
        """Let the environment hold `selection`, and nothing else when `exact`; on failure it is as before.

        `built` finds the wheels of what was built before. What is in `renew` is installed again, whatever is there,
        and what is in `spare` stays, whether it is wanted or not.
        """
        environment, settings, store = self._environment, self._settings, self._store
        transaction = Transaction(
            environment.scheme,
            link_mode=settings.link_mode,
            on_fallback=self._warn_from_thread(),
            allow_overwrites=settings.allow_overwrites,
        )
        await self._in_thread(transaction.recover)
        planning = partial(
            plan_changes,
            selection,
            environment,
            store,
            built=built,
            brought=self._brought,
            link_mode=settings.link_mode,
            exact=exact,
            allow_overwrites=settings.allow_overwrites,
            renew=renew,
            spare=spare,
        )
        plan = await self._in_thread(planning)
        if settings.link_mode is LinkMode.SYMLINK or settings.compile_bytecode:
            plan = await self._prepared(plan, planning)
        if plan.changes.is_empty:
            await self._in_thread(settle_links, plan, environment, settings, store)
            return outcome_of(plan, environment)
        try:
            outcome = await self._carry_out(transaction, plan)
        except BaseException:
            await self._in_thread(transaction.rollback)
            raise
        await self._in_thread(settle_links, plan, environment, settings, store)
        sketch = sketched(plan, environment)
        await self._in_thread(see_to_the_rest, plan, environment, store, settings, sketch, os.environ)
        return outcome

    async def _prepared(self, plan: SyncPlan, planning: Callable[[], SyncPlan]) -> SyncPlan:
        """A plan whose wheels are in the store, all of them ready, for links that are cut by what all of them have."""

        async def go_on(item: Selected, stored: StoredWheel) -> None:
            self._brought[item.package.name] = check_identity(item, stored)
            self._known_whole.add(stored.manifest.blake3)

        preparing = partial(
            prepare_links,
            environment=self._environment,
            settings=self._settings,
            store=self._store,
            known_whole=self._known_whole,
        )
        for remaining in reversed(range(_TRIES)):
            if plan.missing:
                self._on_event(Preparing(files=len(plan.missing), size=sum(item.size or 0 for item in plan.missing)))
                started = time.perf_counter()
                await self._fetcher.fetch_all(plan.missing, go_on, self._trees.wheel, self._on_event)
                self._on_event(Prepared(len(plan.missing), time.perf_counter() - started))
                plan = await self._in_thread(planning)
            try:
                plan = await self._in_thread(partial(preparing, plan, environ=os.environ))
            except DamagedEntry as error:
                if not remaining:
                    raise
                self._on_event(Warned(f"{error}; it is fetched again"))
                for stored in plan.stored.values():
                    if stored.manifest.blake3 == error.key:
                        self._brought.pop(stored.manifest.name, None)
                        await self._in_thread(self._store.quarantine, stored)
                plan = await self._in_thread(planning)
            else:
                if self._settings.link_mode is LinkMode.SYMLINK:  # for which all files have been looked at
                    self._known_whole.update(stored.manifest.blake3 for stored in plan.stored.values())
                return plan
        raise AssertionError("the last try returns or raises")

    async def _carry_out(self, transaction: Transaction, plan: SyncPlan) -> SyncOutcome:
        """Fetch what is missing, and link each distribution once it is stored; make all of it visible at the end."""
        started = last_stored = time.perf_counter()
        built: dict[ProjectName, StoredWheel] = {}

        async def link(item: Selected, stored: StoredWheel) -> None:
            nonlocal last_stored
            last_stored = time.perf_counter()
            built[item.package.name] = stored
            now = item if item.tree is None else await self._in_thread(self._trees.as_built, item)
            async with self._linking:
                await self._in_thread(stage, transaction, plan, now, check_identity(item, stored))
            self._on_event(Linked(item.package.name, stored.manifest.version))

        async def link_stored() -> None:
            for item in plan.selection.packages:
                if (stored := plan.stored.get(item.package.name)) is not None:
                    await link(item, await self._whole(item, stored))

        if plan.missing:
            self._on_event(Preparing(files=len(plan.missing), size=sum(item.size or 0 for item in plan.missing)))
        self._on_event(Installing(len(plan.changes.coming)))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(link_stored())
            if plan.missing:
                await self._fetcher.fetch_all(plan.missing, link, self._trees.wheel, self._on_event)
        self._on_event(Prepared(len(plan.missing), last_stored - started))
        await self._in_thread(finish, transaction, plan)
        return outcome_of(plan, self._environment, built=built, seconds=time.perf_counter() - last_stored)

    async def _whole(self, item: Selected, stored: StoredWheel) -> StoredWheel:
        """`stored`, fetched again if a file of it was changed: found before anything of it is linked, not halfway."""
        if stored.manifest.blake3 in self._known_whole or await self._in_thread(self._store.check, stored):
            return stored
        self._on_event(Warned(f"the store's copy of `{stored.manifest.filename}` was changed; it is fetched again"))
        await self._in_thread(self._store.quarantine, stored)
        if item.is_built:
            return await self._trees.wheel(item, self._on_event)
        assert item.file is not None, "a wheel is a file"
        return await self._fetcher.fetch(item.file, on_event=self._on_event)

    def _warn_from_thread(self) -> Callable[[str], None]:
        """What warns on the loop's thread, to be called from any."""
        loop = asyncio.get_running_loop()

        def warn(message: str) -> None:
            loop.call_soon_threadsafe(self._on_event, Warned(message))

        return warn
