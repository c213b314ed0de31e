"""Running a coroutine to its end from the command line, with the signals that may cut it short."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from dxpy_async.errors import Terminated

T = TypeVar("T")


def run_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` comes to. Ctrl-C and SIGTERM cancel it, and it cleans up before they take effect."""

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
            answers.append(await work())
        except asyncio.CancelledError:
            if terminated:
                raise Terminated from None
            raise
        finally:
            if os.name != "nt":
                loop.remove_signal_handler(signal.SIGTERM)

    asyncio.run(main())
    return answers[0]
