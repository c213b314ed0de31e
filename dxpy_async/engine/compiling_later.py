"""Compiling for environments of symbolic links after their sync has ended: nobody waits, and all of them have it soon.

A process of its own, which outlives the one that syncs, at the lowest priority, on half of the processors. It takes a
few entries at a time, and holds the store's shared lock meanwhile, so that whoever cleans waits for seconds at most.
Each file of bytecode appears by rename, and through the links at once; an entry's list is written when all of it is
there. A second process of this kind waits for the first and does what is left. When one ends early, or cannot work at
all, nothing is said and nothing is lost: Python compiles in memory, and the next sync that links the wheel tries again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.store_links import Compiler, processors
from dxpy_async.engine.syncing import SyncPlan
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.store.bytecode import read_bytecode
from dxpy_async.store.locks import FileLock
from dxpy_async.store.store import Store, StoredWheel

TURN = "bytecode-v1/compiling"
"""The lock of the process whose turn it is; it holds that process's number."""

_FILES_AT_ONCE = 1000
_PAUSE_SECONDS = 0.2
"""How long the store is left to those who wait to clean it; longer than they take to look again."""
_NICENESS = 19
_BOOT = "import sys; sys.path[:] = sys.argv[4:]; from dxpy_async.engine.compiling_later import main; main()"
_OURS = str(Path(__file__).resolve().parents[2])


def compiles_later(settings: Settings) -> bool:
    """Whether syncs with these settings leave compiling for later: Python cannot write beside what they link."""
    writable = os.access(settings.cache_dir, os.W_OK)
    return settings.link_mode is LinkMode.SYMLINK and settings.compile_bytecode is None and writable


def compile_later(
    plan: SyncPlan, environment: VirtualEnvironment, store: Store, environ: Mapping[str, str]
) -> subprocess.Popen[bytes] | None:
    """Start the process if there is something to compile for `plan`, which is carried out; gives it if it started."""
    keys = [stored.manifest.sha256 for name, stored in plan.stored.items() if name not in plan.bytecode]
    if not keys:
        return None
    executable, tag = environment.interpreter.executable, environment.interpreter.cache_tag
    paths = [path for path in sys.path if os.path.isabs(path)]
    try:
        with tempfile.TemporaryFile() as down:
            down.write("\n".join(keys).encode())
            down.seek(0)
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOT, str(store.root), str(executable), tag, *paths, _OURS],
                stdin=down,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environ),
                cwd=store.root,
                start_new_session=True,
            )
    except OSError:
        return None  # the sync is done: an environment that starts more slowly is no reason to call it failed


def main() -> None:
    """Compile the entries whose digests stand on stdin, in the store and for the interpreter of the arguments."""
    root, executable, tag = sys.argv[1:4]
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    store = Store(Path(root))
    digests = sys.stdin.read().split()
    with FileLock(f"{root}/{TURN}"):
        Path(root, TURN).write_text(str(os.getpid()))
        compiler = Compiler(Path(executable), tag, store, os.environ, workers=max(1, processors() // 2))
        while digests:
            with store.lock(shared=True):
                compiler.compile(_some(store, tag, digests))
            time.sleep(_PAUSE_SECONDS)


def _some(store: Store, tag: str, digests: list[str]) -> Sequence[StoredWheel]:
    """The next few entries that are still there and were not compiled meanwhile; they are taken off `digests`."""
    found: list[StoredWheel] = []
    files = 0
    while digests and files < _FILES_AT_ONCE:
        stored = store.find(digests.pop(0))
        if stored is not None and read_bytecode(str(stored.directory), tag) is None:
            found.append(stored)
            files += len(stored.manifest.files)
    return found
