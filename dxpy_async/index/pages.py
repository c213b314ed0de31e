"""The pages of one index behind http(s), from the cache while they hold, else from the index or a mirror of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

from dxpy_async.core.dataclass import replace
from dxpy_async.core.limits import PAGE_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage
from dxpy_async.core.settings import NetworkSettings
from dxpy_async.errors import FormatError, IndexRefused, IndexUnavailable, InvalidIndexPage
from dxpy_async.formats.compact_page import decode_page, encode_page
from dxpy_async.formats.simple_page import ACCEPT, parse
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.http_cache import HttpCache, renewed, validators_of
from dxpy_async.index.kept import HeldPage, KeptPages
from dxpy_async.index.page_worker import MOST_BYTES, PageJob, PageWorker
from dxpy_async.index.remote_index import NOT_THERE, RemoteIndex, page_url
from dxpy_async.index.safe_url import Origin, origin_of, origin_url
from dxpy_async.index.sharing import SharedWork
from dxpy_async.index.transport import ENCODINGS, GZIP, Reply, Transport

INLINE_BYTES = 16 * 1024
"""Bodies up to this size are decoded on the event loop: a hop to a thread and back costs more."""

DECODERS = 2
"""Pages that are decoded at once; more would only wait for the interpreter's lock, and each holds its page twice."""


def say_nothing(_: str) -> None:
    """Nobody wants to know."""


class NotCached(Exception):
    """A page that would have to be fetched while the network is not used."""


