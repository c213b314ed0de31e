"""Which proxy a request goes through."""

from __future__ import annotations

import ipaddress
from functools import cached_property

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.settings import ProxySettings
from dxpy_async.errors import UsageError
from dxpy_async.index.safe_url import Origin, SafeURL


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and where it is set."""

    address: SafeURL
    origin: str

    @property
    def headers(self) -> dict[str, str]:
        """What it is told with a request that it forwards, or when it is to make a tunnel."""
        login = self.address.login
        return {"Proxy-Authorization": login.authorization} if login is not None else {}

    def __str__(self) -> str:
        return f"the proxy `{self.address}` ({self.origin})"


class Proxies:
    """The proxies of one client."""

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._found: dict[Origin, Proxy | None] = {}

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """The proxy for requests to `origin`. Raises UsageError for one that is none, or of an unknown kind."""
        if origin not in self._found:
            self._found[origin] = None if self._goes_without(origin) else self._set_for(origin)
        return self._found[origin]

    def _set_for(self, origin: Origin) -> Proxy | None:
        return self._http if origin.scheme == "http" else self._https

    @cached_property
    def _http(self) -> Proxy | None:
        return _proxy(self._settings.http, self._settings.http_origin)

    @cached_property
    def _https(self) -> Proxy | None:
        return _proxy(self._settings.https, self._settings.https_origin)

    def _goes_without(self, origin: Origin) -> bool:
        return any(_is_of(origin, place) for place in self._settings.without)


def _proxy(text: str | None, origin: str) -> Proxy | None:
    if text is None:
        return None
    try:
        address = SafeURL.parse(text)
        scheme = address.origin.scheme
    except ValueError as error:
        raise UsageError(f"{origin} has an address that is none: {error}") from error
    if scheme not in ("http", "https") or not address.origin.host:
        raise UsageError(
            f"{origin} is `{address}`, which is no proxy that dxpy can use",
            hints=("a proxy begins with http:// or https://", "NO_PROXY names the hosts that are reached without"),
        )
    return Proxy(address, origin)


def _is_of(origin: Origin, place: str) -> bool:
    """Whether `place`, a part of NO_PROXY, means `origin`."""
    if place == "*":
        return True
    host, port = _split(place.lower())
    if port is not None and port != origin.port:
        return False
    try:
        return ipaddress.ip_address(origin.host) in ipaddress.ip_network(host, strict=False)
    except ValueError:  # one of them is a name
        name = host.removeprefix("*").removeprefix(".")
        return bool(name) and (origin.host == name or origin.host.endswith(f".{name}"))


def _split(place: str) -> tuple[str, int | None]:
    """A host and its port, if it has one; an IPv6 address has none unless it stands in brackets."""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        port = port.removeprefix(":")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    else:
        return place, None
    return host, int(port) if port.isdecimal() else None
