"""The pool of processes that unpack wheels into the store, as the engine sees it: an `unpack` to await.

A worker does one job at a time, and its answer is the next line it writes. So when the one who waits for an answer is
cancelled, that worker is of no more use: it is told to end, removes what it was writing, and another takes its place.
What a worker could not remove, because it was killed, is removed when the pool is closed. Where processes cannot be
started, threads do the same work, more slowly.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from anyio import CapacityLimiter

from dxpy_async.errors import DxpyError, StoreError
from dxpy_async.index.finishing import in_limited_thread, wait_out
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.forked_workers import ForkedWorker
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.worker_protocol import LINE_BYTES, READY, UnpackJob, decode_answer, encode_job

START_SECONDS = 30.0
"""How long a worker may take to start before threads are used instead."""

END_SECONDS = 3.0
"""How long a worker may take to end when told to, before it is killed."""

_POLL_SECONDS = 0.001

_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from dxpy_async.store.worker import main; sys.exit(main())"
_OURS = str(Path(__file__).resolve().parents[2])


class _Worker:
    """One process. Between jobs its streams are empty in both directions."""

    def __init__(self, process: Process | ForkedWorker, jobs: StreamWriter, answers: StreamReader) -> None:
        self._process, self._jobs, self._answers = process, jobs, answers
        self._told_to_end = False

    @classmethod
    async def adopt(cls, forked: ForkedWorker) -> Self:
        """One that was forked before there was a loop."""
        answers, jobs = await asyncio.open_connection(sock=forked.connection, limit=LINE_BYTES)
        return cls(forked, jobs, answers)

    @classmethod
    async def start(cls) -> Self:
        """Start a process. Raises OSError, NotImplementedError or ValueError where that is not possible."""
        paths = [path for path in sys.path if os.path.isabs(path)]
        # Isolated and without `site`, which starts faster: our modules come from where this process found them.
        # In a session of its own, so that Ctrl-C reaches this process alone, which decides what becomes of the work.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _BOOT, *paths, _OURS),
            stdin=PIPE,
            stdout=PIPE,
            limit=LINE_BYTES,
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        return cls(process, process.stdin, process.stdout)

    async def is_ready(self) -> bool:
        """Wait until the process has started, and say whether it has."""
        try:
            async with asyncio.timeout(START_SECONDS):
                return await self._answers.readline() == READY
        except TimeoutError:
            return False

    async def do(self, job: UnpackJob) -> None:
        """Have `job` done. Raises what it failed with, and StoreError when the worker ends without an answer."""
        try:
            self._jobs.write(encode_job(job))
            await self._jobs.drain()
            error = decode_answer(await self._answers.readline())
        except (OSError, ValueError) as fault:  # a broken pipe, or a piece of an answer
            raise await self._lost(job) from fault
        if error is not None:
            raise error

    @property
    def is_usable(self) -> bool:
        return self._process.returncode is None and not self._answers.at_eof()

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None and self._answers.at_eof()

    def stop(self) -> None:
        """Tell the process to end, without waiting for it."""
        if not self._told_to_end and self._process.returncode is None:
            self._process.terminate()
        self._told_to_end = True
        self._jobs.close()

    async def end(self) -> None:
        """Tell the process to end and wait until it has; it is killed when it takes too long."""
        self.stop()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._wait()
        except TimeoutError:
            self._process.kill()
        await self._answers.read()
        await self._wait()

    async def _wait(self) -> int:
        """Wait until the process has ended; what it ended with."""
        if not isinstance(self._process, ForkedWorker):
            return await self._process.wait()
        while (status := self._process.returncode) is None:
            await asyncio.sleep(_POLL_SECONDS)
        return status

    async def _lost(self, job: UnpackJob) -> StoreError:
        try:
            async with asyncio.timeout(END_SECONDS):
                status = await self._wait()
        except TimeoutError:
            return StoreError(f"the process that was unpacking `{job.filename}` gave no proper answer")
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return StoreError(f"the process that was unpacking `{job.filename}` {how}")


class WorkerPool:
    """At most `count` workers, started when they are needed. Use it with `async with`, or call `aclose` in the end.

    Those that are `forked` already are taken first.
    """

    def __init__(self, count: int, forked: Sequence[ForkedWorker] = ()) -> None:
        self._count, self._forked = count, list(forked)
        self._turns = asyncio.Semaphore(count)
        self._threads = CapacityLimiter(count)
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._disturbed: dict[str, Store] = {}
        self._has_processes = bool(sys.executable) and not getattr(sys, "frozen", False)
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def start(self, jobs: int) -> None:
        """Start the workers that so many jobs will keep busy, before the first of them comes."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(jobs, self._count) - len(self._workers)):
                tasks.create_task(self._start_one())

    async def _start_one(self) -> None:
        async with self._turns:
            wanted = not self._closed and self._has_processes and len(self._workers) < self._count
            if wanted and (worker := await self._new_worker()) is not None:
                self._idle.append(worker)

    async def unpack(
        self, store: Store, archive: Path, filename: str, *, sha256: str, blake3: str, size: int
    ) -> StoredWheel:
        """Add a wheel to `store` in a worker: see `store.adding.add_wheel`, whose errors it raises.

        Who comes first gets the next free worker. After a cancellation the store has the whole wheel or nothing of it.
        """
        job = UnpackJob(str(store.root), str(archive), filename, sha256, blake3, size)
        async with self._turns:
            if self._closed:
                raise RuntimeError("the pool of unpack workers is closed")
            worker = await self._free_worker()
            if worker is None:
                return await in_limited_thread(
                    self._threads, add_wheel, store, archive, filename, sha256=sha256, blake3=blake3, size=size
                )
            await self._do(worker, job, store)
        stored = store.find_archive(sha256, blake3)
        if stored is None:
            raise StoreError(f"`{filename}` was unpacked, but cannot be read back from the store at `{store.root}`")
        return stored

    async def aclose(self) -> None:
        """End all workers, also those that are at work, and wait for them, even when cancelled meanwhile."""
        self._closed = True
        ending = asyncio.ensure_future(self._end_all())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await wait_out(ending)
            raise

    async def _end_all(self) -> None:
        for worker in self._workers:
            worker.stop()
        for _ in range(self._count):
            await self._turns.acquire()  # whoever was waiting for an answer has been told by now
        for worker in self._workers:
            await worker.end()
        for store in self._disturbed.values():
            await in_limited_thread(self._threads, store.sweep_staging, time.time())
        self._workers, self._idle, self._disturbed = [], [], {}
        for _ in range(self._count):
            self._turns.release()

    async def _free_worker(self) -> _Worker | None:
        """A worker that is idle, a new one, or None where processes do not work."""
        self._workers = [worker for worker in self._workers if not worker.has_ended]
        while self._idle:
            worker = self._idle.pop()
            if worker.is_usable:
                return worker
            worker.stop()
        return await self._new_worker() if self._has_processes else None

    async def _new_worker(self) -> _Worker | None:
        starting = asyncio.ensure_future(_Worker.adopt(self._forked.pop()) if self._forked else _Worker.start())
        try:
            worker = await asyncio.shield(starting)
        except asyncio.CancelledError:
            await wait_out(starting)
            if starting.exception() is None:
                self._workers.append(starting.result())
                starting.result().stop()
            raise
        except (OSError, NotImplementedError, ValueError):
            self._has_processes = False
            return None
        self._workers.append(worker)
        ready = False
        try:
            ready = await worker.is_ready()
        finally:
            if not ready:
                worker.stop()
        self._has_processes = self._has_processes and ready
        return worker if ready else None

    async def _do(self, worker: _Worker, job: UnpackJob, store: Store) -> None:
        answered = False
        try:
            await worker.do(job)
            answered = True
        except DxpyError:
            answered = worker.is_usable
            raise
        finally:
            if answered:
                self._idle.append(worker)
            else:
                worker.stop()
                self._disturbed[job.root] = store
