"""A URL that may hold credentials and never shows them."""

from __future__ import annotations

import base64
from typing import NamedTuple, Self
from urllib.parse import unquote_to_bytes, urlsplit

from dxpy_async.core.dataclass import dataclass, field

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Who a request goes to. Credentials given for one origin are for no other."""

    scheme: str
    host: str
    port: int | None


def origin_of(url: str) -> Origin:
    """Where `url` leads. Raises ValueError for a url whose port or address is malformed."""
    parts = urlsplit(url)
    return Origin(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme))


@dataclass(frozen=True, slots=True)
class SafeURL:
    """A URL without its user information, and beside it, unseen, the Authorization header made of that."""

    public: str
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split credentials off. Raises ValueError for a url whose port or address is malformed."""
        parts = urlsplit(text)
        _ = parts.port
        user, at, host = parts.netloc.rpartition("@")
        if not at:
            return cls(text)
        name, _, password = user.partition(":")
        secret = base64.b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password)).decode("ascii")
        return cls(parts._replace(netloc=host).geturl(), f"Basic {secret}")

    @property
    def origin(self) -> Origin:
        return origin_of(self.public)

    def __str__(self) -> str:
        return self.public
