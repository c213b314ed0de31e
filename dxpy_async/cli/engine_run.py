"""Running the engine to its end from the command line."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from dxpy_async.cli.event_loop import run_loop
from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.index.page_worker import PageWorker

T = TypeVar("T")


def run_engine(settings: Settings, use: Callable[[Engine], Coroutine[Any, Any, T]]) -> T:
    """Run `use` with an engine, to its end. Ctrl-C and SIGTERM cancel it, and it cleans up before they take effect."""

    async def work() -> T:
        async with Engine(settings, page_worker=page_worker) as engine:
            return await use(engine)

    with ExitStack() as stack:
        page_worker = PageWorker.fork()
        if page_worker is not None:
            stack.enter_context(page_worker)
        return run_loop(work)
