"""A URL that may hold credentials and never shows them."""

from __future__ import annotations

from typing import NamedTuple, Self
from urllib.parse import unquote, urlsplit

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.logins import Login

IN_ADDRESS = "its address"
"""Where a login that stands in a URL comes from, for messages."""

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Who a request goes to. Credentials given for one origin are for no other."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port in (None, _PORTS.get(self.scheme)) else f':{self.port}'}"


def origin_of(url: str) -> Origin:
    """Where `url` leads. Raises ValueError for a url whose port or address is malformed."""
    parts = urlsplit(url)
    return Origin(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme))


def origin_url(url: str) -> str:
    """The address of the server that `url` leads to, as it is spelt there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class SafeURL:
    """A URL without its user information, and beside it, unseen, the login that stood there."""

    public: str
    login: Login | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split credentials off. Raises ValueError for a url whose port or address is malformed, without quoting it."""
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:  # which may quote a password, where a `/` in it stands for itself
            raise ValueError("its host or port is malformed") from None
        user, at, host = parts.netloc.rpartition("@")
        if not at:
            return cls(text)
        name, colon, password = user.partition(":")
        login = Login(_decoded(name), _decoded(password) if colon else None, IN_ADDRESS)
        return cls(parts._replace(netloc=host).geturl(), login)

    @property
    def authorization(self) -> str | None:
        """The Authorization header that the login makes."""
        return self.login.authorization if self.login is not None else None

    @property
    def origin(self) -> Origin:
        return origin_of(self.public)

    def __str__(self) -> str:
        return self.public


def _decoded(text: str) -> str:
    return unquote(text, errors="surrogateescape")
