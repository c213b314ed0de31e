"""Compiling for environments of symbolic links after their sync has ended: nobody waits, and all of them have it soon.

It takes half of the processors and a few entries at a time, and holds the store's shared lock meanwhile, so that
whoever cleans waits for seconds at most. Each file of bytecode appears by rename, and through the links at once; an
entry's list is written when all of it is there. Until then Python compiles in memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.store_links import Compiler, processors
from dxpy_async.store.bytecode import read_bytecode, stamp_bytecode
from dxpy_async.store.sealing import seal_what_was_left
from dxpy_async.store.store import Store, StoredWheel

_FILES_AT_ONCE = 1000
_PAUSE_SECONDS = 0.2
"""How long the store is left to those who wait to clean it; longer than they take to look again."""


def compiles_later(settings: Settings) -> bool:
    """Whether syncs with these settings leave compiling for later: Python cannot write beside what they link."""
    writable = os.access(settings.cache_dir, os.W_OK)
    return settings.link_mode is LinkMode.SYMLINK and settings.compile_bytecode is None and writable


def compile_all(store: Store, digests: list[str], executable: Path, tag: str, environ: Mapping[str, str]) -> bool:
    """Give the entries of these digests bytecode for the interpreter at `executable`; whether there was any to make.

    For one process at a time. Raises InterpreterError, StoreError and OSError.
    """
    compiler = Compiler(executable, tag, store, environ, workers=max(1, processors() // 2))
    seal_what_was_left(store)
    made = False
    while digests:
        with store.lock(shared=True):
            made |= bool(compiler.compile(_some(store, tag, digests)))
        time.sleep(_PAUSE_SECONDS)
    if made:
        # Only now: whatever hangs on this stamp, all blueprints, would be of no use for as long as it moves.
        stamp_bytecode(str(store.root))
    return made


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
