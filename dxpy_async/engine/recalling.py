"""Answering from memory: whether a remembered answer still holds, found out without waiting as far as that goes.

An answer rests on project pages, and holds while each of them is in the cache unchanged, and fresh by what its index
said. Of those that are not fresh the index must be asked, which is the engine's to do; when it says that nothing has
changed, or sends what says the same, the answer holds as well. What a question is made of (`resolver.question`) never
needs asking: another question has another key.

That an index has *not* got a project is never fresh. Nothing rests on metadata: it goes by the hash of its wheel; and
where there is no hash, or an index is a local directory, nothing is remembered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage, Unavailable
from dxpy_async.core.settings import IndexStrategy, Settings
from dxpy_async.engine.memory import Memory
from dxpy_async.formats.remembered import MOST_INDEXES, FileSeen, PageSeen, Remembered
from dxpy_async.index.freshness import KeptPage, is_fresh, kept_page
from dxpy_async.index.remote_index import index_addresses, remote_index
from dxpy_async.resolver.question import Question


@dataclass(frozen=True, slots=True)
class Recalled:
    """A remembered answer, which holds if the pages of the `doubtful` projects are what they were."""

    remembered: Remembered
    doubtful: tuple[PageSeen, ...]


class Recollection:
    """What is remembered for one way of asking indexes."""

    def __init__(self, settings: Settings) -> None:
        self._network, self._cache_dir = settings.network, settings.cache_dir
        self._pinned = settings.indexes.pinned
        addresses = dict.fromkeys((*index_addresses(settings.indexes), *self._pinned.values()))
        indexes = [remote_index(address)[0] for address in addresses]
        self._remote = tuple(index for index in indexes if index is not None)
        one_each = settings.indexes.strategy is IndexStrategy.FIRST_INDEX  # else an answer rests on several pages
        self.is_used = settings.hints and one_each and len(self._remote) == len(indexes) <= MOST_INDEXES
        """Whether anything is remembered at all."""
        self._memory = Memory(settings.cache_dir)

    def recall(self, question: Question, *, now: float) -> Recalled | None:
        """The remembered answer to `question`; None when there is none, or it holds no more. Waits for nothing."""
        if not self.is_used:
            return None
        remembered = self._memory.recall(question)
        if remembered is None or not all(map(_is_unchanged, remembered.archives)):
            return None
        doubtful = self._doubtful(remembered.pages, now)
        return None if doubtful is None else Recalled(remembered, doubtful)

    def worth_asking(self, question: Question, *, now: float) -> tuple[ProjectName, ...]:
        """Projects whose pages `question` will probably need, and that an index must be asked for."""
        nearest = self._memory.nearest(question) if self.is_used and not self._network.offline else None
        pages = nearest.pages if nearest is not None else ()
        return tuple(seen.project for seen in pages if self._holds(seen, now) is False)

    def keep(
        self,
        question: Question,
        answer: bytes,
        *,
        count: int,
        pages: Mapping[ProjectName, ProjectPage],
        unknown: Iterable[ProjectName] = (),
        archives: Iterable[FileSeen] = (),
        warnings: tuple[str, ...],
    ) -> None:
        """Remember `answer`, of `count` packages, found from these `pages`; no index had the projects in `unknown`."""
        # Without the network, pages are used that nobody would use with it, and the next index stands in for one.
        if not self.is_used or self._network.offline or question.has_secrets:
            return
        seen = [*(self.seen(project, page) for project, page in pages.items()), *map(PageSeen, unknown)]
        if any(each.place is None and each.identity for each in seen):
            return
        remembered = Remembered(
            key=question.key(),
            roots=question.root_names,
            pages=tuple(sorted(seen, key=lambda each: each.project)),
            archives=tuple(archives),
            warnings=warnings,
            answer=answer,
            packages=count,
        )
        self._memory.keep(question, remembered)

    def seen(self, project: ProjectName, page: ProjectPage | Unavailable) -> PageSeen:
        """What an answer that rests on `page` must remember of it; a page of an index unknown here cannot be."""
        if not isinstance(page, ProjectPage) or not page.identity:
            return PageSeen(project)
        places = [place for place, index in enumerate(self._remote) if index.url == page.index_url]
        return PageSeen(project, places[0] if places else None, page.identity)

    def _doubtful(self, pages: Iterable[PageSeen], now: float) -> tuple[PageSeen, ...] | None:
        """Those of `pages` that an index must be asked about; None when one of them has changed for certain."""
        doubtful = []
        for seen in pages:
            holds = self._holds(seen, now)
            if holds is None:
                return None
            if not holds:
                doubtful.append(seen)
        return tuple(doubtful)

    def _holds(self, seen: PageSeen, now: float) -> bool | None:
        """Whether a page may be used unasked, and is what it was; None when it cannot be what it was."""
        offline = self._network.offline
        if seen.place is None or seen.place >= len(self._remote):
            return None if offline else False
        kept = self._kept(seen.place, seen.project)
        if kept is None:
            return None if offline else False
        if kept.identity != seen.identity:
            return None
        asked_before = range(0 if seen.project in self._pinned else seen.place)
        if offline:
            return None if any(self._kept(place, seen.project) is not None for place in asked_before) else True
        if asked_before or self._network.refreshes(seen.project):
            return False
        return is_fresh(kept.validated_at, kept.lifetime, now)

    def _kept(self, place: int, project: ProjectName) -> KeptPage | None:
        return kept_page(f"{self._cache_dir}/{self._remote[place].cache_name(project)}")


def _is_unchanged(seen: FileSeen) -> bool:
    try:
        status = os.stat(seen.path)
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (seen.size, seen.modified)
