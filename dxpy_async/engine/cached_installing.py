"""Installing what waits for nothing: all facts in the cache and fresh, all wheels in the store. No event loop.

The same decisions as the engine's (`installing`), and the same solver, told from the cache alone. Whatever would have
to wait gives None before anything is changed, and the engine takes over.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.releases import CoreMetadata, ProjectPage, Unavailable
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.selection import Selection, select
from dxpy_async.core.settings import Settings
from dxpy_async.engine.afterwards import see_to_the_rest
from dxpy_async.engine.cached_locking import CachedFacts, WaitlessFacts, has_hashes, resolve_from_cache
from dxpy_async.engine.environment_choice import visible_sites
from dxpy_async.engine.events import Installing, Listener, Resolved, Warned
from dxpy_async.engine.hash_checking import require_pins
from dxpy_async.engine.install_options import Arrival, InstallOptions, InstallOutcome
from dxpy_async.engine.installed_releases import InstallView
from dxpy_async.engine.installing import (
    SEEDS,
    is_plain,
    nothing_to_install,
    preferred,
    requested_names,
    to_install,
    view_of,
)
from dxpy_async.engine.locating import finder_of_built, located
from dxpy_async.engine.locking import lock_question, locked_packages, resolution_options
from dxpy_async.engine.recalling import Recollection
from dxpy_async.engine.store_links import settle_links
from dxpy_async.engine.syncing import (
    SyncOutcome,
    SyncPlan,
    open_store,
    outcome_of,
    place_lock,
    plan_changes,
    reading_lock,
)
from dxpy_async.engine.warm import change_from_store
from dxpy_async.errors import FormatError
from dxpy_async.formats.dpl import DplLockFile, build_dpl
from dxpy_async.installer.inventory import Inventory, take_inventory
from dxpy_async.installer.transaction import Transaction
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.resolver.needs import Need, NeedMetadata, NeedPage
from dxpy_async.resolver.solver import Solver
from dxpy_async.store.store import Store


def install_from_cache(
    requirements: tuple[Requirement, ...],
    environment: VirtualEnvironment,
    settings: Settings,
    options: InstallOptions,
    *,
    on_event: Listener,
) -> InstallOutcome | None:
    """Install `requirements` into `environment` if that needs no waiting, else None, with the environment as it was.

    Forks to link, so only for single-threaded callers. Raises what the engine's installation does.
    """
    if (facts := CachedFacts.of(settings)) is None:
        return None
    store = open_store(settings)
    with ExitStack() as held:
        for guard in (None if options.dry_run else place_lock(environment), reading_lock(store)):
            if guard is not None:
                if not guard.try_acquire():
                    return None
                held.callback(guard.release)
        return _Installation(environment, settings, options, store, facts, on_event).run(requirements)


class _Installation:
    """One of them, the locks being held."""

    def __init__(
        self,
        environment: VirtualEnvironment,
        settings: Settings,
        options: InstallOptions,
        store: Store,
        facts: CachedFacts,
        on_event: Listener,
    ) -> None:
        self._environment, self._settings, self._options = environment, settings, options
        self._store, self._facts, self._on_event = store, facts, on_event

    def run(self, requirements: tuple[Requirement, ...]) -> InstallOutcome | None:
        environment, options = self._environment, self._options
        amendments = self._settings.resolution.amendments
        roots = LockedRoots(requirements=amendments.amend(requirements))
        inventory = take_inventory(visible_sites(environment))
        there = nothing_to_install(roots.requirements, inventory, environment, amendments, options)
        if there is not None:
            return InstallOutcome(changes=SyncOutcome(environment=environment.root, kept=len(there)), satisfied=there)
        if options.checks_hashes:
            require_pins(roots.requirements, amendments.constraints)
        try:
            lock = self._lock(roots, inventory)
        except FormatError:  # something in the cache is damaged, and the engine gets it anew
            return None
        if lock is None:
            return None
        selection = located(select(lock, self._target, builds=self._settings.builds), Path.cwd(), self._store.root)
        selection = to_install(selection, options)
        plan = self._changed(selection)
        if plan is None:
            return None
        changes = outcome_of(plan, environment, dry_run=options.dry_run)
        came = {name for name, _ in changes.installed}
        return InstallOutcome(
            changes=changes,
            arrivals=tuple(
                Arrival(
                    selected=item,
                    requested=item.package.name in selection.requested,
                    stored=plan.stored.get(item.package.name),
                )
                for item in selection.packages
                if item.package.name in came
            ),
            satisfied=tuple(
                inventory[name] for name in requested_names(roots) if name in inventory and name not in came
            ),
        )

    @property
    def _target(self) -> TargetEnvironment:
        return self._options.target or self._environment.interpreter.target

    def _lock(self, roots: LockedRoots, inventory: Inventory) -> Lock | None:
        """What is to be in the environment: as memory has it, where it may be remembered, or as the cache tells it."""
        started, now = time.perf_counter(), time.time()
        asked = resolution_options(self._settings, now=now, preferences=preferred(inventory, roots, self._options))
        plain, recollection = is_plain(inventory, self._options), Recollection(self._settings)
        question = lock_question("install", roots, self._target, asked, settings=self._settings, directories=b"")
        recalled = recollection.recall(question, now=now) if plain else None
        if recalled is not None and not recalled.doubtful:
            with DplLockFile(recalled.remembered.answer, file="a remembered lock", verify=False) as file:
                lock = file.to_lock()
            self._tell(lock, recalled.remembered.warnings, started, remembered=True)
            return lock
        facts: WaitlessFacts = self._facts
        if not plain:
            facts = _ViewedFacts(self._facts, view_of(inventory, self._options))
        solver = Solver(roots.requirements, target=self._target, options=asked, foresight=False)
        resolution = resolve_from_cache(solver, facts)
        if resolution is None:
            return None
        packages = locked_packages(resolution, self._facts.pages, asked.cutoffs)
        lock = Lock(roots=roots, environment=dict(self._target.markers), packages=packages)
        if not has_hashes(lock):
            return None
        if plain:
            data, pages, warnings = build_dpl(lock), self._facts.pages, resolution.warnings
            recollection.keep(question, data, count=len(packages), pages=pages, warnings=warnings)
        self._tell(lock, resolution.warnings, started, remembered=False)
        return lock

    def _tell(self, lock: Lock, warnings: tuple[str, ...], started: float, *, remembered: bool) -> None:
        self._on_event(Resolved(len(lock.packages), time.perf_counter() - started, remembered=remembered))
        for warning in warnings:
            self._on_event(Warned(warning))

    def _changed(self, selection: Selection) -> SyncPlan | None:
        """What was done, or would be; None when that takes something that the store has not got."""
        environment, settings, options, store = self._environment, self._settings, self._options, self._store

        def warn(text: str) -> None:
            self._on_event(Warned(text))

        transaction = Transaction(
            environment.scheme,
            link_mode=settings.link_mode,
            on_fallback=warn,
            allow_overwrites=settings.allow_overwrites,
        )
        if not options.dry_run:
            transaction.recover()
        plan = plan_changes(
            selection,
            environment,
            store,
            built=finder_of_built(store, settings, environment.interpreter),
            link_mode=settings.link_mode,
            exact=options.exact,
            allow_overwrites=settings.allow_overwrites,
            renew=[item.package.name for item in selection.packages] if options.reinstall else (),
            spare=SEEDS,
        )
        if plan.missing and not (options.dry_run and not options.with_wheels):
            return None
        if options.dry_run:
            return plan
        if not plan.changes.is_empty:
            self._on_event(Installing(len(plan.changes.coming)))
            changed = change_from_store(transaction, plan, environment, settings, store)
            if changed is None:
                return None
            plan = changed
        settle_links(plan, environment, settings, store)
        see_to_the_rest(plan, environment, store, settings, None, os.environ)
        return plan


class _ViewedFacts:
    """The facts of the cache, as `view` shows them."""

    def __init__(self, facts: CachedFacts, view: InstallView) -> None:
        self._facts, self._view = facts, view

    def answer(self, need: Need) -> ProjectPage | CoreMetadata | Unavailable | None:
        if (
            isinstance(need, NeedMetadata)
            and (known := self._view.installed_metadata(need.project, need.file)) is not None
        ):
            return known
        found = self._facts.answer(need)
        if isinstance(found, CoreMetadata):
            return self._view.bare(found)
        if not isinstance(need, NeedPage) or not isinstance(found, ProjectPage):
            return found
        page = self._view.page(need.project, found)
        assert isinstance(page, ProjectPage), "a page stays one"
        self._facts.pages[need.project] = page
        return page
