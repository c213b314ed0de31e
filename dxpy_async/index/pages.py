"""The pages of one index behind http(s), from the cache while they hold, else from the index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from dxpy_async.core.limits import PAGE_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage
from dxpy_async.core.settings import NetworkSettings
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_page import decode_page, encode_page
from dxpy_async.formats.simple_page import ACCEPT, parse
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.http_cache import HttpCache, renewed, validators_of
from dxpy_async.index.kept import HeldPage, KeptPages
from dxpy_async.index.page_worker import MOST_BYTES, PageJob, PageWorker
from dxpy_async.index.remote_index import RemoteIndex
from dxpy_async.index.sharing import SharedWork
from dxpy_async.index.transport import ENCODINGS, GZIP, Reply, Transport

INLINE_BYTES = 16 * 1024
"""Bodies up to this size are decoded on the event loop: a hop to a thread and back costs more."""

DECODERS = 2
"""Pages that are decoded at once; more would only wait for the interpreter's lock, and each holds its page twice."""


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
    ) -> None:
        self._transport, self._cache, self._work, self._now = transport, cache, work, now
        self._network, self._worker = network, worker
        self._kept = KeptPages(cache, now=now, network=network)
        self._decoders = asyncio.Semaphore(DECODERS)

    async def page(self, index: RemoteIndex, project: ProjectName) -> ProjectPage | None:
        """The page of `project`; None when the index has none. Raises NotCached when it could only be fetched."""
        held = self._kept.find(index, project)
        if held is not None and self._kept.may_use_unasked(held):
            return held.page
        if self._network.offline:
            raise NotCached
        return await self._work.run((index.url, project), lambda: self._fetch(index, project, held))

    async def _fetch(self, index: RemoteIndex, project: ProjectName, held: HeldPage | None) -> ProjectPage | None:
        async def receive(reply: Reply) -> ProjectPage | None:
            if reply.status == 304 and held is not None:
                validators = renewed(held.entry.validators, reply.headers, self._now())
                if validators is not None:
                    self._cache.renew(index.cache_name(project), held.entry.validators, validators, held.entry.body)
                return held.page
            if reply.status in index.absent:
                return None
            if reply.status != 200:
                raise reply.refusal()
            body = await reply.body(PAGE_BYTES)
            if len(body) <= INLINE_BYTES:
                return self._decode(body, reply, index, project, held)
            if held is None and (page := await self._page_by_worker(body, reply, index, project)) is not None:
                return page
            decode = partial(self._decode, body, reply, index, project, held)
            del body  # is let go of as soon as it is decoded
            async with self._decoders:
                return await in_thread(decode)

        headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip"}
        if held is not None:
            headers |= held.entry.validators.conditions()
        return await self._transport.request(index.page_url(project), receive, headers=headers, final=index.absent)

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
        self, body: bytes, reply: Reply, index: RemoteIndex, project: ProjectName, held: HeldPage | None
    ) -> ProjectPage:
        content_type = reply.headers.get("Content-Type", "")
        record = parse(
            reply.plain(body, PAGE_BYTES), content_type, base_url=reply.url, project=project, index_url=index.url
        )
        compact: bytes | memoryview = encode_page(record)
        page = decode_page(compact, origin=f"page of {project}")
        if held is not None and _say_the_same(page, held.page):
            page, compact = held.page, held.entry.body  # so that it keeps its identity, and with it what rests on it
        if (validators := validators_of(reply.headers, self._now())) is not None:
            self._cache.write(index.cache_name(project), validators, compact)
        return page


def _say_the_same(page: ProjectPage, held: ProjectPage) -> bool:
    try:
        return page.identity == held.identity or page.says_the_same(held)
    except FormatError:  # of a file that is not valid; whoever picks that version will be told
        return False