class PageSource:
    """Project pages of all remote indexes of one client."""

    def __init__(
        self,
        transport: Transport,
        cache: HttpCache,
        work: SharedWork[tuple[str, ProjectName], ProjectPage | None],
        *,
        now: Callable[[], float],
        network: NetworkSettings,
        worker: PageWorker | None = None,
        tell: Callable[[str], None] = say_nothing,
    ) -> None:
        self._transport, self._cache, self._work, self._now = transport, cache, work, now
        self._network, self._worker = network, worker
        self._kept = KeptPages(cache, now=now, network=network)
        self._tell = tell
        self._left: dict[str, str] = {}
        """Indexes and mirrors that are not asked any more, and why."""
        self._served: dict[tuple[str, ProjectName], bytes] = {}
        """Pages in the compact form, as mirrors have served them."""
        self._decoders = asyncio.Semaphore(DECODERS)

    async def page(self, index: RemoteIndex, project: ProjectName) -> ProjectPage | None:
        """The page of `project`; None when the index has none. Raises NotCached when it could only be fetched."""
        held = self._kept.find(index, project)
        if held is not None and self._kept.may_use_unasked(held):
            return held.page
        if self._network.offline:
            raise NotCached
        if not index.mirrors:
            return await self._work.run((index.url, project), lambda: self._fetch(index, project, held, index.url))
        return await self._work.run((index.url, project), lambda: self._fetch_anywhere(index, project, held))

    # Mirrors

    def is_left(self, source: str) -> bool:
        """Whether an index or mirror is not asked any more."""
        return source in self._left

    def has_left(self, origin: Origin) -> bool:
        """Whether an index or a mirror there is not asked any more."""
        return any(origin_of(source) == origin for source in self._left)

    def leave(self, index: RemoteIndex, source: str, error: Exception) -> None:
        """Ask `source` for nothing more. It is said once, if there is another to ask."""
        if source in self._left:
            return
        self._left[source] = str(error)
        remaining = list(self._sources(index))
        if len(remaining) == 1:  # the last one is waited for
            self._transport.hurried.discard(origin_of(remaining[0]))
        if source == index.url and remaining:
            self._tell(f"`{source}` is left for `{remaining[0]}`: {error}")
        elif remaining:
            following = "" if remaining[0] == index.url else f" for `{remaining[0]}`"
            self._tell(f"`{source}`, a mirror of `{index.url}`, is left{following}: {error}")

    def _sources(self, index: RemoteIndex) -> Iterator[str]:
        """The addresses of `index` and of its mirrors that are still asked, in their order."""
        return (source for source in (index.url, *index.mirrors) if source not in self._left)

    async def _fetch_anywhere(
        self, index: RemoteIndex, project: ProjectName, held: HeldPage | None
    ) -> ProjectPage | None:
        """The page from the first of the index and its mirrors that has it; None only when the index itself says so."""
        lacking: list[str] = []
        for source in self._sources(index):
            try:
                page = await self._fetch(index, project, held, source)
            except (IndexUnavailable, InvalidIndexPage) as error:
                self.leave(index, source, error)
            except IndexRefused as error:
                if source == index.url:  # which credentials cure, and no mirror
                    raise
                self.leave(index, source, error)
            else:
                if page is not None or source == index.url:
                    return page
                lacking.append(source)
        raise self._cannot_tell(index, project, lacking)

    def _cannot_tell(self, index: RemoteIndex, project: ProjectName, lacking: list[str]) -> IndexUnavailable:
        reasons = [self._left[source] for source in (index.url, *index.mirrors) if source in self._left]
        if not lacking:
            what = f"neither `{index.url}` nor any of its mirrors can be asked for `{project}`"
        else:
            where = " nor ".join(f"`{source}`" for source in lacking)
            what = f"`{project}` is not on {where}, and whether it is on `{index.url}` cannot be asked"
        return IndexUnavailable(f"{what}: {'; '.join(reasons)}", url=index.url)

    async def page_as_served(self, index: RemoteIndex, source: str, project: ProjectName) -> ProjectPage | None:
        """The page of `project` on `index`, or one of its mirrors, with that one's own addresses of files.

        Raises an IndexFailure.
        """
        compact = self._served.get((source, project))
        if compact is None:
            page = await self._work.run(
                (f"{source} as served", project), lambda: self._fetch(index, project, None, source)
            )
            compact = self._served.get((source, project))
            if page is None or compact is None:
                return page
        return decode_page(compact, origin=f"page of {project}")

    # Fetching

    async def _fetch(
        self, index: RemoteIndex, project: ProjectName, held: HeldPage | None, source: str
    ) -> ProjectPage | None:
        """The page of `project` from `source`, which is the index or a mirror; None when it has none."""
        mirror = source if source != index.url else None
        known = held if held is not None and held.entry.validators.source == mirror else None
        absent = index.absent if mirror is None else NOT_THERE

        async def receive(reply: Reply) -> ProjectPage | None:
            if reply.status == 304 and known is not None:
                validators = renewed(known.entry.validators, reply.headers, self._now())
                if validators is not None:
                    self._cache.renew(index.cache_name(project), known.entry.validators, validators, known.entry.body)
                return known.page
            if reply.status in absent:
                return None
            if reply.status != 200:
                raise reply.refusal()
            body = await reply.body(PAGE_BYTES)
            if len(body) <= INLINE_BYTES:
                return self._decode(body, reply, index, project, held, mirror)
            if held is None and mirror is None and (page := await self._page_by_worker(body, reply, index, project)):
                return page
            decode = partial(self._decode, body, reply, index, project, held, mirror)
            del body  # is let go of as soon as it is decoded
            async with self._decoders:
                return await in_thread(decode)

        headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip"}
        if known is not None:
            headers |= known.entry.validators.conditions()
        return await self._transport.request(page_url(source, project), receive, headers=headers, final=absent)

    async def _page_by_worker(
        self, body: bytes, reply: Reply, index: RemoteIndex, project: ProjectName
    ) -> ProjectPage | None:
        """The page out of the cache, when a worker has put it there; None when it must be decoded here."""
        validators = validators_of(reply.headers, self._now())
        if self._worker is None or validators is None or len(body) > MOST_BYTES or reply.encoding not in ENCODINGS:
            return None
        job = PageJob(
            body=body,
            is_gzipped=reply.encoding in GZIP,
            content_type=reply.headers.get("Content-Type", ""),
            base_url=reply.url,
            project=project,
            index_url=index.url,
            cache_dir=str(self._cache.directory),
            name=index.cache_name(project),
            validated_at=validators.validated_at,
            lifetime=validators.lifetime,
            etag=validators.etag,
            last_modified=validators.last_modified,
        )
        return self._kept.usable(index, project) if await self._worker.keep(job) else None

    def _decode(
        self,
        body: bytes,
        reply: Reply,
        index: RemoteIndex,
        project: ProjectName,
        held: HeldPage | None,
        mirror: str | None,
    ) -> ProjectPage:
        content_type = reply.headers.get("Content-Type", "")
        plain, base_url = reply.plain(body, PAGE_BYTES), reply.url
        if mirror is not None:
            served = parse(plain, content_type, base_url=base_url, project=project, index_url=index.url)
            self._served[mirror, project] = encode_page(served)
            plain, base_url = _of_the_index(plain, mirror, reply.url, index), page_url(index.url, project)
        record = parse(plain, content_type, base_url=base_url, project=project, index_url=index.url)
        compact: bytes | memoryview = encode_page(record)
        page = decode_page(compact, origin=f"page of {project}")
        if held is not None and _say_the_same(page, held.page):
            page, compact = held.page, held.entry.body  # so that it keeps its identity, and with it what rests on it
        if (validators := validators_of(reply.headers, self._now())) is not None:
            self._cache.write(index.cache_name(project), replace(validators, source=mirror), compact)
        return page


def _of_the_index(body: bytes, mirror: str, final_url: str, index: RemoteIndex) -> bytes:
    """A mirror's page with links on its own host turned into such on the host of the index."""
    host = f"{origin_url(index.url)}/".encode()
    for url in {origin_url(mirror), origin_url(final_url)}:
        body = body.replace(f"{url}/".encode(), host)
    return body


def _say_the_same(page: ProjectPage, held: ProjectPage) -> bool:
    try:
        return page.identity == held.identity or page.says_the_same(held)
    except FormatError:  # of a file that is not valid; whoever picks that version will be told
        return False
