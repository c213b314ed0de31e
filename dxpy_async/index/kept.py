"""What the cache has of the answers of indexes, and whether it may be used without asking again. Waits for nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from blake3 import blake3

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.settings import NetworkSettings
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_metadata import decode_metadata
from dxpy_async.formats.compact_page import decode_page, map_page
from dxpy_async.index.http_cache import CachedAnswer, HttpCache
from dxpy_async.index.remote_index import RemoteIndex


@dataclass(frozen=True, slots=True)
class HeldPage:
    """A page in the cache, and what was kept beside it."""

    page: ProjectPage
    entry: CachedAnswer


class KeptPages:
    """Pages in a cache. Offline they are used however old they are; those to be refreshed are not used unasked."""

    def __init__(self, cache: HttpCache, *, now: Callable[[], float], network: NetworkSettings) -> None:
        self._cache, self._now, self._network = cache, now, network

    def usable(self, index: RemoteIndex, project: ProjectName) -> ProjectPage | None:
        """The page of `project`, if it may be used unasked.

        Only what is looked at is read of it, so that what is damaged may raise FormatError as late as that.
        """
        entry = self._cache.map(index.cache_name(project))
        if entry is None or not self._holds(project, entry):
            return None
        page = map_page(entry.body, origin=f"cached page of {project}")
        return page if _is_of(page, index, project) else None

    def find(self, index: RemoteIndex, project: ProjectName) -> HeldPage | None:
        """The page of `project`, which may have to be validated before it is used."""
        entry = self._cache.read(index.cache_name(project))
        if entry is None:
            return None
        try:
            page = decode_page(entry.body, origin=f"cached page of {project}")
        except FormatError:  # damaged: a miss
            return None
        return HeldPage(page, entry) if _is_of(page, index, project) else None

    def may_use_unasked(self, held: HeldPage) -> bool:
        return self._holds(held.page.project, held.entry)

    def _holds(self, project: ProjectName, entry: CachedAnswer) -> bool:
        if self._network.offline:
            return True
        return not self._network.refreshes(project) and entry.validators.are_fresh(self._now())


def _is_of(page: ProjectPage, index: RemoteIndex, project: ProjectName) -> bool:
    return page.project == project and page.index_url == index.url


def kept_metadata(cache: HttpCache, file: DistributionFile) -> CoreMetadata | Unavailable | None:
    """The core metadata of `file` in a cache, which can never become wrong."""
    name = metadata_name(file)
    if name is not None and (entry := cache.read(name)) is not None:
        with suppress(FormatError):  # damaged: a miss
            return decode_metadata(entry.body, origin=name)
    return None


def metadata_name(file: DistributionFile) -> str | None:
    """What the cache calls a file's metadata; None when nothing says which bytes the file has, so that it may change.

    The address is part of it: what one index says of a file is not to be believed of another's.
    """
    if not file.hashes:
        return None
    digests = "".join(f"\0{algorithm}={digest}" for algorithm, digest in sorted(file.hashes.items()))
    key = blake3(f"{file.url}{digests}".encode()).hexdigest(20)
    return f"metadata-v1/{key[:2]}/{key[2:]}"
