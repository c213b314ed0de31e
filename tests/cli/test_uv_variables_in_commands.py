"""Commands where uv's variables are set: taken over, noticed when they change, and not handed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex

pytestmark = pytest.mark.slow


@pytest.fixture
def told_uv(dxpy: Command, index: LoopbackIndex) -> Command:
    """A command whose index and cache are said in uv's variables alone."""
    dxpy.environ["UV_DEFAULT_INDEX"] = dxpy.environ.pop("DXPY_DEFAULT_INDEX")
    dxpy.environ["UV_CACHE_DIR"] = dxpy.environ.pop("DXPY_CACHE_DIR")
    return dxpy


def test_index_and_cache_are_those_of_uvs_variables_and_changes_are_noticed(told_uv: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert told_uv("sync", root).code == 0
    assert (Path(told_uv.environ["UV_CACHE_DIR"]) / "dxpy").is_dir()
    assert without_times(told_uv("sync", root).err) == "Checked 1 package in T\n"
    assert without_times(told_uv("lock", root).err) == "Resolved 1 package in T\n"
    environ = {"UV_LINK_MODE": "symlink"}
    assert told_uv("sync", root, environ=environ).code == 0
    assert next((root / ".venv/lib").glob("python3*/site-packages/tool.py")).is_symlink()
    assert without_times(told_uv("sync", root, environ=environ).err) == "Checked 1 package in T\n"


def test_a_command_that_is_run_sees_the_variables_that_were_set_and_no_others(told_uv: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    show = [
        "python",
        "-c",
        "import os; print(sorted(name for name in os.environ if name[:7] in ('DXPY_DE', 'UV_DEFA')))",
    ]
    for _ in range(2):  # with the full program, and from a few `stat`s
        assert told_uv(["run", *show], root).out == "['UV_DEFAULT_INDEX']\n"


def test_variables_stand_for_flags_that_have_no_value(told_uv: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    for environ in ({"UV_LOCKED": "1"}, {"DXPY_LOCKED": "true"}):
        result = told_uv("sync", root, environ=environ)
        assert (result.code, "--locked" in result.err or "lock" in result.err) == (1, True), result.err
    assert not (root / "dxpy.lock").exists()
    assert told_uv("lock", root).code == 0
    assert told_uv("sync", root, environ={"UV_FROZEN": "1"}).code == 0
    write_project(root, "tool", "safe")
    assert told_uv("lock", root, environ={"UV_LOCKED": "1"}).code == 1
    assert told_uv("sync", root, environ={"UV_FROZEN": "1"}).code == 0  # takes the lock as it is
    assert told_uv("sync --locked", root, environ={"UV_FROZEN": "1"}).code == 1  # a flag wins


def test_a_variable_says_where_to_work(told_uv: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    for name in ("UV_WORKING_DIR", "DXPY_PROJECT"):
        (root / "dxpy.lock").unlink(missing_ok=True)
        assert told_uv("lock", tmp_path, environ={name: str(root)}).code == 0
        assert (root / "dxpy.lock").exists()


def test_a_mistake_names_the_variable_of_uv(told_uv: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    result = told_uv("sync", root, environ={"UV_FROZEN": "maybe"})
    assert (result.code, result.err) == (
        2,
        "error: the variable UV_FROZEN is `maybe`; it can be 1 or 0, true or false\n",
    )
