"""One piece of work per key, whoever comes and goes."""

from __future__ import annotations

import asyncio

import pytest

from dxpy_async.index.finishing import in_thread
from dxpy_async.index.sharing import SharedWork


class Work:
    """Work that ends when it is told to, and counts itself."""

    def __init__(self) -> None:
        self.began = self.cancelled = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.began += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.began


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_everybody_gets_the_one_result() -> None:
    work = Work()
    async with SharedWork[str, int]() as shared:
        waiting = [asyncio.ensure_future(shared.run("a", work)) for _ in range(3)]
        await settle()
        work.gate.set()
        assert await asyncio.gather(*waiting) == [1, 1, 1]
        assert await shared.run("a", work) == 2


async def test_a_waiter_that_leaves_does_not_end_it_and_the_last_one_does() -> None:
    work = Work()
    async with SharedWork[str, int]() as shared:
        first, second = (asyncio.ensure_future(shared.run("a", work)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        assert work.cancelled == 0
        second.cancel()
        await settle()
        assert work.cancelled == 1
        work.gate.set()
        assert await shared.run("a", work) == 2
    assert first.cancelled()
    assert second.cancelled()


async def test_an_error_reaches_everybody_and_harms_nobody_else() -> None:
    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    other = Work()
    async with SharedWork[str, int]() as shared:
        bystander = asyncio.ensure_future(shared.run("b", other))
        outcomes = await asyncio.gather(*(shared.run("a", fail) for _ in range(2)), return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["no", "no"]
        other.gate.set()
        assert await bystander == 1


async def test_leaving_cancels_what_is_left() -> None:
    work = Work()
    async with SharedWork[str, int]() as shared:
        waiting = asyncio.ensure_future(shared.run("a", work))
        await settle()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.cancelled == 1


async def test_a_thread_is_waited_for_however_often_one_is_cancelled() -> None:
    began, finish = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    done: list[bool] = []

    def work() -> None:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(finish.wait(), loop).result()
        done.append(True)

    task = asyncio.ensure_future(in_thread(work))
    await began.wait()
    for _ in range(3):
        task.cancel()
        await settle()
        assert not task.done()
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]
