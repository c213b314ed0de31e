"""What a program does on its first day with the engine: begin a project, fill it, and step its version up."""

from __future__ import annotations

from pathlib import Path

import pytest
from wheels import build_wheel

from dxpy_async import Engine, InitOptions, load_settings
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import ProjectError


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    build_wheel(tmp_path / "wheels", "tool", "1.0")
    build_wheel(tmp_path / "wheels", "tool", "2.0")
    build_wheel(tmp_path / "wheels", "tool", "3.0rc1")
    (tmp_path / "none").mkdir()
    environ = {
        "DXPY_CACHE_DIR": str(tmp_path / "cache"),
        "DXPY_DEFAULT_INDEX": (tmp_path / "none").as_uri(),
        "DXPY_FIND_LINKS": str(tmp_path / "wheels"),
    }
    return Engine(load_settings({}, environ, None, directory=tmp_path))


async def test_a_project_is_begun_filled_and_stepped_up(engine: Engine, tmp_path: Path) -> None:
    root = tmp_path / "p"
    async with engine:
        begun = await engine.init(root, options=InitOptions(bare=True, name="My_Words"))
        assert (begun.project.name, begun.workspace) == ("my-words", None)
        with pytest.raises(ProjectError, match="has a project already"):
            await engine.init(root)
        added = await engine.add(root, ["tool<2"])
        assert [str(each) for each in added.new] == ["tool<2"]
        await engine.set_version(root, "1.5")
        text = (root / "pyproject.toml").read_text()
        assert 'version = "1.5"' in text
        names = [ProjectName("tool"), ProjectName("nothing")]
        assert await engine.newest_versions(names) == {"tool": "2.0"}


async def test_a_source_is_written_with_what_is_added(engine: Engine, tmp_path: Path) -> None:
    root = tmp_path / "p"
    wheel = next((tmp_path / "wheels").glob("tool-1.0*"))
    async with engine:
        await engine.init(root, options=InitOptions(bare=True))
        outcome = await engine.add(root, ["tool"], sources={ProjectName("tool"): {"path": str(wheel)}})
        assert [(each.name, each.version) for each in outcome.lock.lock.packages] == [("tool", "1.0")]
        text = (root / "pyproject.toml").read_text()
        assert '    "tool",\n' in text
        await engine.remove(root, [ProjectName("tool")])
        assert "sources" not in (root / "pyproject.toml").read_text()
