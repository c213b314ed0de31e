"""A copy on this machine of the part of an index that a benchmark meets, and the server that serves it.

    python benchmarks/loopback.py DIRECTORY [--upstream URL] [--round-trip MS] [--megabits MBIT]

The first time a project page or a file is asked for, it is fetched from the upstream index and kept in DIRECTORY; from
then on it is served from there. Pages are kept as the index wrote them, except that the files' addresses point here.
So whatever a tool asks for (pages, `.metadata` files, byte ranges of wheels, whole wheels), it gets what the index
would give it, at the speed of the loopback device, and the copy holds what the measured projects need and no more.
The public index offers the metadata of every wheel as a file; for a mirror that does not, they are made here.

Every fetch is a line in DIRECTORY/fetched.log, so that a benchmark can tell that a run was not local all the way.
The port is chosen once and kept, because the pages name it. Ends when its standard input does.

It can play a server far away: each answer is a round trip late, the first of a connection two (one is for TCP), and
all bodies together pass no faster than a line of so many megabits a second. Left out are TLS and TCP's slow start.

DIRECTORY/port                        the port
DIRECTORY/simple/NAME/index.json      a project page (and .gz)
DIRECTORY/files/HOST/PATH             a file, and beside it PATH.metadata; HOST is learnt from the pages
DIRECTORY/origins.json                HOST -> scheme and host
X.missing                             upstream has no X
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import io
import json
import os
import re
import socket
import sys
import urllib.error
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urljoin, urlsplit

from dxpy_async.core.settings import PYPI_SIMPLE_URL

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PAGE, COMPRESSED_PAGE = "index.json", "index.json.gz"
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
# What the public index says of its pages and files; but of pages 600 seconds, and a benchmark takes longer than that:
# what is warm at its beginning shall be so at its end.
PAGE_FRESHNESS = "max-age=86400, public"
FILE_FRESHNESS = "max-age=365000000, immutable, public"
FETCH_SECONDS = 120
FETCHES = 32
"""How many are under way at once."""
METADATA_SUFFIX = ".metadata"
TAIL = 64 * 1024
"""Bytes of a wheel that hold its directory, mostly, and its METADATA, which lies there, too, more often than not."""
SMALL = 1024**2
"""Bodies up to this are read and written; larger ones go by `sendfile`, which costs more to set up."""
PIECE = 64 * 1024
"""How much one connection sends over a narrow line before it is another one's turn."""
CATCHING_UP_SECONDS = 0.02
"""How far a line may catch up on time in which nobody had anything to send, for timers are late by a little."""


class Line:
    """The way to a server: seconds for a round trip, and the bytes a second that all connections share, if limited."""

    def __init__(self, round_trip: float = 0.0, rate: float | None = None) -> None:
        self.round_trip = round_trip
        self.rate = rate
        self._free_at = 0.0

    async def travel(self, trips: int) -> None:
        """Wait for so many round trips."""
        if self.round_trip:
            await asyncio.sleep(trips * self.round_trip)

    async def carry(self, size: int) -> None:
        """Wait until so many bytes have passed, after all that were here before."""
        if self.rate is None:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now - CATCHING_UP_SECONDS) + size / self.rate
        await asyncio.sleep(self._free_at - now)


@dataclass(frozen=True, slots=True)
class Kept:
    """A page or file of the copy. `compressed` is a page's other form."""

    path: Path
    size: int
    etag: str
    compressed: Kept | None = None

    @staticmethod
    def at(path: Path) -> Kept:
        status = path.stat()
        compressed = Kept.at(path.with_name(COMPRESSED_PAGE)) if path.name == PAGE else None
        return Kept(path, status.st_size, f'"{status.st_mtime_ns:x}-{status.st_size:x}"', compressed)


