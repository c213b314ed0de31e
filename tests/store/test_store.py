"""The store publishes whole entries or none, survives damage, kills and races, and can be read though not written."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from blake3 import blake3
from wheels import Contents, build_wheel, record_of, wheel_members, write_wheel

from dxpy_async.core.manifests import Manifest
from dxpy_async.errors import InvalidWheel, StoreError
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.locks import FileLock
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.trees import remove_tree


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path / "wheels", "demo", "1.0", files={"demo/__init__.py": "x = 1\n", "demo/sub/y.py": ""})


def hashes(wheel: Path) -> tuple[str, str]:
    data = wheel.read_bytes()
    return hashlib.sha256(data).hexdigest(), blake3(data).hexdigest()


def add(store: Store, wheel: Path) -> StoredWheel:
    sha256, key = hashes(wheel)
    return add_wheel(store, wheel, wheel.name, sha256=sha256, blake3=key, size=wheel.stat().st_size)


def in_progress(store: Store) -> list[str]:
    directory = store.root / "tmp-v1"
    return [path.name for path in directory.iterdir() if path.suffix != ".lock"] if directory.exists() else []


@pytest.fixture
def read_only(store: Store, wheel: Path) -> Iterator[Store]:
    """A store with one wheel whose directories refuse writing."""
    add(store, wheel)
    directories = [store.root, *(path for path in store.root.rglob("*") if path.is_dir())]
    for directory in directories:
        directory.chmod(0o555)
    yield store
    for directory in directories:
        directory.chmod(0o755)


class TestFinding:
    def test_what_was_added_is_found_by_its_sha256(self, store: Store, wheel: Path) -> None:
        added = add(store, wheel)
        found = store.find(hashes(wheel)[0])
        assert found == added
        assert (added.directory / "demo" / "__init__.py").read_text() == "x = 1\n"
        assert added.directory.name == hashes(wheel)[1]
        assert in_progress(store) == []

    def test_another_store_object_finds_it_too(self, store: Store, wheel: Path) -> None:
        assert Store(store.root).find(hashes(wheel)[0]) is None
        added = add(store, wheel)
        assert Store(store.root).find(hashes(wheel)[0]) == added

    @pytest.mark.parametrize("sha256", ["", "abc", "../" * 22 + "..", "G" * 64, "A" * 64, "0" * 64])
    def test_anything_else_is_a_miss(self, store: Store, wheel: Path, sha256: str) -> None:
        add(store, wheel)
        assert store.find(sha256) is None

    def test_a_store_that_is_not_there_is_not_made(self, store: Store) -> None:
        assert store.find("0" * 64) is None
        assert not store.root.exists()

    @pytest.mark.parametrize("damage", [b"", b"garbage", b"0" * 64, b"\xff" * 64, b"../../../../../../x\n"])
    def test_a_damaged_alias_is_a_miss_until_the_wheel_is_added_again(
        self, store: Store, wheel: Path, damage: bytes
    ) -> None:
        added, sha256 = add(store, wheel), hashes(wheel)[0]
        (store.root / "aliases-v1" / sha256[:2] / sha256).write_bytes(damage)
        assert store.find(sha256) is None
        assert add(store, wheel) == added
        assert store.find(sha256) == added

    @pytest.mark.parametrize("keep", [0, 4, 100, -1])
    def test_a_damaged_manifest_is_a_miss_until_the_wheel_is_added_again(
        self, store: Store, wheel: Path, keep: int
    ) -> None:
        manifest = Path(f"{add(store, wheel).directory}.dpp")
        manifest.write_bytes(manifest.read_bytes()[:keep])
        assert store.find(hashes(wheel)[0]) is None
        again = add(store, wheel)
        assert store.find(hashes(wheel)[0]) == again
        assert store.check(again)
        assert in_progress(store) == []

    def test_a_missing_directory_is_a_miss_until_the_wheel_is_added_again(self, store: Store, wheel: Path) -> None:
        remove_tree(str(add(store, wheel).directory))
        assert store.find(hashes(wheel)[0]) is None
        assert store.check(add(store, wheel))

    def test_a_manifest_under_another_wheels_name_is_a_miss(self, store: Store, wheel: Path, tmp_path: Path) -> None:
        one, other = add(store, wheel), add(store, build_wheel(tmp_path, "other", "1.0"))
        Path(f"{one.directory}.dpp").write_bytes(Path(f"{other.directory}.dpp").read_bytes())
        assert store.find(one.manifest.sha256) is None

    def test_a_directory_without_a_manifest_is_replaced(self, store: Store, wheel: Path) -> None:
        added = add(store, wheel)
        Path(f"{added.directory}.dpp").unlink()
        (added.directory / "demo" / "leftover").write_text("of a killed writer")
        again = add(store, wheel)
        assert not (again.directory / "demo" / "leftover").exists()
        assert store.check(again)


class TestAfterAStartOfTheMachine:
    def test_a_whole_entry_is_checked_once(self, store: Store, wheel: Path) -> None:
        added = add(store, wheel)
        os.utime(f"{added.directory}.dpp", (0, 0))
        booted = Store(store.root, booted_at_ns=1_000)
        assert booted.find(added.manifest.sha256) == added
        assert os.stat(f"{added.directory}.dpp").st_mtime_ns > 1_000

    def test_an_entry_with_a_file_cut_short_is_a_miss_and_is_replaced(self, store: Store, wheel: Path) -> None:
        added = add(store, wheel)
        damaged = added.directory / "demo" / "__init__.py"
        damaged.chmod(0o644)
        damaged.write_bytes(b"")
        os.utime(f"{added.directory}.dpp", (0, 0))
        booted = Store(store.root, booted_at_ns=1_000)
        assert booted.find(added.manifest.sha256) is None
        again = add(booted, wheel)
        assert booted.check(again)
        assert booted.find(added.manifest.sha256) == again

    def test_an_entry_of_today_is_trusted(self, store: Store, wheel: Path) -> None:
        added = add(store, wheel)
        (added.directory / "demo" / "__init__.py").unlink()
        assert Store(store.root, booted_at_ns=1_000).find(added.manifest.sha256) == added


class TestChecking:
    def test_an_untouched_entry_passes(self, store: Store, wheel: Path) -> None:
        assert store.check(add(store, wheel))

    def test_another_size_time_kind_or_no_file_fails(self, store: Store, wheel: Path) -> None:
        stored = add(store, wheel)
        path = stored.directory / "demo" / "__init__.py"
        path.chmod(0o644)
        original = path.stat()
        path.write_text("x = 2\n")
        assert not store.check(stored)
        os.utime(path, ns=(original.st_atime_ns, original.st_mtime_ns))
        assert store.check(stored)
        path.write_text("longer than it was\n")
        os.utime(path, ns=(original.st_atime_ns, original.st_mtime_ns))
        assert not store.check(stored)
        path.unlink()
        assert not store.check(stored)
        path.symlink_to(stored.directory / "demo" / "sub" / "y.py")
        assert not store.check(stored)

    def test_a_quarantined_entry_is_gone_and_can_come_back(self, store: Store, wheel: Path) -> None:
        stored = add(store, wheel)
        store.quarantine(stored)
        assert store.find(stored.manifest.sha256) is None
        assert not stored.directory.exists()
        store.quarantine(stored)
        assert store.check(add(store, wheel))
        assert in_progress(store) == []

    def test_files_are_read_only_and_directories_are_not(self, store: Store, wheel: Path) -> None:
        stored = add(store, wheel)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stored.directory.rglob("*")}
        assert modes["__init__.py"] & 0o222 == 0
        assert modes["sub"] & 0o700 == 0o700


class TestRefusedWheels:
    def test_nothing_is_left_and_the_second_try_gives_the_same_answer(self, store: Store, tmp_path: Path) -> None:
        members: dict[str, Contents] = {**wheel_members("demo", "1.0")}
        members["demo-1.0.dist-info/RECORD"] = record_of(members, "demo-1.0.dist-info")
        members["demo/__init__.py"] = "changed after the fact, to the same length"[:20]
        wheel = write_wheel(tmp_path / "demo-1.0-py3-none-any.whl", members, record=False)
        messages = set()
        for _ in range(2):
            with pytest.raises(InvalidWheel) as caught:
                add(store, wheel)
            messages.add(str(caught.value))
            assert in_progress(store) == []
            assert store.find(hashes(wheel)[0]) is None
        assert len(messages) == 1
        assert not (store.root / "packages-v1").exists()


class TestCacheDirectory:
    def test_it_is_marked_as_one(self, store: Store) -> None:
        store.prepare()
        assert (store.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
        assert (store.root / ".gitignore").read_text() == "*\n"

    def test_a_file_in_its_place_is_called_that(self, store: Store, wheel: Path) -> None:
        store.root.write_text("I am a file")
        with pytest.raises(StoreError, match="is a file"):
            add(store, wheel)
        assert store.find("0" * 64) is None
        assert store.root.read_text() == "I am a file"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_cache_can_be_read_and_says_that_it_cannot_be_written(
        self, read_only: Store, wheel: Path, tmp_path: Path
    ) -> None:
        found = read_only.find(hashes(wheel)[0])
        assert found is not None
        assert add(read_only, wheel) == found
        with pytest.raises(StoreError, match="Permission denied"):
            add(read_only, build_wheel(tmp_path, "other", "1.0"))
        assert Store(read_only.root, booted_at_ns=time.time_ns() + 10**12).find(hashes(wheel)[0]) == found


class TestStaging:
    def test_a_staging_directory_is_removed_whatever_happens(self, store: Store) -> None:
        with suppress(ZeroDivisionError), store.staging_directory() as staging:
            (staging / "deep" / "er").mkdir(parents=True)
            (staging / "deep" / "er" / "file").write_text("x")
            assert in_progress(store) == [staging.name]
            raise ZeroDivisionError
        assert in_progress(store) == []

    def test_what_a_living_writer_holds_is_not_swept(self, store: Store) -> None:
        with store.staging_directory() as staging:
            assert store.sweep_staging(time.time() + 10**9) == 0
            assert staging.is_dir()

    def test_what_a_killed_writer_left_is_swept(self, store: Store) -> None:
        script = (
            "import sys, time\nfrom pathlib import Path\nfrom dxpy_async.store.store import Store\n"
            "with Store(Path(sys.argv[1])).staging_directory() as staging:\n"
            "    (staging / 'half').write_text('half')\n    print('ready', flush=True)\n    time.sleep(60)\n"
        )
        writer = subprocess.Popen([sys.executable, "-c", script, str(store.root)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        assert store.sweep_staging(time.time()) == 0
        writer.kill()
        writer.communicate()
        assert len(in_progress(store)) == 1
        assert store.sweep_staging(time.time()) == 1
        assert in_progress(store) == []

    def test_old_files_are_swept_and_young_ones_and_locks_are_not(self, store: Store) -> None:
        store.prepare()
        for name in ("1-old.new", "1-young.new", "publish.lock"):
            (store.root / "tmp-v1" / name).write_text("")
        for name in ("1-old.new", "publish.lock"):
            os.utime(store.root / "tmp-v1" / name, (0, 0))
        store.sweep_staging(time.time())
        assert sorted(path.name for path in (store.root / "tmp-v1").iterdir()) == ["1-young.new", "publish.lock"]

    def test_sweeping_a_store_that_is_not_there(self, store: Store) -> None:
        assert store.sweep_staging(time.time()) == 0


ADD = """
import sys
from pathlib import Path
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.store import Store
root, wheel, sha256, blake3, times = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(times)):
    store = Store(Path(root))
    archive = Path(wheel)
    stored = add_wheel(store, archive, archive.name, sha256=sha256, blake3=blake3, size=archive.stat().st_size)
    assert store.check(stored)
    assert store.find(sha256) == stored
    if int(times) > 1:
        store.quarantine(stored)
