"""Who is asked for what an index has: the index itself, and the mirrors that it is said to have.

    first the index, then its mirrors, in the order in which they are listed; whoever cannot be reached, is too slow,
    answers with errors or with what is no page, or has other bytes under a name than were promised, is left for the
    next one, for the rest of the run, and that is said once

Mirrors stand in for the index and are nothing of their own: what they say is kept, locked and shown as the index's.
Their pages are the index's pages, of which they have a copy, perhaps an old one or a part. So only the index itself can
say that a project is not there, and files are taken from a mirror by name and digest: a digest that the index gave,
or the lock, and that mirrors cannot change. Links on the host of the mirror are read as if they stood on the index's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from packaging.version import InvalidVersion, Version

from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import normalize
from dxpy_async.core.releases import DistributionFile
from dxpy_async.errors import DxpyError, FileMissing, IndexFailure, IndexUnavailable, IntegrityError
from dxpy_async.formats.simple_page import name_and_version
from dxpy_async.index.pages import PageSource
from dxpy_async.index.remote_index import RemoteIndex
from dxpy_async.index.safe_url import Origin, origin_of
from dxpy_async.index.transport import Transport

ResultT = TypeVar("ResultT")

_STRONG = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"})


class Mirrors:
    """Files of `indexes`, from wherever they can be had. `tell` is called with what a user should know."""

    def __init__(
        self, indexes: Iterable[RemoteIndex], pages: PageSource, transport: Transport, tell: Callable[[str], None]
    ) -> None:
        self._indexes = [index for index in dict.fromkeys(indexes) if index.mirrors]
        self._pages, self._transport, self._tell = pages, transport, tell
        for index in self._indexes:
            transport.hurried.update(map(origin_of, (index.url, *index.mirrors[:-1])))
        self._left: set[Origin] = set()
        """Hosts of files that are not asked any more."""

    async def had(self, file: DistributionFile, get: Callable[[DistributionFile], Awaitable[ResultT]]) -> ResultT:
        """What `get` makes of `file`, or of the same file on another host.

        Raises what it raised for the first of them, when none can be had.
        """
        if not self._indexes or not _STRONG & file.hashes.keys() or not file.url.startswith("http"):
            return await get(file)
        origin = origin_of(file.url)
        failure: DxpyError | None = None
        if not self._has_left(origin):
            if not any(origin_of(mirror) == origin for index in self._indexes for mirror in index.mirrors):
                self._transport.hurried.add(origin)
            try:
                return await get(file)
            except (IndexUnavailable, IntegrityError) as error:
                failure = error
        tried = {file.url}
        async for index, source, other in self._copies(file):
            if other.url in tried or self._has_left(origin_of(other.url)):
                continue
            tried.add(other.url)
            try:
                result = await get(other)
            except (IndexFailure, IntegrityError) as error:
                failure = failure or error
                if not isinstance(error, FileMissing):
                    self._pages.leave(index, source, error)
                continue
            if failure is not None and not isinstance(failure, FileMissing) and origin not in self._left:
                self._left.add(origin)
                self._tell(f"files of `{origin}` are taken from `{source}` instead: {failure}")
            return result
        raise failure or IndexUnavailable(
            f"`{file.filename}` cannot be had: `{origin}` has failed before, and no mirror has it", url=file.url
        )

    def _has_left(self, origin: Origin) -> bool:
        return origin in self._left or self._pages.has_left(origin)

    async def _copies(self, file: DistributionFile) -> AsyncIterator[tuple[RemoteIndex, str, DistributionFile]]:
        """The same file as mirrors list it, and then the index itself, which may have moved it; each with who does."""
        name, text, _ = name_and_version(file.filename)
        try:
            project, version = normalize(name), Version(text)
        except (ValueError, InvalidVersion):
            return
        for index in self._indexes:
            for source in (*index.mirrors, index.url):
                if self._pages.is_left(source):
                    continue
                try:
                    page = await self._pages.page_as_served(index, source, project)
                except IndexFailure as error:
                    self._pages.leave(index, source, error)
                    continue
                for other in page.files(version) if page is not None else ():
                    if other.filename == file.filename and _are_of_one_file(file.hashes, other.hashes):
                        yield index, source, replace(file, url=other.url, metadata_hashes=_announced(file, other))


def _are_of_one_file(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether both name a strong digest, and none is different."""
    common = one.keys() & other.keys()
    return bool(common & _STRONG) and all(one[name].lower() == other[name].lower() for name in common)


def _announced(file: DistributionFile, other: DistributionFile) -> Mapping[str, str] | None:
    """The digests of the metadata file: those of whoever announced it first, if it is there at all."""
    is_there = other.metadata_hashes is not None and file.metadata_hashes is not None
    return file.metadata_hashes if is_there else other.metadata_hashes
