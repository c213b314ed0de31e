"""The hint cache in an engine: remembered answers that indexes confirm, and pages fetched early for want of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Generic, Protocol, Self, TypeVar

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName
from dxpy_async.engine.facts import IndexFacts
from dxpy_async.engine.recalling import Recollection
from dxpy_async.errors import DxpyError, FormatError
from dxpy_async.formats.dpl import DplLockFile, build_dpl
from dxpy_async.formats.remembered import PageSeen
from dxpy_async.index.client import IndexClient
from dxpy_async.resolver.question import Question
from dxpy_async.resolver.resolution import Resolution
from dxpy_async.resolver.resolution_bytes import decode_resolution, encode_resolution

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """An answer, `data` to make it again of, the `count` of its packages, and its warnings."""

    value: T
    data: bytes
    count: int
    warnings: tuple[str, ...]


def found_lock(lock: Lock, warnings: tuple[str, ...]) -> Found[Lock]:
    """A lock that was just made."""
    return Found(lock, build_dpl(lock), len(lock.packages), warnings)


def recalled_lock(data: bytes, warnings: tuple[str, ...]) -> Found[Lock]:
    """A lock out of its bytes. Raises FormatError."""
    with DplLockFile(data, file="a remembered lock", verify=False) as file:
        return Found(file.to_lock(), data, len(file), warnings)


def found_resolution(resolution: Resolution) -> Found[Resolution]:
    """A resolution that was just made."""
    return Found(resolution, encode_resolution(resolution), len(resolution.pins), resolution.warnings)


def recalled_resolution(data: bytes, warnings: tuple[str, ...]) -> Found[Resolution]:
    """A resolution out of its bytes. Raises FormatError."""
    resolution = decode_resolution(data, warnings)
    return Found(resolution, data, len(resolution.pins), warnings)


class InThread(Protocol):
    """Runs a function that blocks on the disk in a thread."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]: ...


class Remembering:
    """Answers questions from memory, asking the indexes of `client` where that must be. `now` is seconds since 1970.

    What is fetched early runs in a task group of its own, so that errors of an operation are not wrapped in a group.
    """

    def __init__(
        self, recollection: Recollection, client: IndexClient, *, now: Callable[[], float], in_thread: InThread
    ) -> None:
        self._recollection, self._client, self._now, self._in_thread = recollection, client, now, in_thread
        self._early = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._early.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._early.__aexit__(None, None, None)

    async def answer(self, question: Question, decode: Callable[[bytes, tuple[str, ...]], T]) -> T | None:
        """What `decode` makes of the answer to `question` and its warnings, if it holds; it may raise FormatError."""
        recalled = await self._in_thread(lambda: self._recollection.recall(question, now=self._now()))
        if recalled is None or not await self._all_hold(recalled.doubtful):
            return None
        try:
            return decode(recalled.remembered.answer, recalled.remembered.warnings)
        except FormatError:  # written by another dxpy of the same version
            return None

    async def _all_hold(self, doubtful: tuple[PageSeen, ...]) -> bool:
        async def holds(seen: PageSeen) -> bool:
            try:
                page = await self._client.project_page(seen.project)
            except DxpyError:  # whoever resolves will ask again, and be told if it matters
                return False
            return self._recollection.seen(seen.project, page) == seen

        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(holds(seen)) for seen in doubtful]
        return all(task.result() for task in asked)

    @asynccontextmanager
    async def fetching_early(self, question: Question) -> AsyncIterator[None]:
        """While the block runs, fetch the pages that the most similar question needed: all at once, not as met."""

        async def fetch(project: ProjectName) -> None:
            with suppress(DxpyError):  # whoever needs it will be told
                await self._client.project_page(project)

        wanted = await self._in_thread(lambda: self._recollection.worth_asking(question, now=self._now()))
        running = [self._early.create_task(fetch(project)) for project in wanted]
        try:
            yield
        finally:
            for task in running:
                task.cancel()

    async def keep(self, question: Question, found: Found[T], facts: IndexFacts) -> None:
        """Remember what was found from `facts`, unless something of it may be another without anybody noticing."""
        if facts.fleeting or question.directories != self._client.state_of_directories():
            return
        pages, unknown, archives = dict(facts.pages), set(facts.unknown), list(facts.archives.values())
        await self._in_thread(
            lambda: self._recollection.keep(
                question,
                found.data,
                count=found.count,
                pages=pages,
                unknown=unknown,
                archives=archives,
                warnings=found.warnings,
            )
        )
