"""A proxy on the loopback interface for tests: it forwards http, and tunnels https by CONNECT.

    async with LoopbackProxy() as proxy:
        ... proxy.url ... proxy.seen ...

It speaks as much HTTP/1.1 as the loopback index does. `routes` leads what is asked of one host and port to
another, so that names need not exist; `redirects` sends clients away from a host, to the same path below an address.
`credentials` are the user and password that it wants; with `status` it answers
everything so.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Self
from urllib.parse import urlsplit


class LoopbackProxy:
    """The proxy. `seen` has what it was asked for: the method, the address, and the headers by lower-case name."""

    def __init__(
        self,
        *,
        credentials: tuple[str, str] | None = None,
        status: int | None = None,
        routes: Mapping[str, str] | None = None,
        redirects: Mapping[str, str] | None = None,
    ) -> None:
        self.redirects = dict(redirects or {})
        self.credentials, self.status, self.routes = credentials, status, dict(routes or {})
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url_with_credentials(self) -> str:
        assert self.credentials is not None
        return self.url.replace("://", "://{}:{}@".format(*self.credentials))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, headers = _parsed(await reader.readuntil(b"\r\n\r\n"))
            method, target, _ = first.split(" ")
            self.seen.append((method, target, headers))
            if (status := self._refusal(headers)) is not None:
                writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return
            host = target if method == "CONNECT" else urlsplit(target).netloc
            if (elsewhere := self.redirects.get(host)) is not None:
                location = elsewhere + target.partition(host)[2]
                writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
                continue
            name, _, port = self.routes.get(host, host).partition(":")
            upstream = await asyncio.open_connection(name, int(port or 80))
            try:
                if method == "CONNECT":
                    await _tunnel((reader, writer), upstream)
                    return
                first = f"{method} {target.partition(host)[2] or '/'} HTTP/1.1"
                await _forward(first, headers, (reader, writer), upstream)
            finally:
                upstream[1].transport.abort()

    def _refusal(self, headers: Mapping[str, str]) -> int | None:
        if self.status is None and self.credentials is not None:
            expected = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
            return None if headers.get("proxy-authorization") == expected else 407
        return self.status


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.lower(): value.strip() for name, _, value in pairs}


async def _forward(first: str, headers: Mapping[str, str], client: _Streams, upstream: _Streams) -> None:
    """One exchange, without what the client has told the proxy alone."""
    kept = [f"{name}: {value}" for name, value in headers.items() if not name.startswith("proxy-")]
    upstream[1].write("\r\n".join([first, *kept, "", ""]).encode("latin-1"))
    await _pass_on(int(headers.get("content-length", 0)), client[0], upstream[1])
    head = await upstream[0].readuntil(b"\r\n\r\n")
    client[1].write(head)
    await _pass_on(int(_parsed(head)[1].get("content-length", 0)), upstream[0], client[1])


async def _pass_on(size: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while size:
        chunk = await reader.read(min(size, 65_536))
        if not chunk:
            raise ConnectionError
        size -= len(chunk)
        writer.write(chunk)
        await writer.drain()


async def _tunnel(client: _Streams, upstream: _Streams) -> None:
    client[1].write(b"HTTP/1.1 200 Established\r\n\r\n")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_copy(client[0], upstream[1]))
        tasks.create_task(_copy(upstream[0], client[1]))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@contextmanager
def running_proxy(proxy: LoopbackProxy) -> Iterator[LoopbackProxy]:
    """The proxy in a thread of its own, for synchronous code and subprocesses."""
    started, stop = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with proxy:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    try:
        yield proxy
    finally:
        loops[0].call_soon_threadsafe(stop.set)
        thread.join()
