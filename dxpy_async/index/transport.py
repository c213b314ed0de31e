"""HTTP for an index client: pooled connections, redirects followed by hand, retries with a budget, limits throughout.

What is retried: connections that fail or break, silence, and the statuses 408, 429 and 5xx, with pauses that double and
are scattered; `Retry-After` is honoured up to `RETRY_AFTER_SECONDS`. What is not: a TLS certificate that does not hold,
and an index that says no. All requests of one client draw on one budget of retries, so that four hundred packages
behind a dead index end in seconds, not in an hour.

Which login goes with a request `Credentials` says; none goes to another origin than its own, whatever a page or a
redirect says.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
import yarl

from dxpy_async._version import __version__
from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.limits import REDIRECTS, RETRY_AFTER_SECONDS
from dxpy_async.core.logins import Login
from dxpy_async.core.settings import NetworkSettings
from dxpy_async.errors import FileMissing, IndexRefused, IndexUnavailable, InvalidIndexPage
from dxpy_async.index.credentials import Credentials
from dxpy_async.index.inflate import DamagedGzip, TooLong, gunzip
from dxpy_async.index.proxies import Proxies, Proxy
from dxpy_async.index.safe_url import Origin, origin_of
from dxpy_async.index.tls import TlsContexts

ResultT = TypeVar("ResultT")

READ_BUFFER = 256 * 1024
"""How much of a body waits for its reader before the sender is held up, in bytes."""

HURRIED_SECONDS = 10.0
HURRIED_RATE = 16 * 1024.0
"""How long is waited for whoever need not be waited for, and how fast they have to be, in bytes per second."""

_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_PROXY_WANTS_LOGIN = 407
_RETRIED = frozenset({408, 429, *range(500, 600)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How long things may take beyond the user's settings. Seconds and bytes per second."""

    first_pause: float = 0.25
    longest_pause: float = 10.0
    stall_seconds: float = 60.0
    stall_rate: float = 1024.0
    """A body that comes more slowly than this for `stall_seconds` is not coming."""
    retry_budget: int = 64
    """Retries of all requests together; each request that succeeds gives half a retry back."""
    retries: int | None = None
    """Retries of one request; None: as many as the settings say."""
    head_seconds: float | None = None
    """From the request to the end of the answer's head; None: as long as the settings allow."""

    def hurried(self) -> Pacing:
        """For what can be had elsewhere."""
        return replace(
            self,
            stall_seconds=min(self.stall_seconds, HURRIED_SECONDS),
            stall_rate=max(self.stall_rate, HURRIED_RATE),
            retries=1,
            head_seconds=min(self.head_seconds or HURRIED_SECONDS, HURRIED_SECONDS),
        )


class TransientFault(Exception):
    """Something that another attempt may not meet. Completes the sentence "`url` …".

    `reached` is whether the server may have seen the request.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, reached: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.retry_after, self.reached = reason, retry_after, reached


_WANTS_CERTIFICATE = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "HANDSHAKE_FAILURE")
"""What OpenSSL says of servers that do not like the client's certificate, or that there is none."""

Body = Callable[[Callable[[], None]], aiohttp.Payload]
"""Makes what is sent; the function it is given is to be called whenever a part of that has gone."""

GZIP = ("gzip", "x-gzip")
ENCODINGS = (*GZIP, "identity", "")


