"""`dxpy lock --from`: the pins of another tool's lock, kept where they fit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command import Command, without_times, write_project


def test_pins_are_kept_where_they_fit_and_told_where_not(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web", "tool", "templates")
    (root / "requirements.txt").write_text("web==1.0\nsafe==2.0\ntool==9\ntemplates==1.5\ngone==1\nflask>=2\n")
    result = dxpy("lock --from requirements.txt", root)
    assert (result.code, result.out) == (0, "")
    assert without_times(result.err) == (
        "warning: not all of `requirements.txt` pins a version; left out: line 6: `flask>=2`\n"
        "Resolved 4 packages in T\n"
        "Kept 2 of 5 pins of `requirements.txt`; 1 other the project does not need\n"
        "warning: safe 2.0 was not kept, it is 1.9 now: `templates` 1.5 needs `safe<2`\n"
        "warning: tool 9 was not kept, it is 0.1 now: it is not on the index, or not for this environment\n"
    )
    assert "web==1.0" in dxpy("export --locked", root).out


def test_pins_of_a_file_win_over_those_of_the_lock_which_keep_the_rest(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe<2", "web<2")
    dxpy("lock", root)
    write_project(root, "safe", "web")
    (root / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "safe"\nversion = "1.9"\n[[package]]\nname = "web"\nversion = "2.0"\n'
    )
    result = dxpy("lock --from uv.lock", root)
    assert without_times(result.err) == (
        "Resolved 3 packages in T\nUpdated web v1.0 -> v2.0\nKept 2 of 2 pins of `uv.lock`\n"
    )
    assert dxpy("lock --check", root).code == 0


def test_what_was_exported_is_locked_the_same_elsewhere(dxpy: Command, tmp_path: Path) -> None:
    old = write_project(tmp_path / "old", "web<2")
    dxpy("lock", old)
    for name in ("pylock.toml", "requirements.txt"):
        assert dxpy(f"export --frozen -o {name}", old).code == 0
    for number, name in enumerate(("pylock.toml", "requirements.txt", "dxpy.lock")):
        new = write_project(tmp_path / f"new{number}", "web")
        result = dxpy(["lock", "--from", os.path.relpath(old / name, new)], new)
        assert result.code == 0, result.err
        assert "Kept 3 of 3 pins" in result.err
        assert "web==1.0" in dxpy("export --frozen", new).out


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("lock --from nothing.txt", 2, "there is no file `nothing.txt` to take pins from"),
        ("lock --from .", 2, "Is a directory"),
        ("lock --from empty.txt", 2, "`empty.txt` pins nothing"),
        ("lock --from pyproject.toml", 2, "`pyproject.toml` is not a lock"),
        ("lock --from empty.txt --upgrade", 2, "neither with `--upgrade`"),
        ("lock --from empty.txt --merge", 2, "not allowed with"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    dxpy: Command, tmp_path: Path, words: str, code: int, part: str
) -> None:
    root = write_project(tmp_path / "p", "web")
    (root / "empty.txt").write_text("# nothing\n")
    result = dxpy(words, root)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("error: ")
    assert part in result.err
    assert not (root / "dxpy.lock").exists()
