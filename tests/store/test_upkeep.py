"""Looking after the store: sizes, last use, damage, and removing only what nobody needs."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from blake3 import blake3
from wheels import build_wheel

from dxpy_async.core.names import normalize
from dxpy_async.errors import StoreError
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.bytecode import write_bytecode
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.trees import remove_tree
from dxpy_async.store.upkeep import Upkeep

DAY = 24 * 3600
NOW = 2_000_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


@pytest.fixture
def upkeep(store: Store) -> Upkeep:
    return Upkeep(store)


def add(
    store: Store, name: str, version: str = "1.0", *, files: Mapping[str, str] | None = None, age_days: float = 0
) -> StoredWheel:
    """Add a wheel that was used last so long before NOW."""
    contents = files or {f"{normalize(name)}/__init__.py": f"{name} = {version!r}\n"}
    wheel = build_wheel(store.root.parent / "wheels", name, version, files=contents)
    data = wheel.read_bytes()
    sha256, key = hashlib.sha256(data).hexdigest(), blake3(data).hexdigest()
    stored = add_wheel(store, wheel, wheel.name, sha256=sha256, blake3=key, size=len(data))
    used_at = NOW - age_days * DAY
    os.utime(f"{stored.directory}.dpp", (used_at, used_at))
    return stored


def is_there(store: Store, stored: StoredWheel) -> bool:
    return store.find(stored.manifest.sha256) is not None


def page(store: Store, name: str, age_days: float = 0) -> Path:
    path = store.root / "pages-v1" / "index" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"12345")
    os.utime(path, (NOW - age_days * DAY, NOW - age_days * DAY))
    return path


def root(store: Store, upkeep: Upkeep, tmp_path: Path, *needed: StoredWheel) -> Path:
    environment = tmp_path / "project" / ".venv"
    environment.mkdir(parents=True)
    upkeep.roots.register(environment, [stored.manifest.blake3 for stored in needed])
    return environment


class TestLastUse:
    def test_finding_an_entry_notes_its_use_once_a_day(self, store: Store, tmp_path: Path) -> None:
        stored = add(store, "one", age_days=0)
        manifest = Path(f"{stored.directory}.dpp")
        for moment, is_noted in ((NOW + DAY / 2, False), (NOW + 2 * DAY, True)):
            found = Store(store.root, clock_ns=lambda moment=moment: int(moment * 10**9)).find(stored.manifest.sha256)
            assert found == stored
            assert (manifest.stat().st_mtime != NOW) == is_noted

    def test_looking_at_the_store_is_no_use(self, store: Store, upkeep: Upkeep) -> None:
        stored = add(store, "one", age_days=3)
        upkeep.verify()
        upkeep.prune(NOW)
        upkeep.sizes()
        (entry,) = upkeep.entries()
        assert (entry.project, entry.version, entry.key) == ("one", "1.0", stored.manifest.blake3)
        assert entry.used_at == NOW - 3 * DAY


class TestSizes:
    def test_a_file_of_two_packages_counts_once(self, store: Store, upkeep: Upkeep) -> None:
        add(store, "one", files={"one/data.txt": "x" * 100_000})
        _, before = upkeep.sizes()["packages-v1"]
        add(store, "two", files={"two/data.txt": "x" * 100_000})
        _, after = upkeep.sizes()["packages-v1"]
        assert before > 100_000
        assert after - before < 10_000

    def test_a_store_that_is_not_there_is_empty_and_not_made(self, store: Store, upkeep: Upkeep) -> None:
        assert upkeep.sizes() == {}
        assert upkeep.entries() == []
        assert upkeep.verify() == []
        for removed in (
            upkeep.clean(),
            upkeep.prune(NOW),
            upkeep.collect(NOW, unused_for=0, most=0),
            upkeep.collect(NOW, unused_for=0, most=0, dry_run=True),
        ):
            assert removed == ((), 0, 0)
        assert not store.root.exists()


class TestVerifying:
    def test_bytecode_is_compared_too(self, store: Store, upkeep: Upkeep) -> None:
        stored = add(store, "one", files={"one.py": "x = 1\n"})
        code = stored.directory / "__pycache__/one.cpython-311.pyc"
        code.parent.mkdir()
        code.write_bytes(b"bytecode")
        made = (str(code), 8, code.stat().st_mtime_ns, hashlib.sha256(b"bytecode").hexdigest())
        write_bytecode(str(stored.directory), "cpython-311", [made])
        assert upkeep.verify() == []
        code.write_bytes(b"Bytecode")
        os.utime(code, ns=(made[2], made[2]))  # what sizes and times hide
        (damage,) = upkeep.verify()
        assert (damage.file, damage.reason) == ("__pycache__/one.cpython-311.pyc", "has another content")
        assert not is_there(store, stored)

    def test_a_whole_store_passes(self, store: Store, upkeep: Upkeep) -> None:
        add(store, "one")
        add(store, "two")
        seen: list[str] = []
        assert upkeep.verify(lambda entry: seen.append(entry.project)) == []
        assert sorted(seen) == ["one", "two"]

    def test_a_flipped_byte_that_times_hide_is_found_and_the_entry_removed(
        self, store: Store, upkeep: Upkeep, tmp_path: Path
    ) -> None:
        stored, other = add(store, "one"), add(store, "two")
        environment = root(store, upkeep, tmp_path, stored)
        path = stored.directory / "one/__init__.py"
        times = path.stat().st_mtime_ns
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"#")
        os.utime(path, ns=(times, times))
        assert store.check(stored)
        (damage,) = upkeep.verify()
        assert damage == (stored.manifest.filename, "one/__init__.py", "has another content", (environment,))
        assert not is_there(store, stored)
        assert is_there(store, other)
        assert is_there(store, add(store, "one"))

    def test_a_missing_file_and_another_time_are_damage(self, store: Store, upkeep: Upkeep) -> None:
        one, two = add(store, "one"), add(store, "two")
        (one.directory / "one/__init__.py").unlink()
        os.utime(two.directory / "two/__init__.py")
        reasons = {damage.filename.partition("-")[0]: damage.reason for damage in upkeep.verify()}
        assert reasons == {
            "one": "cannot be read: No such file or directory",
            "two": "was written to after it was made",
        }


class TestCollecting:
    def test_what_was_not_used_for_long_goes(self, store: Store, upkeep: Upkeep) -> None:
        old, young = add(store, "old", age_days=31), add(store, "young", age_days=29)
        removed = upkeep.collect(NOW, unused_for=30 * DAY, most=None)
        assert [entry.project for entry in removed.entries] == ["old"]
        assert removed.files >= len(old.manifest.files)
        assert not is_there(store, old)
        assert is_there(store, young)

    def test_what_was_used_longest_ago_goes_until_the_rest_is_small_enough(self, store: Store, upkeep: Upkeep) -> None:
        stored = [
            add(store, f"p{days}", files={f"p{days}/data.bin": str(days) * 400_000}, age_days=days)
            for days in range(1, 5)
        ]
        upkeep.collect(NOW, unused_for=None, most=1_000_000)
        assert [is_there(store, each) for each in stored] == [True, True, False, False]
        assert sum(size for _, size in upkeep.sizes().values()) <= 1_000_000

    def test_shared_files_are_counted_when_their_last_entry_goes(self, store: Store, upkeep: Upkeep) -> None:
        shared = "x" * 100_000
        for days in (3, 2, 1):
            add(store, f"p{days}", files={f"p{days}/data.txt": shared}, age_days=days)
        removed = upkeep.collect(NOW, unused_for=1.5 * DAY, most=None)
        assert len(removed.entries) == 2
        assert removed.size < 50_000
        assert upkeep.collect(NOW, unused_for=0, most=None).size > 100_000

    def test_a_dry_run_tells_the_same_and_removes_nothing(self, store: Store, upkeep: Upkeep) -> None:
        old = add(store, "old", age_days=31)
        old_page = page(store, "old", age_days=31)
        told = upkeep.collect(NOW, unused_for=30 * DAY, most=None, dry_run=True)
        assert is_there(store, old)
        assert old_page.exists()
        done = upkeep.collect(NOW, unused_for=30 * DAY, most=None)
        assert done == told
        assert not old_page.exists()

    def test_what_an_environment_links_to_stays(self, store: Store, upkeep: Upkeep, tmp_path: Path) -> None:
        old, other = add(store, "old", age_days=90), add(store, "other", age_days=80)
        environment = root(store, upkeep, tmp_path, old)
        upkeep.collect(NOW, unused_for=0, most=0)
        assert is_there(store, old)
        assert not is_there(store, other)
        environment.rmdir()
        upkeep.collect(NOW, unused_for=0, most=0)
        assert not is_there(store, old)

    def test_it_waits_for_who_reads(self, store: Store) -> None:
        old = add(store, "old", age_days=90)
        reading = store.lock(shared=True)
        reading.acquire()
        upkeep = Upkeep(store, on_wait=reading.release)
        upkeep.collect(NOW, unused_for=0, most=None)
        assert not reading.is_held
        assert not is_there(store, old)


class TestPruning:
    def test_only_rubbish_goes(self, store: Store, upkeep: Upkeep) -> None:
        whole, cut, lost = add(store, "whole"), add(store, "cut"), add(store, "lost")
        kept = page(store, "whole", age_days=900)
        Path(f"{cut.directory}.dpp").write_bytes(b"DPP")
        Path(f"{lost.directory}.dpp").unlink()
        left = store.root / "tmp-v1" / "killed"
        left.mkdir()
        (left / "half").write_text("")
        upkeep.prune(time.time())
        assert is_there(store, whole)
        assert kept.exists()
        assert not any(path.exists() for path in (cut.directory, lost.directory, left, Path(f"{cut.directory}.dpp")))
        aliases = [path.name for path in (store.root / "aliases-v1").rglob("*") if path.is_file()]
        assert aliases == [whole.manifest.sha256]
        assert upkeep.prune(time.time()) == ((), 0, 0)

    def test_work_in_progress_stays(self, store: Store, upkeep: Upkeep) -> None:
        with store.staging_directory() as staging:
            upkeep.prune(NOW)
            upkeep.clean()
            assert staging.is_dir()


class TestCleaning:
    def test_everything_goes_but_what_is_not_ours(self, store: Store, upkeep: Upkeep) -> None:
        added = add(store, "demo", files={"demo/__init__.py": "x = 1\n", "demo/sub/y.py": "y = 2\n"})
        for directory in (added.directory, added.directory / "demo"):
            directory.chmod(0o555)
        page(store, "demo")
        (store.root / "mine").write_text("not a bucket")
        removed = upkeep.clean()
        assert removed.files >= len(added.manifest.files) + 2
        assert removed.size >= sum(file.size for file in added.manifest.files) + 5
        left = [".gitignore", "CACHEDIR.TAG", "mine", "store.lock", "tmp-v1"]
        assert sorted(path.name for path in store.root.iterdir()) == left
        assert os.listdir(store.root / "tmp-v1") == ["publish.lock"]
        assert upkeep.clean() == ((), 0, 0)
        assert is_there(store, add(store, "demo"))

    def test_links_are_not_followed(self, store: Store, upkeep: Upkeep, tmp_path: Path) -> None:
        add(store, "demo")
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "file").write_text("precious")
        (store.root / "packages-v1" / "link").symlink_to(tmp_path / "outside")
        upkeep.clean()
        assert (tmp_path / "outside" / "file").read_text() == "precious"

    @pytest.mark.parametrize(
        "place",
        [
            *(
                "tmp-v1",
                "packages-v1",
                "packages-v1/00",
                "packages-v1/00/00",
                "aliases-v1",
                "aliases-v1/00",
                "roots-v1",
            ),
            *("pages-v1", "pages-v1/index", "http-v1", "git-v1", "git-v1/commits", "git-v1/repositories"),
            *("build-environments-v1", "build-environments-v1/00", "environments-v1", "environments-v1/00", "files-v1"),
        ],
    )
    def test_nothing_behind_a_link_is_ever_removed(self, tmp_path: Path, place: str) -> None:
        outside = tmp_path / "outside"
        for name in ("file", "a/file", "a/b/file", "a/b/c/file", "commits/a/file", "0" * 64):
            (outside / name).parent.mkdir(parents=True, exist_ok=True)
            (outside / name).write_text("precious")
            os.utime(outside / name, (1, 1))
        before = set(outside.rglob("*"))
        for number, clean in enumerate(
            [
                lambda upkeep: upkeep.collect(NOW, unused_for=1.0, most=0),
                lambda upkeep: upkeep.prune(NOW),
                lambda upkeep: upkeep.clean([normalize("demo")]),
                lambda upkeep: upkeep.clean(),
            ]
        ):
            store = Store(tmp_path / f"cache-{number}")
            link = store.root / place
            (store.root / "git-v1/commits/a/b").mkdir(parents=True)
            if not place.startswith(("tmp", "packages", "files")):
                add(store, "demo")
            if link.is_dir():
                remove_tree(str(link))
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(outside)
            clean(Upkeep(store))
            assert before <= set(outside.rglob("*"))

    def test_a_project_that_lies_in_the_cache_directory_stays(self, store: Store, upkeep: Upkeep) -> None:
        needed = add(store, "needed", age_days=5)
        environment = store.root / "project" / ".venv"
        environment.mkdir(parents=True)
        upkeep.roots.register(environment, [needed.manifest.blake3])
        assert upkeep.collect(NOW, unused_for=DAY, most=0).entries == ()
        upkeep.clean([normalize("needed")], force=True)
        upkeep.clean(force=True)
        assert environment.is_dir()

    def test_one_project_goes_with_its_pages(self, store: Store, upkeep: Upkeep) -> None:
        one, two, other = add(store, "one"), add(store, "one", "2.0"), add(store, "other")
        one_page, other_page = page(store, "one"), page(store, "other")
        removed = upkeep.clean([normalize("One")])
        assert [entry.version for entry in removed.entries] == ["1.0", "2.0"]
        assert [is_there(store, each) for each in (one, two, other)] == [False, False, True]
        assert (one_page.exists(), other_page.exists()) == (False, True)

    def test_what_an_environment_links_to_is_refused_by_name_and_goes_by_force(
        self, store: Store, upkeep: Upkeep, tmp_path: Path
    ) -> None:
        needed, other = add(store, "needed"), add(store, "other")
        environment = root(store, upkeep, tmp_path, needed)
        for projects in ([], [normalize("needed")]):
            with pytest.raises(StoreError, match=str(environment)):
                upkeep.clean(projects)
        assert upkeep.clean([normalize("other")]).entries[0].project == "other"
        assert not is_there(store, other)
        assert is_there(store, needed)
        upkeep.clean([normalize("needed")], force=True)
        assert not is_there(store, needed)

    def test_a_file_in_the_place_of_the_store_is_called_that(self, store: Store, upkeep: Upkeep) -> None:
        store.root.write_text("I am a file")
        with pytest.raises(StoreError, match="cannot read the cache directory"):
            upkeep.clean()
        assert store.root.read_text() == "I am a file"
