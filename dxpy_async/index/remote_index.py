"""An index behind http(s) as a value: its address, and what the cache calls its pages."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from blake3 import blake3

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import IndexSettings
from dxpy_async.errors import UsageError
from dxpy_async.index.safe_url import SafeURL

NOT_THERE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class RemoteIndex:
    """An index behind http(s): its address without credentials and without a slash at the end, and its cache's name.

    The addresses of its `mirrors` are like its own.
    """

    url: str
    key: str
    absent: frozenset[int] = NOT_THERE
    """The statuses by which it says that it has not got a project."""
    mirrors: tuple[str, ...] = ()

    def cache_name(self, project: ProjectName) -> str:
        """Where the page of `project` is kept, below the cache directory."""
        return f"pages-v1/{self.key}/{project}"


def page_url(index_url: str, project: ProjectName) -> str:
    """The address of a project's page on an index or a mirror."""
    return f"{index_url}/{project}/"


def remote_index(address: str) -> tuple[RemoteIndex | None, SafeURL]:
    """The index at `address`, None when that is a local directory; and the address with its credentials.

    Raises UsageError for one that is none.
    """
    try:
        url = SafeURL.parse(address)
        origin = url.origin
    except ValueError as error:
        hint = "in a login, `/` is written as `%2F` and `@` as `%40`"
        raise UsageError(f"an index has an address that is none: {error}", hints=(hint,)) from error
    if "://" not in address or origin.scheme == "file":
        return None, url
    if origin.scheme not in ("http", "https") or not origin.host:
        raise UsageError(f"`{url}` is not the address of an index: it should begin with https://, http:// or file://")
    public = urlsplit(url.public)._replace(query="", fragment="").geturl().rstrip("/")
    return RemoteIndex(public, blake3(public.encode()).hexdigest(16)), url


def index_addresses(indexes: IndexSettings) -> Sequence[str]:
    """The addresses of all indexes, in the order in which they are asked."""
    return [address for address in (*indexes.extra_index_urls, indexes.index_url) if address]
