"""What a sync leaves to be done when it has ended, so that nobody waits: its blueprint, and bytecode for its links.

A process of its own, which outlives the one that syncs. First it keeps the sync as a blueprint, by which the same
environment is made again in a third of the time. Then it compiles, at the lowest priority, where links into the store
want that (`compiling_later`), and keeps the blueprint once more, with the bytecode. A second process of this kind waits
for the first with compiling, and does what is left. When one ends early, or cannot work at all, nothing is said and
nothing is lost: the next sync decides again, and starts another. Of a few wheels the blueprint is kept at once.
"""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dxpy_async.core.places import COMPILING
from dxpy_async.core.settings import Settings
from dxpy_async.engine.compiling_later import compile_all, compiles_later
from dxpy_async.engine.replaying import Sketch, keep
from dxpy_async.engine.syncing import SyncPlan
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.store.locks import FileLock
from dxpy_async.store.store import Store

_FEW = 16
"""The blueprint of so many wheels is kept in less time than it takes to start a process."""

_TICK_SECONDS = 0.05
"""What was changed so long ago can be told from what is changed later by the time of its change."""

_NICENESS = 19
_BOOT = "import sys; sys.path[:] = sys.argv[2:]; from dxpy_async.engine.afterwards import main; main()"
_OURS = str(Path(__file__).resolve().parents[2])


def see_to_the_rest(
    plan: SyncPlan,
    environment: VirtualEnvironment,
    store: Store,
    settings: Settings,
    sketch: Sketch | None,
    environ: Mapping[str, str],
) -> subprocess.Popen[bytes] | None:
    """See to what `plan`, which is carried out, leaves to be done; gives the process if it takes one.

    `sketch` is what is to be kept as a blueprint, if anything is.
    """
    digests: list[str] = []
    if compiles_later(settings):
        digests = [stored.manifest.sha256 for name, stored in plan.stored.items() if name not in plan.bytecode]
    if not digests and (sketch is None or len(sketch.wheels) <= _FEW):
        if sketch is not None:
            keep(sketch, store, is_compiling=False)
        return None
    if not os.access(store.root, os.W_OK):
        return None
    interpreter = environment.interpreter
    job: Any = (digests, str(interpreter.executable), interpreter.cache_tag, None if sketch is None else tuple(sketch))
    paths = [path for path in sys.path if os.path.isabs(path)]
    try:
        with tempfile.TemporaryFile() as down:
            marshal.dump(job, down)
            down.seek(0)
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOT, str(store.root), *paths, _OURS],
                stdin=down,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environ),
                cwd=store.root,
                start_new_session=True,
            )
    except OSError:
        return None  # the sync is done: that the next one takes longer is no reason to call it failed


def main() -> None:
    """Do the job on stdin, for the store of the first argument."""
    store = Store(Path(sys.argv[1]))
    digests, executable, tag, plain = marshal.load(sys.stdin.buffer)
    sketch = None if plain is None else Sketch(*plain)
    turn = FileLock(f"{store.root}/{COMPILING}")
    has_turn = bool(digests) and turn.try_acquire()
    if sketch is not None:  # one that lacks bytecode counts while somebody has the turn
        _keep(sketch, store, is_compiling=bool(digests))
    if not digests:
        return
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if not has_turn:
        turn.acquire()
    Path(store.root, COMPILING).write_text(str(os.getpid()))
    try:
        if compile_all(store, digests, Path(executable), tag, os.environ):
            time.sleep(_TICK_SECONDS)
        if sketch is not None:
            _keep(sketch, store, is_compiling=False)
    finally:
        turn.release()


def _keep(sketch: Sketch, store: Store, *, is_compiling: bool) -> None:
    with store.lock(shared=True):
        keep(sketch, store, is_compiling=is_compiling)
