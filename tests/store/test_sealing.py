"""Entries that environments link to stay read-only, also when whoever had to write into one was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from environments import put_wheel

from dxpy_async.store.sealing import seal, seal_what_was_left, unsealed
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.unsealed_notes import was_left_open

UNSEAL = """
import os, sys
from pathlib import Path
from dxpy_async.store.sealing import unsealed
from dxpy_async.store.store import Store
store = Store(Path(sys.argv[1]))
with unsealed(store, [store.find(sha256) for sha256 in sys.argv[2:]]):
    os.mkdir(store.find(sys.argv[2]).directory / "a/__pycache__")
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def sealed_entry(store: Store, tmp_path: Path, name: str) -> StoredWheel:
    stored = put_wheel(store, tmp_path / "wheels", name, files={f"{name}/__init__.py": "", f"{name}/b/c.py": ""})
    seal(str(stored.directory), stored.manifest)
    return stored


def writable(*entries: StoredWheel) -> list[str]:
    """The directories inside the entries that somebody may write."""
    found = [path for stored in entries for path in stored.directory.rglob("*") if path.is_dir()]
    assert found
    return sorted(path.name for path in found if path.stat().st_mode & 0o222)


def test_what_was_open_is_read_only_again_with_what_is_new_in_it(store: Store, tmp_path: Path) -> None:
    stored = sealed_entry(store, tmp_path, "a")
    assert writable(stored) == []
    with unsealed(store, [stored]):
        (stored.directory / "a/__pycache__").mkdir()
        assert "b" in writable(stored)
    assert writable(stored) == []
    assert not was_left_open(str(store.root))


def test_what_was_open_before_stays_open(store: Store, tmp_path: Path) -> None:
    stored = put_wheel(store, tmp_path / "wheels", "a", files={"a/__init__.py": ""})
    with unsealed(store, [stored]):
        pass
    assert writable(stored) != []


@pytest.mark.skipif(os.name == "nt", reason="processes are killed in another way there")
def test_what_a_killed_process_left_open_is_closed_by_the_next(store: Store, tmp_path: Path) -> None:
    entries = [sealed_entry(store, tmp_path, name) for name in ("a", "b")]
    digests = [stored.manifest.sha256 for stored in entries]
    command = [sys.executable, "-c", UNSEAL, str(store.root), *digests]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        assert not was_left_open(str(store.root)), "it is at work"
        seal_what_was_left(store)
        assert "b" in writable(*entries), "nothing is taken from who is at work"
        process.send_signal(signal.SIGKILL)
    assert was_left_open(str(store.root))
    seal_what_was_left(store)
    assert writable(*entries) == []
    assert not was_left_open(str(store.root))


def test_a_note_of_something_else_is_no_way_out_of_the_store(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim/inner"
    victim.mkdir(parents=True)
    note = tmp_path / "store/bytecode-v1/unsealed-1"
    note.parent.mkdir(parents=True)
    note.write_text("../../victim\n")
    seal_what_was_left(store)
    assert os.access(victim, os.W_OK)
    assert not note.exists()
