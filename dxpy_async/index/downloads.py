"""Distributions on their way to disk: fetched or copied, hashed as they are written, held against what was promised."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiofiles.threadpool.binary import AsyncFileIO
from blake3 import blake3

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.limits import ARCHIVE_BYTES
from dxpy_async.errors import FileMissing, HashMismatch, IndexUnavailable, IntegrityError, SizeMismatch, StoreError
from dxpy_async.index.byte_ranges import parse_content_range
from dxpy_async.index.finishing import finish, in_thread
from dxpy_async.index.safe_url import SafeURL
from dxpy_async.index.transport import Reply, TransientFault, Transport

BATCH_BYTES = 1024**2
"""Bytes that are collected before they are written and hashed in one go, off the event loop."""

KNOWN_ALGORITHMS = frozenset(
    {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512"}
    | {"blake2b", "blake2s"}
)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A distribution on disk: where, how many bytes, and its digests in hex. `hashes` has each that was computed."""

    path: Path
    size: int
    sha256: str
    blake3: str
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Promise:
    """What the index or the lock says of a distribution: its name, where it is from, its digests and size in bytes."""

    filename: str
    origin: str
    hashes: Mapping[str, str]
    size: int | None

    @property
    def limit(self) -> int:
        """More bytes than this are never taken."""
        return ARCHIVE_BYTES if self.size is None else min(self.size, ARCHIVE_BYTES)

    @property
    def is_checkable(self) -> bool:
        """Whether the bytes can be told from others in the end."""
        return any(algorithm in KNOWN_ALGORITHMS for algorithm in self.hashes)

    def check_length(self, received: int) -> None:
        """Raises as soon as more was received than can be right."""
        if received <= self.limit:
            return
        if self.size is not None and self.size < ARCHIVE_BYTES:
            raise SizeMismatch(self.filename, expected=self.size, actual=received, origin=self.origin)
        raise IndexUnavailable(
            f"`{self.filename}` from {self.origin} is larger than is read: "
            f"{received} bytes or more, the limit is {ARCHIVE_BYTES}",
            url=self.origin,
        )


