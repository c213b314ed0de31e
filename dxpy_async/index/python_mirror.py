"""Where builds of Python come from: a mirror of what the project python-build-standalone publishes.

    BASE/latest-release.json        the newest release, `{"tag": "20241016", …}`; need not be there
    BASE/                           a listing of directories, as web servers make it; need not be there
    BASE/20241016/SHA256SUMS        the archives of a release with their digests
    BASE/20241016/cpython-….tar.gz  the archives

BASE may also be one release itself (its last part is a day, or SHA256SUMS lies in it), a directory of this machine, or
the address of a `latest-release.json`, whose `asset_url_prefix` then says where its release is.

Source: the file `latest-release.json` of the project's branch of the same name
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from dxpy_async.errors import IndexRefused, InvalidIndexPage
from dxpy_async.index.client import IndexClient
from dxpy_async.index.directories import path_of
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.safe_url import SafeURL

SUMS_NAME = "SHA256SUMS"
LATEST_NAME = "latest-release.json"

_SMALL_BYTES = 16 * 1024**2
_RELEASE = re.compile(r"[0-9]{8}")
_LISTED = re.compile(r"""href\s*=\s*["'](?:[^"'?#]*/)?([0-9]{8})/?["']""", re.IGNORECASE)


class Release(NamedTuple):
    """The builds of one day: where their archives and SHA256SUMS are."""

    url: str

    def address(self, filename: str) -> str:
        return f"{self.url}/{quote(filename)}"


class PythonMirror:
    """The releases of a mirror at `base`, asked through `client`."""

    def __init__(self, client: IndexClient, base: str) -> None:
        self._client, self._base = client, base.rstrip("/")

    @property
    def shown(self) -> str:
        """The address without credentials."""
        return str(SafeURL.parse(self._base))

    async def releases(self) -> AsyncGenerator[Release, None]:
        """All releases that the mirror tells of, newest first; older ones are only asked for when they are wanted."""
        if _RELEASE.fullmatch(self._base.rpartition("/")[2]):
            yield Release(self._base)
            return
        if self._base.endswith(".json"):
            yield await self._latest_elsewhere()
            return
        known = set()
        latest = await self._client.small_file(f"{self._base}/{LATEST_NAME}", _SMALL_BYTES)
        if latest is not None:
            tag = str(self._said(latest).get("tag", ""))
            if not _RELEASE.fullmatch(tag):
                raise self._invalid(f"`{LATEST_NAME}` names no release")
            known.add(tag)
            yield Release(f"{self._base}/{tag}")
        for tag in sorted(await self._listed(), reverse=True):
            if tag not in known:
                known.add(tag)
                yield Release(f"{self._base}/{tag}")
        if not known:
            yield Release(self._base)

    async def sums(self, release: Release) -> str | None:
        """The listing of a release, as text; None when it has none."""
        content = await self._client.small_file(release.address(SUMS_NAME), _SMALL_BYTES)
        return content.decode("utf-8", "replace") if content is not None else None

    async def fetch(
        self, release: Release, filename: str, *, sha256: str, into: Path, progress: Callable[[int], None]
    ) -> None:
        """Bring an archive to the file `into`, checked; raises as `IndexClient.download`."""
        await self._client.download(
            url=release.address(filename),
            filename=filename,
            hashes={"sha256": sha256},
            size=None,
            into=into,
            progress=progress,
        )

    async def _latest_elsewhere(self) -> Release:
        content = await self._client.small_file(self._base, _SMALL_BYTES)
        if content is None:
            raise self._invalid("there is nothing at that address")
        prefix = self._said(content).get("asset_url_prefix")
        if not isinstance(prefix, str) or not prefix:
            raise self._invalid("it has no `asset_url_prefix`")
        url = urljoin(self._base, prefix).rstrip("/")
        if urlsplit(url).scheme not in ("http", "https", urlsplit(self._base).scheme):
            raise self._invalid(f"its `asset_url_prefix` is `{url}`, which is not fetched from there")
        return Release(url)

    async def _listed(self) -> set[str]:
        """The releases in the listing of BASE. None at all where the server gives no listing, as many do not."""
        if urlsplit(self._base).scheme == "file":
            return await in_thread(_directories, str(path_of(self._base)))
        try:
            page = await self._client.small_file(f"{self._base}/", _SMALL_BYTES)
        except IndexRefused:
            return set()  # a listing that is forbidden; the archives need not be
        return set(_LISTED.findall(page.decode("utf-8", "replace"))) if page is not None else set()

    def _said(self, content: bytes) -> dict[str, object]:
        try:
            said = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise self._invalid("what it says of its latest release is not JSON") from error
        if not isinstance(said, dict):
            raise self._invalid("what it says of its latest release is not an object")
        return said

    def _invalid(self, reason: str) -> InvalidIndexPage:
        return InvalidIndexPage(f"`{self.shown}` is not a mirror of Python builds: {reason}", url=self.shown)


def _directories(path: str) -> set[str]:
    try:
        return {name for name in os.listdir(path) if _RELEASE.fullmatch(name)}
    except OSError:
        return set()
