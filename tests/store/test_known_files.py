"""A file that the store has already is linked, not written again; and whatever the table says, nothing wrong is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from wheels import build_wheel

from dxpy_async.formats.members import CHUNK_BYTES
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.unpack import MOST_LINKS


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def add(
    store: Store,
    name: str,
    files: Mapping[str, bytes | str],
    *,
    version: str = "1.0",
    executable: list[str] | None = None,
) -> StoredWheel:
    with TemporaryDirectory(dir=store.root.parent) as place:
        wheel = build_wheel(Path(place), name, version, files=files, executable=executable or [])
        data = wheel.read_bytes()
        sha256, key = hashlib.sha256(data).hexdigest(), blake3(data).hexdigest()
        return add_wheel(store, wheel, wheel.name, sha256=sha256, blake3=key, size=len(data))


def inode(stored: StoredWheel, path: str) -> int:
    return (stored.directory / path).stat().st_ino


CONTENTS = st.sampled_from([b"", b"x", b"y" * 5000, b"z" * CHUNK_BYTES, b"z" * (CHUNK_BYTES + 1)]) | st.binary(
    max_size=50
)
PACKAGES = st.lists(
    st.dictionaries(
        st.sampled_from(["a.py", "b/c.py", "d.sh", "e.bin"]), st.tuples(CONTENTS, st.booleans()), min_size=1
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(PACKAGES)
def test_identical_files_of_any_packages_are_one_inode_and_read_right(
    packages: list[dict[str, tuple[bytes, bool]]],
) -> None:
    with TemporaryDirectory() as place:
        store = Store(Path(place, "cache"))
        earlier: dict[tuple[bytes, bool], set[int]] = {}
        everything: list[tuple[StoredWheel, dict[str, tuple[bytes, bool]]]] = []
        for number, files in enumerate(packages):
            contents = {f"p{number}/{path}": data for path, (data, _) in files.items()}
            executable = [f"p{number}/{path}" for path, (_, runs) in files.items() if runs]
            stored = add(store, f"p{number}", contents, executable=executable)
            for path, (data, runs) in files.items():
                if data and (data, runs) in earlier:
                    assert inode(stored, f"p{number}/{path}") in earlier[data, runs]
            for path, (data, runs) in files.items():
                earlier.setdefault((data, runs), set()).add(inode(stored, f"p{number}/{path}"))
            everything.append((stored, {f"p{number}/{path}": told for path, told in files.items()}))
        for stored, told in everything:
            assert store.check(stored)
            for path, (data, runs) in told.items():
                assert (stored.directory / path).read_bytes() == data
                assert os.access(stored.directory / path, os.X_OK) == runs


def test_the_same_content_with_other_permissions_is_another_file(store: Store) -> None:
    one = add(store, "one", {"one/run.sh": "echo\n"}, executable=["one/run.sh"])
    other = add(store, "other", {"other/run.sh": "echo\n"})
    again = add(store, "again", {"again/run.sh": "echo\n"}, executable=["again/run.sh"])
    assert inode(one, "one/run.sh") != inode(other, "other/run.sh")
    assert inode(one, "one/run.sh") == inode(again, "again/run.sh")
    assert not os.access(other.directory / "other/run.sh", os.X_OK)


def test_a_file_with_many_names_gets_a_fresh_copy_which_is_linked_from_then_on(store: Store, tmp_path: Path) -> None:
    one = add(store, "one", {"one/a.py": "a = 1\n"})
    for number in range(MOST_LINKS):
        os.link(one.directory / "one/a.py", tmp_path / str(number))
    other = add(store, "other", {"other/a.py": "a = 1\n"})
    third = add(store, "third", {"third/a.py": "a = 1\n"})
    assert inode(other, "other/a.py") != inode(one, "one/a.py")
    assert inode(third, "third/a.py") == inode(other, "other/a.py")


@pytest.mark.parametrize("size", [10, 2 * CHUNK_BYTES])
@pytest.mark.parametrize("keep_times", [False, True])
def test_a_file_that_was_edited_in_place_is_never_linked(store: Store, size: int, keep_times: bool) -> None:
    good = b"a" * size
    one = add(store, "one", {"one/a.bin": good})
    edited = one.directory / "one/a.bin"
    times = edited.stat().st_mtime_ns
    edited.chmod(0o644)
    edited.write_bytes(b"a" * (size - 1) + b"b")
    if keep_times:
        os.utime(edited, ns=(times, times))
    edited.chmod(0o444)
    other = add(store, "other", {"other/a.bin": good})
    assert (other.directory / "other/a.bin").read_bytes() == good


def test_a_file_that_was_made_writable_is_not_linked(store: Store) -> None:
    one = add(store, "one", {"one/a.py": "a = 1\n"})
    (one.directory / "one/a.py").chmod(0o644)
    other = add(store, "other", {"other/a.py": "a = 1\n"})
    assert inode(one, "one/a.py") != inode(other, "other/a.py")


def test_an_entry_that_is_gone_is_not_missed(store: Store) -> None:
    store.quarantine(add(store, "one", {"one/a.py": "a = 1\n"}))
    other = add(store, "other", {"other/a.py": "a = 1\n"})
    assert (other.directory / "other/a.py").read_text() == "a = 1\n"


DAMAGES = (
    b"",
    b"DXF\1",
    b"garbage" * 1000,
    b"DXF\1" + b"\xff" * 50,
    b"DXF\1\0\0\0\0" + bytes(8) + bytes(160),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_made_anew(store: Store, damage: bytes) -> None:
    add(store, "one", {"one/a.py": "a = 1\n"})
    (store.root / "files-v1/places").write_bytes(damage)
    other = add(store, "other", {"other/a.py": "a = 1\n"})
    third = add(store, "third", {"third/a.py": "a = 1\n"})
    assert inode(other, "other/a.py") == inode(third, "third/a.py")


def test_a_table_that_cannot_be_written_does_no_harm(store: Store) -> None:
    store.prepare()
    (store.root / "files-v1").write_text("in the way")
    assert store.check(add(store, "one", {"one/a.py": "a = 1\n"}))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100_000), st.binary(min_size=1, max_size=40)), max_size=20))
def test_whatever_the_table_says_the_files_are_right(damage: list[tuple[int, bytes]]) -> None:
    with TemporaryDirectory() as place:
        store = Store(Path(place, "cache"))
        add(store, "one", {f"one/{n}.py": f"n = {n}\n" for n in range(20)})
        table = store.root / "files-v1/places"
        data = bytearray(table.read_bytes())
        for position, junk in damage:
            start = position % (len(data) - len(junk))
            data[start : start + len(junk)] = junk
        table.write_bytes(data)
        other = add(store, "other", {f"other/{n}.py": f"n = {n}\n" for n in range(20)})
        for n in range(20):
            assert (other.directory / f"other/{n}.py").read_text() == f"n = {n}\n"


def test_the_table_grows_and_forgets_entries_that_are_gone(store: Store) -> None:
    kept = add(store, "kept", {f"kept/{n}.py": f"kept = {n}\n" for n in range(500)})
    gone = add(store, "gone", {f"gone/{n}.py": f"gone = {n}\n" for n in range(1000)})
    small = (store.root / "files-v1/places").stat().st_size
    store.quarantine(gone)
    add(store, "more", {f"more/{n}.py": f"more = {n}\n" for n in range(1000)})
    assert (store.root / "files-v1/places").stat().st_size > small
    again = add(store, "again", {f"again/{n}.py": f"kept = {n}\n" for n in range(500)})
    linked = sum(inode(again, f"again/{n}.py") == inode(kept, f"kept/{n}.py") for n in range(500))
    assert linked >= 495
