"""Holding a file lock while other tasks go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dxpy_async.engine.events import Listener, Waiting
from dxpy_async.store.locks import FileLock

_POLL_SECONDS = 0.05


@asynccontextmanager
async def held(lock: FileLock | None, what: str, on_event: Listener) -> AsyncIterator[None]:
    """Hold `lock` (None: nothing to hold) for the block; `what` is waited for when another has it."""
    if lock is None:
        yield
        return
    if not lock.try_acquire():
        on_event(Waiting(what))
        while not lock.try_acquire():
            await asyncio.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()
