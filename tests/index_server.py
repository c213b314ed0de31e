"""A package index on the loopback interface for tests: it serves, delays, fails, lies, and remembers what was asked.

It speaks HTTP/1.1 on bare streams, so that every fault of the wire can be made: a body cut short, a connection reset, a
length that is not true, a body without end.

    async with LoopbackIndex() as index:            # in a test's own event loop
        index.add_wheel(build_wheel(tmp_path, "a", "1"))
        index.fault("/simple/a/", status=503, times=2)
        ... index.url ...

    with running_index(LoopbackIndex()) as index:   # in a thread, for synchronous code and subprocesses
        ... index.url ...

Addresses: `/simple/<project>/` are pages, `/files/<filename>` files, `/files/<filename>.metadata` metadata.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email.parser
import gzip
import hashlib
import html
import json
import re
import socket
import ssl
import struct
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"
_REASONS = {200: "OK", 206: "Partial Content", 301: "Moved Permanently", 302: "Found", 304: "Not Modified"}
_RUNS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as it came in. Header names are lower case; `path` has no query and is percent-decoded."""

    method: str
    path: str
    target: str
    headers: Mapping[str, str]

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with the requests whose path fits `pattern` (as in `fnmatch`), the next `times` ones (None: all).

    Those that replace the answer: `status`, `redirect`, `body`, `content_type`, `headers` (added), `corrupt` (one byte
    in the middle differs), `ignore_range` (200 and the whole file), `lie_range` (206 with other bytes than asked for).
    Those of the wire, in the order they apply: `delay` (seconds before the answer), `until` (the answer waits until a
    request whose path fits this has come in), `content_length` (added to the
    true one in the header), `truncate` (bytes of the body sent before the connection is closed), `reset` (the same,
    with a TCP reset), `stall` (the same, then silence for ever), `trickle` (seconds between single bytes), `endless`
    (the body over and over).
    """

    pattern: str
    times: int | None = 1
    status: int | None = None
    redirect: str | None = None
    body: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    corrupt: bool = False
    ignore_range: bool = False
    lie_range: bool = False
    delay: float = 0.0
    until: str | None = None
    content_length: int = 0
    truncate: int | None = None
    reset: int | None = None
    stall: int | None = None
    trickle: float | None = None
    endless: bool = False
    hits: int = 0


@dataclass(kw_only=True)
class ServedFile:
    """One file of the index, and what its page says of it (which need not be true)."""

    filename: str
    content: bytes
    project: str
    version: str
    hashes: Mapping[str, str]
    size: int | None
    url: str | None = None
    upload_time: str | None = None
    requires_python: str | None = None
    yanked: str | bool = False
    metadata: bytes | None = None
    metadata_hashes: Mapping[str, str] | bool | None = None


@dataclass
class _Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class LoopbackIndex:
    """The index. Options may be changed while it runs; they hold for the requests that follow.

    `form` is what pages are served as (`negotiated`: by the Accept header). `metadata` says how `.metadata` files are
    treated: `announced` and served, served but `unannounced`, announced but `missing`, or `none`. `ranges`: `on`,
    `off` (ignored), or `lying` (206 with the wrong bytes). `credentials` are the user and password that every request
    needs. `cache_control` is the header of pages and metadata. `tls` serves https.
    """

    def __init__(
        self,
        *,
        form: Literal["negotiated", "json", "html"] = "negotiated",
        metadata: Literal["announced", "unannounced", "missing", "none"] = "announced",
        ranges: Literal["on", "off", "lying"] = "on",
        gzip: bool = False,
        etag: bool = True,
        last_modified: str | None = None,
        cache_control: str | None = "max-age=600, public",
        credentials: tuple[str, str] | None = None,
        upload_time: str | None = "2024-01-02T03:04:05.678901Z",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.form, self.metadata, self.ranges, self.gzip = form, metadata, ranges, gzip
        self.etag, self.last_modified, self.cache_control = etag, last_modified, cache_control
        self.credentials, self.upload_time, self.tls = credentials, upload_time, tls
        self.requests: list[SeenRequest] = []
        self.faults: list[Fault] = []
        self.files: dict[str, list[ServedFile]] = {}
        self.bodies: dict[str, tuple[bytes, str]] = {}
        self.port = 0
        self._by_name: dict[str, ServedFile] = {}
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    # What is served

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The index's address, without credentials."""
        return f"{self.origin}/simple"

    @property
    def url_with_credentials(self) -> str:
        if self.credentials is None:
            return self.url
        return self.url.replace("://", "://{}:{}@".format(*self.credentials))

    def file_url(self, filename: str) -> str:
        return f"{self.origin}/files/{filename}"

    def add_wheel(
        self, source: Path | bytes, filename: str | None = None, *, requires_python: str | None = None, **said: object
    ) -> ServedFile:
        """Serve a wheel; `requires_python` and metadata come from inside it, if it can be read, unless given."""
        name = filename or Path(str(source)).name
        content = source if isinstance(source, bytes) else source.read_bytes()
        metadata = said.pop("metadata_content", None) or _metadata_of(content)
        if requires_python is None and metadata is not None:
            headers = email.parser.BytesParser().parsebytes(metadata, headersonly=True)  # type: ignore[arg-type]
            requires_python = headers.get("Requires-Python")
        project, version = name.split("-")[:2]
        return self.add_file(
            name, content, project=project, version=version, metadata=metadata, requires_python=requires_python, **said
        )

    def add_directory(self, directory: Path) -> None:
        """Serve every wheel and sdist of a directory."""
        for path in sorted(directory.iterdir()):
            if path.suffix == ".whl":
                self.add_wheel(path)
            elif path.name.endswith((".tar.gz", ".zip")):
                self.add_file(path.name, path.read_bytes())

    def add_file(
        self, filename: str, content: bytes, *, project: str = "", version: str = "", **said: object
    ) -> ServedFile:
        """Serve any file on the page of its project; the rest is what the page says of it (see `ServedFile`)."""
        if not project:
            project, _, version = filename.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")
        facts: dict[str, object] = {
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "size": len(content),
            "upload_time": self.upload_time,
        }
        served = ServedFile(
            filename=filename, content=content, project=_normal(project), version=version, **(facts | said)
        )
        self.files.setdefault(served.project, []).append(served)
        self._by_name[filename] = served
        return served

    def add_project(self, name: str) -> None:
        """Serve an empty page."""
        self.files.setdefault(_normal(name), [])

    def add_body(self, path: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """Serve `body` at `path`, whatever it is."""
        self.bodies[path] = (body, content_type)

    def fault(self, pattern: str, **kind: object) -> Fault:
        """Let something go wrong (see `Fault`); the first fault that fits and is not used up applies."""
        fault = Fault(pattern=pattern, **kind)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def seen(self, pattern: str = "*") -> list[SeenRequest]:
        """The requests whose path fits, in order."""
        return [request for request in list(self.requests) if fnmatchcase(request.path, pattern)]

    # Running

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, ssl=self.tls, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close the door and every connection; the port then refuses."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one_exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            pass  # the client went away, which tests do on purpose
        finally:
            writer.transport.abort()

    async def _one_exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        request = _parse_request(head)
        self.requests.append(request)
        fault = self._fault_for(request.path)
        answer = self._answer(request, fault)
        while fault.until is not None and not self.seen(fault.until):
            await asyncio.sleep(0.005)
        return await _send(writer, request, answer, fault)

    def _fault_for(self, path: str) -> Fault:
        for fault in self.faults:
            if fnmatchcase(path, fault.pattern) and (fault.times is None or fault.hits < fault.times):
                fault.hits += 1
                return fault
        return Fault(pattern="*")

    # Answering

    def _answer(self, request: SeenRequest, fault: Fault) -> _Answer:
        if fault.redirect is not None:
            return _Answer(fault.status or 302, {"Location": fault.redirect, **fault.headers}, b"")
        if fault.status is not None and fault.body is None:
            return _Answer(fault.status, {"Content-Type": "text/plain", **fault.headers}, b"as asked for by a test\n")
        answer = self._usual_answer(request, fault)
        if fault.body is not None:
            answer = _Answer(fault.status or 200, {"Content-Type": answer.headers.get("Content-Type", "")}, fault.body)
        if fault.corrupt:
            middle = len(answer.body) // 2
            answer.body = answer.body[:middle] + bytes([answer.body[middle] ^ 0x55]) + answer.body[middle + 1 :]
        if fault.content_type is not None:
            answer.headers["Content-Type"] = fault.content_type
        answer.headers.update(fault.headers)
        return answer

    def _usual_answer(self, request: SeenRequest, fault: Fault) -> _Answer:
        if self.credentials is not None:
            expected = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
            given = request.headers.get("authorization")
            if given != expected:
                status = 401 if given is None else 403
                return _Answer(status, {"WWW-Authenticate": 'Basic realm="index"'}, b"credentials, please\n")
        if request.path in self.bodies:
            body, content_type = self.bodies[request.path]
            return self._file(request, fault, body, content_type)
        if match := re.fullmatch(r"/simple/([^/]+)(/?)", request.path):
            return self._page(request, match[1], slash=bool(match[2]))
        if match := re.fullmatch(r"/files/(.+)\.metadata", request.path):
            served = self._by_name.get(match[1])
            if served is None or served.metadata is None or self.metadata in ("missing", "none"):
                return _not_found()
            return self._cached(request, served.metadata, "application/octet-stream")
        if (match := re.fullmatch(r"/files/(.+)", request.path)) and match[1] in self._by_name:
            return self._file(request, fault, self._by_name[match[1]].content, "application/octet-stream")
        return _not_found()

    def _page(self, request: SeenRequest, name: str, *, slash: bool) -> _Answer:
        files = self.files.get(name)
        if files is None:
            return _not_found()
        if not slash:
            return _Answer(301, {"Location": f"/simple/{name}/"}, b"")
        accept = request.headers.get("accept", "")
        as_json = self.form == "json" or (self.form == "negotiated" and JSON_TYPE in accept)
        if as_json:
            return self._cached(request, self._json_page(name, files), JSON_TYPE)
        content_type = HTML_TYPE if HTML_TYPE in accept else "text/html; charset=utf-8"
        return self._cached(request, self._html_page(name, files), content_type)

    def _announced(self, served: ServedFile) -> Mapping[str, str] | bool:
        if served.metadata_hashes is not None:
            return served.metadata_hashes
        if self.metadata not in ("announced", "missing") or served.metadata is None:
            return False
        return {"sha256": hashlib.sha256(served.metadata).hexdigest()}

    def _json_page(self, name: str, files: list[ServedFile]) -> bytes:
        listed = []
        for served in files:
            entry: dict[str, object] = {
                "filename": served.filename,
                "url": served.url or self.file_url(served.filename),
                "hashes": served.hashes,
                "yanked": served.yanked,
                "core-metadata": self._announced(served),
                "requires-python": served.requires_python,
            }
            if served.size is not None:
                entry["size"] = served.size
            if served.upload_time is not None:
                entry["upload-time"] = served.upload_time
            listed.append(entry)
        versions = sorted({served.version for served in files})
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": versions, "files": listed}
        return json.dumps(page).encode()

    def _html_page(self, name: str, files: list[ServedFile]) -> bytes:
        lines = ["<!DOCTYPE html>", "<html><head>", '<meta name="pypi:repository-version" content="1.1">']
        lines.append(f"<title>Links for {name}</title></head><body>")
        for served in files:
            fragment = next((f"#{key}={value}" for key, value in served.hashes.items()), "")
            attributes = {"href": (served.url or f"/files/{served.filename}") + fragment}
            if served.requires_python:
                attributes["data-requires-python"] = served.requires_python
            if served.yanked is not False:
                attributes["data-yanked"] = served.yanked if isinstance(served.yanked, str) else ""
            if announced := self._announced(served):
                digests = announced.items() if isinstance(announced, Mapping) else ()
                attributes["data-core-metadata"] = next((f"{key}={value}" for key, value in digests), "true")
            said = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes.items())
            lines.append(f"<a {said}>{served.filename}</a><br/>")
        return "\n".join([*lines, "</body></html>"]).encode()

    def _cached(self, request: SeenRequest, body: bytes, content_type: str) -> _Answer:
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if self.cache_control is not None:
            headers["Cache-Control"] = self.cache_control
        if self.last_modified is not None:
            headers["Last-Modified"] = self.last_modified
        if self.etag:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        unchanged = (
            request.headers["if-none-match"] == headers.get("ETag")
            if "if-none-match" in request.headers
            else "if-modified-since" in request.headers
            and request.headers["if-modified-since"] == headers.get("Last-Modified")
        )
        if unchanged:
            return _Answer(304, headers, b"")
        if self.gzip and "gzip" in request.headers.get("accept-encoding", ""):
            return _Answer(200, headers | {"Content-Encoding": "gzip"}, gzip.compress(body, 6, mtime=0))
        return _Answer(200, headers, body)

    def _file(self, request: SeenRequest, fault: Fault, content: bytes, content_type: str) -> _Answer:
        headers = {"Content-Type": content_type, "ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'}
        if not self.etag:
            del headers["ETag"]
        if self.ranges == "off" or fault.ignore_range:
            return _Answer(200, headers, content)
        headers["Accept-Ranges"] = "bytes"
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.range or "")
        guard = request.headers.get("if-range")
        if asked is None or (guard is not None and guard != headers.get("ETag")):
            return _Answer(200, headers, content)
        start, stop = _bounds(asked[1], asked[2], len(content))
        if start >= stop:
            return _Answer(416, {"Content-Range": f"bytes */{len(content)}"}, b"")
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        part = content[start:stop]
        if self.ranges == "lying" or fault.lie_range:
            part = bytes(byte ^ 0x55 for byte in part)
        return _Answer(206, headers, part)


