"""What `dxpy auth login` was given: which logins there are, and for which addresses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from dxpy_async.errors import StoreError, UsageError
from dxpy_async.formats.login_file import KeptLogin, parse_login_file
from dxpy_async.index.safe_url import SafeURL, origin_of

SOURCE = "`dxpy auth login`"

_LAST_PARTS = ("/simple", "/+simple")
"""What the pages of an index stand below, beside its files and where it takes uploads."""
_LOOPBACK = frozenset(["localhost", "127.0.0.1", "::1"])


def service_of(text: str) -> SafeURL:
    """The service that people mean by an address or the name of a host, without the last part of an index's address.

    Raises UsageError.
    """
    try:
        url = SafeURL.parse(text if "://" in text else f"https://{text}")
        origin = url.origin
    except ValueError as error:
        raise UsageError(f"the service has an address that is none: {error}") from error
    if origin.scheme not in ("http", "https") or not origin.host:
        raise UsageError(
            f"`{url}` is not a service that dxpy logs in to",
            hints=("name a host, like `packages.example.org`, or an address that begins with https:// or http://",),
        )
    parts = urlsplit(url.public)
    path = parts.path.rstrip("/")
    for last in _LAST_PARTS:
        path = path.removesuffix(last)
    public = parts._replace(netloc=parts.netloc.lower(), path=path.rstrip("/"), query="", fragment="").geturl()
    return SafeURL(public, url.login)


def goes_in_clear(service: str) -> bool:
    """Whether what is sent to `service` can be read on its way."""
    origin = origin_of(service)
    return origin.scheme == "http" and origin.host not in _LOOPBACK


def read_kept_logins(path: Path) -> tuple[KeptLogin, ...]:
    """The logins in a file, which need not be there. Raises InvalidLoginFile and StoreError."""
    try:
        return parse_login_file(path.read_bytes(), file=str(path))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise StoreError(f"the logins in `{path}` cannot be read: {error.strerror}") from error


def nearest_kept(logins: Iterable[KeptLogin], url: str, username: str | None = None) -> KeptLogin | None:
    """The login whose service is the longest beginning of `url`; with a name only one of that user."""
    fitting = [
        login for login in logins if username in (None, login.username) and is_below(url, login.service)
    ]  # fmt: skip
    return max(fitting, key=lambda login: len(login.service), default=None)


def is_below(url: str, service: str) -> bool:
    """Whether `url` is of the service's origin, and its path the service's or below it."""
    if origin_of(url) != origin_of(service):
        return False
    path, prefix = urlsplit(url).path, urlsplit(service).path.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")
