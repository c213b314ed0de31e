"""A workspace from the command line: one lock, one environment, and members that are meant by where one stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, Result, without_times, write_project
from index_server import LoopbackIndex
from json_schemas import document_in


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """`alpha` needs `web`; `beta` needs `tool`, and `safe` in its group `dev`; the root has no project."""
    root = tmp_path / "w"
    root.mkdir()
    (root / "pyproject.toml").write_text('[tool.dxpy.workspace]\nmembers = ["packages/*"]\n')
    write_project(root / "packages/alpha", "web", name="alpha")
    write_project(root / "packages/beta", "tool", name="beta", more='[dependency-groups]\ndev = ["safe"]\n')
    return root


def installed(root: Path) -> set[str]:
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    return {each.name.partition("-")[0] for each in site.glob("*.dist-info")}


def succeeded(result: Result) -> Result:
    assert result.code == 0, result.err
    return result


def test_a_member_is_synced_as_itself_into_the_one_environment(dxpy: Command, workspace: Path) -> None:
    alpha, beta = workspace / "packages/alpha", workspace / "packages/beta"
    assert without_times(succeeded(dxpy("sync", alpha)).err) == (
        "Resolved 4 packages in T\n"
        "Prepared 3 packages in T\n"
        "Installed 3 packages in T\n"
        " + safe==1.9\n"
        " + templates==1.5\n"
        " + web==2.0\n"
    )
    assert [(workspace / name).exists() for name in ("dxpy.lock", ".venv")] == [True, True]
    assert not any((alpha / name).exists() for name in ("dxpy.lock", ".venv"))
    assert without_times(succeeded(dxpy("sync", beta)).err) == (
        "Resolved 4 packages in T\n"
        "Prepared 1 package in T\n"
        "Removed 2 packages in T\n"
        "Installed 1 package in T\n"
        " - templates==1.5\n"
        " + tool==0.1\n"
        " - web==2.0\n"
    )


def test_the_second_sync_of_a_member_finds_nothing_to_do(dxpy: Command, workspace: Path, index: LoopbackIndex) -> None:
    beta = workspace / "packages/beta"
    succeeded(dxpy("sync", beta))
    asked = len(index.requests)
    assert without_times(succeeded(dxpy("sync", beta)).err) == "Checked 2 packages in T\n"
    assert len(index.requests) == asked


@pytest.mark.parametrize(
    ("flags", "where", "names"),
    [
        ("--package alpha", ".", {"web", "templates", "safe"}),
        ("--package beta --no-dev", "packages/alpha", {"tool"}),
        ("--package beta --only-dev", ".", {"safe"}),
        ("--package Alpha --package beta --no-dev", ".", {"web", "templates", "safe", "tool"}),
        ("--all-packages", "packages/beta", {"web", "templates", "safe", "tool"}),
        ("", ".", {"web", "templates", "safe", "tool"}),
        ("--no-install-package web", "packages/alpha", {"templates", "safe"}),
        ("--no-default-groups", "packages/beta", {"tool"}),
    ],
)
def test_what_is_meant_is_installed(dxpy: Command, workspace: Path, flags: str, where: str, names: set[str]) -> None:
    succeeded(dxpy(f"sync {flags}".strip(), workspace / where))
    assert installed(workspace) == names


def test_running_in_members_in_turn_costs_no_sync(dxpy: Command, workspace: Path) -> None:
    alpha, beta = workspace / "packages/alpha", workspace / "packages/beta"
    for member in (alpha, beta, alpha, beta):
        succeeded(dxpy("run python -c pass", member))
    assert installed(workspace) == {"web", "templates", "safe", "tool"}
    for member in (alpha, beta, alpha):
        assert succeeded(dxpy("run python -c pass", member)).err == ""


def test_a_changed_member_is_noticed_from_another(dxpy: Command, workspace: Path) -> None:
    alpha, beta = workspace / "packages/alpha", workspace / "packages/beta"
    succeeded(dxpy("sync", alpha))
    write_project(beta, "tool", "templates==1.5", name="beta")
    result = dxpy("lock --check", alpha)
    assert result.code == 1
    assert "the group `dev` of `beta` was removed" in result.err


def test_a_new_member_is_noticed(dxpy: Command, workspace: Path) -> None:
    alpha = workspace / "packages/alpha"
    succeeded(dxpy("sync", alpha))
    write_project(workspace / "packages/gamma", "tool", name="gamma")
    result = dxpy("sync --locked", alpha)
    assert (result.code, result.err.splitlines()[0]) == (
        1,
        f"error: the lock `{workspace}/dxpy.lock` does not match the project: the dependencies of `gamma` was added",
    )


def test_a_workspace_that_appears_above_takes_its_member_over(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "w"
    alpha = write_project(root / "packages/alpha", "tool", name="alpha")
    succeeded(dxpy("sync", alpha))
    (root / "pyproject.toml").write_text('[tool.dxpy.workspace]\nmembers = ["packages/*"]\n')
    succeeded(dxpy("sync", alpha))
    assert (root / "dxpy.lock").exists()
    assert installed(root) == {"tool"}


def test_an_unknown_member_meets_the_names(dxpy: Command, workspace: Path) -> None:
    result = dxpy("sync --package alhpa", workspace)
    assert (result.code, result.err) == (
        2,
        f"error: `alhpa` is not in the workspace `{workspace}`\n\nhint: there is `alpha`\n",
    )


def test_an_unknown_group_of_a_member_meets_a_suggestion(dxpy: Command, workspace: Path) -> None:
    result = dxpy("sync --group deb", workspace / "packages/beta")
    assert (result.code, without_times(result.err)) == (
        2,
        "Resolved 4 packages in T\nerror: the project has no dependency group `deb`\n\nhint: did you mean `dev`?\n",
    )


def test_a_broken_member_is_named(dxpy: Command, workspace: Path) -> None:
    (workspace / "packages/beta/pyproject.toml").write_text("[project\n")
    result = dxpy("sync", workspace / "packages/alpha")
    assert result.code == 2
    assert f"`{workspace}/packages/beta/pyproject.toml:1`" in result.err


def test_a_member_is_exported_alone(dxpy: Command, workspace: Path) -> None:
    succeeded(dxpy("lock", workspace))
    text = succeeded(dxpy("export --no-hashes", workspace / "packages/beta")).out
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["safe==1.9", "tool==0.1"]
    text = succeeded(dxpy("export --format pylock.toml", workspace / "packages/beta")).out
    assert [line for line in text.splitlines() if line.startswith(("name", "dependency-groups", "default"))] == [
        'dependency-groups = ["dev"]',
        'default-groups = ["dev"]',
        'name = "safe"',
        'name = "tool"',
    ]


def test_sync_checks_without_changing(dxpy: Command, workspace: Path) -> None:
    alpha = workspace / "packages/alpha"
    result = dxpy("sync --check", alpha)
    assert result.code == 1
    assert "error: the environment does not hold what the lock says" in result.err
    assert not (workspace / ".venv").exists()
    succeeded(dxpy("sync", alpha))
    assert dxpy("sync --check", alpha).code == 0
    assert os.listdir(alpha) == ["pyproject.toml"]


def test_why_and_show_find_the_lock_of_the_workspace(dxpy: Command, workspace: Path) -> None:
    succeeded(dxpy("lock", workspace))
    beta = workspace / "packages/beta"
    assert "tool 0.1" in succeeded(dxpy("lock --show tool", beta)).out
    assert succeeded(dxpy("why tool", beta)).out == (
        "tool 0.1\n\nbeta needs tool\n\nneeded directly by\n  beta: tool\n"
    )


def test_a_requirement_is_added_to_the_member_where_one_stands(dxpy: Command, workspace: Path) -> None:
    beta = workspace / "packages/beta"
    succeeded(dxpy("add templates", beta))
    assert '"templates>=1.5"' in (beta / "pyproject.toml").read_text()
    assert not (beta / "dxpy.lock").exists()
    assert {"tool", "templates", "safe"} == installed(workspace)


def test_what_is_known_to_be_held_is_run_from_a_few_stats(dxpy: Command, workspace: Path) -> None:
    members = [workspace / "packages/alpha", workspace / "packages/beta"]
    for member in members:
        succeeded(dxpy("run python -c pass", member))
    for member in members:
        shown = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "dxpy_async", "run", "python", "-c", "pass"],
            cwd=member,
            env=dxpy.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "dxpy_async.cli.quick" in shown.stderr
        assert "dxpy_async.cli.program" not in shown.stderr


def test_a_lock_that_is_up_to_date_is_known_in_members_too(dxpy: Command, workspace: Path) -> None:
    alpha = workspace / "packages/alpha"
    succeeded(dxpy("lock", alpha))
    succeeded(dxpy("lock", alpha))
    write_project(workspace / "packages/beta", "tool", name="beta")
    assert "the group `dev` of `beta` was removed" in dxpy("lock --check", alpha).err


def test_members_are_listed_and_found(dxpy: Command, workspace: Path) -> None:
    beta = workspace / "packages/beta"
    assert succeeded(dxpy("workspace list", beta)).out == "alpha\nbeta\n"
    assert succeeded(dxpy("workspace list --paths", beta)).out == f"{workspace}/packages/alpha\n{beta}\n"
    assert succeeded(dxpy("workspace dir", beta)).out == f"{workspace}\n"
    assert succeeded(dxpy("workspace dir --package Beta", workspace)).out == f"{beta}\n"
    listed = document_in(succeeded(dxpy("workspace list --output-format json", beta)).out, "workspace-list")
    assert listed == {
        "schema": "dxpy/workspace-list/1",
        "root": str(workspace),
        "members": [
            {"name": "alpha", "version": "0.1", "path": f"{workspace}/packages/alpha", "requires": []},
            {"name": "beta", "version": "0.1", "path": str(beta), "requires": []},
        ],
    }
    assert dxpy("workspace dir --package gamma", beta).err == (
        f"error: `gamma` is not in the workspace `{workspace}`\n\nhint: there is `alpha` or `beta`\n"
    )


def test_without_a_project_around_there_is_no_workspace(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("workspace list", tmp_path)
    assert (result.code, result.err.splitlines()[0]) == (
        2,
        f"error: no pyproject.toml in `{tmp_path}` or any parent directory",
    )


def test_what_a_workspace_says_in_vain_is_told(dxpy: Command, workspace: Path) -> None:
    (workspace / "pyproject.toml").write_text(
        '[tool.dxpy.workspace]\nmembers = ["packages/*", "libs/*"]\n[tool.dxpy.sources]\nlib = { path = "lib" }\n'
    )
    assert dxpy("sync", workspace).err.splitlines()[:2] == [
        f"warning: `{workspace}/pyproject.toml:4` says where `lib` comes from, and nothing requires it",
        "warning: `tool.dxpy.workspace.members` has `libs/*`, which names no project",
    ]


def test_a_requirement_is_added_to_the_member_that_is_named(dxpy: Command, workspace: Path) -> None:
    succeeded(dxpy("add --package beta templates", workspace / "packages/alpha"))
    assert '"templates>=1.5"' in (workspace / "packages/beta/pyproject.toml").read_text()
    assert installed(workspace) == {"tool", "templates", "safe"}
    succeeded(dxpy("remove --package beta templates", workspace))
    assert "templates" not in (workspace / "packages/beta/pyproject.toml").read_text()
    assert dxpy("add --package gamma web", workspace).err.startswith("error: `gamma` is not in the workspace")
