"""`dxpy cache` as people use it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from command import Command, write_project
from repositories import Repository, write_tree

from dxpy_async.store.roots import Roots

DAY = 24 * 3600


@pytest.fixture
def synced(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("sync", root).code == 0
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def grow_old(cache: Path, days: float) -> None:
    for path in cache.glob("packages-v1/*/*/*.dpp"):
        os.utime(path, (time.time() - days * DAY,) * 2)


def test_list_and_size_tell_what_is_there_also_as_json(dxpy: Command, synced: Path, tmp_path: Path) -> None:
    assert "web-2.0-py3-none-any.whl" in dxpy("cache list", tmp_path).out
    listed = {entry["name"]: entry for entry in json.loads(dxpy("cache list --json", tmp_path).out)["packages"]}
    assert listed["web"]["version"] == "2.0"
    assert listed["web"]["used_at"] == time.strftime("%Y-%m-%d")
    assert "packages-v1" in dxpy("cache size", tmp_path).out
    told = json.loads(dxpy("cache size --json", tmp_path).out)
    assert told["bytes"] >= told["buckets"]["packages-v1"]["bytes"] >= sum(entry["bytes"] for entry in listed.values())


def test_verify_finds_and_removes_damage_that_times_hide(
    dxpy: Command, synced: Path, cache: Path, tmp_path: Path
) -> None:
    assert dxpy("cache verify", tmp_path).code == 0
    path = next((cache / "packages-v1").rglob("part3.py"))
    times = path.stat().st_mtime_ns
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"3", b"4"))
    os.utime(path, ns=(times, times))
    result = dxpy("cache verify", tmp_path)
    assert result.code == 1
    assert "part3.py` has another content" in result.err
    assert dxpy("cache verify", tmp_path).code == 0
    other = write_project(tmp_path / "other", "web")
    assert dxpy("sync", other).code == 0
    assert next(other.rglob("safe/part3.py")).read_text() == "n = 3\n"


def test_gc_removes_what_is_old_and_a_use_makes_it_young(
    dxpy: Command, synced: Path, cache: Path, tmp_path: Path
) -> None:
    grow_old(cache, 40)
    again = write_project(tmp_path / "again", "safe==1.9")
    assert dxpy("sync", again).code == 0
    told = dxpy("cache gc --older-than 30d --dry-run", tmp_path)
    assert "would remove web-2.0" in told.err
    assert "safe" not in told.err
    assert dxpy("cache gc", tmp_path).code == 0
    names = {entry["name"] for entry in json.loads(dxpy("cache list --json", tmp_path).out)["packages"]}
    assert "safe" in names
    assert "web" not in names
    assert dxpy("cache gc --max-size 0", tmp_path).code == 0
    assert json.loads(dxpy("cache list --json", tmp_path).out)["packages"] == []
    assert dxpy("sync", write_project(tmp_path / "anew", "web")).code == 0


def test_gc_removes_commits_that_nobody_has_used_for_long(dxpy: Command, cache: Path, tmp_path: Path) -> None:
    upstream = Repository(tmp_path / "upstream")
    places = []
    for version in ("1.0", "1.1"):
        write_tree(upstream.root, "foo", version)
        upstream.commit()
        root = write_project(tmp_path / version, f"foo @ git+{upstream.url}@main")
        assert dxpy("lock", root).code == 0
        places.append(next(path for path in cache.glob("git-v1/commits/*/*") if path not in places))
    old, young = places
    os.utime(old, (time.time() - 40 * DAY,) * 2)
    (clone,) = (path for path in cache.glob("git-v1/repositories/*") if path.is_dir())
    assert dxpy("cache gc --older-than 30d --dry-run", tmp_path).code == 0
    assert old.is_dir()
    assert dxpy("cache gc --older-than 30d", tmp_path).code == 0
    assert (old.exists(), young.is_dir(), clone.is_dir()) == (False, True, True)
    assert dxpy("sync --frozen", tmp_path / "1.0").code == 0
    assert old.is_dir()
    for path in places:
        os.utime(path, (time.time() - 40 * DAY,) * 2)
    assert dxpy("cache gc --older-than 30d", tmp_path).code == 0
    assert not clone.exists()
    assert list(cache.glob("git-v1/commits/*")) == []


@pytest.mark.parametrize("flags", ["--max-size many", "--older-than 2024-01-01", "--older-than soon"])
def test_gc_refuses_what_is_no_amount(dxpy: Command, tmp_path: Path, flags: str) -> None:
    result = dxpy(f"cache gc {flags}", tmp_path)
    assert result.code == 2
    assert flags.split()[1] in result.err


def test_clean_takes_one_package_and_refuses_what_an_environment_links_to(
    dxpy: Command, synced: Path, cache: Path, tmp_path: Path
) -> None:
    assert "Removed 1 package" in dxpy("cache clean Web", tmp_path).err
    keys = [entry["key"] for entry in json.loads(dxpy("cache list --json", tmp_path).out)["packages"]]
    Roots(cache).register(synced / ".venv", keys)
    for command in ("cache clean", "cache clean safe"):
        refused = dxpy(command, tmp_path)
        assert refused.code == 2
        assert str(synced / ".venv") in refused.err
        assert "--force" in refused.err
    assert dxpy("cache clean --force", tmp_path).code == 0
    assert dxpy("cache prune", tmp_path).code == 0
