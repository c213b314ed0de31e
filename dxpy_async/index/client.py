"""The client of package indexes: project pages, core metadata, downloads.

Indexes are asked in order of trust, and the first that has a project is the only one that is believed about it: extra
indexes come before the default one, so that a name which a private index has cannot be taken over on the public one.
Local directories are not indexes in that sense: what lies in them is added to whatever the indexes have. A project that
is pinned to an index comes from there alone. Whoever says `unsafe-best-match` has all indexes believed instead.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from packaging.version import Version

from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import ProjectName, is_valid_name
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.settings import IndexSettings, IndexStrategy, NetworkSettings
from dxpy_async.errors import IndexUnavailable, IntegrityError, UsageError
from dxpy_async.index.bundles import Bundle
from dxpy_async.index.credentials import Credentials
from dxpy_async.index.directories import LocalDirectory, directory_of, path_of, state_of
from dxpy_async.index.downloads import (
    BATCH_BYTES,
    Download,
    Downloaded,
    HashingFile,
    Promise,
    copy_file,
    create_file,
)
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.http_cache import HttpCache
from dxpy_async.index.metadata import MetadataSource, metadata_of_file
from dxpy_async.index.mirrors import Mirrors
from dxpy_async.index.page_worker import PageWorker
from dxpy_async.index.pages import NotCached, PageSource, say_nothing
from dxpy_async.index.parted_downloads import PARTED_FROM, NotInParts, PartedDownload
from dxpy_async.index.remote_index import NOT_THERE, RemoteIndex, index_addresses, remote_index
from dxpy_async.index.safe_url import Origin, SafeURL
from dxpy_async.index.sharing import SharedWork
from dxpy_async.index.transport import Pacing, Reply, Transport, over_limit

__all__ = ["Downloaded", "IndexClient", "Pacing"]

_DOWNLOAD_BYTES = 2 * BATCH_BYTES  # what one download has in memory at the most: one batch and the buffers before it


class IndexClient:
    """Asks indexes and keeps their answers. Safe for any number of tasks of one event loop at once.

    `now` gives seconds since 1970. `base_directory` is what relative directories of `indexes` are relative to.
    With a `bundle` that is the one place that is asked, for projects and for files, and `indexes` count for nothing.
    `trouble` is why the cache cannot be used, if so. Without `credentials` those in addresses are used alone. `tell` is
    called with what a user should know.
    """

    def __init__(
        self,
        *,
        indexes: IndexSettings,
        network: NetworkSettings,
        cache_dir: Path,
        now: Callable[[], float],
        base_directory: Path,
        credentials: Credentials | None = None,
        pacing: Pacing | None = None,
        tls: ssl.SSLContext | None = None,
        page_worker: PageWorker | None = None,
        tell: Callable[[str], None] = say_nothing,
        bundle: Path | None = None,
    ) -> None:
        self._network = network
        self.bundle = Bundle(bundle) if bundle is not None else None
        """Where everything comes from, when that is a bundle."""
        if self.bundle is not None:
            indexes = IndexSettings(index_url="")
        self._credentials = credentials or Credentials(indexes=indexes)
        self._indexes = [_index(address, base_directory, indexes) for address in index_addresses(indexes)]
        self._pinned = {
            project: _index(address, base_directory, indexes) for project, address in indexes.pinned.items()
        }
        self._directories = [directory_of(text, base_directory) for text in indexes.find_links]
        if self.bundle is not None:
            self._directories = [self.bundle]
        self._strategy = indexes.strategy
        self._cache = HttpCache(cache_dir)
        self._transport = Transport(network, self._credentials, now=now, pacing=pacing, tls=tls)
        self._page_work: SharedWork[tuple[str, ProjectName], ProjectPage | None] = SharedWork()
        self._metadata_work: SharedWork[str, CoreMetadata | Unavailable] = SharedWork()
        self._pages = PageSource(
            self._transport, self._cache, self._page_work, now=now, network=network, worker=page_worker, tell=tell
        )
        remote = [index for index in (*self._indexes, *self._pinned.values()) if isinstance(index, RemoteIndex)]
        self._mirrors = Mirrors(remote, self._pages, self._transport, tell)
        self._metadata = MetadataSource(
            self._transport,
            self._cache,
            self._metadata_work,
            self._fetch_wheel,
            now=now,
            offline=network.offline,
            mirrors=self._mirrors,
        )
        self._downloads = asyncio.Semaphore(max(1, network.bytes_in_flight // _DOWNLOAD_BYTES))
        self._whole_only: set[Origin] = set()
        """Who does not give files in parts."""
        self._exits = AsyncExitStack()

    def state_of_directories(self) -> bytes:
        """What the local directories hold, without indexes that are local; empty when there are none."""
        return state_of(self._directories)

    def learn(self, url: str) -> None:
        """Use the credentials in `url`, if it has any, for all that its origin serves."""
        self._credentials.learn(url)

    @property
    def transport(self) -> Transport:
        """What sends its requests, for others of the same kind."""
        return self._transport

    @property
    def trouble(self) -> OSError | None:
        return self._cache.trouble

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(self._transport)
            await exits.enter_async_context(self._page_work)
            await exits.enter_async_context(self._metadata_work)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    async def project_page(self, project: ProjectName) -> ProjectPage | Unavailable:
        """The releases of `project` on the first index that has it, and those in the directories, which come first.

        A project that is pinned to an index is looked for there and nowhere else.
        Unavailable when nobody has it. Raises IndexRefused, IndexUnavailable or InvalidIndexPage when an index cannot
        be asked: what it would have said is not known then, and the next one may not be asked in its place.
        """
        if not is_valid_name(project):
            return Unavailable("is not a valid project name")
        pinned = self._pinned.get(project)
        directories = self._directories if pinned is None else []
        indexes = self._indexes if pinned is None else [pinned]
        local = [page for directory in directories if (page := directory.page(project)) is not None]
        unknown: list[str] = []
        pages = await self._pages_on(indexes, project, unknown)
        if pages or local:
            return _merged([*local, *([_best_of(pages)] if pages else [])])
        if unknown:
            raise IndexUnavailable(
                f"the page of `{project}` is not in the cache, and the network is not used (offline)", url=unknown[0]
            )
        places = [place.url for place in (*indexes, *directories)]
        return Unavailable(f"is not on {' or '.join(f'`{place}`' for place in places) or 'any index: none is set'}")

    async def _pages_on(
        self, indexes: Sequence[RemoteIndex | LocalDirectory], project: ProjectName, unknown: list[str]
    ) -> list[ProjectPage]:
        """The pages of `project` that are believed; `unknown` gets the indexes of which nothing can be known."""
        pages = []
        for index in indexes:
            try:
                page = await self._page_on(index, project)
            except NotCached:
                unknown.append(index.url)
                continue
            if page is not None:
                pages.append(page)
                if self._strategy is IndexStrategy.FIRST_INDEX:
                    break
        return pages

    async def _page_on(self, index: RemoteIndex | LocalDirectory, project: ProjectName) -> ProjectPage | None:
        if isinstance(index, LocalDirectory):
            return await in_thread(index.index_page, project)
        return await self._pages.page(index, project)

    async def core_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        """The core metadata of the wheel `file`.

        Unavailable for metadata or a wheel that is invalid. Raises when the index cannot
        be asked, and HashMismatch for metadata that is not what the page promised.
        """
        if file.url.startswith("file:"):
            return await in_thread(metadata_of_file, path_of(file.url), project, version, file.filename)
        return await self._metadata.metadata(project, version, file)

    async def sdist_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable | None:
        """What is known of the source distribution `file` without it; None when it has to be looked into.

        That is what `keep_sdist_metadata` was told, or what the index serves and no build can change. Raises as
        `core_metadata` does.
        """
        return await self._metadata.of_sdist(project, version, file)

    def keep_sdist_metadata(self, file: DistributionFile, metadata: CoreMetadata) -> None:
        """Remember what `file`, whose bytes are known by their hashes, says of itself without being built."""
        self._metadata.keep(file, metadata)

    async def _fetch_wheel(self, file: DistributionFile, into: Path) -> None:
        await self.download(
            url=file.url, filename=file.filename, hashes=file.hashes, size=file.size, into=into, progress=_ignore
        )

    async def download(
        self,
        *,
        url: str,
        filename: str,
        hashes: Mapping[str, str],
        size: int | None,
        into: Path,
        progress: Callable[[int], None],
    ) -> Downloaded:
        """Bring one distribution to the file `into`, hashed and held against `hashes` and `size`.

        `progress` is called with the number of bytes that have come since it was last called; the number is negative
        when an attempt starts over. Raises HashMismatch or SizeMismatch, an IndexFailure when it cannot be had, and
        StoreError when it cannot be written; with a bundle InvalidBundle when it is not there as it should be. After an
        error or a cancellation `into` does not exist.
        """
        if self.bundle is None:
            return await self._download(url, filename, hashes, size, into, progress)
        try:
            return await self._download(self.bundle.url_of(filename), filename, hashes, size, into, progress)
        except IntegrityError as error:
            raise self.bundle.changed(error) from error

    async def _download(
        self,
        url: str,
        filename: str,
        hashes: Mapping[str, str],
        size: int | None,
        into: Path,
        progress: Callable[[int], None],
    ) -> Downloaded:
        try:
            address = SafeURL.parse(url)
        except ValueError as error:
            raise UsageError(f"`{filename}` has an address that is none: {error}") from error
        promise = Promise(filename, address.public, hashes, size)
        scheme = urlsplit(address.public).scheme
        if scheme not in ("http", "https", "file"):
            raise UsageError(f"`{filename}` cannot be fetched from `{address}`: only http, https and file are known")
        if scheme != "file" and self._network.offline:
            raise IndexUnavailable(
                f"`{filename}` is not in the store, and the network is not used (offline)", url=address.public
            )
        async with self._downloads:
            file = create_file(into, promise)
            try:
                return await self._bring(address, file, promise, progress)
            except BaseException:
                with suppress(FileNotFoundError):
                    into.unlink()
                raise
            finally:
                file.close()

    async def small_file(self, url: str, limit: int) -> bytes | None:
        """A file that lies beside distributions, of at most `limit` bytes; None when it is not there.

        Nothing is kept of it. Raises an IndexFailure when it cannot be had, and InvalidIndexPage when it is longer.
        """
        address = SafeURL.parse(url)
        if address.origin.scheme == "file":
            return await in_thread(_read_small, path_of(address.public), limit)
        if self._network.offline:
            raise IndexUnavailable(f"`{address}` is needed, and the network is not used (offline)", url=address.public)

        async def receive(reply: Reply) -> bytes | None:
            if reply.status in (404, 410):
                return None
            if reply.status != 200:
                raise reply.refusal()
            return reply.plain(await reply.body(limit), limit)

        headers = {"Accept": "*/*", "Accept-Encoding": "gzip"}
        return await self._transport.request(address.public, receive, headers=headers, login=address.login)

    async def _bring(
        self, address: SafeURL, file: HashingFile, promise: Promise, progress: Callable[[int], None]
    ) -> Downloaded:
        if address.origin.scheme != "file":

            async def get(place: DistributionFile) -> Downloaded:
                its = address if place.url == address.public else SafeURL.parse(place.url)
                promised = replace(promise, origin=its.public)
                file.expect(promised)
                return await self._fetch(its, file, promised, progress)

            listed = DistributionFile(filename=promise.filename, url=address.public, hashes=promise.hashes)
            return await self._mirrors.had(listed, get)
        await copy_file(path_of(address.public), file, promise, progress)
        return file.checked()

    async def _fetch(
        self, address: SafeURL, file: HashingFile, promise: Promise, progress: Callable[[int], None]
    ) -> Downloaded:
        size = promise.size or 0
        if size >= PARTED_FROM and promise.is_checkable and address.origin not in self._whole_only:
            try:
                return await PartedDownload(self._transport, address, file, promise, size, progress).run()
            except NotInParts:
                self._whole_only.add(address.origin)
        return await Download(self._transport, address, file, promise, progress).run()


def _read_small(path: Path, limit: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise IndexUnavailable(f"`{path}` cannot be read: {error.strerror}", url=path.as_uri()) from error
    if len(content) > limit:
        raise over_limit(path.as_uri(), len(content), limit)
    return content


def _index(address: str, base_directory: Path, indexes: IndexSettings) -> RemoteIndex | LocalDirectory:
    index, _ = remote_index(address)
    if index is None:
        return directory_of(address, base_directory)
    mirrors = tuple(mirror.url for mirror, _ in map(remote_index, indexes.mirrors.get(address, ())) if mirror)
    return replace(index, absent=NOT_THERE | indexes.ignored_errors.get(address, frozenset()), mirrors=mirrors)


def _best_of(pages: list[ProjectPage]) -> ProjectPage:
    """The pages of several indexes as one: a release is that of the first index that has it, as a whole."""
    if len(pages) == 1:
        return pages[0]
    holders = {version: page for page in reversed(pages) for version in page.versions}
    return ProjectPage(
        pages[0].project,
        tuple(sorted(holders, reverse=True)),
        lambda version: holders[version].files(version) if version in holders else (),
        index_url=pages[0].index_url,
        index_of=lambda version: holders[version].index_url,
    )


def _merged(pages: list[ProjectPage]) -> ProjectPage:
    """Several pages as one: of two files with one name the earlier counts. Address and identity are the last one's."""
    if len(pages) == 1:
        return pages[0]
    versions = tuple(sorted({version for page in pages for version in page.versions}, reverse=True))

    def files(version: Version) -> tuple[DistributionFile, ...]:
        found: dict[str, DistributionFile] = {}
        for page in pages:
            for file in page.files(version):
                found.setdefault(file.filename, file)
        return tuple(found.values())

    last = pages[-1]
    return ProjectPage(
        last.project,
        versions,
        files,
        index_url=last.index_url,
        identity=last.identity,
        index_of=lambda version: last.index_url_of(version) if last.files(version) else last.index_url,
    )


def _ignore(_: int) -> None:
    """Nobody watches."""
