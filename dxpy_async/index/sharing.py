"""One piece of work per key: whoever wants the same thing at the same time waits for the first one's work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Self, TypeVar

from dxpy_async.core.dataclass import dataclass

KeyT = TypeVar("KeyT", bound=Hashable)
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Work(Generic[ResultT]):
    outcome: asyncio.Future[ResultT]
    task: asyncio.Task[None]
    waiters: int = 0


class SharedWork(Generic[KeyT, ResultT]):
    """Runs work in a task group of its own, one at a time per key; results are handed on and not kept.

    A waiter that is cancelled leaves; the work goes on for the others, and ends when nobody is left.
    """

    def __init__(self) -> None:
        self._tasks = asyncio.TaskGroup()
        self._running: dict[KeyT, _Work[ResultT]] = {}

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for work in self._running.values():
            work.task.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def run(self, key: KeyT, make: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """The result of `make()`, or what it raises, shared with everybody who asks for `key` meanwhile."""
        work = self._running.get(key)
        if work is None:
            outcome: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
            work = self._running[key] = _Work(outcome, self._tasks.create_task(self._fill(key, outcome, make)))
        work.waiters += 1
        try:
            return await asyncio.shield(work.outcome)
        finally:
            work.waiters -= 1
            if not work.waiters and not work.outcome.done():
                # Nobody may join what is about to end.
                if self._running.get(key) is work:
                    del self._running[key]
                work.task.cancel()

    async def _fill(self, key: KeyT, outcome: asyncio.Future[ResultT], make: Callable[[], Awaitable[ResultT]]) -> None:
        try:
            result = await make()
        except BaseException as error:
            # Here every error is only passed on: the waiters raise it, and the task group must not see it.
            if isinstance(error, asyncio.CancelledError):
                outcome.cancel()
                raise
            if not outcome.done():
                outcome.set_exception(error)
                outcome.exception()  # it counts as seen: the last waiter may be gone
            if not isinstance(error, Exception):
                raise
        else:
            if not outcome.done():
                outcome.set_result(result)
        finally:
            work = self._running.get(key)
            if work is not None and work.outcome is outcome:
                del self._running[key]