"""


def adder(store: Store, wheel: Path, times: int = 1) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", ADD, str(store.root), str(wheel), *hashes(wheel), str(times)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def many(tmp_path: Path) -> Path:
    files = {f"many/d{number % 20}/m{number}.py": f"x = {number}\n" for number in range(600)}
    return build_wheel(tmp_path / "wheels", "many", "1.0", files=files)


class TestRaces:
    def test_two_processes_that_add_the_same_wheel_both_succeed(self, store: Store, many: Path) -> None:
        adders = [adder(store, many) for _ in range(3)]
        for process in adders:
            process.communicate(b"\n")
        assert [process.returncode for process in adders] == [0, 0, 0]
        stored = store.find(hashes(many)[0])
        assert stored is not None
        assert store.check(stored)
        assert in_progress(store) == []

    def test_a_killed_writer_leaves_no_entry_that_is_not_whole(self, store: Store, many: Path) -> None:
        for delay in range(6):
            process = adder(store, many, times=1000)
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            time.sleep(0.01 + 0.025 * delay)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            found = store.find(hashes(many)[0])
            assert found is None or store.check(found)
            store.sweep_staging(time.time())
            assert not [name for name in in_progress(store) if not name.endswith(".new")]
            assert store.check(add(store, many))
            store.quarantine(add(store, many))

    def test_publishing_waits_for_the_publisher_before(self, store: Store, wheel: Path) -> None:
        store.prepare()
        lock = FileLock(store.root / "tmp-v1" / "publish.lock")
        lock.acquire()
        process = adder(store, wheel)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert store.find(hashes(wheel)[0]) is None
        lock.release()
        process.communicate()
        assert process.returncode == 0
        assert store.find(hashes(wheel)[0]) is not None

    def test_who_publishes_second_gets_the_first_entry(self, store: Store, wheel: Path) -> None:
        first = add(store, wheel)
        manifest: Manifest = first.manifest._replace(files=())
        with store.staging_directory() as staging:
            (staging / "late").mkdir()
            assert store.publish(staging / "late", manifest) == first