class Reply:
    """The head of an answer, and its body as it comes. Errors of the wire are raised as TransientFault."""

    __slots__ = ("_credentials", "_login", "_pacing", "_response", "headers", "phrase", "status", "url")

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        url: str,
        pacing: Pacing,
        credentials: Credentials,
        login: Login | None,
    ) -> None:
        self._response, self._pacing = response, pacing
        self._credentials, self._login = credentials, login
        self.url, self.status = url, response.status
        self.phrase = response.reason or ""
        """What the server says of the status in the line that has it."""
        self.headers: Mapping[str, str] = response.headers

    def retry_after(self, now: float) -> float | None:
        """How long the server asks to wait, in seconds."""
        return _retry_after(self.headers.get("Retry-After"), now)

    @property
    def declared_length(self) -> int | None:
        """The length of the body in bytes, as the header says."""
        return self._response.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, not decompressed."""
        waited, received = 0.0, 0
        while True:
            began = time.monotonic()
            with _wire_errors():
                chunk = await self._response.content.readany()
            if not chunk:
                return
            waited += time.monotonic() - began
            received += len(chunk)
            if waited >= self._pacing.stall_seconds:
                if received < waited * self._pacing.stall_rate:
                    raise TransientFault(f"sent only {received} bytes in {waited:.0f} s")
                waited, received = 0.0, 0
            yield chunk

    async def body(self, limit: int) -> bytes:
        """The whole body, not decompressed. Raises InvalidIndexPage when it is longer than `limit` bytes."""
        declared = self.declared_length
        if declared is not None and declared > limit:
            raise over_limit(self.url, declared, limit)
        parts, size = [], 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise over_limit(self.url, size, limit)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def start(self, limit: int) -> bytes:
        """The first `limit` bytes of the body: of errors, which may be long."""
        parts, size = [], 0
        async for chunk in self.chunks():
            parts.append(chunk)
            size += len(chunk)
            if size >= limit:
                break
        return b"".join(parts)[:limit]

    @property
    def encoding(self) -> str:
        """How the body is compressed; one of ENCODINGS if the server keeps to what it was asked."""
        return self.headers.get("Content-Encoding", "identity").strip().lower()

    def plain(self, body: bytes, limit: int) -> bytes:
        """`body` without the compression it came in, at the most `limit` bytes."""
        if self.encoding not in ENCODINGS:
            raise InvalidIndexPage(
                f"`{self.url}` answered in the encoding {self.encoding[:40]!r}, unasked", url=self.url
            )
        if self.encoding not in GZIP:
            return body
        try:
            return gunzip(body, limit)
        except TooLong as error:
            raise over_limit(self.url, limit + 1, limit) from error
        except DamagedGzip as error:
            raise TransientFault(f"sent a damaged gzip stream ({error})") from error

    def refusal(self) -> IndexRefused | IndexUnavailable:
        """The error for a status that is neither an answer nor worth another attempt."""
        if self.status in (401, 403):
            return self._credentials.refusal(self.url, self.status, self._login)
        failure = FileMissing if self.status in (404, 410) else IndexUnavailable
        return failure(f"`{self.url}` answered with status {self.status}", url=self.url)


def over_limit(url: str, size: int, limit: int) -> InvalidIndexPage:
    return InvalidIndexPage(f"`{url}` is larger than is read: {size} bytes or more, the limit is {limit}", url=url)


class Transport:
    """Sends requests for one client.

    `tls` replaces the system's idea of whom to trust.
    """

    def __init__(
        self,
        network: NetworkSettings,
        credentials: Credentials,
        *,
        now: Callable[[], float],
        pacing: Pacing | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._network, self._credentials, self._now = network, credentials, now
        self._pacing = pacing or Pacing()
        self._tls, self._proxies = TlsContexts(network.tls, tls), Proxies(network.proxies)
        self._haste = self._pacing.hurried()
        self.hurried: set[Origin] = set()
        """Who is not waited for for long, because others have the same."""
        self._slots = asyncio.Semaphore(network.connections)
        self._budget = float(self._pacing.retry_budget)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # The number of connections is bounded by `_slots`, so that waiting for one counts for no timeout.
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
            headers={"User-Agent": f"dxpy/{__version__}"},
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _waits(self, silence: float) -> aiohttp.ClientTimeout:
        """How long a connection may take, and how long nothing may come over one, in seconds."""
        return aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=self._network.connect_timeout, sock_read=silence
        )

    async def request(
        self,
        url: str,
        receive: Callable[[Reply], Awaitable[ResultT]],
        *,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]],
        login: Login | None = None,
        final: frozenset[int] = frozenset(),
    ) -> ResultT:
        """What `receive` makes of the answer to `GET url`; it may raise TransientFault to have another attempt made.

        `url` holds no credentials; `login`, if there is one, goes before all others to its origin. `headers` may be a
        function, asked before each attempt. Redirects and the statuses that are retried, but for those of `final`,
        never reach `receive`; every other status does. Raises IndexUnavailable when the attempts are used up.
        """
        attempt = 0
        pacing = self._haste if self.hurried and _origin(url) in self.hurried else self._pacing
        while True:
            try:
                asked = headers() if callable(headers) else headers
                result = await self._attempt(url, receive, asked, login, final, pacing)
            except TransientFault as fault:
                attempt += 1
                pause = self._pause_before(attempt, url, fault, pacing)
            else:
                self._budget = min(self._budget + 0.5, float(self._pacing.retry_budget))
                return result
            await asyncio.sleep(pause)

    async def send(
        self,
        method: str,
        url: str,
        receive: Callable[[Reply], Awaitable[ResultT]],
        *,
        headers: Mapping[str, str],
        login: Login | None,
        patience: float,
        body: Body | None = None,
    ) -> ResultT:
        """What `receive` makes of the answer to one attempt, whatever its status: for what must not be done twice.

        No other login than `login` is sent, and no redirect is followed. `patience` is for how many seconds nothing may
        happen. Raises TransientFault for the wire, and IndexUnavailable for a certificate that does not hold.
        """
        plain = {"Accept-Encoding": "identity", **headers}
        async with (
            self._slots,
            self._response(url, plain, login, self._pacing, method=method, body=body, patience=patience) as response,
        ):
            return await receive(Reply(response, url, self._pacing, self._credentials, login))

    async def _attempt(
        self,
        url: str,
        receive: Callable[[Reply], Awaitable[ResultT]],
        headers: Mapping[str, str],
        login: Login | None,
        final: frozenset[int],
        pacing: Pacing,
    ) -> ResultT:
        home, current = _origin(url), url
        async with self._slots:
            for _ in range(REDIRECTS + 1):
                secret = login if _origin(current) == home else None
                redirected = _origin(current) != home
                async with self._answer(current, headers, secret, pacing, redirected=redirected) as (response, sent):
                    target = response.headers.get("Location")
                    if response.status not in _REDIRECTING or target is None:
                        if response.status not in final:
                            _check_not_transient(response, self._now())
                        return await receive(Reply(response, current, pacing, self._credentials, sent))
                    current = _redirected(current, target)
        raise IndexUnavailable(f"`{url}` is redirected more than {REDIRECTS} times", url=url)

    @asynccontextmanager
    async def _answer(
        self, url: str, headers: Mapping[str, str], login: Login | None, pacing: Pacing, *, redirected: bool
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, Login | None]]:
        """The answer of `url` itself, redirect or not, and the login that it was asked with."""
        sent = login or await self._credentials.login_for(url, redirected=redirected)
        async with AsyncExitStack() as exits:
            response = await exits.enter_async_context(self._response(url, headers, sent, pacing))
            other = await self._credentials.wanted(url, response.status, sent, redirected=redirected)
            if other is not None:
                await exits.aclose()
                response, sent = await exits.enter_async_context(self._response(url, headers, other, pacing)), other
            yield response, sent

    @asynccontextmanager
    async def _response(
        self,
        url: str,
        headers: Mapping[str, str],
        login: Login | None,
        pacing: Pacing,
        *,
        method: str = "GET",
        body: Body | None = None,
        patience: float | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("the transport is used outside of its `async with` block")
        sent = {**headers, "Authorization": login.authorization} if login is not None else dict(headers)
        network, origin, now = self._network, _origin(url), asyncio.get_running_loop().time
        proxy, peer = self._proxies.proxy_for(origin), origin
        if proxy is not None and origin.scheme == "http":
            sent |= proxy.headers
            peer = proxy.address.origin
        # `sock_read` starts again with every byte, and a head may come byte by byte.
        limit = patience or network.connect_timeout + network.read_timeout
        with _wire_errors(), _certificate_errors(url), _proxy_errors(url, proxy):
            async with asyncio.timeout(min(pacing.head_seconds or limit, limit)) as deadline:
                response = await self._session.request(
                    method,
                    yarl.URL(url, encoded=True),
                    data=body(lambda: deadline.reschedule(now() + limit)) if body is not None else None,
                    headers=sent,
                    allow_redirects=False,
                    timeout=self._waits(patience or network.read_timeout),
                    proxy=proxy.address.public if proxy is not None else None,
                    proxy_headers=proxy.headers if proxy is not None else None,
                    ssl=self._tls.context_for(peer),
                )
                if response.status == _PROXY_WANTS_LOGIN and proxy is not None:
                    response.close()
                    raise _refused_by_proxy(url, proxy, response.status)
        try:
            yield response
        finally:
            # Goes back to the pool when the body was read to its end, else it is closed.
            response.close() if not response.content.at_eof() else response.release()

    def _pause_before(self, attempt: int, url: str, fault: TransientFault, pacing: Pacing) -> float:
        """How long to wait before the next attempt, in seconds; raises IndexUnavailable when there is none."""
        tries = f"after {attempt} attempts" if attempt > 1 else "at the first attempt"
        if fault.retry_after is not None and fault.retry_after > RETRY_AFTER_SECONDS:
            raise IndexUnavailable(
                f"`{url}` {fault.reason} and asks to wait for {fault.retry_after:.0f} s, "
                f"longer than the {RETRY_AFTER_SECONDS} s that are waited",
                url=url,
                hints=("try again later",),
            ) from fault
        if attempt > (self._network.retries if pacing.retries is None else min(pacing.retries, self._network.retries)):
            raise IndexUnavailable(f"`{url}` {fault.reason}, {tries}", url=url) from fault
        if self._budget < 1:
            raise IndexUnavailable(
                f"`{url}` {fault.reason}, {tries}; no more are made, because too many requests have failed", url=url
            ) from fault
        self._budget -= 1
        if fault.retry_after is not None:
            return fault.retry_after
        pause = min(self._pacing.first_pause * 2.0 ** (attempt - 1), self._pacing.longest_pause)
        return pause * random.uniform(0.5, 1.0)


def _origin(url: str) -> Origin:
    try:
        return origin_of(url)
    except ValueError as error:
        raise IndexUnavailable(f"`{url}` is not a valid address: {error}", url=url) from error


def _redirected(url: str, target: str) -> str:
    """Where a redirect leads: http(s) only, never from https to http, and without credentials that it may carry."""
    try:
        parts = urlsplit(urljoin(url, target))
        _ = parts.port
    except ValueError as error:
        raise IndexUnavailable(f"`{url}` is redirected to an address that is none", url=url) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise IndexUnavailable(f"`{url}` is redirected to `{parts.scheme}:`, which is not followed", url=url)
    if urlsplit(url).scheme == "https" and parts.scheme == "http":
        raise IndexUnavailable(f"`{url}` is redirected from https to http, which is not followed", url=url)
    return str(yarl.URL(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()))


def _check_not_transient(response: aiohttp.ClientResponse, now: float) -> None:
    if response.status in _RETRIED:
        wait = _retry_after(response.headers.get("Retry-After"), now)
        raise TransientFault(f"answered with status {response.status}", retry_after=wait)


def _retry_after(text: str | None, now: float) -> float | None:
    """Seconds to wait; None when the header is missing or means nothing."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return float(text[:18])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


