"""`dxpy lock` where only the lock is missing: written from memory at once, and never when anything else has changed."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PYTHON, Command, without_times, write_project
from index_server import LoopbackIndex
from test_imports_of_paths import heavy, modules_after
from test_unchanged_lock import TICK, surround
from wheels import build_wheel

from dxpy_async.cli import lock_again

LOCK = "dxpy.lock"


@pytest.fixture
def known(dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that was locked twice without a lock, so that it is known what it asks, and has none now."""
    root = write_project(tmp_path / "p", "web")
    surround(dxpy, root, monkeypatch)
    assert dxpy("lock", root).code == 0
    assert lock_again.answer() is None
    time.sleep(TICK)
    lose_lock(root)
    assert "Resolved 3 packages" in dxpy("lock", root).err
    lose_lock(root)
    return root


def lose_lock(root: Path) -> None:
    (root / LOCK).unlink()


def cached_pages(root: Path) -> list[Path]:
    return [path for path in (root.parent / "cache/pages-v1").rglob("*") if path.is_file()]


def test_it_writes_and_says_what_the_full_program_does(dxpy: Command, index: LoopbackIndex, known: Path) -> None:
    full = dxpy("lock --color never", known)
    expected = (known / LOCK).read_bytes()
    lose_lock(known)
    asked = len(index.requests)
    again = dxpy("lock", known)
    assert (again.code, again.out, without_times(again.err)) == (0, "", without_times(full.err))
    assert (known / LOCK).read_bytes() == expected
    assert len(index.requests) == asked
    lose_lock(known)
    assert lock_again.answer() == 0


def test_it_loads_next_to_nothing(dxpy: Command, known: Path) -> None:
    modules = modules_after(dxpy, ["lock"], known)
    assert (known / LOCK).exists()
    assert "dxpy_async.cli.program" not in modules
    assert not heavy(modules, "asyncio", "aiohttp", "argparse", "dataclasses", "msgspec", "packaging", "tomllib")


def edit_project(root: Path) -> None:
    write_project(root, "web", "tool")


def make_environment(root: Path) -> None:
    (root / ".venv").mkdir()


def damage_memory(root: Path) -> None:
    for path in (root.parent / "cache/hints-v1").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"?")


def expire_a_page(root: Path) -> None:
    path = cached_pages(root)[0]
    data = bytearray(path.read_bytes())
    struct.pack_into("<d", data, 8, time.time() - 86_400)
    path.write_bytes(data)


def lose_a_page(root: Path) -> None:
    cached_pages(root)[0].unlink()


def have_a_lock(root: Path) -> None:
    (root / LOCK).write_bytes(b"")


CHANGES = [edit_project, make_environment, damage_memory, expire_a_page, lose_a_page, have_a_lock]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_file_is_seen(known: Path, change: Callable[[Path], None]) -> None:
    change(known)
    assert lock_again.answer() is None


def test_the_same_project_elsewhere_asks_the_same(known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = write_project(tmp_path / "elsewhere", "web")
    monkeypatch.chdir(other)
    assert lock_again.answer() == 0
    monkeypatch.chdir(known)
    assert lock_again.answer() == 0
    assert (other / LOCK).read_bytes() == (known / LOCK).read_bytes()


def test_a_project_that_cannot_be_written_to_is_left_to_the_full_program(
    known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(lock_again, "replace_file", refuse)
    assert lock_again.answer() is None


@pytest.mark.parametrize("python", ["python3", ".venv/bin/python", "./python"])
def test_an_interpreter_that_another_place_finds_elsewhere_is_not_noted(
    dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    root = write_project(tmp_path / "p", "web")
    (root / "python").symlink_to(PYTHON)
    monkeypatch.setitem(dxpy.environ, "DXPY_PYTHON", python)
    monkeypatch.setitem(dxpy.environ, "PATH", f"{Path(PYTHON).parent}")
    surround(dxpy, root, monkeypatch)
    for _ in range(2):
        if dxpy("lock", root).code == 0:
            lose_lock(root)
        time.sleep(TICK)
    assert lock_again.answer() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DXPY_NO_HINTS", "1"),
        ("DXPY_OFFLINE", "1"),
        ("DXPY_DEFAULT_INDEX", "http://127.0.0.1:1/simple"),
        ("DXPY_PRERELEASE", "allow"),
        ("DXPY_CACHE_DIR", "/nowhere"),
    ],
)
def test_a_change_of_a_variable_is_seen(known: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert lock_again.answer() is None


def test_a_page_that_another_run_has_changed_is_seen(
    dxpy: Command, index: LoopbackIndex, known: Path, tmp_path: Path
) -> None:
    index.add_wheel(build_wheel(tmp_path / "new", "safe", "1.95"))
    other = write_project(tmp_path / "other", "safe")
    assert dxpy("lock --refresh", other).code == 0
    assert lock_again.answer() is None
    assert dxpy("lock", known).code == 0
    assert b"safe-1.95" in (known / LOCK).read_bytes()


def test_what_is_asked_with_an_age_or_of_directories_is_not_noted(
    dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "links").mkdir()
    for name, table in (("aged", 'exclude-newer = "1 day"'), ("linked", 'find-links = ["../links"]')):
        root = write_project(tmp_path / name, "web", more=f"[tool.dxpy]\n{table}\n")
        surround(dxpy, root, monkeypatch)
        for _ in range(3):
            assert dxpy("lock", root).code == 0
            time.sleep(TICK)
            lose_lock(root)
        assert lock_again.answer() is None


def test_what_there_is_to_warn_of_is_said_each_time(
    dxpy: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_project(tmp_path / "p", "web[nothing]")
    surround(dxpy, root, monkeypatch)
    for _ in range(4):
        assert "`web` 2.0 has no extra `nothing`" in dxpy("lock", root).err
        time.sleep(TICK)
        lose_lock(root)


def test_verbose_output_says_that_an_answer_is_remembered_and_no_hints_means_none(dxpy: Command, known: Path) -> None:
    assert "the same was resolved before" in dxpy("-v lock", known).err
    lose_lock(known)
    said = dxpy("-v lock", known, environ={"DXPY_NO_HINTS": "1"})
    assert said.code == 0
    assert "the same was resolved before" not in said.err
    (known / LOCK).unlink()
    with (known / "pyproject.toml").open("a") as file:
        file.write("[tool.dxpy]\nhints = false\n")
    assert "the same was resolved before" not in dxpy("-v lock", known).err


def test_refreshing_asks_for_one_page_or_all(dxpy: Command, index: LoopbackIndex, known: Path) -> None:
    for flags, names in (("--refresh-package safe", ["safe"]), ("--refresh", ["safe", "templates", "web"])):
        before = len(index.requests)
        assert dxpy(f"lock {flags}", known).code == 0
        assert sorted(request.path for request in index.requests[before:]) == [f"/simple/{name}/" for name in names]
        lose_lock(known)


def test_cleaning_the_cache_takes_what_is_remembered(dxpy: Command, known: Path) -> None:
    assert dxpy("cache clean", known).code == 0
    assert not (known.parent / "cache/hints-v1").exists()
    assert lock_again.answer() is None
