"""Work in threads that is waited for even when its caller is cancelled: a thread cannot be stopped, only outlived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`function(...)` in a thread. When cancelled, wait until it has returned, then be cancelled."""
    return await finish(asyncio.to_thread(function, *args, **kwargs))


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which goes on to its end through any number of cancellations of the caller."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # marks it as seen: the cancellation is what the caller hears of
        raise
