"""Law: a remembered answer that is given equals what a fresh resolution with the same preferences gives.

Random worlds are resolved from real pages in a real cache. Then the world moves on: versions come and go, pages expire
or are fetched anew, other things are asked for. Whatever the memory then gives must be what the solver would say.
"""

from __future__ import annotations

import copy
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from packaging.version import Version

from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.releases import ProjectPage, Unavailable
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.settings import IndexSettings, Settings
from dxpy_async.engine.recalling import Recollection
from dxpy_async.errors import NoSolution
from dxpy_async.formats.compact_page import ListedFile, PageRecord, decode_page, encode_page
from dxpy_async.index.http_cache import HttpCache, Validators
from dxpy_async.index.remote_index import remote_index
from dxpy_async.resolver.needs import Answer, Need, NeedPage
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.question import Question
from dxpy_async.resolver.resolution_bytes import decode_resolution, encode_resolution

sys.path.insert(0, str(Path(__file__).parents[1] / "resolver"))

from test_resolver import VERSIONS, World, random_world
from worlds import LINUX, Facts, files_of, resolve

INDEX_URL = "https://index.test/simple"
NOW, LIFETIME = 1_700_000_000.0, 600.0


class CachedWorld(Facts):
    """A world behind an index, whose pages are kept in a cache as the client would keep them.

    `ever` has every release that there ever was: its metadata stays known when it has gone from its page.
    """

    def __init__(self, world: World, ever: World, settings: Settings) -> None:
        super().__init__(ever)
        index, _ = remote_index(INDEX_URL)
        assert index is not None
        self.world, self._index, self._cache = world, index, HttpCache(settings.cache_dir)
        self.pages: dict[ProjectName, ProjectPage] = {}
        self.unknown: set[ProjectName] = set()
        self.now = NOW

    def answer(self, need: Need) -> Answer:
        if not isinstance(need, NeedPage):
            return super().answer(need)
        page = self.ask(need.project)
        if isinstance(page, ProjectPage):
            self.pages[need.project] = page
        else:
            self.unknown.add(need.project)
        return page

    def ask(self, project: ProjectName) -> ProjectPage | Unavailable:
        """The page as a client gives it: the cache's while that is fresh, else the index's, which is then kept."""
        kept = self._cache.read(self._index.cache_name(project))
        if kept is not None and kept.validators.are_fresh(self.now):
            return decode_page(kept.body, origin=project)
        if project not in self.world:
            return Unavailable("is not on the index")
        versions = sorted(self.world[project], key=Version, reverse=True)
        releases = [(str(Version(text)), list(self._files(project, text))) for text in versions]
        body = encode_page(PageRecord(project=project, index_url=INDEX_URL, base_url=INDEX_URL, releases=releases))
        self._cache.write(self._index.cache_name(project), Validators(validated_at=self.now, lifetime=LIFETIME), body)
        return decode_page(body, origin=project)

    def _files(self, project: str, version: str) -> Iterable[bytes]:
        for file in files_of(project, version, self.world[project][version]):
            listed = ListedFile(file.filename, file.url, requires_python=file.requires_python, yanked=file.yanked)
            yield msgspec.json.encode(listed)


def changed(world: World, ever: World, chance: random.Random) -> World:
    """The same world a while later; `ever` learns of new releases. What a release requires never changes."""
    later = copy.deepcopy(world)
    for name in later:
        if chance.random() < 0.3:
            version = chance.choice(VERSIONS)
            if version in later[name] and chance.random() < 0.5:
                del later[name][version]
            else:
                later[name][version] = ever[name].setdefault(version, {"requires": []})
    if chance.random() < 0.1:
        del later[chance.choice(sorted(later))]
    return later


def question(own: list[str], options: ResolutionOptions) -> Question:
    return Question(
        kind="resolution",
        roots=LockedRoots(requirements=tuple(map(parse_requirement, own))),
        target=LINUX,
        options=options,
        settings={"index-url": INDEX_URL},
    )


def outcome(own: list[str], facts: CachedWorld, options: ResolutionOptions) -> bytes | None:
    try:
        return encode_resolution(resolve(own, facts.world, options=options, facts=facts))
    except NoSolution:
        return None


@pytest.mark.parametrize("block", range(3))
def test_what_memory_gives_is_what_a_fresh_resolution_gives(block: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(block * 300, (block + 1) * 300):
        with tempfile.TemporaryDirectory() as directory:
            told += _one_life(random.Random(seed), Path(directory), f"seed {seed}")
    assert min(told["at once"], told["confirmed"], told["contradicted"], told["unknown"]) > 10, told


def _one_life(chance: random.Random, directory: Path, seed: str) -> Counter[str]:
    """One world for a while: what the memory said of each question, held against the solver where it gave an answer."""
    told: Counter[str] = Counter()
    own, world = random_world(chance.randrange(4000))
    ever, now = copy.deepcopy(world), NOW
    settings = Settings(cache_dir=directory, indexes=IndexSettings(index_url=INDEX_URL))
    memory = Recollection(settings)
    for _ in range(6):
        preferred = chance.sample(sorted(world), min(len(world), chance.randint(0, 1)))
        pins = {normalize(name): Version(chance.choice(VERSIONS)) for name in preferred}
        options = ResolutionOptions(preferences=pins)
        asked, facts = question(own, options), CachedWorld(world, ever, settings)
        facts.now = now
        recalled = memory.recall(asked, now=now)
        doubtful = recalled.doubtful if recalled is not None else ()
        holds = all(memory.seen(seen.project, facts.ask(seen.project)) == seen for seen in doubtful)
        fresh = outcome(own, facts, options)
        if recalled is None or not holds:
            told["unknown" if recalled is None else "contradicted"] += 1
            if fresh is not None:
                seen = {"pages": facts.pages, "unknown": facts.unknown, "archives": (), "warnings": ()}
                memory.keep(asked, fresh, count=1, **seen)  # type: ignore[arg-type]
        else:
            told["confirmed" if doubtful else "at once"] += 1
            assert fresh is not None, seed
            assert decode_resolution(recalled.remembered.answer, ()).pins == decode_resolution(fresh, ()).pins, seed
        now += chance.choice((1.0, 1.0, LIFETIME))
        world = changed(world, ever, chance) if chance.random() < 0.5 else world
        own = own[:-1] if chance.random() < 0.1 and len(own) > 1 else own
    return told