class Copy:
    """The directory, and where what it lacks comes from. `upstream` is None for a copy that is complete."""

    def __init__(self, directory: Path, upstream: str | None) -> None:
        self.directory = directory
        self._upstream = upstream
        self._origins_path = directory / "origins.json"
        self._origins: dict[str, str] = (
            json.loads(self._origins_path.read_text()) if self._origins_path.exists() else {}
        )
        self._fetching: dict[Path, asyncio.Lock] = {}
        self._kept: dict[str, Kept] = {}
        self.port = self._kept_port()

    def _kept_port(self) -> int:
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "port"
        if not path.exists():
            with socket.create_server(("127.0.0.1", 0)) as listener:
                path.write_text(str(listener.getsockname()[1]))
        return int(path.read_text())

    async def find(self, path: str) -> Kept | None:
        """What answers a request path, fetched when it has to be; None when there is nothing."""
        if path in self._kept:
            return self._kept[path]
        local = self._local(path)
        if local is None:
            return None
        missing = local.with_name(local.name + ".missing")
        if not local.exists() and not missing.exists() and self._upstream is not None:
            async with self._fetching.setdefault(local, asyncio.Lock()):
                if not local.exists() and not missing.exists():
                    await asyncio.to_thread(self._fetch, path, local, missing)
        if not local.exists():
            return None
        return self._kept.setdefault(path, Kept.at(local))

    def _local(self, path: str) -> Path | None:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        if any(part in {"", ".", ".."} or "/" in part or "\\" in part or "\0" in part for part in parts):
            return None
        match parts:
            case ["simple", project]:
                return self.directory / "simple" / project / PAGE
            case ["files", host, _, *_] if host in self._origins:
                return self.directory.joinpath(*parts)
        return None

    def _fetch(self, path: str, local: Path, missing: Path) -> None:
        kind, _, rest = path.strip("/").partition("/")
        if kind == "simple":
            address = f"{self._upstream}/{rest}/"
        else:
            host, _, file_path = rest.partition("/")
            address = f"{self._origins[host]}/{file_path}"
        local.parent.mkdir(parents=True, exist_ok=True)
        request = urllib.request.Request(address, headers={"Accept": JSON_PAGE if kind == "simple" else "*/*"})
        try:
            with urllib.request.urlopen(request, timeout=FETCH_SECONDS) as response:
                body: bytes | None = response.read()
        except urllib.error.HTTPError as error:
            if error.code not in {404, 410}:
                raise
            body = _metadata_in(address.removesuffix(METADATA_SUFFIX)) if address.endswith(METADATA_SUFFIX) else None
        if body is None:
            missing.touch()
        else:
            if kind == "simple":
                body = self._localised(body, address)
                _write(local.with_name(COMPRESSED_PAGE), gzip.compress(body, 6))
            _write(local, body)
        with (self.directory / "fetched.log").open("a") as log:
            log.write(f"{path}\n")

    def _localised(self, body: bytes, address: str) -> bytes:
        """A page whose files have addresses on this server; the hosts they came from are remembered."""
        page = json.loads(body)
        before = len(self._origins)
        for file in page["files"]:
            parts = urlsplit(urljoin(address, file["url"]))
            self._origins[parts.netloc] = f"{parts.scheme}://{parts.netloc}"
            file["url"] = f"http://127.0.0.1:{self.port}/files/{parts.netloc}{parts.path}"
            if file["filename"].endswith(".whl"):
                file.setdefault("core-metadata", True)
        if len(self._origins) != before:
            _write(self._origins_path, json.dumps(self._origins, indent=1).encode())
        return json.dumps(page, separators=(",", ":")).encode()