@contextmanager
def _certificate_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
        host = urlsplit(url).netloc
        cause = getattr(error, "certificate_error", error)
        reason = getattr(cause, "verify_message", "") or str(cause)
        raise IndexUnavailable(
            f"the TLS certificate of `{host}` is not accepted: {reason}",
            url=url,
            hints=(
                "name the file with your organisation's certificates in SSL_CERT_FILE, if it has its own",
                f"`--allow-insecure-host {host}` believes whoever answers there",
            ),
        ) from error
    except (aiohttp.ClientOSError, ssl.SSLError) as error:
        if not any(sign in str(error) for sign in _WANTS_CERTIFICATE):
            raise
        raise IndexUnavailable(
            f"`{urlsplit(url).netloc}` wants another TLS certificate of dxpy than it has, or one at all",
            url=url,
            hints=("name the file with your certificate and its key in DXPY_CLIENT_CERT",),
        ) from error


def _refused_by_proxy(url: str, proxy: Proxy, status: int) -> IndexUnavailable:
    if status != _PROXY_WANTS_LOGIN:
        return IndexUnavailable(f"{proxy} does not let `{url}` through (status {status})", url=url)
    if proxy.address.login is None:
        reason, hint = "wants a login", "give it one in its address, http://user:password@host:port"
    else:
        reason, hint = "does not accept the login in its address", "look whether user and password are the right ones"
    return IndexUnavailable(f"{proxy} {reason} (status {status})", url=url, hints=(hint,))


