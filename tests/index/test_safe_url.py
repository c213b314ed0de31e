"""Credentials in addresses are used and never seen."""

from __future__ import annotations

import base64

import pytest

from dxpy_async.index.safe_url import Origin, SafeURL, origin_of


def test_hides_credentials() -> None:
    url = SafeURL.parse("https://me%40x:se%3Acret%C3%BC@Host.test:8443/simple/?a=b")
    assert str(url) == "https://Host.test:8443/simple/?a=b"
    assert "cret" not in repr(url)
    assert url.authorization == "Basic " + base64.b64encode("me@x:se:cretü".encode()).decode()
    assert url.origin == Origin("https", "host.test", 8443)


def test_a_name_alone_is_a_token() -> None:
    assert SafeURL.parse("https://token@h.test/").authorization == "Basic " + base64.b64encode(b"token:").decode()


def test_without_credentials_it_is_as_it_was() -> None:
    assert SafeURL.parse("http://h.test/simple/") == SafeURL("http://h.test/simple/")


def test_default_ports_are_the_same_origin() -> None:
    assert origin_of("https://h.test/x") == origin_of("https://H.test:443/y")
    assert origin_of("https://h.test") != origin_of("http://h.test")


@pytest.mark.parametrize("text", ["http://h:port/", "http://[::1/", "http://h:99999/", "http://me:sec/ret@h/"])
def test_nonsense_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="its host or port is malformed"):
        SafeURL.parse(text)
