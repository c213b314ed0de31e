"""A sync that waits for nothing: lock up to date, every wheel in the store. No event loop, no network, no threads.

The same cores as the engine's, called in a row. Whatever would have to wait (a stale lock, a missing wheel, somebody
else at work in the environment) gives None before anything is touched, and the engine takes over.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

from dxpy_async.core.selection import Selection
from dxpy_async.core.settings import Settings
from dxpy_async.engine.afterwards import see_to_the_rest
from dxpy_async.engine.events import Installing, Listener, Resolved, Warned
from dxpy_async.engine.locating import FindBuilt, finder_of_built
from dxpy_async.engine.locking import why_stale
from dxpy_async.engine.own_project import is_recordable
from dxpy_async.engine.replaying import sketch_of
from dxpy_async.engine.store_links import prepare_links, settle_links
from dxpy_async.engine.sync_options import LockMode, SyncOptions
from dxpy_async.engine.syncing import (
    SyncOutcome,
    SyncPlan,
    environment_lock,
    find_environment,
    finish,
    make_environment,
    open_store,
    outcome_of,
    plan_changes,
    reading_lock,
    record_sync,
    require_match,
    select_packages,
    stage_all,
)
from dxpy_async.engine.targets import interpreter_for
from dxpy_async.engine.tree_changes import has_untold
from dxpy_async.engine.watching import Held, StateWatch
from dxpy_async.errors import DamagedEntry
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.installer.transaction import Transaction
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces
from dxpy_async.store.store import Store


def sync_from_store(
    project: Project,
    settings: Settings,
    options: SyncOptions,
    *,
    watch: StateWatch,
    state_facts: Mapping[str, str],
    blueprint_key: str | None,
    on_event: Listener,
) -> SyncOutcome | None:
    """Sync `project` if that needs no waiting, else None. Forks to link, so only for single-threaded callers.

    With a key, a sync that fills a new environment is kept as a blueprint.
    """
    started = time.perf_counter()
    path = project.lock
    if not path.is_file() or project.is_told_by_backend or options.begins_anew:
        return None
    search = SearchPlaces.from_environ(os.environ, sys.executable)
    interpreter = interpreter_for(project, settings, search)
    store = open_store(settings)
    with DplLockFile.open(path) as lock:
        # not when the environment is half changed
        lock.verify()
        if options.lock_mode is LockMode.FROZEN:
            require_match(lock, interpreter.target, path)
        elif why_stale(lock, project, interpreter.target, settings) is not None or has_untold(lock, project.root):
            return None
        watch = watch.of_trees(project, lock)
        selection = select_packages(lock, project, interpreter.target, options, settings)
        locked = len(lock)
        planned = partial(_plan, selection, store, finder_of_built(store, settings, interpreter), settings, options)
        resolved = time.perf_counter() - started
        if options.dry_run:
            environment = find_environment(project, interpreter, settings)
            plan = planned(environment)
            on_event(Resolved(locked, resolved))
            return outcome_of(plan, environment, dry_run=True)
        with ExitStack() as held:
            for guard in (environment_lock(project.environment), reading_lock(store)):
                if guard is not None:
                    if not guard.try_acquire():
                        return None
                    held.callback(guard.release)
            environment = make_environment(project, interpreter, settings)
            transaction = Transaction(
                environment.scheme,
                link_mode=settings.link_mode,
                on_fallback=lambda text: on_event(Warned(text)),
                allow_overwrites=settings.allow_overwrites,
            )
            transaction.recover()
            before = Held.by(environment, state_facts)
            plan = planned(environment)
            if plan.missing:
                return None
            on_event(Resolved(locked, resolved))
            began = time.perf_counter()
            if not plan.changes.is_empty:
                on_event(Installing(len(plan.changes.coming)))
                changed = change_from_store(transaction, plan, environment, settings, store)
                if changed is None:
                    return None
                plan = changed
            settle_links(plan, environment, settings, store)
            outcome = outcome_of(plan, environment, seconds=time.perf_counter() - began)
            count = len(selection.packages)
            if is_recordable(selection):
                whole, facts = options.exact, state_facts
                record_sync(
                    watch,
                    environment,
                    facts,
                    count,
                    exact=whole,
                    held=before,
                    outcome=outcome,
                    cache_dir=settings.cache_dir,
                )
            sketch = None
            if blueprint_key is not None and options.exact:
                checked = options.lock_mode is not LockMode.FROZEN
                sketch = sketch_of(
                    plan, environment, project, settings, search, key=blueprint_key, checked=checked, locked=locked
                )
            see_to_the_rest(plan, environment, store, settings, sketch, os.environ)
            return outcome


def change_from_store(
    transaction: Transaction, plan: SyncPlan, environment: VirtualEnvironment, settings: Settings, store: Store
) -> SyncPlan | None:
    """Carry out `plan`, which lacks nothing; gives it with what it took to link.

    None, with the environment as it was, where an entry of the store is damaged: that is put aside.
    """
    try:
        with transaction:
            plan = prepare_links(plan, environment, settings, store, os.environ)
            stage_all(transaction, plan)
            finish(transaction, plan)
    except DamagedEntry as error:
        for stored in plan.stored.values():
            if stored.manifest.blake3 == error.key:
                store.quarantine(stored)
        return None
    return plan


def _plan(
    selection: Selection,
    store: Store,
    built: FindBuilt,
    settings: Settings,
    options: SyncOptions,
    environment: VirtualEnvironment | None,
) -> SyncPlan:
    return plan_changes(
        selection,
        environment,
        store,
        built=built,
        link_mode=settings.link_mode,
        exact=options.exact,
        allow_overwrites=settings.allow_overwrites,
    )
