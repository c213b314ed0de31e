"""`dxpy lock --show`: the lock as text that stays the same, a file a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex


@pytest.fixture
def locked(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "p", "web<2")
    assert dxpy("lock", root).code == 0
    return root


def test_one_package_is_shown_alone_in_any_spelling(dxpy: Command, locked: Path, index: LoopbackIndex) -> None:
    web = next(file for file in index.files["web"] if file.version == "1.0")
    files = index.url.removesuffix("/simple") + "/files/"
    shown = dxpy("lock --show WEB", locked)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == (
        "web 1.0\n"
        f"  from index {index.url}\n"
        "  needs templates>=1\n"
        "  needs safe\n"
        f"  wheel web-1.0-py3-none-any.whl sha256:{web.hashes['sha256']} {web.size} bytes"
        f" of {web.upload_time} in {files}\n"
    )


def test_the_text_is_the_same_every_time_and_changes_only_where_the_lock_does(dxpy: Command, locked: Path) -> None:
    before = dxpy("lock --show", locked).out
    assert dxpy("lock --show", locked).out == before
    write_project(locked, "web<2", "tool")
    dxpy("lock", locked)
    after = dxpy("lock --show", locked).out
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line.split()[0] for line in added] == ["needs", "tool", "wheel"]
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [("templtes", "did you mean `templates`?"), ("zzz", "`dxpy lock --show` prints all that is in it")],
)
def test_an_unknown_package_suggests_close_names(dxpy: Command, locked: Path, name: str, hint: str) -> None:
    result = dxpy(f"lock --show {name}", locked)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error: `{name}` is not in the lock `{locked / 'dxpy.lock'}`\n\nhint: {hint}\n"


def test_without_a_lock_there_is_nothing_to_show(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    result = dxpy("lock --show", root)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: there is no lock at `{root / 'dxpy.lock'}`\n\nhint: run `dxpy lock` to make it\n"


def test_a_broken_pyproject_does_not_hide_the_lock(dxpy: Command, locked: Path) -> None:
    (locked / "pyproject.toml").write_text("<<<<<<< ours\n")
    assert dxpy("lock --show web", locked).out.startswith("web 1.0\n")
