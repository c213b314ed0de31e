"""Wheels that are fetched while their lock is still being made: earlier, and with no influence on anything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from command import PYTHON, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async import Engine, IndexSettings, NetworkSettings, Settings, SyncOptions
from dxpy_async.engine.events import DownloadFinished, DownloadStarted, Event, Prepared, Preparing, Stored
from dxpy_async.engine.fetching import ByteBudget
from dxpy_async.errors import NoSolution
from dxpy_async.installer.check import verify_environment
from dxpy_async.python.environments import open_environment


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[LoopbackIndex]:
    """`late` needs `last`, the newest `fickle` something that is not there. `early` needs nothing."""
    async with LoopbackIndex() as served:
        wheels = tmp_path / "wheels"
        build_wheel(wheels, "early", "1.0", files={"early.py": "x = 1\n"})
        build_wheel(wheels, "late", "1.0", requires=["last"])
        build_wheel(wheels, "last", "1.0")
        build_wheel(wheels, "fickle", "2.0", requires=["last>=9"])
        build_wheel(wheels, "fickle", "1.0", requires=["late"])
        build_wheel(wheels, "extra", "1.0")
        served.add_directory(wheels)
        yield served


@pytest.fixture
def settings(index: LoopbackIndex, tmp_path: Path) -> Settings:
    return Settings(
        cache_dir=tmp_path / "cache",
        python=PYTHON,
        indexes=IndexSettings(index_url=index.url),
        network=NetworkSettings(retries=1, read_timeout=20),
    )


async def test_a_wheel_comes_while_metadata_of_another_is_awaited(
    index: LoopbackIndex, settings: Settings, tmp_path: Path
) -> None:
    index.fault("/files/late-*.metadata", until="/files/early-*.whl")
    root = write_project(tmp_path / "p", "early", "late")
    async with asyncio.timeout(15), Engine(settings) as engine:
        await engine.sync(root)
    assert len(index.seen("/files/early-*.whl")) == 1, "fetched once, ahead"
    environment = open_environment(root / ".venv", cache_dir=settings.cache_dir)
    assert environment is not None
    assert verify_environment(environment.scheme) == []


async def test_a_wheel_comes_before_anything_is_decided(
    index: LoopbackIndex, settings: Settings, tmp_path: Path
) -> None:
    index.fault("/simple/late/", until="/files/early-*.whl")
    async with asyncio.timeout(15), Engine(settings) as engine:
        await engine.sync(write_project(tmp_path / "p", "early", "late"))
    assert len(index.seen("/files/early-*.whl")) == 1


async def test_the_lock_is_that_of_locking_alone(index: LoopbackIndex, settings: Settings, tmp_path: Path) -> None:
    index.fault("/files/late-*.metadata", until="/files/early-*.whl")
    synced = write_project(tmp_path / "synced", "early", "late")
    locked = write_project(tmp_path / "locked", "early", "late")
    async with asyncio.timeout(15), Engine(settings) as engine:
        await engine.sync(synced)
    async with Engine(replace(settings, cache_dir=tmp_path / "other")) as engine:
        await engine.lock(locked)
    assert (locked / "dxpy.lock").read_bytes() == (synced / "dxpy.lock").read_bytes()


async def test_what_was_fetched_ahead_is_counted_once(index: LoopbackIndex, settings: Settings, tmp_path: Path) -> None:
    index.fault("/files/late-*.metadata", until="/files/early-*.whl")
    root, events = write_project(tmp_path / "p", "early", "late"), list[Event]()
    async with asyncio.timeout(15), Engine(settings) as engine:
        await engine.sync(root, on_event=events.append)
    assert [event.packages for event in events if isinstance(event, Prepared)] == [3]
    assert sorted(event.name for event in events if isinstance(event, Stored)) == ["early", "last", "late"]
    started = [event.filename for event in events if isinstance(event, DownloadStarted)]
    assert sorted(started) == sorted(event.filename for event in events if isinstance(event, DownloadFinished))
    assert len(started) == len(set(started)) == 3
    assert len([event for event in events if isinstance(event, Preparing)]) == 1


async def test_locking_alone_and_dry_runs_fetch_nothing(
    index: LoopbackIndex, settings: Settings, tmp_path: Path
) -> None:
    index.fault("/files/late-*.metadata", delay=0.3)
    root = write_project(tmp_path / "p", "early", "late")
    async with Engine(settings) as engine:
        await engine.sync(root, options=SyncOptions(dry_run=True))
        await engine.lock(root)
    assert index.seen("/files/*.whl") == []


async def test_what_a_sync_leaves_out_is_not_fetched_ahead(
    index: LoopbackIndex, settings: Settings, tmp_path: Path
) -> None:
    index.fault("/files/late-*.metadata", until="/files/early-*.whl")
    root = write_project(tmp_path / "p", "early", "late", more='[project.optional-dependencies]\nx = ["extra"]\n')
    async with Engine(settings) as engine:
        await engine.sync(root)
    assert index.seen("/files/early-*.whl")
    assert not index.seen("/files/extra-*.whl")


async def test_a_failure_ahead_is_met_again_by_the_sync(
    index: LoopbackIndex, settings: Settings, tmp_path: Path
) -> None:
    fault = index.fault("/files/early-*.whl", times=1, status=404)
    index.fault("/files/late-*.metadata", until="/files/early-*.whl")
    root = write_project(tmp_path / "p", "early", "late")
    async with Engine(settings) as engine:
        outcome = await engine.sync(root)
    assert fault.hits == 1
    assert [name for name, _ in outcome.installed] == ["early", "last", "late"]


async def test_no_solution_is_told_though_wheels_are_on_their_way(
    index: LoopbackIndex, settings: Settings, tmp_path: Path
) -> None:
    index.fault("/files/early-*.whl", times=None, stall=10)
    index.fault("/simple/last/", until="/files/early-*.whl")
    root = write_project(tmp_path / "p", "early", "fickle>1")
    async with asyncio.timeout(15), Engine(settings) as engine:
        with pytest.raises(NoSolution, match="last"):
            await engine.sync(root)
    assert [path.name for path in (settings.cache_dir / "tmp-v1").glob("*") if path.name != "publish.lock"] == []
    assert not (root / ".venv").exists()


async def test_a_version_that_is_taken_back_is_not_installed(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "early", "fickle")
    async with Engine(settings) as engine:
        outcome = await engine.sync(root)
    assert dict(outcome.installed) == {"early": "1.0", "fickle": "1.0", "last": "1.0", "late": "1.0"}


async def test_a_share_is_free_again_for_the_next_when_who_waits_for_it_is_cancelled_in_the_same_moment() -> None:
    budget, order = ByteBudget(10), list[str]()

    async def take(name: str, size: int) -> None:
        async with budget.hold(size):
            order.append(name)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks, budget.hold(10):
        given_up = tasks.create_task(take("given up", 10))
        tasks.create_task(take("next", 10))
        await asyncio.sleep(0)
        given_up.cancel()
    assert order == ["next"]