@contextmanager
def _proxy_errors(url: str, proxy: Proxy | None) -> Iterator[None]:
    """Failures of the proxy itself, which no index is to blame for."""
    try:
        yield
    except (aiohttp.ClientProxyConnectionError, aiohttp.ClientConnectorDNSError) as error:
        if proxy is None:
            raise
        raise TransientFault(
            f"cannot be reached: {proxy} does not answer ({_reason(error.os_error)})", reached=False
        ) from error
    except aiohttp.ClientHttpProxyError as error:
        if error.status in _RETRIED:
            raise TransientFault(f"cannot be reached through {proxy} (status {error.status})", reached=False) from error
        assert proxy is not None
        raise _refused_by_proxy(url, proxy, error.status) from error


@contextmanager
def _wire_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise TransientFault("did not answer in time") from error
    except aiohttp.ClientConnectorError as error:
        raise TransientFault(f"cannot be reached: {_reason(error.os_error)}", reached=False) from error
    except aiohttp.ClientPayloadError as error:
        raise TransientFault("ended its answer too early") from error
    except aiohttp.ServerDisconnectedError as error:
        raise TransientFault("closed the connection without an answer") from error
    except aiohttp.ClientResponseError as error:
        raise TransientFault("answered with something that is not HTTP") from error
    except (aiohttp.ClientError, OSError) as error:
        raise TransientFault(f"broke the connection: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
