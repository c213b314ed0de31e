"""Locks that were made for another Python or platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.core.locks import Lock, LockedFile, LockedPackage
from dxpy_async.engine.locking import read_lock
from dxpy_async.formats.dpl import build_dpl
from dxpy_async.project.replacing import replace_file

WINDOWS = {"sys_platform": "win32", "platform_machine": "AMD64", "python_full_version": "3.12.7", "os_name": "nt"}


@pytest.fixture
def locked(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> Path:
    """A project that could have `web` 2.0 and is locked with 1.0; `speedy` 2.0 has a wheel for another Python only."""
    index.add_wheel(build_wheel(tmp_path / "more", "speedy", "1.0"))
    index.add_wheel(build_wheel(tmp_path / "more", "speedy", "2.0", tags="cp39-cp39-win_amd64"))
    root = write_project(tmp_path / "p", "web<2", "speedy", "tool; sys_platform == 'linux'")
    assert dxpy("lock", root).code == 0
    write_project(root, "web", "speedy", "tool; sys_platform == 'linux'")
    assert dxpy("lock", root).code == 0
    return root


def change_lock(root: Path, change: Callable[[Lock], Lock]) -> None:
    lock = read_lock(root / "dxpy.lock")
    assert lock is not None
    replace_file(root / "dxpy.lock", build_dpl(change(lock)))


def for_windows(lock: Lock) -> Lock:
    """As the same project would be locked there: without `tool`."""
    return replace(
        lock,
        environment={**lock.environment, **WINDOWS},
        packages=tuple(package for package in lock.packages if package.name != "tool"),
    )


def with_foreign_wheel(lock: Lock) -> Lock:
    """As it would be locked for a Python that `speedy` 2.0 has a wheel for; no marker tells the difference."""

    def speedy(package: LockedPackage) -> LockedPackage:
        old = package.wheels[0]
        name = "speedy-2.0-cp39-cp39-win_amd64.whl"
        url = old.url.replace(old.filename, name)
        return replace(package, version="2.0", wheels=(LockedFile(filename=name, url=url, hashes=old.hashes),))

    return replace(
        lock,
        environment={**lock.environment, "python_full_version": "3.9.1"},
        packages=tuple(speedy(each) if each.name == "speedy" else each for each in lock.packages),
    )


def test_frozen_says_what_the_lock_was_made_for(dxpy: Command, locked: Path) -> None:
    change_lock(locked, for_windows)
    before = (locked / "dxpy.lock").read_bytes()
    result = dxpy("sync --frozen", locked)
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"error: the lock `{locked / 'dxpy.lock'}`, made for CPython 3.12.7 on win32 AMD64, "
        "does not serve this environment: sys_platform was `win32` where it was made and is "
        '`linux` here, which `sys_platform == "linux"` of the project asks about\n\n'
        "hint: run `dxpy lock` to make it for this environment; what fits keeps its version\n"
    )
    assert (locked / "dxpy.lock").read_bytes() == before
    assert not (locked / ".venv").exists()


def test_frozen_says_that_wheels_are_for_another_python(dxpy: Command, locked: Path) -> None:
    change_lock(locked, with_foreign_wheel)
    result = dxpy("sync --frozen", locked)
    assert result.code == 1
    assert "made for CPython 3.9.1 on linux" in result.err
    assert "it holds `speedy` 2.0, which has no wheel for CPython 3." in result.err
    assert "its wheels are for `cp39-cp39-win_amd64`" in result.err


def test_locked_refuses_it_as_well(dxpy: Command, locked: Path) -> None:
    change_lock(locked, for_windows)
    result = dxpy("sync --locked", locked)
    assert result.code == 1
    assert "sys_platform was `win32` where it was made and is `linux` here" in result.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (for_windows, "Resolved 5 packages in T\nAdded tool v0.1\n"),
        (with_foreign_wheel, "Resolved 5 packages in T\nUpdated speedy v2.0 -> v1.0\n"),
    ],
)
def test_locking_again_keeps_the_pins_that_fit(
    dxpy: Command, locked: Path, change: Callable[[Lock], Lock], said: str
) -> None:
    change_lock(locked, change)
    result = dxpy("lock", locked)
    assert (result.code, without_times(result.err)) == (0, said)
    assert "web==1.0" in dxpy("export --frozen", locked).out


@pytest.mark.parametrize("change", [for_windows, with_foreign_wheel])
def test_a_plain_sync_locks_again_and_installs(dxpy: Command, locked: Path, change: Callable[[Lock], Lock]) -> None:
    change_lock(locked, change)
    result = dxpy("sync", locked)
    assert result.code == 0, result.err
    assert result.err.partition("Installed")[2].splitlines()[1:] == [
        " + safe==1.9",
        " + speedy==1.0",
        " + templates==1.5",
        " + tool==0.1",
        " + web==1.0",
    ]


def test_differences_that_nothing_asks_about_do_not_matter(dxpy: Command, locked: Path, index: LoopbackIndex) -> None:
    change_lock(locked, lambda lock: replace(lock, environment={**lock.environment, "platform_release": "0.1"}))
    asked = len(index.requests)
    assert dxpy("lock --check", locked).code == 0
    assert len(index.requests) == asked
