"""The pool unpacks in processes, survives their deaths and its callers' cancellations, and leaves no process behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from wheels import build_wheel

from dxpy_async.engine.workers import WorkerPool
from dxpy_async.errors import InvalidWheel, StoreError
from dxpy_async.store.forked_workers import ForkedWorker
from dxpy_async.store.store import Store, StoredWheel


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def unpacking(pool: WorkerPool, store: Store, wheel: Path) -> asyncio.Task[StoredWheel]:
    data = wheel.read_bytes()
    return asyncio.create_task(
        pool.unpack(
            store,
            wheel,
            wheel.name,
            sha256=hashlib.sha256(data).hexdigest(),
            blake3=blake3(data).hexdigest(),
            size=len(data),
        )
    )


def children() -> set[int]:
    """The processes that this one has started and that have not been waited for."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(directory.name))
    return found


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def big_wheel(directory: Path, name: str = "big") -> Path:
    """One that takes a moment to unpack."""
    return build_wheel(directory, name, "1.0", files={f"{name}/d{n % 50}/{n}.py": f"x = {n}\n" for n in range(3000)})


def staged(store: Store) -> list[str]:
    directory = store.root / "tmp-v1"
    return [path.name for path in directory.iterdir() if path.is_dir()] if directory.exists() else []


async def until_unpacking(store: Store) -> None:
    async with asyncio.timeout(20):
        while not staged(store):
            await asyncio.sleep(0.001)


async def test_wheels_are_unpacked_at_once_by_as_many_processes_as_allowed(store: Store, tmp_path: Path) -> None:
    before = children()
    async with WorkerPool(2) as pool:
        tasks = [unpacking(pool, store, build_wheel(tmp_path, f"p{n}", "1.0")) for n in range(8)]
        stored = [await task for task in tasks]
        assert len(children() - before) == 2
    assert [wheel.manifest.name for wheel in stored] == [f"p{n}" for n in range(8)]
    assert all(store.check(wheel) for wheel in stored)
    assert staged(store) == []


async def test_a_refused_wheel_raises_the_same_error_as_in_this_process(store: Store, tmp_path: Path) -> None:
    bad = tmp_path / "bad-1.0-py3-none-any.whl"
    bad.write_bytes(b"PK, but nothing that could be called an archive")
    async with WorkerPool(1) as pool:
        with pytest.raises(InvalidWheel) as caught:
            await unpacking(pool, store, bad)
        assert caught.value.file == bad.name
        assert await unpacking(pool, store, build_wheel(tmp_path, "good", "1.0"))


async def test_a_pool_that_is_not_used_starts_nothing() -> None:
    before = children()
    async with WorkerPool(2):
        assert children() == before


async def test_a_worker_that_is_killed_is_named_with_its_wheel_and_replaced(store: Store, tmp_path: Path) -> None:
    before = children()
    async with WorkerPool(1) as pool:
        task = unpacking(pool, store, big_wheel(tmp_path))
        await until_unpacking(store)
        [worker] = children() - before
        os.kill(worker, signal.SIGKILL)
        with pytest.raises(StoreError, match=r"`big-1\.0-py3-none-any\.whl` was killed by signal 9"):
            await task
        assert store.check(await unpacking(pool, store, tmp_path / "big-1.0-py3-none-any.whl"))
    assert staged(store) == []


async def test_an_idle_worker_that_died_is_replaced(store: Store, tmp_path: Path) -> None:
    before = children()
    async with WorkerPool(1) as pool:
        await unpacking(pool, store, build_wheel(tmp_path, "one", "1.0"))
        [worker] = children() - before
        os.kill(worker, signal.SIGKILL)
        while worker in children():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert await unpacking(pool, store, build_wheel(tmp_path, "two", "1.0"))


async def test_a_cancelled_job_leaves_nothing_and_the_next_is_done(store: Store, tmp_path: Path) -> None:
    wheel = big_wheel(tmp_path)
    async with WorkerPool(1) as pool:
        task = unpacking(pool, store, wheel)
        await until_unpacking(store)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert store.check(await unpacking(pool, store, wheel))
    assert staged(store) == []


async def test_a_cancelled_waiter_does_not_disturb_the_others(store: Store, tmp_path: Path) -> None:
    async with WorkerPool(1) as pool:
        first = unpacking(pool, store, big_wheel(tmp_path))
        waiting = unpacking(pool, store, build_wheel(tmp_path, "waiting", "1.0"))
        last = unpacking(pool, store, build_wheel(tmp_path, "last", "1.0"))
        await until_unpacking(store)
        waiting.cancel()
        assert (await first).manifest.name == "big"
        assert (await last).manifest.name == "last"
        assert waiting.cancelled()


