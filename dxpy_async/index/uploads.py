"""Uploads to an index, over the interface that the first Python index had and all others took over.

One form for each file: what its metadata say, digests, and the file itself, which is read as it is sent.

Source: the upload API in the documentation of PyPI
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple
from uuid import uuid4

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from dxpy_async.core.logins import Login
from dxpy_async.formats.upload_form import Fields
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.transport import Reply, TransientFault, Transport
from dxpy_async.index.upload_answers import Answer, reason_in

ANSWER_SECONDS = 300.0
"""How long an index may think about a file that it has, or take for the next part of one."""
_CHUNK = 256 * 1024
_ANSWER_BYTES = 16 * 1024
_DISPOSITION, _OF_A_FILE = "Content-Disposition: form-data", "Content-Type: application/octet-stream"
_ACCEPT = "text/plain, application/json;q=0.9, text/html;q=0.8, */*;q=0.1"


class FileChanged(Exception):
    """A file has another length than when it was looked at."""


class Digests(NamedTuple):
    """The digests of a file that indexes compare, in hex, and its size in bytes."""

    md5: str
    sha256: str
    blake2_256: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Digests:
        hashes = (hashlib.md5(usedforsecurity=False), hashlib.sha256(), hashlib.blake2b(digest_size=32))
        size = 0
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                for each in hashes:
                    each.update(chunk)
        md5, sha256, blake2 = (each.hexdigest() for each in hashes)
        return cls(md5, sha256, blake2, size)

    def fields(self) -> Fields:
        return [("md5_digest", self.md5), ("sha256_digest", self.sha256), ("blake2_256_digest", self.blake2_256)]


async def upload(
    transport: Transport,
    url: str,
    fields: Fields,
    path: Path,
    size: int,
    *,
    login: Login | None,
    now: float,
    progress: Callable[[int], None],
) -> Answer:
    """One attempt to send the file at `path` to `url`, which has no credentials in it; what the index answered.

    `now` is in seconds since 1970. `progress` hears how many bytes of the file have gone since it was last called.
    Raises TransientFault when there is no answer, FileChanged, and OSError when the file cannot be read.
    """
    secrets = tuple(filter(None, (login.password, login.authorization.partition(" ")[2]))) if login else ()

    async def receive(reply: Reply) -> Answer:
        body = await reply.start(_ANSWER_BYTES)
        kind = reply.headers.get("Content-Type", "")
        return Answer(
            reply.status,
            reason_in(reply.status, reply.phrase, kind, body, secrets=secrets),
            location=reply.headers.get("Location", ""),
            retry_after=reply.retry_after(now),
        )

    with open(path, "rb") as file:
        form = _Form(fields, file, path.name, size, progress)

        def body(alive: Callable[[], None]) -> aiohttp.Payload:
            form.alive = alive
            return form

        try:
            return await transport.send(
                "POST", url, receive, body=body, headers={"Accept": _ACCEPT}, login=login, patience=ANSWER_SECONDS
            )
        except TransientFault as fault:
            if form.has_changed:
                raise FileChanged from fault
            fault.reached = fault.reached and form.is_whole
            raise


class _Form(aiohttp.Payload):
    """The fields and the file as one form. The file is read as it is sent; a small form goes in one piece.

    That is more than a matter of speed: an index that refuses a login answers the head and hangs up, and while there is
    more to write its answer would be lost.
    """

    _autoclose = False

    def __init__(
        self, fields: Fields, file: IO[bytes], filename: str, size: int, progress: Callable[[int], None]
    ) -> None:
        boundary = uuid4().hex
        super().__init__(file, content_type=f"multipart/form-data; boundary={boundary}")
        parts = [f'--{boundary}\r\n{_DISPOSITION}; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
        opening = f'--{boundary}\r\n{_DISPOSITION}; name="content"; filename="{filename}"\r\n{_OF_A_FILE}\r\n\r\n'
        self._before = "".join([*parts, opening]).encode()
        self._after = f"\r\n--{boundary}--\r\n".encode()
        self._file, self._length, self._progress = file, size, progress
        self._size = len(self._before) + size + len(self._after)
        self.alive: Callable[[], None] = lambda: None
        self.is_whole = False
        """Whether all of it was handed on: before that, nobody can have the file."""
        self.has_changed = False
        """Whether the file had another length than it was to have, which ends the connection."""

    async def write(self, writer: AbstractStreamWriter) -> None:
        left, piece = self._length, self._before
        while True:
            chunk = self._file.read(_CHUNK) if piece else await in_thread(self._file.read, _CHUNK)
            left -= len(chunk)
            if left < 0 or (left and not chunk):
                self.has_changed = True
                raise FileChanged
            self.is_whole = not left
            await writer.write(b"".join([piece, chunk, b"" if left else self._after]))
            self.alive()
            self._progress(len(chunk))
            if not left:
                return
            piece = b""

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self.write(writer)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> Any:
        raise TypeError("a file that is sent is never read whole")
