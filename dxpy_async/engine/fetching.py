"""Bringing wheels into the store: download, check, unpack and hand on, many at once, bounded in bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from dxpy_async.core.locks import LockedFile
from dxpy_async.core.selection import Selected
from dxpy_async.engine.events import DownloadFinished, DownloadProgress, DownloadStarted, Listener, Stored
from dxpy_async.engine.workers import WorkerPool
from dxpy_async.index.client import Downloaded, IndexClient
from dxpy_async.index.sharing import SharedWork
from dxpy_async.store.store import Store, StoredWheel

UNKNOWN_SIZE = 8 * 1024**2
"""What a file of unknown size counts for in the budget, in bytes."""


EARLY_SIZE, EARLY_FILES = 1024**2, 4
"""The largest files of at most so many bytes are fetched before all others."""


def _in_turn(wanted: Sequence[Selected]) -> list[Selected]:
    """The order in which to fetch."""
    ordered = sorted(wanted, key=lambda item: (-(item.size or UNKNOWN_SIZE), item.package.name))
    early = [item for item in ordered if (item.size or UNKNOWN_SIZE) <= EARLY_SIZE][:EARLY_FILES]
    return early + [item for item in ordered if item not in early]


async def download(client: IndexClient, file: LockedFile, into: Path, on_event: Listener) -> Downloaded:
    """Bring `file` to the path `into`, checked (`IndexClient.download`), and tell how far it is."""
    on_event(DownloadStarted(file.filename, file.size))
    downloaded = await client.download(
        url=file.url,
        filename=file.filename,
        hashes=file.hashes,
        size=file.size,
        into=into,
        progress=lambda received: on_event(DownloadProgress(file.filename, received)),
    )
    on_event(DownloadFinished(file.filename))
    return downloaded


class ByteBudget:
    """At most `limit` bytes at once, first come first served; one thing larger than the limit goes alone."""

    def __init__(self, limit: int) -> None:
        self._limit = self._free = limit
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait until `size` bytes are free, and hold them while the block runs."""
        share = min(size, self._limit)
        await self._take(share)
        try:
            yield
        finally:
            self._free += share
            self._wake()

    async def _take(self, share: int) -> None:
        if not self._queue and share <= self._free:
            self._free -= share
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (share, turn)
        self._queue.append(entry)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._free += share  # the turn came in the same moment as the cancellation
            elif entry in self._queue:  # else its turn came and was passed on
                self._queue.remove(entry)
            self._wake()
            raise

    def _wake(self) -> None:
        while self._queue and self._queue[0][0] <= self._free:
            share, turn = self._queue.popleft()
            if not turn.done():
                self._free -= share
                turn.set_result(None)


class Fetcher:
    """Brings wheels into one store. One per engine: operations that want the same wheel at once share the work."""

    def __init__(self, client: IndexClient, store: Store, workers: WorkerPool, budget: ByteBudget) -> None:
        self._client, self._store, self._workers, self._budget = client, store, workers, budget
        self._under_way: SharedWork[str, StoredWheel] = SharedWork()

    async def __aenter__(self) -> Self:
        await self._under_way.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._under_way.__aexit__()

    async def fetch_all(
        self,
        wanted: Sequence[Selected],
        on_stored: Callable[[Selected, StoredWheel], Awaitable[None]],
        build: Callable[[Selected, Listener], Awaitable[StoredWheel]],
        on_event: Listener,
    ) -> None:
        """Bring all of `wanted` into the store; `on_stored` is awaited for each as soon as it is there.

        What is no wheel is given to `build`.

        The largest begin first, so that the last worker is not left alone with a big one; but before them a few that
        arrive at once, so that the workers have something to do meanwhile.
        """
        ordered = _in_turn(wanted)

        async def bring(item: Selected) -> None:
            if item.is_built:
                stored = await build(item, on_event)
            else:
                assert item.file is not None, "a wheel is a file"
                stored = await self.fetch(item.file, on_event=on_event)
            on_event(Stored(item.package.name, stored.manifest.version))
            await on_stored(item, stored)

        async with asyncio.TaskGroup() as tasks:
            for item in ordered:
                tasks.create_task(bring(item))
            tasks.create_task(self._workers.start(len(ordered)))

    async def fetch(self, wheel: LockedFile, *, on_event: Listener) -> StoredWheel:
        """The unpacked `wheel`, from the store if it is there, else downloaded, checked and unpacked."""
        key = wheel.hashes.get("sha256") or wheel.url
        return await self._under_way.run(key, lambda: self._bring(wheel, on_event))

    async def _bring(self, wheel: LockedFile, on_event: Listener) -> StoredWheel:
        async with self._budget.hold(wheel.size or UNKNOWN_SIZE):
            if (sha256 := wheel.hashes.get("sha256")) and (stored := self._store.find(sha256)) is not None:
                return stored
            return await self._download_and_unpack(wheel, on_event)

    async def _download_and_unpack(self, wheel: LockedFile, on_event: Listener) -> StoredWheel:
        with self._store.staging_directory() as staging:
            archive = staging / wheel.filename
            downloaded = await download(self._client, wheel, archive, on_event)
            return await self._workers.unpack(
                self._store,
                archive,
                wheel.filename,
                sha256=downloaded.sha256,
                blake3=downloaded.blake3,
                size=downloaded.size,
            )
