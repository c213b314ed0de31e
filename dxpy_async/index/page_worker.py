"""A forked process that takes pages apart while the event loop goes on.

Taking the 200 pages of a large project apart is two fifths of all the work of a lock without a cache, and threads would
share one interpreter's lock for it. The worker is sent a page as it came, puts its compact form into the cache, and
answers with one byte whether it did. It never says what is wrong with a page: whoever sent it finds that out again, in
its own words. Jobs are answered in their order. The worker ends when the connection does, so also with its parent.

    job      length of the rest (u32, little-endian), MessagePack of a PageJob
    answer   `\\x01` when the page is in the cache, else `\\x00`
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from dxpy_async.core.limits import PAGE_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import DxpyError
from dxpy_async.formats.compact_page import encode_page
from dxpy_async.formats.simple_page import parse
from dxpy_async.index.http_cache import HttpCache, Validators
from dxpy_async.index.inflate import DamagedGzip, TooLong, gunzip

MOST_BYTES = 8 * 1024**2
"""The longest body that is sent: what is sent is held twice meanwhile."""

_LENGTH = struct.Struct("<I")
_KEPT, _NOT_KEPT = b"\1", b"\0"


class PageJob(msgspec.Struct, array_like=True, gc=False):
    """One page as it came, gzipped or plain, and where it goes: `name` in the cache below `cache_dir`."""

    body: bytes
    is_gzipped: bool
    content_type: str
    base_url: str
    project: str
    index_url: str
    cache_dir: str
    name: str
    validated_at: float
    lifetime: float
    etag: str | None
    last_modified: str | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(PageJob).decode


class PageWorker:
    """The worker as an event loop sees it. Serves one loop at a time; use it with `with` around that."""

    def __init__(self, connection: socket.socket, process: int) -> None:
        connection.setblocking(False)
        self._connection, self.process = connection, process
        self._sending = asyncio.Lock()
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_lost = False

    @classmethod
    def fork(cls) -> Self | None:
        """Start one; None where this process cannot be forked, because of its system, its limits or its threads."""
        if not hasattr(os, "fork") or threading.active_count() != 1:
            return None
        ours, theirs = socket.socketpair()
        try:
            process = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            return None
        if not process:
            ours.close()
            _be_worker(theirs)
        theirs.close()
        return cls(ours, process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        os.waitpid(self.process, 0)

    async def keep(self, job: PageJob) -> bool:
        """Whether the page is in the cache now. False too when the worker is lost. May be cancelled."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        message = _encode(job)
        async with self._sending:
            if self._is_lost:
                return False
            if self._loop is not loop:
                self._loop = loop
                loop.add_reader(self._connection, self._hear)
            self._waiting.append(answer)
            try:
                await loop.sock_sendall(self._connection, _LENGTH.pack(len(message)) + message)
            except OSError:
                self._lose()
            except asyncio.CancelledError:
                self._lose()  # half of the job may have been sent
                raise
        return await answer

    def _hear(self) -> None:
        try:
            said = self._connection.recv(256)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        for byte in said:
            answer = self._waiting.popleft()
            if not answer.done():  # nobody waits for it any more
                answer.set_result(byte == _KEPT[0])
        if not said:
            self._lose()

    def _lose(self) -> None:
        """From now on the worker is of no use."""
        if self._is_lost:
            return
        self._is_lost = True
        if self._loop is not None:
            self._loop.remove_reader(self._connection)
        self._connection.close()
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(False)


def _be_worker(connection: socket.socket) -> None:
    """All that the child ever does. It never returns, so that nothing of its parent's is done or flushed twice."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what becomes of the work
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with connection.makefile("rb") as jobs:
            while len(length := jobs.read(_LENGTH.size)) == _LENGTH.size:
                job = _decode(jobs.read(_LENGTH.unpack(length)[0]))
                connection.sendall(_KEPT if keep_page(job) else _NOT_KEPT)
        status = 0
    except (OSError, msgspec.MsgspecError):
        status = 0  # the parent is gone, or went in the middle of a job
    finally:
        os._exit(status)


def keep_page(job: PageJob) -> bool:
    """Put the compact form of a page into the cache; False when that cannot be, for whatever reason."""
    cache = HttpCache(Path(job.cache_dir))
    try:
        plain = gunzip(job.body, PAGE_BYTES) if job.is_gzipped else job.body
        record = parse(
            plain,
            job.content_type,
            base_url=job.base_url,
            project=ProjectName(job.project),
            index_url=job.index_url,
        )
    except (DxpyError, DamagedGzip, TooLong):
        return False
    validators = Validators(
        validated_at=job.validated_at, lifetime=job.lifetime, etag=job.etag, last_modified=job.last_modified
    )
    cache.write(job.name, validators, encode_page(record))
    return cache.trouble is None
