"""Local directories as indexes: flat ones full of distributions, and those laid out like the simple API."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from packaging.version import InvalidVersion, Version

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.limits import PAGE_BYTES
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.errors import IndexUnavailable, InvalidIndexPage, UsageError
from dxpy_async.formats.compact_page import decode_page, encode_page
from dxpy_async.formats.dpp_layout import FAT, MAGIC
from dxpy_async.formats.simple_page import HTML_TYPE, JSON_TYPE, name_and_version, parse

if os.name == "nt":
    from urllib.request import url2pathname
else:  # all that it does here, without loading an HTTP client

    def url2pathname(pathname: str) -> str:
        return unquote(pathname)


_DPP_ENDING = re.compile(r"\.dpp$")
_PAGE_NAMES = (("index.json", JSON_TYPE), ("index.html", HTML_TYPE))


class _Listed(NamedTuple):
    """A distribution as a directory lists it. Its digest is computed when its release is looked at."""

    path: Path
    size: int
    modified: int


class LocalDirectory:
    """One directory. Errors call it by `path`; `url` is its address in locks."""

    def __init__(self, path: Path) -> None:
        self.path, self.url = path, path.as_uri()
        self._stamp = -1
        self._projects: dict[ProjectName, dict[Version, list[_Listed]]] = {}
        self._digests: dict[_Listed, str] = {}

    def page(self, project: ProjectName) -> ProjectPage | None:
        """The distributions of `project` that lie flat in the directory; None when there is none."""
        releases = self._listing().get(project)
        if not releases:
            return None
        versions = tuple(sorted(releases, reverse=True))
        return ProjectPage(
            project, versions, lambda version: self._files(releases.get(version, [])), index_url=self.url
        )

    def index_page(self, project: ProjectName) -> ProjectPage | None:
        """The same for a directory that is used as an index: a page below it, a directory below it, or flat."""
        below = self.path / project
        for name, content_type in _PAGE_NAMES:
            if (body := _read_page(below / name)) is not None:
                record = parse(
                    body, content_type, base_url=(below / name).as_uri(), project=project, index_url=self.url
                )
                return decode_page(encode_page(record), origin=str(below / name))
        if below.is_dir() and (page := LocalDirectory(below).page(project)) is not None:
            return page
        return self.page(project)

    def state(self) -> bytes:
        """The same for as long as the same distributions, of the same sizes and times, lie flat in the directory."""
        releases = self._listing().values()
        listed = (f"{item}\0" for versions in releases for items in versions.values() for item in items)
        return blake3_of(f"{self.url}\0".encode(), *(text.encode("utf-8", "surrogateescape") for text in listed))

    def _listing(self) -> dict[ProjectName, dict[Version, list[_Listed]]]:
        try:
            stamp = self.path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._projects, self._stamp = _scan(self.path), stamp
        except OSError as error:
            raise IndexUnavailable(
                f"the directory `{self.path}` cannot be read: {error.strerror}", url=self.url
            ) from error
        return self._projects

    def _files(self, listed: list[_Listed]) -> tuple[DistributionFile, ...]:
        return tuple(
            DistributionFile(
                filename=item.path.name,
                url=item.path.as_uri(),
                size=item.size,
                hashes={"sha256": self._sha256(item)},
            )
            for item in listed
        )

    def _sha256(self, item: _Listed) -> str:
        if (digest := self._digests.get(item)) is None:
            digest = self._digests[item] = self._digest(item.path)
        return digest

    def _digest(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise IndexUnavailable(f"`{path}` cannot be read: {error.strerror}", url=self.url) from error


def state_of(directories: Sequence[LocalDirectory]) -> bytes:
    """What several directories hold, in that order; empty for none. Raises IndexUnavailable."""
    return blake3_of(*(directory.state() for directory in directories)) if directories else b""


def directory_of(text: str, base_directory: Path) -> LocalDirectory:
    """The directory that a path (relative to `base_directory`) or a file url names; UsageError for another url."""
    scheme = urlsplit(text).scheme if "://" in text else "file" if text.startswith("file:") else ""
    if scheme not in ("", "file"):
        raise UsageError(f"`{scheme}:` is no directory, and only local directories can be searched for links")
    path = path_of(text) if scheme else base_directory / text
    return LocalDirectory(Path(os.path.abspath(path)))


def path_of(url: str) -> Path:
    """Where a file url leads. Raises UsageError for one that names another machine."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UsageError(f"`{url}` names the machine `{parts.hostname}`; only files of this machine can be read")
    return Path(url2pathname(parts.path))


def _scan(directory: Path) -> dict[ProjectName, dict[Version, list[_Listed]]]:
    projects: dict[ProjectName, dict[Version, list[_Listed]]] = {}
    with os.scandir(directory) as entries:
        found = sorted((entry for entry in entries if entry.is_file()), key=_name)
        for entry in found:
            # DPP packages are named like the wheels they were made from
            name, text, _ = name_and_version(_DPP_ENDING.sub(".whl", entry.name))
            try:
                version = Version(text.replace("_", "-"))
            except InvalidVersion:
                continue
            if _is_thin(entry):
                continue
            status = entry.stat()
            listed = _Listed(directory / entry.name, status.st_size, status.st_mtime_ns)
            projects.setdefault(normalize(name), {}).setdefault(version, []).append(listed)
    return projects


def _is_thin(entry: os.DirEntry[str]) -> bool:
    """Whether it is a DPP without contents, which describes a distribution and is none."""
    if _DPP_ENDING.search(entry.name) is None:
        return False
    with open(entry.path, "rb") as file:
        start = file.read(8)
    return start[:4] == MAGIC and len(start) == 8 and not int.from_bytes(start[6:], "little") & FAT


_name: Callable[[os.DirEntry[str]], str] = lambda entry: entry.name  # noqa: E731


def _read_page(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            body = file.read(PAGE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexUnavailable(f"`{path}` cannot be read: {error.strerror}", url=path.as_uri()) from error
    if len(body) > PAGE_BYTES:
        raise InvalidIndexPage(f"`{path}` is larger than is read: the limit is {PAGE_BYTES} bytes", url=path.as_uri())
    return body
