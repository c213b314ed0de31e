"""Environments through the API: made, kept, seeded, many at once, removed."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from command import PYTHON
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async import IndexSettings, Settings, VenvManager, VenvOptions
from dxpy_async.engine.events import Event, Finished, Linked
from dxpy_async.errors import InterpreterNotFound, InvalidEnvironment
from dxpy_async.python.interpreters import SearchPlaces


@pytest.fixture
def venvs(tmp_path: Path) -> VenvManager:
    search = SearchPlaces(managed=str(tmp_path / "pythons"), fallback=PYTHON)
    return VenvManager(Settings(cache_dir=tmp_path / "cache"), search=search)


async def test_environment_is_made_once_and_opened(venvs: VenvManager, tmp_path: Path) -> None:
    first = await venvs.create(tmp_path / "env", options=VenvOptions(prompt="it", relocatable=True))
    again = await venvs.create(tmp_path / "env", python=first.environment.interpreter)
    opened = await venvs.open(tmp_path / "env")
    assert (first.created, again.created) == (True, False)
    assert again.environment == opened == first.environment
    assert first.environment.scheme.relocatable
    assert "prompt = it\n" in (tmp_path / "env/pyvenv.cfg").read_text()


async def test_many_are_made_at_once(venvs: VenvManager, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(venvs.create(tmp_path / f"env{number}")) for number in range(8)]
    assert all(task.result().created for task in running)


async def test_environment_is_seeded_from_the_index(tmp_path: Path) -> None:
    async with LoopbackIndex() as index:
        for name in ("pip", "setuptools", "wheel"):
            index.add_wheel(build_wheel(tmp_path / "wheels", name, "1.0"))
        settings = Settings(cache_dir=tmp_path / "cache", python=PYTHON, indexes=IndexSettings(index_url=index.url))
        events: list[Event] = []
        outcome = await VenvManager(settings).create(tmp_path / "env", seed=True, on_event=events.append)
    assert "pip" in [event.name for event in events if isinstance(event, Linked)]
    assert isinstance(events[-1], Finished)
    subprocess.run([outcome.environment.python, "-c", "import pip"], check=True)


async def test_only_environments_are_removed(venvs: VenvManager, tmp_path: Path) -> None:
    await venvs.create(tmp_path / "env")
    (tmp_path / "env/bin/python").unlink()
    await venvs.remove(tmp_path / "env")
    assert not (tmp_path / "env").exists()
    (tmp_path / "work").mkdir()
    for name in ("work", "nothing"):
        with pytest.raises(InvalidEnvironment, match="is not a virtual environment"):
            await venvs.remove(tmp_path / name)
    assert (tmp_path / "work").is_dir()
    assert await venvs.open(tmp_path / "work") is None


async def test_what_cannot_be_made_is_an_error_that_says_why(venvs: VenvManager, tmp_path: Path) -> None:
    with pytest.raises(InterpreterNotFound, match=r"found no Python `3\.99`"):
        await venvs.create(tmp_path / "env", python="3.99")
    (tmp_path / "work").mkdir()
    (tmp_path / "work/thesis").write_text("years")
    with pytest.raises(InvalidEnvironment, match="is not empty"):
        await venvs.create(tmp_path / "work", options=VenvOptions(clear=True))
