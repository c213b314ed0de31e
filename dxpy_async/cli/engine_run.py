"""Running the engine to its end from the command line, with the signals that may cut it short."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any, TypeVar

from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.errors import Terminated
from dxpy_async.index.page_worker import PageWorker

T = TypeVar("T")


def run_engine(settings: Settings, use: Callable[[Engine], Coroutine[Any, Any, T]]) -> T:
    """Run `use` with an engine, to its end. Ctrl-C and SIGTERM cancel it, and it cleans up before they take effect."""

    # Not the result of the task: asyncio.run writes the task out, with all files of a lock, as it puts SIGINT back.
    answers: list[T] = []

    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        terminated = False

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            task.cancel()

        if os.name != "nt":
            loop.add_signal_handler(signal.SIGTERM, terminate)
        try:
            async with Engine(settings, page_worker=page_worker) as engine:
                answers.append(await use(engine))
        except asyncio.CancelledError:
            if terminated:
                raise Terminated from None
            raise
        finally:
            if os.name != "nt":
                loop.remove_signal_handler(signal.SIGTERM)

    with ExitStack() as stack:
        page_worker = PageWorker.fork()
        if page_worker is not None:
            stack.enter_context(page_worker)
        asyncio.run(main())
        return answers[0]
