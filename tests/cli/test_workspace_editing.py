"""Editing the members of a workspace: by where one stands, and by `--package`."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, write_project


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = write_project(tmp_path / "ws", more='[tool.dxpy.workspace]\nmembers = ["packages/*"]\n', name="top")
    write_project(root / "packages/alpha", name="alpha")
    write_project(root / "packages/beta", name="beta")
    return root


def text(root: Path, member: str) -> str:
    return (root / "packages" / member / "pyproject.toml").read_text()


def test_package_names_the_member_that_is_edited(dxpy: Command, workspace: Path) -> None:
    before = (workspace / "pyproject.toml").read_text()
    result = dxpy("add --package alpha tool", workspace)
    assert result.code == 0, result.err
    assert '"tool>=0.1"' in text(workspace, "alpha")
    assert dxpy("add --package alpha --dev safe<2", workspace / "packages/beta").code == 0
    assert '"safe<2"' in text(workspace, "alpha")
    assert dxpy("version --package beta --bump minor", workspace).out == "beta 0.1 => 0.2\n"
    assert dxpy("version --package beta", workspace).out == "beta 0.2\n"
    assert dxpy("remove --package alpha tool", workspace).code == 0
    assert "tool" not in text(workspace, "alpha")
    assert (workspace / "pyproject.toml").read_text() == before
    assert dxpy("lock --check", workspace).code == 0
    result = dxpy("add --package alhpa tool", workspace)
    assert result.code == 2
    assert "hint: there is `alpha`" in result.err


@pytest.mark.parametrize("given", ["beta", "../beta", "--editable ../beta"])
def test_a_member_requires_another_by_name_or_by_directory(dxpy: Command, workspace: Path, given: str) -> None:
    result = dxpy(f"add --frozen {given}", workspace / "packages/alpha")
    assert result.err == "Added `beta` to project.dependencies, from the workspace\n"
    assert text(workspace, "alpha").endswith("[tool.dxpy.sources]\nbeta = { workspace = true }\n")


def test_a_source_in_the_root_stays_while_a_member_needs_it(dxpy: Command, workspace: Path) -> None:
    write_project(workspace / "packages/alpha", "lib", name="alpha")
    write_project(workspace / "lib", name="lib")
    assert dxpy("add --frozen ./lib", workspace).code == 0
    assert dxpy("remove --frozen lib", workspace).code == 0
    assert 'lib = { path = "lib" }' in (workspace / "pyproject.toml").read_text()