class _RemoteFile(io.RawIOBase):
    """A file on a server, read in byte ranges. Its end, where an archive has its directory, is read at once."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._at = 0
        self._size, self._end = self._fetch(f"bytes=-{TAIL}")

    def _fetch(self, span: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self._address, headers={"Range": span})
        with urllib.request.urlopen(request, timeout=FETCH_SECONDS) as response:
            body = response.read()
            # A server without ranges sends everything, and then the end is the whole.
            return int(response.headers.get("Content-Range", f"/{len(body)}").rpartition("/")[2]), body

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer).cast("B")
        until = min(self._at + len(room), self._size)
        end_starts = self._size - len(self._end)
        if self._at >= until:
            return 0
        if self._at >= end_starts:
            body = self._end[self._at - end_starts : until - end_starts]
        else:
            body = self._fetch(f"bytes={self._at}-{until - 1}")[1]
        room[: len(body)] = body
        self._at += len(body)
        return len(body)


def _metadata_in(address: str) -> bytes | None:
    """The METADATA of a wheel on a server; None when there is no such wheel, or it has none."""
    try:
        with zipfile.ZipFile(io.BufferedReader(_RemoteFile(address), TAIL)) as wheel:
            names = [name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            return wheel.read(names[0]) if names else None
    except urllib.error.HTTPError as error:
        if error.code not in {404, 410}:
            raise
        return None
    except zipfile.BadZipFile:
        return None


def _write(path: Path, body: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_bytes(body)
    beside.replace(path)


@dataclass(frozen=True, slots=True)
class Request:
    """What matters of one request's head."""

    method: str
    path: str
    headers: dict[str, str]

    @staticmethod
    def parse(head: bytes) -> Request:
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Request(method, urlsplit(target).path, headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers, and the span of a file that is the body (no file, no body)."""

    status: str
    headers: dict[str, str]
    file: Path | None = None
    start: int = 0
    length: int = 0


def answer(request: Request, kept: Kept | None) -> Answer:
    """What to say to a request whose path leads to `kept`."""
    if kept is None:
        return Answer("404 Not Found", {})
    return _page(request, kept) if kept.compressed else _file(request, kept)


def _page(request: Request, kept: Kept) -> Answer:
    headers = {"Content-Type": JSON_PAGE, "Cache-Control": PAGE_FRESHNESS, "Vary": "Accept, Accept-Encoding"}
    if kept.compressed and "gzip" in request.headers.get("accept-encoding", ""):
        kept = kept.compressed
        headers["Content-Encoding"] = "gzip"
    headers["ETag"] = kept.etag
    if request.headers.get("if-none-match") == kept.etag:
        return Answer("304 Not Modified", headers)
    return Answer("200 OK", headers, kept.path, 0, kept.size)


def _file(request: Request, kept: Kept) -> Answer:
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": FILE_FRESHNESS, "Accept-Ranges": "bytes"}
    headers["ETag"] = kept.etag
    span = _span(request.headers.get("range", ""), kept.size)
    if span is None:
        return Answer("200 OK", headers, kept.path, 0, kept.size)
    start, end = span
    if start >= end:
        return Answer("416 Range Not Satisfiable", {"Content-Range": f"bytes */{kept.size}"})
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{kept.size}"
    return Answer("206 Partial Content", headers, kept.path, start, end - start)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range header asks for, as start and end; None for no range or one not understood."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if match is None or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


async def serve(copy: Copy, line: Line, port: int) -> None:
    """Answer on a port until the standard input ends."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(FETCHES))
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(converse(copy, line, reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    async with await asyncio.start_server(connected, "127.0.0.1", port, backlog=4096) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)
        for task in connections:
            task.cancel()


async def converse(copy: Copy, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection, one after the other, until the client leaves."""
    trips = 2
    try:
        while True:
            request = Request.parse(await reader.readuntil(b"\r\n\r\n"))
            try:
                reply = answer(request, await copy.find(request.path))
            except OSError as error:
                print(f"{request.path}: {error}", file=sys.stderr, flush=True)
                reply = Answer("502 Bad Gateway", {})
            await line.travel(trips)
            await _send(writer, line, request, reply)
            trips = 1
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # the client has what it wants
    finally:
        writer.close()


async def _send(writer: asyncio.StreamWriter, line: Line, request: Request, reply: Answer) -> None:
    lines = [f"HTTP/1.1 {reply.status}", *(f"{name}: {value}" for name, value in reply.headers.items())]
    if not reply.status.startswith("304"):
        lines.append(f"Content-Length: {reply.length}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if reply.file is None or request.method == "HEAD":
        writer.write(head)
    else:
        with reply.file.open("rb") as file:
            if line.rate is not None:
                writer.write(head)
                file.seek(reply.start)
                await _send_slowly(writer, line, file, reply.length)
            elif reply.length <= SMALL:
                file.seek(reply.start)
                writer.write(head + file.read(reply.length))
            else:
                writer.write(head)
                await asyncio.get_running_loop().sendfile(writer.transport, file, reply.start, reply.length)
    await writer.drain()


async def _send_slowly(writer: asyncio.StreamWriter, line: Line, file: BinaryIO, length: int) -> None:
    for start in range(0, length, PIECE):
        piece = file.read(min(PIECE, length - start))
        await line.carry(len(piece))
        writer.write(piece)
        await writer.drain()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a copy of a package index on the loopback device.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--upstream", default=PYPI_SIMPLE_URL, help="where what the copy lacks is fetched")
    parser.add_argument("--complete", action="store_true", help="fetch nothing; answer 404 to what the copy lacks")
    parser.add_argument("--port", type=int, help="listen here instead of on the port that the pages name; 0: any")
    parser.add_argument("--round-trip", type=float, default=0, metavar="MS", help="how far away to play")
    parser.add_argument("--megabits", type=float, metavar="MBIT", help="how many pass in a second, at most")
    arguments = parser.parse_args()
    copy = Copy(arguments.directory, None if arguments.complete else arguments.upstream)
    rate = None if arguments.megabits is None else arguments.megabits * 1e6 / 8
    line = Line(arguments.round_trip / 1000, rate)
    asyncio.run(serve(copy, line, copy.port if arguments.port is None else arguments.port))


if __name__ == "__main__":
    main()
