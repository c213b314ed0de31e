"""One large file by several requests at once: some servers and networks slow down each connection by itself.

The first part is asked for alone. Its answer must be a 206 that tells the expected size and a strong ETag, which the
requests for the other parts then insist on; of anything else `NotInParts` is raised, and the file is fetched whole.
Parts are written to their places as they come, a batch of each in memory at the most, and go on where they were cut
off; the digests are taken of the file when all of it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

from dxpy_async.errors import IntegrityError
from dxpy_async.index.byte_ranges import Span, parse_content_range, range_header
from dxpy_async.index.downloads import Batches, Downloaded, HashingFile, Promise, hash_written, write_batch_at
from dxpy_async.index.safe_url import SafeURL
from dxpy_async.index.transport import Reply, TransientFault, Transport

PARTED_FROM = 16 * 1024**2
"""Files of so many bytes are fetched in parts."""

PARTS = 4


class NotInParts(Exception):
    """The server does not give this file in parts that are known to belong together."""


class PartedDownload:
    """The parts of one file on their way from a server, through all attempts."""

    def __init__(
        self,
        transport: Transport,
        address: SafeURL,
        file: HashingFile,
        promise: Promise,
        size: int,
        progress: Callable[[int], None],
    ) -> None:
        self._transport, self._address, self._file = transport, address, file
        self._promise, self._size, self._progress = promise, size, progress
        self._etag: str | None = None
        self._received = 0
        self._group = asyncio.TaskGroup()
        self._writing = asyncio.Lock()

    async def run(self) -> Downloaded:
        """The file, if it is what was promised. Raises NotInParts, with the file empty, and what `Download` raises."""
        first, *self._rest = _parts(self._size)
        try:
            await self._fetch_all(first)
            await hash_written(self._file, self._promise.filename)
            return self._file.checked()
        except (NotInParts, IntegrityError):  # parts that do not fit together: whole it may be right
            self._progress(-self._received)
            self._file.start_again()
            raise NotInParts from None

    async def _fetch_all(self, first: Span) -> None:
        try:
            async with self._group:
                await self._fetch(first)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _fetch(self, part: Span) -> None:
        done = part.start

        def headers() -> dict[str, str]:
            asked = {"Accept": "*/*", "Accept-Encoding": "identity", "Range": range_header(Span(done, part.stop))}
            return asked if self._etag is None else {**asked, "If-Range": self._etag}

        async def receive(reply: Reply) -> None:
            nonlocal done
            self._check(reply, Span(done, part.stop))
            batches = Batches()
            try:
                async for chunk in reply.chunks():
                    if (batch := batches.add(chunk)) is not None:
                        done = await self._write(batch, done, part.stop)
            except TransientFault:
                done = await self._write(batches.take(), done, part.stop)
                raise
            done = await self._write(batches.take(), done, part.stop)
            if done != part.stop:
                raise TransientFault(f"ended a part {part.stop - done} bytes before its end")

        await self._transport.request(self._address.public, receive, headers=headers, login=self._address.login)

    def _check(self, reply: Reply, asked: Span) -> None:
        """Raises NotInParts for an answer that is not the part of this file that was asked for."""
        found, etag = parse_content_range(reply.headers.get("Content-Range")), reply.headers.get("ETag", "")
        if reply.status != 206 or found != (asked, self._size) or not etag.startswith('"'):
            raise NotInParts
        if self._etag is None:
            self._etag = etag
            for part in self._rest:
                self._group.create_task(self._fetch(part))
        elif etag != self._etag:
            raise NotInParts

    async def _write(self, batch: bytes, start: int, stop: int) -> int:
        """Write what came at `start`; where the next goes."""
        if start + len(batch) > stop:
            raise NotInParts
        if batch:
            async with self._writing:
                await write_batch_at(self._file, batch, start, self._promise.filename)
            self._received += len(batch)
            self._progress(len(batch))
        return start + len(batch)


def _parts(size: int) -> list[Span]:
    bounds = [size * number // PARTS for number in range(PARTS + 1)]
    return [Span(start, stop) for start, stop in pairwise(bounds)]
