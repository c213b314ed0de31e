"""What linking needs to know of all wheels of an environment at once: folds, bytecode, and which entries are needed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from dxpy_async.core.dataclass import replace
from dxpy_async.core.manifests import ManifestFile
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.syncing import SyncPlan
from dxpy_async.errors import DamagedEntry, StoreError
from dxpy_async.installer.state import LINK_MARK
from dxpy_async.python.compiling import add_bytecode
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.store.bytecode import sources_of, stamp_bytecode, write_bytecode
from dxpy_async.store.roots import Roots
from dxpy_async.store.sealing import seal, seal_what_was_left, unsealed
from dxpy_async.store.store import Store, StoredWheel


def prepare_links(
    plan: SyncPlan,
    environment: VirtualEnvironment,
    settings: Settings,
    store: Store,
    environ: Mapping[str, str],
    *,
    known_whole: Collection[str] = (),
) -> SyncPlan:
    """Make the store ready for what `plan` links to it; everything that comes is in it. Gives the plan to carry out.

    What has no bytecode for the environment's interpreter is compiled if that is asked for. Directories that are linked
    are made read-only, and the environment is registered. Files are not looked at in entries whose keys are in
    `known_whole`.
    Raises DamagedEntry, InterpreterError, StoreError and OSError.
    """
    symlinks = settings.link_mode is LinkMode.SYMLINK
    if symlinks:
        _require_writable(store, environment)
        seal_what_was_left(store)
        for name, stored in plan.stored.items():
            if name in plan.folds and stored.manifest.blake3 not in known_whole and not store.check(stored):
                reason = "was changed after it was unpacked"
                raise DamagedEntry(
                    stored.manifest.filename, key=stored.manifest.blake3, file=str(stored.directory), reason=reason
                )
    if settings.compile_bytecode:
        plan = _compiled(plan, environment, store, environ)
    if symlinks:
        for stored in plan.stored.values():
            seal(str(stored.directory), stored.manifest)
        roots = Roots(store.root)
        before = {key for root in roots.living() if root.environment == environment.root for key in root.keys}
        roots.register(environment.root, before | {stored.manifest.blake3 for stored in plan.stored.values()})
    return plan


def _require_writable(store: Store, environment: VirtualEnvironment) -> None:
    """Whoever links to entries says so in the store, and makes them read-only. Raises StoreError."""
    if not os.access(store.root, os.W_OK):
        raise StoreError(
            f"the cache directory `{store.root}` cannot be linked to from `{environment.root}`: it may only be read, "
            "so nobody who cleans it would know",
            hints=("use `--link-mode copy`, or a cache directory of your own",),
        )


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
    interpreter = environment.interpreter
    compiler = Compiler(interpreter.executable, interpreter.cache_tag, store, environ, workers=processors())
    made = compiler.compile(list(waiting.values()))
    if made:
        stamp_bytecode(str(store.root))
    return replace(plan, bytecode={**plan.bytecode, **made})


class Compiler:
    """Gives entries of `store` bytecode for the interpreter at `executable`, which names it by `tag`."""

    def __init__(self, executable: Path, tag: str, store: Store, environ: Mapping[str, str], *, workers: int) -> None:
        self._executable, self._tag, self._store = executable, tag, store
        self._environ, self._workers = environ, workers

    def compile(self, entries: Sequence[StoredWheel]) -> dict[ProjectName, tuple[ManifestFile, ...]]:
        """Compile all of these, and say what there is now; those that were read-only are so again afterwards.

        Raises InterpreterError, StoreError and OSError.
        """
        if not entries:
            return {}
        with unsealed(self._store, entries):
            sources = [
                f"{stored.directory}/{path}" for stored in entries for path in sources_of(stored.manifest, self._tag)
            ]
            made = add_bytecode(self._executable, sources, environ=self._environ, workers=self._workers)
            by_entry = _by_entry([(each.path, each.size, each.mtime_ns, each.sha256) for each in made], entries)
            return {
                stored.manifest.name: write_bytecode(
                    str(stored.directory), self._tag, by_entry.get(stored.manifest.name, ())
                )
                for stored in entries
            }


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _by_entry(
    files: Iterable[tuple[str, int, int, str]], entries: Iterable[StoredWheel]
) -> dict[ProjectName, list[tuple[str, int, int, str]]]:
    """Files by the wheel whose entry they are in; entries are named by digests of one length."""
    names = {str(stored.directory): stored.manifest.name for stored in entries}
    length = len(next(iter(names)))
    found: dict[ProjectName, list[tuple[str, int, int, str]]] = {}
    for file in files:
        found.setdefault(names[file[0][:length]], []).append(file)
    return found
