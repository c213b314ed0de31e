"""Programs ask for the members of a workspace from an event loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import write_project

from dxpy_async import DxpyError, WorkspaceManager
from dxpy_async.engine.workspace_manager import WorkspaceMember


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = write_project(tmp_path / "w", name="site", more='[tool.dxpy.workspace]\nmembers = ["packages/*"]\n')
    write_project(root / "packages/core", name="core")
    sources = "[tool.dxpy.sources]\ncore = { workspace = true }\n"
    write_project(root / "packages/app", "core[fast]", "web", name="app", more=sources)
    return root


async def test_members_are_told_by_name_with_what_they_take_from_each_other(workspace: Path) -> None:
    manager = WorkspaceManager(workspace / "packages/app")
    assert await manager.root() == workspace
    members = await manager.members()
    assert [(member.name, member.directory, member.requires) for member in members] == [
        ("app", workspace / "packages/app", ("core",)),
        ("core", workspace / "packages/core", ()),
        ("site", workspace, ()),
    ]


async def test_a_member_is_found_by_any_spelling_of_its_name(workspace: Path) -> None:
    found = await WorkspaceManager(workspace).member("APP")
    assert found == WorkspaceMember(
        name=found.name, directory=workspace / "packages/app", version="0.1", requires=found.requires
    )
    with pytest.raises(DxpyError, match="`cor` is not in the workspace") as caught:
        await WorkspaceManager(workspace).member("cor")
    assert caught.value.hints() == ("there is `core`",)


async def test_a_project_alone_is_its_only_member(tmp_path: Path) -> None:
    write_project(tmp_path, name="alone")
    below = tmp_path / "src"
    below.mkdir()
    assert [member.name for member in await WorkspaceManager(below).members()] == ["alone"]