class HashingFile(io.FileIO):
    """A file, empty at first, whose digests are known when its last byte is written."""

    def __init__(self, path: Path, promise: Promise) -> None:
        super().__init__(path, "w+b")
        self._path, self._promise = path, promise
        self._forget()

    def expect(self, promise: Promise) -> None:
        """Hold it against `promise` in the end; the digests that count are the same."""
        self._promise = promise

    def start_again(self) -> None:
        """Forget everything written so far."""
        self.seek(0)
        self.truncate()
        self._forget()

    def _forget(self) -> None:
        self._written = 0
        self._blake3 = blake3()
        wanted = {algorithm.lower() for algorithm in self._promise.hashes} & KNOWN_ALGORITHMS
        self._digests = {algorithm: hashlib.new(algorithm) for algorithm in sorted(wanted | {"sha256"})}

    @property
    def written(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._hash(view)
        rest = view
        while rest:
            rest = rest[super().write(rest) or 0 :]
        return len(view)

    def write_at(self, data: bytes, place: int) -> None:
        """Write somewhere, to be hashed later."""
        view = memoryview(data)
        self.seek(place)
        while view:
            view = view[super().write(view) or 0 :]

    def hash_all(self) -> None:
        """Take what is in the file now as what was written."""
        self._forget()
        self.seek(0)
        while batch := self.read(BATCH_BYTES):
            self._hash(batch)

    def _hash(self, data: Any) -> None:
        for digest in self._digests.values():
            digest.update(data)
        self._blake3.update(data)
        self._written += len(data)

    def checked(self) -> Downloaded:
        """What was written, if it is what was promised. Raises SizeMismatch or HashMismatch."""
        promise = self._promise
        if promise.size is not None and self._written != promise.size:
            raise SizeMismatch(promise.filename, expected=promise.size, actual=self._written, origin=promise.origin)
        actual = {algorithm: digest.hexdigest() for algorithm, digest in self._digests.items()}
        for algorithm, expected in promise.hashes.items():
            found = actual.get(algorithm.lower())
            if found is not None and found != expected.lower():
                raise HashMismatch(
                    promise.filename, algorithm=algorithm, expected=expected, actual=found, origin=promise.origin
                )
        return Downloaded(self._path, self._written, actual["sha256"], self._blake3.hexdigest(), actual)


class Batches:
    """Collects what comes from the network and hands it on in large pieces."""

    __slots__ = ("_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> bytes | None:
        """A batch to write now, or None while it is better to wait for more."""
        self._parts.append(part)
        self._size += len(part)
        return self.take() if self._size >= BATCH_BYTES else None

    def take(self) -> bytes:
        """What is left."""
        batch = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size = [], 0
        return batch


async def copy_file(source: Path, file: HashingFile, promise: Promise, progress: Callable[[int], None]) -> None:
    """Write a file of this machine into `file`."""
    try:
        with source.open("rb", buffering=0) as original:
            while batch := await in_thread(original.read, 4 * BATCH_BYTES):
                promise.check_length(file.written + len(batch))
                await write_batch(file, batch, promise.filename)
                progress(len(batch))
    except OSError as error:
        raise IndexUnavailable(f"`{source}` cannot be read: {error.strerror}", url=promise.origin) from error


class Download:
    """One file on its way from a server, through all attempts."""

    def __init__(
        self,
        transport: Transport,
        address: SafeURL,
        file: HashingFile,
        promise: Promise,
        progress: Callable[[int], None],
    ) -> None:
        self._transport, self._address, self._file = transport, address, file
        self._promise, self._progress = promise, progress
        self._etag: str | None = None
        self._resumed = False

    async def run(self) -> Downloaded:
        return await self._transport.request(
            self._address.public, self._receive, headers=self._headers, login=self._address.login
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        # Parts are only put together when a strong ETag says they are of one file and a digest can prove it.
        if self._file.written and self._etag is not None and self._promise.is_checkable:
            headers |= {"Range": f"bytes={self._file.written}-", "If-Range": self._etag}
        return headers

    async def _receive(self, reply: Reply) -> Downloaded:
        done = self._file.written
        if reply.status == 206 and done and _starts_at(reply, done):
            self._resumed = True
        else:
            self._start_again()
            if reply.status in (206, 416) and done:
                self._etag = None
                raise TransientFault("sent another part of the file than was asked for")
            if reply.status != 200:
                raise self._missing(reply) if reply.status in (404, 410) else reply.refusal()
            etag = reply.headers.get("ETag", "")
            self._etag = etag if etag.startswith('"') else None
        if reply.declared_length is not None:
            self._promise.check_length(self._file.written + reply.declared_length)
        await self._write_body(reply)
        try:
            return self._file.checked()
        except IntegrityError:
            if not self._resumed:
                raise
            self._start_again()
            self._etag = None
            raise TransientFault("sent parts of a file that do not fit together") from None

    async def _write_body(self, reply: Reply) -> None:
        batches, expected = Batches(), self._file.written
        try:
            async for chunk in reply.chunks():
                expected += len(chunk)
                self._promise.check_length(expected)
                if (batch := batches.add(chunk)) is not None:
                    await self._write(batch)
        except TransientFault:
            await self._write(batches.take())
            raise
        await self._write(batches.take())

    async def _write(self, batch: bytes) -> None:
        if batch:
            await write_batch(self._file, batch, self._promise.filename)
            self._progress(len(batch))

    def _start_again(self) -> None:
        if self._file.written:
            self._progress(-self._file.written)
            self._file.start_again()
        self._resumed = False

    def _missing(self, reply: Reply) -> IndexUnavailable:
        return FileMissing(
            f"`{self._promise.filename}` is not at `{reply.url}` (status {reply.status})",
            url=reply.url,
            hints=("the index may have taken the file away; run `dxpy lock --upgrade` to choose anew",),
        )


def create_file(into: Path, promise: Promise) -> HashingFile:
    """The empty file `into`. Raises StoreError when it cannot be made."""
    try:
        return HashingFile(into, promise)
    except OSError as error:
        raise StoreError(f"`{promise.filename}` cannot be written to `{into}`: {error.strerror}") from error


async def write_batch(file: HashingFile, batch: bytes, filename: str) -> None:
    """Write and hash in a thread, which is waited for in any case: nobody closes a file that is being written."""
    try:
        await finish(AsyncFileIO(file, loop=None, executor=None).write(batch))
    except OSError as error:
        raise StoreError(f"`{filename}` cannot be written to `{file.name!s}`: {error.strerror}") from error


async def write_batch_at(file: HashingFile, batch: bytes, place: int, filename: str) -> None:
    """The same without hashing, anywhere in the file; for one batch at a time."""
    try:
        await in_thread(file.write_at, batch, place)
    except OSError as error:
        raise StoreError(f"`{filename}` cannot be written to `{file.name!s}`: {error.strerror}") from error


async def hash_written(file: HashingFile, filename: str) -> None:
    """Hash what `write_batch_at` has written."""
    try:
        await in_thread(file.hash_all)
    except OSError as error:
        raise StoreError(f"`{filename}` cannot be read back from `{file.name!s}`: {error.strerror}") from error


def _starts_at(reply: Reply, start: int) -> bool:
    found = parse_content_range(reply.headers.get("Content-Range"))
    return found is not None and found[0].start == start
