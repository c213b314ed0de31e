"""Clients for the loopback index: quick to retry, with a clock that stands still unless it is moved."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from index_server import LoopbackIndex

from dxpy_async.core.settings import IndexSettings, IndexStrategy, NetworkSettings
from dxpy_async.index.client import IndexClient, Pacing
from dxpy_async.index.page_worker import PageWorker

QUICK = Pacing(first_pause=0.001, longest_pause=0.002, stall_seconds=0.2)
CERTIFICATE = Path(__file__).with_name("loopback.pem")


@dataclass
class Clock:
    """Seconds since 1970, moved by hand."""

    time: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def index() -> AsyncIterator[LoopbackIndex]:
    async with LoopbackIndex() as running:
        yield running


ClientMaker = Callable[..., AbstractAsyncContextManager[IndexClient]]


@pytest.fixture
def client_of(tmp_path: Path, clock: Clock) -> ClientMaker:
    """Makes clients of the indexes given; all of one test share one cache."""

    @asynccontextmanager
    async def make(
        *indexes: LoopbackIndex | str,
        find_links: tuple[str, ...] = (),
        cache: Path | None = None,
        pacing: Pacing = QUICK,
        tls: ssl.SSLContext | None = None,
        page_worker: PageWorker | None = None,
        mirrors: Mapping[str, tuple[str, ...]] | None = None,
        tell: Callable[[str], None] = print,
        strategy: IndexStrategy = IndexStrategy.FIRST_INDEX,
        **network: object,
    ) -> AsyncIterator[IndexClient]:
        urls = [index if isinstance(index, str) else index.url_with_credentials for index in indexes]
        patience: dict[str, object] = {"connect_timeout": 5.0, "read_timeout": 5.0}
        async with IndexClient(
            indexes=IndexSettings(
                index_url=urls[-1] if urls else "",
                extra_index_urls=tuple(urls[:-1]),
                find_links=find_links,
                mirrors=mirrors or {},
                strategy=strategy,
            ),
            network=NetworkSettings(**(patience | network)),  # type: ignore[arg-type]
            cache_dir=cache or tmp_path / "cache",
            now=clock,
            base_directory=tmp_path,
            pacing=pacing,
            tls=tls,
            page_worker=page_worker,
            tell=tell,
        ) as client:
            yield client

    return make


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    """What a loopback index needs to serve https with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusting_tls() -> ssl.SSLContext:
    """What a client needs to trust that certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
