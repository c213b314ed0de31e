"""Locks exclude each other within and across processes, die with their holder, and say when one waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dxpy_async.errors import StoreError
from dxpy_async.store.locks import FileLock

HOLD = """
import sys
from dxpy_async.store.locks import FileLock
lock = FileLock(sys.argv[1], shared=sys.argv[2] == "shared")
print("held" if lock.try_acquire() else "busy", flush=True)
sys.stdin.read()
"""


def holder(path: Path, kind: str = "exclusive") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")


def test_two_holders_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.try_acquire()
    assert not other.try_acquire()
    one.release()
    assert not one.is_held
    assert other.try_acquire()
    other.release()


def test_shared_holders_share_and_exclude_an_exclusive_one(tmp_path: Path) -> None:
    one, other = FileLock(tmp_path / "lock", shared=True), FileLock(tmp_path / "lock", shared=True)
    exclusive = FileLock(tmp_path / "lock")
    assert one.try_acquire()
    assert other.try_acquire()
    assert not exclusive.try_acquire()
    one.release()
    assert not exclusive.try_acquire()
    other.release()
    with exclusive:
        assert not one.try_acquire()


def test_holders_in_two_processes_exclude_each_other(tmp_path: Path) -> None:
    first = holder(tmp_path / "lock")
    assert said(first) == "held"
    second = holder(tmp_path / "lock")
    assert said(second) == "busy"
    lock = FileLock(tmp_path / "lock")
    assert not lock.try_acquire()
    end(second)
    end(first)
    assert lock.try_acquire()
    lock.release()


def test_a_lock_dies_with_its_killed_holder(tmp_path: Path) -> None:
    process = holder(tmp_path / "lock")
    assert said(process) == "held"
    process.kill()
    end(process)
    with FileLock(tmp_path / "lock") as lock:
        assert lock.is_held


def test_who_waits_is_told_once_and_gets_the_lock_in_the_end(tmp_path: Path) -> None:
    first, second, told = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock"), []
    first.acquire()

    def on_wait() -> None:
        told.append("waiting")
        threading.Timer(0.1, first.release).start()

    second.acquire(timeout=20, on_wait=on_wait, poll=0.01)
    assert second.is_held
    assert told == ["waiting"]
    second.release()


def test_nobody_is_told_when_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    told: list[str] = []
    lock = FileLock(tmp_path / "lock")
    lock.acquire(on_wait=lambda: told.append("waiting"))
    lock.release()
    assert told == []


def test_waiting_ends_after_the_timeout(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(StoreError, match="still locked"):
        FileLock(tmp_path / "lock").acquire(timeout=0.05, poll=0.01)


def test_a_lock_on_a_file_that_was_replaced_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    old = FileLock(path)
    old.acquire()
    path.unlink()
    new = FileLock(path)
    assert new.try_acquire()
    assert not FileLock(path).try_acquire()
    old.release()
    new.release()


def test_the_directory_of_the_lock_is_made(tmp_path: Path) -> None:
    with FileLock(tmp_path / "a" / "b" / "lock"):
        assert (tmp_path / "a" / "b" / "lock").exists()


def test_where_no_lock_can_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot lock"):
        FileLock(tmp_path / "file" / "lock").try_acquire()


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    os.symlink(tmp_path / "target", tmp_path / "lock")
    with pytest.raises(StoreError, match="cannot lock"):
        FileLock(tmp_path / "lock").try_acquire()
    assert not (tmp_path / "target").exists()


def test_a_holder_holds_once(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as lock, pytest.raises(RuntimeError):
        lock.try_acquire()
