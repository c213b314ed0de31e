"""What linking needs to know of all wheels of an environment at once: folds, bytecode, and which entries are needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from dxpy_async.core.manifests import ManifestFile
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.syncing import SyncPlan
from dxpy_async.errors import DamagedEntry
from dxpy_async.installer.state import LINK_MARK
from dxpy_async.python.compiling import add_bytecode
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.store.bytecode import STAMP, seal, sources_of, unseal, write_bytecode
from dxpy_async.store.roots import Roots
from dxpy_async.store.store import Store, StoredWheel


def prepare_links(
    plan: SyncPlan, environment: VirtualEnvironment, settings: Settings, store: Store, environ: Mapping[str, str]
) -> SyncPlan:
    """Make the store ready for what `plan` links to it; everything that comes is in it. Gives the plan to carry out.

    What has no bytecode for the environment's interpreter is compiled if that is asked for, and always when directories
    are linked, beside which Python could not write. Those are made read-only, and the environment is registered.
    Raises DamagedEntry, InterpreterError, StoreError and OSError.
    """
    symlinks = settings.link_mode is LinkMode.SYMLINK
    if symlinks:
        for name, stored in plan.stored.items():
            if name in plan.folds and not store.check(stored):
                reason = "was changed after it was unpacked"
                raise DamagedEntry(
                    stored.manifest.filename, key=stored.manifest.blake3, file=str(stored.directory), reason=reason
                )
    if symlinks or settings.compile_bytecode:
        plan = _compiled(plan, environment, store, environ)
    if symlinks:
        for stored in plan.stored.values():
            seal(str(stored.directory), stored.manifest)
        roots = Roots(store.root)
        before = {key for root in roots.living() if root.environment == environment.root for key in root.keys}
        roots.register(environment.root, before | {stored.manifest.blake3 for stored in plan.stored.values()})
    return plan


def settle_links(plan: SyncPlan, environment: VirtualEnvironment, settings: Settings, store: Store) -> None:
    """Once a plan is carried out: only what the environment still links to is needed. Raises StoreError."""
    mark = environment.root / LINK_MARK
    if settings.link_mode is LinkMode.SYMLINK:
        Roots(store.root).register(environment.root, plan.needed)
    elif plan.is_exact and mark.exists():
        with suppress(FileNotFoundError):
            mark.unlink()
        Roots(store.root).register(environment.root, ())


def _compiled(plan: SyncPlan, environment: VirtualEnvironment, store: Store, environ: Mapping[str, str]) -> SyncPlan:
    waiting = {name: stored for name, stored in plan.stored.items() if name not in plan.bytecode}
    if not waiting:
        return plan
    tag = environment.interpreter.cache_tag
    sources: list[str] = []
    sealed: list[StoredWheel] = []
    for stored in waiting.values():
        entry = str(stored.directory)
        if unseal(entry, stored.manifest):
            sealed.append(stored)
        sources += [f"{entry}/{path}" for path in sources_of(stored.manifest)]
    made = add_bytecode(environment.interpreter, sources, environ=environ, workers=_workers())
    by_entry = _by_entry([(each.path, each.size, each.mtime_ns) for each in made], waiting)
    found: dict[ProjectName, tuple[ManifestFile, ...]] = dict(plan.bytecode)
    for name, stored in waiting.items():
        found[name] = write_bytecode(str(stored.directory), tag, by_entry.get(name, ()), str(store.root / STAMP))
    for stored in sealed:
        seal(str(stored.directory), stored.manifest)
    return replace(plan, bytecode=found)


def _by_entry(
    files: Iterable[tuple[str, int, int]], entries: Mapping[ProjectName, StoredWheel]
) -> dict[ProjectName, list[tuple[str, int, int]]]:
    """Files by the wheel whose entry they are in; entries are named by digests of one length."""
    names = {str(stored.directory): name for name, stored in entries.items()}
    length = len(next(iter(names)))
    found: dict[ProjectName, list[tuple[str, int, int]]] = {}
    for file in files:
        found.setdefault(names[file[0][:length]], []).append(file)
    return found


def _workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
