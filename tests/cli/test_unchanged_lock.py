"""`dxpy lock` from a few `stat`s: said when nothing has changed, and never when anything has."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PYTHON, Command, without_times, write_project

from dxpy_async.cli import quick

TICK = 0.03
"""Seconds after which a file that changes has another time than before."""


@pytest.fixture
def locked(dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose lock was found up to date, with the surroundings of the command that found that."""
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    time.sleep(TICK)
    surround(dxpy, root, monkeypatch)
    assert quick.answer(["lock"]) is None
    assert dxpy("lock", root).code == 0
    assert quick.answer(["lock"]) == 0
    return root


def surround(dxpy: Command, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    for name in os.environ.keys() - dxpy.environ.keys():
        monkeypatch.delenv(name)
    for name, value in dxpy.environ.items():
        monkeypatch.setenv(name, value)


def test_it_says_what_the_full_program_says(dxpy: Command, locked: Path) -> None:
    for arguments in ("lock", "lock --check", "lock --locked"):
        assert quick.answer(arguments.split()) == 0
        shortcut, full = dxpy(arguments, locked), dxpy(f"{arguments} --color never", locked)
        assert (shortcut.code, shortcut.out, without_times(shortcut.err)) == (0, "", without_times(full.err))


def test_other_flags_are_the_full_programs(locked: Path) -> None:
    for arguments in ("lock -U", "lock --dry-run", "lock --offline", "lock --python-version 3.12", "-q lock"):
        assert quick.answer(arguments.split()) is None


def edit_project(root: Path) -> None:
    write_project(root, "web", "safe")


def touch_project(root: Path) -> None:
    os.utime(root / "pyproject.toml")


def remove_lock(root: Path) -> None:
    (root / "dxpy.lock").unlink()


def rewrite_lock(root: Path) -> None:
    facts = (root / "dxpy.lock").stat()
    data = (root / "dxpy.lock").read_bytes()
    (root / "dxpy.lock").write_bytes(data[:-1] + b"?")
    os.utime(root / "dxpy.lock", ns=(facts.st_atime_ns, facts.st_mtime_ns))


def make_environment(root: Path) -> None:
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/pyvenv.cfg").write_text(f"home = {os.path.dirname(PYTHON)}\n")
    (root / ".venv/bin/python").symlink_to(PYTHON)


@pytest.mark.parametrize("change", [edit_project, touch_project, remove_lock, rewrite_lock, make_environment])
def test_a_change_of_a_file_is_seen(locked: Path, change: Callable[[Path], None]) -> None:
    change(locked)
    assert quick.answer(["lock"]) is None


OTHERS = {
    "PATH": "/nowhere",
    "VIRTUAL_ENV": "/nowhere",
    "PYENV_VERSION": "3.9",
    "DXPY_PYTHON": "3.11",
    "DXPY_RESOLUTION": "lowest",
    "DXPY_EXCLUDE_NEWER": "2020-01-01",
    "DXPY_FIND_LINKS": "wheels",
    "DXPY_NO_CONFIG": "1",
    "DXPY_CACHE_DIR": "elsewhere",
    "DXPY_CONSTRAINT": "constraints.txt",
}


def test_another_variable_is_a_change_if_it_has_a_say(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in OTHERS.items():
        with monkeypatch.context() as changed:
            changed.setenv(variable, value)
            assert quick.answer(["lock"]) is None, variable
    for variable in ("DXPY_OFFLINE", "DXPY_HTTP_RETRIES", "DXPY_NO_PROGRESS"):
        monkeypatch.setenv(variable, "1")
        assert quick.answer(["lock"]) == 0, variable


def test_an_age_that_uploads_must_have_makes_no_lock_stale(
    dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_project(tmp_path / "p", "web", more='[tool.dxpy]\nexclude-newer = "0 days"\n')
    surround(dxpy, root, monkeypatch)
    for _ in range(2):
        assert dxpy("lock", root).code == 0
        time.sleep(TICK)
    assert quick.answer(["lock"]) == 0


def test_an_interpreter_that_would_be_found_earlier_is_a_change(
    dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an environment, PATH decides what is locked for; nothing that is there already has changed."""
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
    (second / "python3").symlink_to(PYTHON)
    monkeypatch.setitem(dxpy.environ, "PATH", f"{first}{os.pathsep}{second}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delitem(dxpy.environ, "DXPY_PYTHON")
    root = write_project(tmp_path / "p", "web")
    surround(dxpy, root, monkeypatch)
    for _ in range(2):
        assert dxpy("lock", root).code == 0
        time.sleep(TICK)
    assert quick.answer(["lock"]) == 0
    (first / "python3").symlink_to(PYTHON)
    assert quick.answer(["lock"]) is None


def test_a_damaged_record_is_none(locked: Path, tmp_path: Path) -> None:
    (record,) = (tmp_path / "cache/locks-v1").iterdir()
    record.write_bytes(record.read_bytes().replace(b"\n3\n", b"\n4\n", 1))
    assert quick.answer(["lock"]) is None


def test_a_cache_that_cannot_be_written_is_no_obstacle(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    (tmp_path / "cache/locks-v1").write_text("in the way")
    assert dxpy("lock", root).code == 0
    assert dxpy("lock", root).code == 0
    assert sorted(path.name for path in root.iterdir()) == ["dxpy.lock", "pyproject.toml"]
