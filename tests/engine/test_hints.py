"""Answers from memory, over a real loopback index: given while they hold, and never when they do not."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from command import PYTHON, write_project
from index_server import JSON_TYPE, LoopbackIndex
from packaging.version import Version
from wheels import build_wheel

from dxpy_async import Engine, IndexSettings, LockOptions, NetworkSettings, Settings
from dxpy_async.core.names import normalize
from dxpy_async.core.resolution_settings import ResolutionSettings
from dxpy_async.core.target_platforms import WantedTarget
from dxpy_async.core.upload_limits import UploadLimits, parse_upload_limit
from dxpy_async.engine.events import Event, Resolved, Warned
from dxpy_async.errors import IndexUnavailable
from dxpy_async.formats.remembered import BUCKET
from dxpy_async.python.environments import create_environment
from dxpy_async.python.interpreters import probe

LOCK = "dxpy.lock"


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[LoopbackIndex]:
    """`web` needs `templates`, which needs `safe`; `other` needs `safe` too."""
    async with LoopbackIndex() as served:
        wheels = tmp_path / "wheels"
        for version in ("1.0", "2.0"):
            build_wheel(wheels, "web", version, requires=["templates>=1"])
        build_wheel(wheels, "templates", "1.5", requires=["safe"])
        build_wheel(wheels, "safe", "0.9")
        build_wheel(wheels, "other", "3.0", requires=["safe"])
        served.add_directory(wheels)
        yield served


@pytest.fixture
def settings(index: LoopbackIndex, tmp_path: Path) -> Settings:
    return Settings(
        cache_dir=tmp_path / "cache",
        python=PYTHON,
        indexes=IndexSettings(index_url=index.url),
        network=NetworkSettings(retries=1, read_timeout=5),
    )


class Locked:
    """What locking came to, seen from outside."""

    def __init__(self, root: Path, events: list[Event], asked: list[str]) -> None:
        self.data = (root / LOCK).read_bytes()
        (resolved,) = (event for event in events if isinstance(event, Resolved))
        self.remembered, self.packages = resolved.remembered, resolved.packages
        self.warnings = [event.message for event in events if isinstance(event, Warned)]
        self.asked = asked


async def locked(
    settings: Settings, index: LoopbackIndex, root: Path, options: LockOptions | None = None, *, keep: bool = False
) -> Locked:
    """Lock the project in `root`, without the lock that it may have unless that is to `keep`, with a new engine."""
    if not keep:
        (root / LOCK).unlink(missing_ok=True)
    events: list[Event] = []
    before = len(index.requests)
    async with Engine(settings) as engine:
        await engine.lock(root, options=options or LockOptions(), on_event=events.append)
    return Locked(root, events, sorted(request.path for request in index.requests[before:]))


async def afresh(settings: Settings, index: LoopbackIndex, root: Path, tmp_path: Path) -> bytes:
    """The lock that somebody without any cache makes."""
    other = replace(settings, cache_dir=tmp_path / f"cache-{os.urandom(4).hex()}")
    copy = Path(shutil.copytree(root, tmp_path / f"copy-{os.urandom(4).hex()}"))
    return (await locked(other, index, copy)).data


def expire(settings: Settings) -> None:
    """Let every page in the cache have been validated a day earlier."""
    for path in (settings.cache_dir / "pages-v1").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            (moment,) = struct.unpack_from("<d", data, 8)
            struct.pack_into("<d", data, 8, moment - 86_400)
            path.write_bytes(data)


def pages_of(*names: str) -> list[str]:
    return [f"/simple/{name}/" for name in sorted(names)]


async def test_the_same_question_is_answered_from_memory_without_asking_anybody(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    first = await locked(settings, index, root)
    again = await locked(settings, index, root)
    assert (first.remembered, again.remembered) == (False, True)
    assert again.asked == []
    assert (again.data, again.packages) == (first.data, 3)


async def test_an_expired_answer_is_confirmed_by_conditional_requests(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    first = await locked(settings, index, root)
    expire(settings)
    again = await locked(settings, index, root)
    assert again.remembered
    assert again.data == first.data
    assert again.asked == pages_of("safe", "templates", "web")
    assert all("if-none-match" in request.headers for request in index.requests[-3:])
    assert (await locked(settings, index, root)).asked == []


async def test_a_new_version_that_is_wanted_is_found_once_the_page_has_expired(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    await locked(settings, index, root)
    index.add_wheel(build_wheel(tmp_path / "new", "safe", "1.0"))
    assert (await locked(settings, index, root)).remembered  # as a resolution would, it believes its cache
    expire(settings)
    changed = await locked(settings, index, root)
    assert not changed.remembered
    assert changed.data == await afresh(settings, index, root, tmp_path)
    assert b"safe-1.0" in changed.data
    assert (await locked(settings, index, root)).remembered


async def test_a_page_that_comes_in_other_words_and_says_the_same_changes_nothing(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    first = await locked(settings, index, root)
    page = json.loads(index._json_page("safe", index.files["safe"]))
    page["files"] = [{"size": file.pop("size"), **file, "unknown-key": 1} for file in page["files"]]
    index.add_body("/simple/safe/", json.dumps(page, indent=3).encode(), JSON_TYPE)
    for _ in range(2):
        expire(settings)
        again = await locked(settings, index, root)
        assert again.remembered
        assert again.data == first.data


async def test_a_page_that_another_run_has_changed_is_noticed_while_it_is_fresh(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root, other = write_project(tmp_path / "p", "web"), write_project(tmp_path / "q", "safe", name="q")
    await locked(settings, index, root)
    index.add_wheel(build_wheel(tmp_path / "new", "safe", "1.0"))
    refreshing = replace(settings, network=replace(settings.network, refresh_projects=frozenset([normalize("safe")])))
    await locked(refreshing, index, other)
    changed = await locked(settings, index, root)
    assert not changed.remembered
    assert changed.data == await afresh(settings, index, root, tmp_path)


async def test_a_project_that_appears_or_disappears_is_noticed(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    async with LoopbackIndex() as private:
        private.add_project("unrelated")
        both = replace(settings, indexes=IndexSettings(index_url=index.url, extra_index_urls=(private.url,)))
        root = write_project(tmp_path / "p", "web")
        first = await locked(both, index, root)
        again = await locked(both, index, root)
        assert again.remembered
        assert again.data == first.data
        assert again.asked == []  # but the private index was: that it has not got a project is never fresh
        assert len(private.seen("/simple/safe/")) == 2
        private.add_wheel(build_wheel(tmp_path / "new", "safe", "0.1"))
        changed = await locked(both, index, root)
        assert not changed.remembered
        assert b"safe-0.1" in changed.data
        del private.files["safe"]
        expire(settings)
        assert (await locked(both, index, root)).data == first.data


async def test_a_project_that_is_pinned_to_an_index_is_remembered_with_its_page_there(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    async with LoopbackIndex() as private:
        private.add_wheel(build_wheel(tmp_path / "private", "safe", "0.1"))
        pinned = replace(settings.indexes, pinned={normalize("safe"): private.url})
        both = replace(settings, indexes=pinned)
        root = write_project(tmp_path / "p", "web")
        first = await locked(both, index, root)
        asked = len(private.requests)
        again = await locked(both, index, root)
        assert b"safe-0.1" in first.data
        assert (again.remembered, again.data) == (True, first.data)
        assert (again.asked, len(private.requests)) == ([], asked)
        unpinned = await locked(settings, index, root)
        assert not unpinned.remembered
        assert b"safe-0.9" in unpinned.data
        private.add_wheel(build_wheel(tmp_path / "private", "safe", "0.2"))
        expire(settings)
        assert b"safe-0.2" in (await locked(both, index, root)).data


async def test_refreshing_asks_for_all_pages_or_for_one(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    await locked(settings, index, root)
    one = replace(settings, network=replace(settings.network, refresh_projects=frozenset([normalize("safe")])))
    every = replace(settings, network=replace(settings.network, refresh=True))
    for refreshing, names in ((one, ["safe"]), (every, ["safe", "templates", "web"])):
        again = await locked(refreshing, index, root)
        assert again.remembered
        assert again.asked == pages_of(*names)
    index.add_wheel(build_wheel(tmp_path / "new", "safe", "1.0"))
    assert b"safe-1.0" in (await locked(one, index, root)).data


async def test_an_index_that_cannot_be_asked_is_no_confirmation(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    await locked(settings, index, root)
    expire(settings)
    index.fault("/simple/safe/", status=404, times=None)
    index.fault("/simple/templates/", status=500, times=None)
    with pytest.raises(IndexUnavailable, match="500"):
        await locked(settings, index, root)
    assert not (root / LOCK).exists()


async def test_without_the_network_an_expired_answer_is_as_good_as_expired_pages(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    first = await locked(settings, index, root)
    expire(settings)
    offline = replace(settings, network=replace(settings.network, offline=True))
    again = await locked(offline, index, root)
    assert (again.remembered, again.asked, again.data) == (True, [], first.data)
    next((settings.cache_dir / "pages-v1").rglob("safe")).unlink()
    with pytest.raises(IndexUnavailable, match="offline"):
        await locked(offline, index, root)


async def test_another_python_platform_or_limit_is_another_question(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    limits = UploadLimits(general=parse_upload_limit("2024-02-01"))
    limited = replace(settings, resolution=ResolutionSettings(upload_limits=limits))
    elsewhere = LockOptions(target=WantedTarget.parse("3.13", "windows"))
    for _ in range(2):
        locks = [
            await locked(settings, index, root),
            await locked(settings, index, root, elsewhere),
            await locked(limited, index, root),
        ]
        assert len({each.data for each in locks}) == 3
        expected = _ > 0
        assert [each.remembered for each in locks] == [expected] * 3
    later = replace(
        limited, resolution=ResolutionSettings(upload_limits=UploadLimits(general=parse_upload_limit("1 day")))
    )
    assert not (await locked(later, index, root)).remembered


async def test_an_answer_with_pins_is_not_one_without(settings: Settings, index: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web<2")
    await locked(settings, index, root)
    write_project(root, "web")
    kept = await locked(settings, index, root, keep=True)
    assert b"web-1.0" in kept.data
    assert b"web-2.0" in (await locked(settings, index, root)).data
    # An upgrade asks what somebody without a lock asks.
    (root / LOCK).write_bytes(kept.data)
    upgraded = await locked(settings, index, root, LockOptions(upgrade=True), keep=True)
    assert upgraded.remembered
    assert b"web-2.0" in upgraded.data
    (root / LOCK).write_bytes(kept.data)
    write_project(root, "web", "safe")
    assert b"web-1.0" in (await locked(settings, index, root, keep=True)).data


async def test_damage_is_ignored(settings: Settings, index: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    first = await locked(settings, index, root)
    (path,) = (path for path in (settings.cache_dir / BUCKET).rglob("*") if path.is_file())
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)
    again = await locked(settings, index, root)
    assert (again.remembered, again.data) == (False, first.data)
    assert (await locked(settings, index, root)).remembered


async def test_where_it_is_switched_off_nothing_is_remembered_and_nothing_recalled(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    off = replace(settings, hints=False)
    first = await locked(off, index, root)
    assert not (settings.cache_dir / BUCKET).exists()
    await locked(settings, index, root)
    again = await locked(off, index, root)
    assert (again.remembered, again.data) == (False, first.data)


async def test_what_lies_in_directories_and_archives_must_be_as_it_was(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    links = tmp_path / "links"
    build_wheel(links, "local", "1.0", requires=["safe"])
    archive = build_wheel(tmp_path / "archives", "direct", "1.0", requires=["safe"])
    linked = replace(settings, indexes=replace(settings.indexes, find_links=(str(links),)))
    root = write_project(tmp_path / "p", "local", f"direct @ {archive.as_uri()}")
    first = await locked(linked, index, root)
    again = await locked(linked, index, root)
    assert (again.remembered, again.data) == (True, first.data)
    build_wheel(links, "local", "1.1")
    assert b"local-1.1" in (await locked(linked, index, root)).data
    assert (await locked(linked, index, root)).remembered
    build_wheel(tmp_path / "archives", "direct", "1.0", requires=["other"])
    changed = await locked(linked, index, root)
    assert not changed.remembered
    assert b"other-3.0" in changed.data


async def test_what_may_change_unseen_is_not_remembered(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path / "archives", "direct", "1.0")
    served = index.add_wheel(wheel)
    bare = write_project(tmp_path / "p", f"direct @ {index.file_url(wheel.name)}")
    hashed = write_project(tmp_path / "q", f"direct @ {index.file_url(wheel.name)}#sha256={served.hashes['sha256']}")
    index.add_wheel(build_wheel(tmp_path / "archives", "unhashed", "1.0"), hashes={})
    unhashed = write_project(tmp_path / "r", "unhashed")
    for root, remembered in ((bare, False), (hashed, True), (unhashed, False)):
        first = await locked(settings, index, root)
        again = await locked(settings, index, root)
        assert (again.remembered, again.data) == (remembered, first.data)


async def test_warnings_are_remembered_too(settings: Settings, index: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web[nothing]")
    first = await locked(settings, index, root)
    again = await locked(settings, index, root)
    assert again.remembered
    assert first.warnings == again.warnings == ["`web` 2.0 has no extra `nothing`"]


async def test_a_similar_question_has_its_pages_fetched_at_once_and_is_answered_afresh(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    await locked(settings, index, root)
    index.add_wheel(build_wheel(tmp_path / "new", "safe", "1.0"))
    expire(settings)
    index.fault("/simple/web/", delay=0.3)
    write_project(root, "web", "other")
    before = len(index.requests)
    changed = await locked(settings, index, root)
    assert not changed.remembered
    assert changed.data == await afresh(settings, index, root, tmp_path)
    # That `templates` is needed is known from memory alone, before anybody has said what `web` and `other` need.
    first = [request.path for request in index.requests[before:][:4]]
    assert sorted(first) == pages_of("other", "safe", "templates", "web")


async def test_a_resolution_and_an_installation_are_remembered_as_well(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    interpreter = probe(Path(PYTHON), cache_dir=settings.cache_dir)
    events: list[Event] = []
    async with Engine(settings) as engine:
        first = await engine.resolve(["web[x]"], target=interpreter.target)
        again = await engine.resolve(["web[x]"], target=interpreter.target, on_event=events.append)
        older = await engine.resolve(
            ["web[x]"], target=interpreter.target, preferences={normalize("web"): Version("1.0")}
        )
        assert again == first
        assert str(older.pins[-1].version) == "1.0"
        assert any(isinstance(event, Resolved) and event.remembered for event in events)
        for number in range(2):
            environment = create_environment(tmp_path / f"env{number}", interpreter)
            events.clear()
            outcome = await engine.install(["web"], environment=environment, on_event=events.append)
            assert [name for name, _ in outcome.installed] == ["safe", "templates", "web"]
            assert [event.remembered for event in events if isinstance(event, Resolved)] == [number > 0]


async def test_many_at_once_in_one_engine_all_get_the_same(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    roots = [write_project(tmp_path / f"p{number}", "web") for number in range(8)]
    first = await locked(settings, index, roots[0])
    expire(settings)
    before = len(index.requests)
    async with Engine(settings) as engine, asyncio.TaskGroup() as tasks:
        for root in roots[1:]:
            tasks.create_task(engine.lock(root))
    assert {(root / LOCK).read_bytes() for root in roots} == {first.data}
    assert len(index.requests) - before == 3


async def test_a_cancelled_confirmation_leaves_nothing_behind(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    first = await locked(settings, index, root)
    expire(settings)
    (root / LOCK).unlink()
    index.fault("/simple/safe/", delay=5)
    async with Engine(settings) as engine:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await engine.lock(root)
        assert not (root / LOCK).exists()
        await engine.lock(root)
    assert (root / LOCK).read_bytes() == first.data
