"""Indexes that are reached through a proxy."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from conftest import CERTIFICATE, QUICK, Clock
from index_server import LoopbackIndex
from proxy_server import LoopbackProxy

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage
from dxpy_async.core.settings import IndexSettings, NetworkSettings, ProxySettings, TlsSettings
from dxpy_async.errors import IndexUnavailable
from dxpy_async.index.client import IndexClient

A = ProjectName("a")
Asking = Callable[..., AbstractAsyncContextManager[IndexClient]]


@pytest.fixture
def asking(tmp_path: Path, clock: Clock) -> Asking:
    """Makes clients of an index that go through a proxy."""

    @asynccontextmanager
    async def make(index_url: str, proxy_url: str, **said: object) -> AsyncIterator[IndexClient]:
        proxies = ProxySettings(http=proxy_url, https=proxy_url, http_origin="HTTP_PROXY", https_origin="HTTPS_PROXY")
        async with IndexClient(
            indexes=IndexSettings(index_url=index_url),
            network=NetworkSettings(
                connect_timeout=5,
                read_timeout=5,
                retries=1,
                proxies=proxies,
                tls=TlsSettings(authorities=str(CERTIFICATE)),
            ),
            cache_dir=tmp_path / "cache",
            now=clock,
            base_directory=tmp_path,
            pacing=QUICK,
        ) as client:
            yield client

    return make


@pytest.fixture
async def safe(server_tls: ssl.SSLContext) -> AsyncIterator[LoopbackIndex]:
    async with LoopbackIndex(tls=server_tls, credentials=("me", "secret")) as index:
        index.add_project("a")
        yield index


async def test_http_is_forwarded_and_https_tunnelled(asking: Asking, index: LoopbackIndex, safe: LoopbackIndex) -> None:
    index.add_project("a")
    index.credentials = ("me", "secret")
    async with LoopbackProxy(credentials=("user", "pass word")) as proxy:
        through = proxy.url.replace("://", "://user:pass%20word@")
        for each in (index, safe):
            async with asking(each.url_with_credentials, through) as client:
                assert isinstance(await client.project_page(A), ProjectPage)
    assert [(method, target) for method, target, _ in proxy.seen] == [
        ("GET", f"{index.url}/a/"),
        ("CONNECT", f"127.0.0.1:{safe.port}"),
    ]
    (_, _, in_clear), (_, _, at_connect) = proxy.seen
    assert "authorization" in in_clear  # as http has it, everybody on the way sees it
    assert "authorization" not in at_connect
    for each in (index, safe):
        assert not [request for request in each.requests if "proxy-authorization" in request.headers]


async def test_names_are_for_the_proxy_to_find(asking: Asking, index: LoopbackIndex) -> None:
    index.add_project("a")
    routes = {"index.invalid": f"127.0.0.1:{index.port}"}
    async with LoopbackProxy(routes=routes) as proxy, asking("http://index.invalid/simple", proxy.url) as client:
        assert isinstance(await client.project_page(A), ProjectPage)


async def test_credentials_stay_with_their_host_when_a_redirect_leads_through_the_proxy_to_another(
    asking: Asking, index: LoopbackIndex
) -> None:
    index.add_project("a")
    async with LoopbackIndex(credentials=("me", "secret")) as private:
        private.fault("/simple/a/", redirect="http://other.invalid/simple/a/")
        routes = {
            "index.invalid": f"127.0.0.1:{private.port}",
            "other.invalid": f"127.0.0.1:{index.port}",
        }
        address = "http://me:secret@index.invalid/simple"
        async with LoopbackProxy(routes=routes) as proxy, asking(address, proxy.url) as client:
            assert isinstance(await client.project_page(A), ProjectPage)
        assert ["authorization" in headers for _, _, headers in proxy.seen] == [True, False]


@pytest.mark.parametrize(
    ("credentials", "given", "told", "hint"),
    [
        (("u", "p"), "", "wants a login (status 407)", "give it one in its address, http://user:password@host:port"),
        (
            ("u", "p"),
            "u:secret@",
            "does not accept the login in its address (status 407)",
            "look whether user and password are the right ones",
        ),
    ],
)
async def test_a_proxy_that_wants_another_login_is_named_at_once(
    asking: Asking,
    index: LoopbackIndex,
    safe: LoopbackIndex,
    credentials: tuple[str, str],
    given: str,
    told: str,
    hint: str,
) -> None:
    for each, variable in ((index, "HTTP_PROXY"), (safe, "HTTPS_PROXY")):
        async with AsyncExitStack() as exits:
            proxy = await exits.enter_async_context(LoopbackProxy(credentials=credentials))
            address = proxy.url.replace("://", f"://{given}")
            client = await exits.enter_async_context(asking(each.url, address))
            with pytest.raises(IndexUnavailable) as caught:
                await client.project_page(A)
        assert str(caught.value) == f"the proxy `{proxy.url}` ({variable}) {told}"
        assert caught.value.hints() == (hint,)
        assert len(proxy.seen) == 1


async def test_a_proxy_that_lets_nothing_through_is_named(asking: Asking, safe: LoopbackIndex) -> None:
    async with LoopbackProxy(status=403) as proxy, asking(safe.url, proxy.url) as client:
        with pytest.raises(IndexUnavailable) as caught:
            await client.project_page(A)
    named = f"the proxy `{proxy.url}` (HTTPS_PROXY)"
    assert str(caught.value) == f"{named} does not let `{safe.url}/a/` through (status 403)"
    async with LoopbackProxy(status=502) as proxy, asking(safe.url, proxy.url) as client:
        with pytest.raises(IndexUnavailable, match=r"reached through the proxy .* \(status 502\), after 2"):
            await client.project_page(A)


async def test_a_proxy_whose_name_nobody_knows_is_named(asking: Asking, index: LoopbackIndex) -> None:
    async with asking(index.url, "http://proxy.invalid:3128") as client:
        with pytest.raises(
            IndexUnavailable, match=r"the proxy `http://proxy.invalid:3128` \(HTTP_PROXY\) does not answer"
        ):
            await client.project_page(A)


async def test_a_proxy_that_is_not_there_is_named_without_its_secret(asking: Asking, index: LoopbackIndex) -> None:
    async with LoopbackProxy() as gone:
        pass
    async with asking(index.url, gone.url.replace("://", "://u:secret@")) as client:
        with pytest.raises(IndexUnavailable) as caught:
            await client.project_page(A)
    named = f"the proxy `{gone.url}` (HTTP_PROXY)"
    assert str(caught.value).startswith(f"`{index.url}/a/` cannot be reached: {named} does not answer (")
    assert not index.requests
