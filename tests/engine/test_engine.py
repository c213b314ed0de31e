"""The engine over a real loopback index, in real environments: what it does, at once, cancelled, and in failure."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command import PYTHON, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async import Engine, EventStream, IndexSettings, LockMode, LockOptions, NetworkSettings, Settings, SyncOptions
from dxpy_async.engine.events import DownloadFinished, Installing, Linked, Prepared, Preparing, Resolved, Stored
from dxpy_async.errors import HashMismatch, IndexUnavailable, LockNotFound, NoSolution, StaleLock
from dxpy_async.installer.check import verify_environment
from dxpy_async.project.pyproject import read_project
from dxpy_async.python.environments import create_environment, open_environment
from dxpy_async.python.interpreters import probe


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[LoopbackIndex]:
    """`web` needs `templates` and, with the extra `fast`, `speed`; `templates` needs `safe`."""
    async with LoopbackIndex() as served:
        wheels = tmp_path / "wheels"
        for version in ("1.0", "2.0"):
            build_wheel(
                wheels,
                "web",
                version,
                requires=["templates>=1", "speed; extra == 'fast'", "winonly; sys_platform == 'win32'"],
                extras=["fast"],
                entry_points={"console_scripts": {"web": "web:main"}},
                files={"web/__init__.py": f"__version__ = '{version}'\ndef main(): print('web', __version__)\n"},
            )
        build_wheel(wheels, "templates", "1.5", requires=["safe"], files={"templates/__init__.py": "x = 1\n" * 999})
        build_wheel(wheels, "safe", "0.9", files={f"safe/part{number}.py": f"n = {number}\n" for number in range(40)})
        build_wheel(wheels, "speed", "3.0")
        served.add_directory(wheels)
        yield served


def settings_for(index: LoopbackIndex, cache: Path) -> Settings:
    return Settings(
        cache_dir=cache,
        python=PYTHON,
        indexes=IndexSettings(index_url=index.url),
        network=NetworkSettings(retries=1, read_timeout=5),
    )


@pytest.fixture
def settings(index: LoopbackIndex, tmp_path: Path) -> Settings:
    return settings_for(index, tmp_path / "cache")


def installed(root: Path, settings: Settings) -> set[str]:
    """What is installed, after every row of every RECORD was held against the disk."""
    environment = open_environment(root / ".venv", cache_dir=settings.cache_dir)
    assert environment is not None
    assert verify_environment(environment.scheme) == []
    return {path.name.removesuffix(".dist-info") for path in environment.scheme.purelib.glob("*.dist-info")}


def half_made(settings: Settings, root: Path) -> list[str]:
    """Whatever an operation should not have left behind, in the store and in the project."""
    staging = settings.cache_dir / "tmp-v1"
    there = staging.iterdir() if staging.exists() else ()
    found = [str(path) for path in there if path.name != "publish.lock"]
    found += [str(path) for path in root.rglob(".dxpy-*")]
    found += [str(path) for path in root.glob(".dxpy.lock.*")]
    return found


async def test_sync_locks_installs_and_runs(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web[fast]")
    async with Engine(settings) as engine:
        outcome = await engine.sync(root)
    assert [name for name, _ in outcome.installed] == ["safe", "speed", "templates", "web"]
    assert installed(root, settings) == {"safe-0.9", "speed-3.0", "templates-1.5", "web-2.0"}
    assert subprocess.check_output([root / ".venv/bin/web"], text=True) == "web 2.0\n"


async def test_locking_again_changes_no_byte_and_asks_nobody(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    async with Engine(settings) as engine:
        assert (await engine.lock(root)).changed
        before = (root / "dxpy.lock").read_bytes()
        asked = len(index.requests)
        assert not (await engine.lock(root)).changed
        assert len(index.requests) == asked
        await engine.lock(root, options=LockOptions(upgrade=True))
    assert (root / "dxpy.lock").read_bytes() == before


async def test_a_lock_keeps_its_pins_until_an_upgrade(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web<2")
    async with Engine(settings) as engine:
        await engine.lock(root)
        write_project(root, "web")
        kept = await engine.lock(root)
        upgraded = await engine.lock(root, options=LockOptions(upgrade=True))
    assert {package.name: package.version for package in kept.lock.packages}["web"] == "1.0"
    assert {package.name: package.version for package in upgraded.lock.packages}["web"] == "2.0"


async def test_a_changed_project_is_locked_and_synced_exactly(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web[fast]")
    async with Engine(settings) as engine:
        await engine.sync(root)
        write_project(root, "web==1.0")
        outcome = await engine.sync(root)
    assert outcome.removed == (("speed", "3.0"), ("web", "2.0"))
    assert outcome.installed == (("web", "1.0"),)
    assert installed(root, settings) == {"safe-0.9", "templates-1.5", "web-1.0"}


async def test_locked_refuses_a_stale_lock_and_frozen_uses_it(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe")
    async with Engine(settings) as engine:
        with pytest.raises(LockNotFound):
            await engine.sync(root, options=SyncOptions(lock_mode=LockMode.FROZEN))
        await engine.lock(root)
        lock = (root / "dxpy.lock").read_bytes()
        write_project(root, "safe", "speed")
        with pytest.raises(StaleLock, match="speed"):
            await engine.sync(root, options=SyncOptions(lock_mode=LockMode.LOCKED))
        assert not (root / ".venv").exists()
        await engine.sync(root, options=SyncOptions(lock_mode=LockMode.FROZEN))
    assert installed(root, settings) == {"safe-0.9"}
    assert (root / "dxpy.lock").read_bytes() == lock


async def test_a_dry_run_tells_and_touches_nothing(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe")
    async with Engine(settings) as engine:
        outcome = await engine.sync(root, options=SyncOptions(dry_run=True))
    assert outcome.installed == (("safe", "0.9"),)
    assert sorted(path.name for path in root.iterdir()) == ["pyproject.toml"]


async def test_events_tell_the_operation_in_order(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe")
    stream = EventStream()
    async with Engine(settings) as engine:
        task = asyncio.create_task(engine.sync(root, on_event=stream))
        events = [event async for event in stream]
        await task
    kinds = [type(event) for event in events]
    order = (Resolved, Preparing, Installing, DownloadFinished, Stored, Linked, Prepared)
    assert [kind for kind in kinds if kind in order] == list(order)


async def test_install_adds_to_an_environment_and_removes_nothing(settings: Settings, tmp_path: Path) -> None:
    environment = create_environment(tmp_path / "env", probe(Path(PYTHON), cache_dir=settings.cache_dir))
    async with Engine(settings) as engine:
        await engine.install(["web==1.0"], environment=environment)
        outcome = await engine.install(["speed", "web"], environment=environment)
    assert outcome.installed == (("speed", "3.0"),)
    assert verify_environment(environment.scheme) == []


async def test_resolve_gives_pins_for_any_environment(settings: Settings, tmp_path: Path) -> None:
    target = probe(Path(PYTHON), cache_dir=settings.cache_dir).target
    async with Engine(settings) as engine:
        resolution = await engine.resolve(["web[fast]"], target=target)
    assert {pin.project: str(pin.version) for pin in resolution.pins} == {
        "safe": "0.9",
        "speed": "3.0",
        "templates": "1.5",
        "web": "2.0",
    }


async def test_no_solution_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe")
    async with Engine(settings) as engine:
        await engine.sync(root)
        lock = (root / "dxpy.lock").read_bytes()
        write_project(root, "web>2")
        with pytest.raises(NoSolution, match="web"):
            await engine.sync(root)
    assert installed(root, settings) == {"safe-0.9"}
    assert (root / "dxpy.lock").read_bytes() == lock


async def test_a_direct_reference_is_locked_with_its_hash(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    url = index.file_url("web-1.0-py3-none-any.whl")
    root = write_project(tmp_path / "p", f"web @ {url}")
    async with Engine(settings) as engine:
        locked = await engine.lock(root)
        await engine.sync(root)
    web = next(package for package in locked.lock.packages if package.name == "web")
    assert web.source.url == url
    assert "sha256" in web.wheels[0].hashes
    direct = (
        root / ".venv" / "lib" / f"python3.{sys.version_info[1]}" / "site-packages/web-1.0.dist-info/direct_url.json"
    )
    assert url in direct.read_text()
    assert "web-1.0" in installed(root, settings)


async def test_files_without_hashes_are_locked_with_the_one_they_had(settings: Settings, tmp_path: Path) -> None:
    async with LoopbackIndex() as bare:
        bare.add_wheel(build_wheel(tmp_path / "w", "bare", "1.0"), hashes={}, size=None)
        root = write_project(tmp_path / "p", "bare")
        async with Engine(settings_for(bare, tmp_path / "cache")) as engine:
            outcome = await engine.lock(root)
    assert len(outcome.lock.packages[0].wheels[0].hashes["sha256"]) == 64


async def test_a_wrong_hash_is_refused_and_leaves_everything_usable(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "safe")
    async with Engine(settings) as engine:
        await engine.lock(root)
        index.fault("*/safe-0.9-*.whl", corrupt=True, times=None)
        for _ in range(2):  # the second try gives the same answer
            with pytest.raises(HashMismatch, match=r"safe-0\.9"):
                await engine.sync(root)
        assert installed(root, settings) == set()
        assert half_made(settings, root) == []
        index.faults.clear()
        await engine.sync(root)
    assert installed(root, settings) == {"safe-0.9"}


async def test_an_index_that_goes_down_is_named_and_the_next_run_succeeds(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    index.fault("/files/*.whl", status=500, times=None)
    async with Engine(settings) as engine:
        with pytest.raises(IndexUnavailable, match="500"):
            await engine.sync(root)
        assert half_made(settings, root) == []
        index.faults.clear()
        await engine.sync(root)
    assert installed(root, settings) == {"safe-0.9", "templates-1.5", "web-2.0"}


async def test_ten_engines_at_once_on_one_store_all_succeed(settings: Settings, tmp_path: Path) -> None:
    async def one(number: int) -> Path:
        root = write_project(tmp_path / f"p{number}", "web[fast]" if number % 2 else "templates")
        async with Engine(settings) as engine:
            await engine.sync(root)
        return root

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one(number)) for number in range(10)]
    for number, task in enumerate(running):
        assert len(installed(task.result(), settings)) == (4 if number % 2 else 2)
    assert half_made(settings, tmp_path) == []


async def test_one_engine_runs_many_operations_and_downloads_each_file_once(
    settings: Settings, index: LoopbackIndex, tmp_path: Path
) -> None:
    roots = [write_project(tmp_path / f"p{number}", "web") for number in range(6)]
    async with Engine(settings) as engine, asyncio.TaskGroup() as tasks:
        for root in roots:
            tasks.create_task(engine.sync(root))
    for root in roots:
        assert installed(root, settings) == {"safe-0.9", "templates-1.5", "web-2.0"}
    assert len(index.seen("/files/*.whl")) == 3


async def test_two_syncs_of_one_project_take_turns(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    async with Engine(settings) as one, Engine(settings) as other, asyncio.TaskGroup() as tasks:
        tasks.create_task(one.sync(root))
        tasks.create_task(other.sync(root))
    assert installed(root, settings) == {"safe-0.9", "templates-1.5", "web-2.0"}


@pytest.mark.slow
async def test_cancelling_at_any_moment_leaves_nothing_half_made(index: LoopbackIndex, tmp_path: Path) -> None:
    """Hundreds of cancellations, each at a random moment of a sync; after each, everything is whole and goes on."""
    seed = int(os.environ.get("DXPY_TEST_SEED", "20240717"))
    chance = random.Random(seed)
    settings = settings_for(index, tmp_path / "cache")
    root = write_project(tmp_path / "p", "web[fast]")
    async with Engine(settings) as engine:
        for round_number in range(300):
            if round_number % 10 == 0:  # every tenth from an empty store and no lock
                settings = settings_for(index, tmp_path / f"cache{round_number}")
                (root / "dxpy.lock").unlink(missing_ok=True)
            other = Engine(settings)
            write_project(root, *chance.choice([("web[fast]",), ("web==1.0",), ("safe",), ("templates", "speed")]))
            task = asyncio.create_task(_sync_with(other, root))
            for _ in range(chance.choice([1, 5, 25, 125, 400])):
                await asyncio.sleep(0)
            await asyncio.sleep(chance.random() * chance.choice([0, 0.02, 0.1, 0.3]))
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert half_made(settings, root) == [], f"seed {seed}, round {round_number}"
            if (root / ".venv" / "pyvenv.cfg").exists():
                installed(root, settings)
        write_project(root, "web[fast]==2.0")
        await engine.sync(root)
    assert installed(root, settings) == {"safe-0.9", "speed-3.0", "templates-1.5", "web-2.0"}


async def _sync_with(engine: Engine, root: Path) -> None:
    async with engine:
        await engine.sync(root)


async def test_reading_back_what_was_synced_is_the_project(settings: Settings, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe", name="My.Project")
    async with Engine(settings) as engine:
        outcome = await engine.lock(root)
    assert outcome.lock.project == read_project(root).name == "my-project"
