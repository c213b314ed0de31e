"""`dxpy lock` out of the cache alone: the engine's answer, or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

NO_HINTS = {"DXPY_NO_HINTS": "1"}


@pytest.fixture
def root(dxpy: Command, tmp_path: Path) -> Path:
    """A project without a lock, of which the cache has all that there is to know."""
    root = write_project(tmp_path / "p", "web[fast]>=1", "tool; python_version > '3'", more="[tool.dxpy]\n")
    assert dxpy("lock", root).code == 0
    (root / "dxpy.lock").rename(tmp_path / "engine.lock")
    return root


def test_the_lock_is_the_engines_to_the_byte_and_nobody_is_asked(
    dxpy: Command, index: LoopbackIndex, root: Path, tmp_path: Path
) -> None:
    index.requests.clear()
    said = dxpy("lock", root, environ=NO_HINTS)
    assert (said.code, without_times(said.err)) == (
        0,
        "Resolved 4 packages in T\nwarning: `web` 2.0 has no extra `fast`\n",
    )
    assert (root / "dxpy.lock").read_bytes() == (tmp_path / "engine.lock").read_bytes()
    assert index.requests == []


@pytest.mark.parametrize(
    "flags",
    [
        "--resolution lowest",
        "--prerelease allow",
        "--exclude-newer 2100-01-01",
        "--python-version 3.12 --python-platform windows",
        "-c constraints.txt",
        "--override constraints.txt",
        "-P web",
        "-U",
    ],
)
def test_options_mean_what_they_mean_to_the_engine(dxpy: Command, root: Path, tmp_path: Path, flags: str) -> None:
    (root / "constraints.txt").write_text("web<2\n")
    (root / "dxpy.lock").write_bytes((tmp_path / "engine.lock").read_bytes())
    assert dxpy(f"lock {flags}", root, environ={**NO_HINTS, "DXPY_CACHE_DIR": str(tmp_path / "other")}).code == 0
    engine = (root / "dxpy.lock").read_bytes()
    assert dxpy(f"lock {flags}", root, environ=NO_HINTS).code == 0  # what these flags need comes into the cache
    (root / "dxpy.lock").write_bytes((tmp_path / "engine.lock").read_bytes())
    assert dxpy(f"lock {flags}", root, environ=NO_HINTS).code == 0
    assert (root / "dxpy.lock").read_bytes() == engine


def test_what_moved_is_told(dxpy: Command, root: Path) -> None:
    assert dxpy("lock", root, environ=NO_HINTS).code == 0
    write_project(root, "web<2")
    said = dxpy("lock", root, environ=NO_HINTS)
    assert "Removed tool v0.1" in said.err
    assert "Updated web v2.0 -> v1.0" in said.err
    assert dxpy("lock --check -U", root, environ=NO_HINTS).code == 0


def test_a_check_that_fails_writes_nothing(dxpy: Command, root: Path) -> None:
    said = dxpy("lock --check", root, environ=NO_HINTS)
    assert said.code != 0
    assert not (root / "dxpy.lock").exists()
    assert dxpy("lock --dry-run", root, environ=NO_HINTS).code == 0
    assert not (root / "dxpy.lock").exists()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("bucket", ["pages-v1", "metadata-v1"])
def test_what_is_damaged_or_missing_is_fetched_anew(
    dxpy: Command, root: Path, tmp_path: Path, bucket: str, damage: Callable[[Path], None]
) -> None:
    for path in (tmp_path / "cache" / bucket).rglob("*"):
        if path.is_file():
            damage(path)
    assert dxpy("lock", root, environ=NO_HINTS).code == 0
    assert (root / "dxpy.lock").read_bytes() == (tmp_path / "engine.lock").read_bytes()


def test_pages_that_may_be_old_are_asked_for(dxpy: Command, index: LoopbackIndex, root: Path, tmp_path: Path) -> None:
    index.add_wheel(build_wheel(tmp_path / "new", "web", "2.1", requires=["templates>=1", "safe"]))
    assert dxpy("lock", root, environ=NO_HINTS).code == 0
    assert (root / "dxpy.lock").read_bytes() == (tmp_path / "engine.lock").read_bytes()
    assert dxpy("lock -U --refresh", root, environ=NO_HINTS).err.endswith("Updated web v2.0 -> v2.1\n")


def test_a_resolution_that_fails_says_what_the_engine_says(dxpy: Command, root: Path, tmp_path: Path) -> None:
    write_project(root, "web>=2", "safe>=2")
    said = [dxpy("lock", root, environ={**NO_HINTS, "DXPY_CACHE_DIR": str(tmp_path / name)}) for name in ("cache", "x")]
    assert said[0].code == said[1].code == 1
    assert said[0].err == said[1].err
