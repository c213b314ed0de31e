"""Which proxy a request goes through, if any."""

from __future__ import annotations

import pytest

from dxpy_async.core.settings import ProxySettings
from dxpy_async.errors import UsageError
from dxpy_async.index.proxies import Proxies
from dxpy_async.index.safe_url import origin_of
from dxpy_async.project.network_places import proxy_settings


def proxy_of(url: str, **environ: str) -> str | None:
    proxy = Proxies(proxy_settings(environ, None, "")).proxy_for(origin_of(url))
    return str(proxy) if proxy is not None else None


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("http://a.test", {}, None),
        ("http://a.test", {"HTTP_PROXY": "http://p:1"}, "the proxy `http://p:1` (HTTP_PROXY)"),
        ("https://a.test", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://a.test", {"https_proxy": "https://p"}, "the proxy `https://p` (https_proxy)"),
        ("http://a.test", {"HTTP_PROXY": "x", "http_proxy": "p:8080"}, "the proxy `http://p:8080` (http_proxy)"),
        ("http://a.test", {"HTTP_PROXY": "x", "http_proxy": ""}, None),
        ("http://a.test", {"ALL_PROXY": "p", "HTTP_PROXY": ""}, "the proxy `http://p` (ALL_PROXY)"),
        ("https://a.test", {"all_proxy": "http://me:secret@p"}, "the proxy `http://p` (all_proxy)"),
        ("http://a.test", {"HTTP_PROXY": "http://attacker", "REQUEST_METHOD": "GET"}, None),
    ],
)
def test_variables_say_which(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_of(url, **environ) == proxy


@pytest.mark.parametrize(
    ("url", "without", "goes_without"),
    [
        ("http://a.test", "*", True),
        ("http://a.test", "a.test", True),
        ("http://x.A.test", "b.test, A.TEST", True),
        ("http://xa.test", "a.test", False),
        ("http://x.a.test", ".a.test", True),
        ("http://a.test", ".a.test", True),
        ("http://x.a.test", "*.a.test", True),
        ("http://a.test:8080", "a.test:8080 b.test", True),
        ("http://a.test", "a.test:8080", False),
        ("https://a.test", "a.test:443", True),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3:81", "10.1.2.3:80", False),
        ("http://[::1]:81", "[::1]:81", True),
        ("http://[fd00::1]", "fd00::/8", True),
        ("http://[::1]", "::1", True),
        ("http://localhost", "", False),
        ("http://localhost", ",", False),
    ],
)
def test_hosts_that_are_reached_without(url: str, without: str, goes_without: bool) -> None:
    assert (proxy_of(url, HTTP_PROXY="p", HTTPS_PROXY="p", NO_PROXY=without) is None) is goes_without


@pytest.mark.parametrize("proxy", ["socks5://me:secret@p:1080", "http://me:secret@p:port", "http://"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_secret(proxy: str) -> None:
    proxies = Proxies(ProxySettings(http=proxy, http_origin="HTTP_PROXY", without=("b.test",)))
    assert proxies.proxy_for(origin_of("http://b.test")) is None
    with pytest.raises(UsageError, match="HTTP_PROXY") as caught:
        proxies.proxy_for(origin_of("http://a.test"))
    assert "secret" not in str(caught.value)


def test_one_for_dxpy_alone_counts_for_everything() -> None:
    settings = proxy_settings({"HTTP_PROXY": "other", "NO_PROXY": "c.test"}, "p:1", "--proxy")
    proxies = Proxies(settings)
    for url in ("http://a.test", "https://a.test"):
        assert str(proxies.proxy_for(origin_of(url))) == "the proxy `http://p:1` (--proxy)"
    assert proxies.proxy_for(origin_of("https://c.test")) is None
    assert "p:1" not in repr(settings)
