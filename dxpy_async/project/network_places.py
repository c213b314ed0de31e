"""Proxies and certificates, from the variables that programs share and from dxpy's own.

    HTTP_PROXY, HTTPS_PROXY, ALL_PROXY     the proxy for http, for https, for what has none; in small letters first
    NO_PROXY                               hosts without a proxy, by commas or spaces
    SSL_CERT_FILE, SSL_CERT_DIR            who is trusted instead of whom the system trusts
    DXPY_CLIENT_CERT, SSL_CLIENT_CERT      a certificate and its key, for servers that ask for one
    DXPY_INSECURE_HOST                     hosts whose certificates need not hold, by spaces or commas

Sources: https://curl.se/docs/manpage.html#ENVIRONMENT and https://docs.openssl.org/master/man7/openssl-env/
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from dxpy_async.core.settings import ProxySettings, TlsSettings
from dxpy_async.errors import UsageError

_SEPARATORS = re.compile(r"[,\s]+")
_HOST = re.compile(r"\*|(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def proxy_settings(environ: Mapping[str, str], chosen: str | None, origin: str) -> ProxySettings:
    """The proxies of `environ`; one that was `chosen` for dxpy alone, at the place `origin`, counts for everything."""
    without = _variable(environ, "no_proxy")
    places = tuple(part for part in _SEPARATORS.split(environ.get(without, "")) if part)
    if chosen:
        return ProxySettings(
            http=_address(chosen), https=_address(chosen), http_origin=origin, https_origin=origin, without=places
        )
    http, https = _said(environ, "http_proxy"), _said(environ, "https_proxy")
    return ProxySettings(
        http=_address(environ[http]) if http else None,
        https=_address(environ[https]) if https else None,
        http_origin=http or "",
        https_origin=https or "",
        without=places,
    )


def _said(environ: Mapping[str, str], name: str) -> str | None:
    """The variable that says which proxy is meant by `name`."""
    own = _variable(environ, name)
    if own == "HTTP_PROXY" and environ.get("REQUEST_METHOD"):
        own = ""  # in a CGI script this is the client's header `Proxy`, and no setting of anybody's here
    return next((each for each in (own, _variable(environ, "all_proxy")) if environ.get(each)), None)


def _variable(environ: Mapping[str, str], name: str) -> str:
    return name if name in environ else name.upper()


def _address(text: str) -> str:
    return text if "://" in text else f"http://{text}"


def tls_settings(
    environ: Mapping[str, str],
    insecure_hosts: Sequence[str],
    origin: str,
    *,
    authorities: str | None,
    shown: str | None,
) -> TlsSettings:
    """Whom to trust, and what is `shown`. Raises UsageError for a host that is none, said at `origin`."""
    for host in insecure_hosts:
        if not _HOST.fullmatch(host):
            raise UsageError(f"{origin} is `{host}`, which is no host", hints=("write `HOST`, `HOST:PORT` or `*`",))
    directories = environ.get("SSL_CERT_DIR", "").split(os.pathsep)
    return TlsSettings(
        authorities=authorities,
        authority_directories=tuple(each for each in directories if each),
        client_certificate=shown or environ.get("SSL_CLIENT_CERT") or None,
        insecure_hosts=tuple(host.lower() for host in insecure_hosts),
    )
