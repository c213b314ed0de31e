"""Work in threads that is waited for even when its caller is cancelled: a thread cannot be stopped, only outlived.

Leaving a thread behind would let it write into a file or an environment that is being cleaned up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from threading import Event
from typing import Any, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`function(...)` in a thread. When cancelled, wait until it has returned, then be cancelled."""
    return await finish(to_thread.run_sync(partial(function, *args, **kwargs)))


async def in_limited_thread(
    limiter: CapacityLimiter, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
) -> T:
    """The same, as one of those that `limiter` lets run at once."""
    return await finish(to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter))


async def in_stoppable_thread(limiter: CapacityLimiter, function: Callable[[Event], T]) -> T:
    """The same of a function that ends soon after the event it is given is set; that is done when it is cancelled."""
    stop = Event()
    return await finish(to_thread.run_sync(function, stop, limiter=limiter), on_cancel=stop.set)


async def finish(work: Coroutine[Any, Any, T], *, on_cancel: Callable[[], None] | None = None) -> T:
    """The result of `work`, which goes on to its end through any number of cancellations of the caller.

    `on_cancel` is called at the first of them, to make that end come soon.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        await wait_out(task)
        raise


async def wait_out(future: asyncio.Future[T]) -> None:
    """Wait until `future` is done, whatever it ends with, through any number of further cancellations."""
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError:
            continue
    if not future.cancelled():
        future.exception()  # marks it as seen: the cancellation is what the caller hears of