async def test_cancelled_at_any_moment_the_store_is_whole_and_the_next_run_succeeds(
    store: Store, tmp_path: Path
) -> None:
    wheels = [
        build_wheel(tmp_path, f"p{n}", "1.0", files={f"p{n}/{m}.py": "x" * m for m in range(50)}) for n in range(4)
    ]
    moments = random.Random(7)
    async with WorkerPool(2) as pool:
        for _ in range(12):
            tasks = [unpacking(pool, store, wheel) for wheel in wheels]
            await asyncio.sleep(moments.random() * 0.12)
            for task in moments.sample(tasks, 3):
                task.cancel()
            await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    assert store.check(task.result())
            stored = [await unpacking(pool, store, wheel) for wheel in wheels]
            assert all(store.check(wheel) for wheel in stored)
            for wheel in stored:
                store.quarantine(wheel)
    assert staged(store) == []


async def test_a_pool_that_is_closed_while_it_works_ends_its_workers(store: Store, tmp_path: Path) -> None:
    pool = WorkerPool(1)
    task = unpacking(pool, store, big_wheel(tmp_path))
    await until_unpacking(store)
    await pool.aclose()
    with pytest.raises(StoreError, match=r"unpacking `big-1\.0-py3-none-any\.whl`"):
        await task
    assert staged(store) == []
    with pytest.raises(RuntimeError):
        await unpacking(pool, store, tmp_path / "big-1.0-py3-none-any.whl")


async def test_closing_ends_the_workers_even_when_cancelled(store: Store, tmp_path: Path) -> None:
    pool = WorkerPool(2)
    await asyncio.gather(*(unpacking(pool, store, build_wheel(tmp_path, f"p{n}", "1.0")) for n in range(2)))
    closing = asyncio.create_task(pool.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/bin/true", "/bin/cat"])
async def test_threads_do_the_work_where_processes_cannot(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: str
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    before = children()
    async with WorkerPool(2) as pool:
        tasks = [unpacking(pool, store, build_wheel(tmp_path, f"p{n}", "1.0")) for n in range(3)]
        for task in tasks:
            assert store.check(await task)
        bad = tmp_path / "bad-1.0-py3-none-any.whl"
        bad.write_bytes(b"not a wheel")
        with pytest.raises(InvalidWheel):
            await unpacking(pool, store, bad)
        assert children() == before


async def test_workers_that_were_started_early_do_the_first_jobs(store: Store, tmp_path: Path) -> None:
    before = children()
    async with WorkerPool(2) as pool:
        await pool.start(1)
        assert len(children() - before) == 1
        await pool.start(5)
        started = children() - before
        assert len(started) == 2
        wheels = [build_wheel(tmp_path, name, "1.0") for name in ("one", "two")]
        await asyncio.gather(*(unpacking(pool, store, wheel) for wheel in wheels))
        assert children() - before == started


async def test_starting_workers_can_be_cancelled(tmp_path: Path) -> None:
    async with WorkerPool(2) as pool:
        starting = asyncio.create_task(pool.start(2))
        await asyncio.sleep(0.01)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
async def test_forked_workers_do_the_first_jobs_and_are_replaced_when_they_are_killed(
    store: Store, tmp_path: Path
) -> None:
    forked = [ForkedWorker.fork()]
    before = children()
    async with WorkerPool(1, forked) as pool:
        assert store.check(await unpacking(pool, store, build_wheel(tmp_path, "one", "1.0")))
        assert children() == before
        task = unpacking(pool, store, big_wheel(tmp_path))
        await until_unpacking(store)
        os.kill(forked[0].process, signal.SIGKILL)
        with pytest.raises(StoreError, match=r"`big-1\.0-py3-none-any\.whl` was killed by signal 9"):
            await task
        assert store.check(await unpacking(pool, store, build_wheel(tmp_path, "two", "1.0")))
        assert len(children() - before) == 1
    assert forked[0].process not in children()
    assert staged(store) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
async def test_a_job_of_a_forked_worker_can_be_cancelled(store: Store, tmp_path: Path) -> None:
    forked = [ForkedWorker.fork()]
    async with WorkerPool(1, forked) as pool:
        task = unpacking(pool, store, big_wheel(tmp_path))
        await until_unpacking(store)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert forked[0].returncode == 0
    assert staged(store) == []
