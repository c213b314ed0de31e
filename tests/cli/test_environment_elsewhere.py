"""A project's environment that is not `.venv`: by the variable, or because another one is active."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, Told, without_times, write_project


def holds(environment: Path) -> list[str]:
    """The packages that are installed there."""
    return sorted(path.name.partition("-")[0] for path in environment.glob("lib/python3*/site-packages/*.dist-info"))


def test_the_variable_says_where_the_environment_is(dxpy: Command, told: Told, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    dxpy.environ["UV_PROJECT_ENVIRONMENT"] = "../env"
    assert told("sync", root).code == 0
    assert (holds(tmp_path / "env"), (root / ".venv").exists()) == (["tool"], False)
    assert without_times(told("sync", root).err) == "Checked 1 package in T\n"
    result = dxpy(["run", "python", "-c", "import sys; print(sys.prefix)"], root)
    assert (result.out, result.err) == (f"{tmp_path / 'env'}\n", "")
    assert told("add safe", root).code == 0
    assert holds(tmp_path / "env") == ["safe", "tool"]
    assert not (root / ".venv").exists()


def test_two_projects_may_have_one_environment_in_turn(dxpy: Command, told: Told, tmp_path: Path) -> None:
    one, other = write_project(tmp_path / "one", "tool"), write_project(tmp_path / "other", "safe")
    dxpy.environ["DXPY_PROJECT_ENVIRONMENT"] = str(tmp_path / "env")
    for root, package in ((one, "tool"), (other, "safe"), (one, "tool")):
        assert told("sync", root).code == 0
        assert holds(tmp_path / "env") == [package]


def test_a_directory_of_other_things_is_no_environment(dxpy: Command, told: Told, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/dear.txt").touch()
    dxpy.environ["DXPY_PROJECT_ENVIRONMENT"] = "../letters"
    result = told("sync", root)
    said = f"error: the directory `{tmp_path / 'letters'}` is not empty, and not a virtual environment"
    assert (result.code, result.err.splitlines()[-3]) == (2, said)
    assert (tmp_path / "letters/dear.txt").exists()


def test_the_active_environment_is_taken_when_asked_for(dxpy: Command, told: Told, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert told(f"venv -q {tmp_path / 'env'}", root).code == 0
    assert told("sync --active", root).code == 0  # none is
    assert holds(root / ".venv") == ["tool"]
    dxpy.environ["VIRTUAL_ENV"] = str(tmp_path / "env")
    assert told("sync", root).code == 0
    assert holds(tmp_path / "env") == []
    assert told("add --active safe", root).code == 0
    assert (holds(tmp_path / "env"), holds(root / ".venv")) == (["safe", "tool"], ["tool"])
    assert told("sync --active", root).code == 0
    assert without_times(told("sync --active", root).err) == "Checked 2 packages in T\n"


def test_members_of_a_workspace_share_the_environment_that_is_chosen(dxpy: Command, told: Told, tmp_path: Path) -> None:
    root = write_project(tmp_path / "w", more='[tool.dxpy.workspace]\nmembers = ["one", "two"]\n')
    write_project(root / "one", "tool", name="one")
    write_project(root / "two", "safe", name="two")
    dxpy.environ["DXPY_PROJECT_ENVIRONMENT"] = "env"
    for member, package in (("one", "tool"), ("two", "safe")):
        assert told("sync", root / member).code == 0
        assert holds(root / "env") == [package]


def test_venv_makes_it_there(dxpy: Command, told: Told, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert told("venv", root).code == 0
    dxpy.environ["DXPY_PROJECT_ENVIRONMENT"] = "env"
    result = told("venv", root)
    assert (result.code, result.err.splitlines()[1]) == (0, f"Created a virtual environment at {root / 'env'}")
    assert (root / "env/pyvenv.cfg").is_file()


@pytest.mark.parametrize("command", ["sync --active --script s.py", "lock --active"])
def test_active_is_of_projects_and_their_environments(told: Told, tmp_path: Path, command: str) -> None:
    root = write_project(tmp_path / "p", "tool")
    (root / "s.py").write_text("# /// script\n# dependencies = []\n# ///\n")
    result = told(command, root)
    assert (result.code, "--active" in result.err) == (2, True)