@contextlib.contextmanager
def running_index(index: LoopbackIndex | None = None) -> Iterator[LoopbackIndex]:
    """Run an index in a thread of its own until the block ends."""
    served = index or LoopbackIndex()
    started, stopping = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with served:
            started.set()
            await stopping.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="loopback-index", daemon=True)
    thread.start()
    if not started.wait(10):
        raise RuntimeError("the loopback index did not start")
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(10)


async def _send(writer: asyncio.StreamWriter, request: SeenRequest, answer: _Answer, fault: Fault) -> bool:
    """Put an answer on the wire, with the fault's help. True when the connection can be used again."""
    if fault.delay:
        await asyncio.sleep(fault.delay)
    body = b"" if request.method == "HEAD" else answer.body
    headers = dict(answer.headers)
    if fault.endless:
        headers["Transfer-Encoding"] = "chunked"
    elif answer.status != 304:
        headers["Content-Length"] = str(len(answer.body) + fault.content_length)
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
    lines += [f"{key}: {value}" for key, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if fault.endless:
        while True:
            writer.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            await writer.drain()
    for limit in (fault.truncate, fault.reset, fault.stall):
        if limit is not None:
            body = body[:limit]
    if fault.trickle is not None:
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(fault.trickle)
    else:
        writer.write(body)
    await writer.drain()
    if fault.stall is not None:
        await asyncio.Event().wait()
    if fault.reset is not None:
        await asyncio.sleep(0.02)  # the client shall have read what was sent before the reset discards it
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if fault.truncate is not None or fault.content_length:
        writer.close()
        await writer.wait_closed()
        return False
    return request.headers.get("connection", "").lower() != "close"


def _parse_request(head: bytes) -> SeenRequest:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return SeenRequest(method, unquote(urlsplit(target).path), target, headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last or 0)), size
    return int(first), min(size, int(last) + 1 if last else size)


def _not_found() -> _Answer:
    return _Answer(404, {"Content-Type": "text/plain"}, b"not here\n")


def _metadata_of(wheel: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(BytesIO(wheel)) as archive:
            names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            return archive.read(names[0]) if names else None
    except (zipfile.BadZipFile, OSError, ValueError):
        return None


def _normal(name: str) -> str:
    return _RUNS.sub("-", name).lower()
