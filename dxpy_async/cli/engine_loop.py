"""The engine in an event loop: what takes a third of a second to import, and `engine_run` loads when it has to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from dxpy_async.cli.event_loop import run_loop
from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.index.page_worker import PageWorker
from dxpy_async.store.forked_workers import ForkedWorker

T = TypeVar("T")


def run(
    settings: Settings,
    page_worker: PageWorker | None,
    unpackers: Sequence[ForkedWorker],
    use: Callable[[Engine], Coroutine[Any, Any, T]],
) -> T:
    """What `use` comes to with an engine. Ctrl-C and SIGTERM cancel it, and it cleans up before they take effect."""

    async def work() -> T:
        async with Engine(settings, page_worker=page_worker, unpackers=unpackers) as engine:
            return await use(engine)

    return run_loop(work)
