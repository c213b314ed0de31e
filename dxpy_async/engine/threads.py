"""Blocking work in threads that is always waited for, so that nothing goes on behind a cancelled operation's back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_end(executor: Executor, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `function` in a thread of `executor`. When cancelled, wait until it has returned, then be cancelled.

    A thread cannot be stopped; leaving it behind would let it write into an environment that is being rolled back.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await wait_out(future)
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
