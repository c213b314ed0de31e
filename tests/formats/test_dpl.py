"""The binary lock: lookups of any size, what is refused and how it is said, and that damage stays an error."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from locks import ask_everything, package, wheel, with_digests

from dxpy_async.core.hashing import fnv1a_64
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.packed_versions import packed_key
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.wheel_names import best_wheel
from dxpy_async.errors import FormatError, InvalidLock, LockError, LockNotFound
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.dpl import DplLockFile, build_dpl


def sample() -> Lock:
    """A small lock in which every part of the format occurs."""
    numpy_wheels = tuple(
        wheel("numpy", "2.1.0", f"cp{minor}-cp{minor}-{platform}", number=10 * minor + place)
        for minor in (311, 312)
        for place, platform in enumerate(("manylinux_2_17_x86_64", "win_amd64"))
    )
    local = LockedFile(filename="tool-1.0-py3-none-any.whl", url="file:///wheels/tool-1.0-py3-none-any.whl")
    return Lock(
        project="webapp",
        requires_python=">=3.11",
        roots=LockedRoots(
            requirements=(Requirement(ProjectName("flask"), (ExtraName("async"),), ">=3"),),
            optional={ExtraName("fast"): (Requirement(ProjectName("numpy")),)},
            groups={GroupName("dev"): (Requirement(ProjectName("tool"), url="file:///wheels/tool.whl"),)},
        ),
        environment={"python_full_version": "3.11.4", "sys_platform": "linux", "platform_machine": "x86_64"},
        settings={"index-url": "https://i.example.org/simple"},
        packages=(
            replace(
                package("flask", "3.0.0", Requirement(ProjectName("numpy"), (), ">=1", None, 'extra == "async"')),
                extras=(ExtraName("async"),),
                sdist=replace(wheel("flask", "3.0.0", number=3), filename="flask-3.0.0.tar.gz", hashes={"md5": "00"}),
            ),
            package("numpy", "1.26.4"),
            package("numpy", "2.1.0", wheels=numpy_wheels),
            replace(package("tool", "1.0", wheels=(local,)), source=Source(SourceKind.DIRECTORY, "file:///wheels")),
        ),
        resolved_at=1_700_000_000_000_312,
    )


def read(data: bytes, *, verify: bool = True) -> DplLockFile:
    return DplLockFile(data, file="dxpy.lock", verify=verify)


def forged(data: bytes, offset: int, patch: bytes) -> bytes:
    """`data` with other bytes at one place and digests that fit them."""
    return with_digests(patched(data, offset, patch))


def patched(data: bytes, offset: int, patch: bytes) -> bytes:
    return data[:offset] + patch + data[offset + len(patch) :]


def section(data: bytes, number: int) -> int:
    """Where a section begins."""
    return int(layout.HEADER.unpack_from(data)[21 + number])


def words(*values: int) -> bytes:
    return b"".join(map(layout.WORD.pack, values))


# Writing and reading


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "dxpy.lock"
    path.write_bytes(build_dpl(sample()))
    with DplLockFile.open(path) as file:
        assert file.to_lock() == sample()
        assert (len(file), file.names()) == (4, ("flask", "numpy", "tool"))
        assert (file.project, file.requires_python, file.resolved_at) == ("webapp", ">=3.11", 1_700_000_000_000_312)
        assert (file.roots, file.environment, file.settings) == (
            sample().roots,
            sample().environment,
            sample().settings,
        )
        assert tuple(file) == sample().packages


def test_an_entry_gives_what_the_locked_package_has() -> None:
    for entry, value in zip(read(build_dpl(sample())).packages, sample().packages, strict=True):
        for name in ("name", "version", "source", "requires_python", "extras", "requirements", "wheels", "sdist"):
            assert getattr(entry, name) == getattr(value, name), name
        assert entry.packed_version == packed_key(value.version)


@pytest.mark.parametrize("tags", [["cp312-cp312-win_amd64"], ["cp311-cp311-win_amd64", "py3-none-any"], ["none"]])
def test_the_best_wheel_is_the_one_the_value_gives(tags: list[str]) -> None:
    ranks = {tag: rank for rank, tag in enumerate(tags)}
    file = read(build_dpl(sample()))
    for entry, value in zip(file.packages, sample().packages, strict=True):
        assert entry.best_wheel(ranks) == best_wheel(value.wheels, ranks)
        assert entry.best_wheel({}) is None


def test_what_was_read_outlives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "dxpy.lock"
    path.write_bytes(build_dpl(sample()))
    with DplLockFile.open(path) as file:
        entry = file.find("flask")[0]
    assert (entry.name, entry.version, entry.source.kind) == ("flask", "3.0.0", SourceKind.INDEX)


def test_versions_of_one_name_are_sorted_as_versions() -> None:
    versions = ["1.10", "1.9", "1.9rc1", "1.0+local", "1!0", "2.0"]
    file = read(build_dpl(Lock(packages=tuple(package("a", version) for version in versions))))
    # what fits no packed key stands at the end
    assert [entry.version for entry in file.find("a")] == ["1.9rc1", "1.9", "1.10", "2.0", "1!0", "1.0+local"]


def test_no_text_is_cut_short() -> None:
    name, version, text = "n" * 100_000, "1." + "0" * 70_000, "é" * 50_000
    value = replace(
        package(name, version, Requirement(ProjectName(text), (), text, text, text)),
        wheels=(LockedFile(filename=f"{text}-1-py3-none-any.whl", url=f"https://{text}/{text}-1-py3-none-any.whl"),),
    )
    lock = Lock(packages=(value,), environment={"python_full_version": "3." * 30, "sys_platform": text})
    file = read(build_dpl(lock))
    assert file.to_lock() == lock
    assert file.lookup(name) == (value,)
    assert layout.HEADER.unpack_from(build_dpl(lock))[8:10] == (bytes(16), bytes(32))


def test_the_header_says_for_what_it_was_made() -> None:
    python, platform = layout.HEADER.unpack_from(build_dpl(sample()))[8:10]
    assert (python.rstrip(b"\0"), platform.rstrip(b"\0")) == (b"3.11.4", b"linux-x86_64")


def test_an_archive_named_by_url_has_its_hash_in_the_entry() -> None:
    direct = replace(package("a", "1"), source=Source(SourceKind.DIRECT, "https://example.org/a.whl"))
    data = build_dpl(Lock(packages=(direct, package("b", "1"))))
    first = section(data, layout.ENTRIES)
    entries = list(layout.ENTRY.iter_unpack(data[first : first + 2 * 128]))
    assert (entries[0][5], entries[0][8].hex()) == (layout.SHA256, direct.wheels[0].hashes["sha256"])
    assert (entries[1][5], entries[1][8]) == (layout.NO_HASH, bytes(32))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda lock: replace(lock, packages=lock.packages + lock.packages[:1]), "`flask` 3.0.0 .* twice"),
        (lambda lock: replace(lock, resolved_at=-1), "time -1"),
        (lambda lock: replace(lock, project="\ud800"), "not Unicode"),
        (lambda lock: with_file(lock, size=-1), "-1 bytes"),
        (lambda lock: with_file(lock, size=2**64), "bytes"),
        (lambda lock: with_file(lock, upload_time=2**63), "uploaded"),
        (lambda lock: with_file(lock, hashes={str(each): "" for each in range(17)}), "17 hashes, the limit is 16"),
    ],
)
def test_a_lock_that_cannot_be_stored_says_why(change: Callable[[Lock], Lock], problem: str) -> None:
    with pytest.raises(LockError, match=problem):
        build_dpl(change(sample()))


def with_file(lock: Lock, **changes: object) -> Lock:
    first = lock.packages[0]
    broken = replace(first, wheels=(replace(first.wheels[0], **changes),))  # type: ignore[arg-type]
    return replace(lock, packages=(broken, *lock.packages[1:]))


def test_reading_loads_no_parser() -> None:
    command = "import sys, dxpy_async.formats.dpl; sys.exit('packaging' in sys.modules or 'asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


# Looking up


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 1023, 1024, 20_000])
def test_every_name_is_found_and_no_other(count: int) -> None:
    packages = tuple(bare(f"project-{number}") for number in range(count))
    file = read(build_dpl(Lock(packages=packages)))
    for value in packages[:: max(1, count // 500)]:
        assert file.lookup(value.name) == (value,)
    for number in range(200):
        assert file.lookup(f"absent-{number}") == ()
    assert len(file) == count


def bare(name: str, version: str = "1") -> LockedPackage:
    return LockedPackage(name=ProjectName(name), version=version, source=Source(SourceKind.INDEX, "https://i"))


def test_names_that_collide_in_the_table_are_all_found() -> None:
    wanted = [name for name in (f"p{number}" for number in range(60_000)) if fnv1a_64(name.encode()) & 511 == 511][:100]
    packages = tuple(bare(name) for name in wanted)
    file = read(build_dpl(Lock(packages=packages)))
    assert len(packages) == 100
    assert all(file.lookup(value.name) == (value,) for value in packages)
    assert file.lookup(wanted[0] + "x") == ()


def test_names_with_the_same_hash_are_told_apart() -> None:
    one, other = "8yn0iYCKYHlIj4-BwPqk", "GReLUrM4wMqfg9yzV3KQ"
    assert fnv1a_64(one.encode()) == fnv1a_64(other.encode())
    both = read(build_dpl(Lock(packages=(bare(one), bare(other), bare(other, "2")))))
    assert both.lookup(one) == (bare(one),)
    assert both.lookup(other) == (bare(other), bare(other, "2"))
    assert read(build_dpl(Lock(packages=(bare(one),)))).lookup(other) == ()


# What is refused


def test_a_missing_lock_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(LockNotFound, match="there is no lock"):
        DplLockFile.open(tmp_path / "dxpy.lock")


@pytest.mark.parametrize(
    ("content", "problem", "hint"),
    [
        (b"", "is empty", ""),
        (b"DP", "is cut short", ""),
        (b"version = 1\n", r"is not a lock: it begins with b'vers', expected b'DPL\\x01'", ""),
        (b"<<<<<<< ours\nDPL\n=======\nDPL\n>>>>>>> theirs\n", "holds git conflict markers", "dxpy lock"),
        (b"DPL\x01" + bytes(100), "cut short: it has 104 bytes, the header alone has 200", ""),
    ],
)
def test_another_file_is_refused_in_words(tmp_path: Path, content: bytes, problem: str, hint: str) -> None:
    path = tmp_path / "dxpy.lock"
    path.write_bytes(content)
    with pytest.raises(InvalidLock, match=problem) as caught:
        DplLockFile.open(path)
    assert isinstance(caught.value, FormatError)
    assert caught.value.file == str(path)
    assert hint in " ".join(caught.value.hints())
    assert path.read_bytes() == content


def test_a_directory_or_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidLock, match=r"regular file|cannot be read"):
        DplLockFile.open(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidLock, match="regular file"):
            DplLockFile.open(tmp_path / "pipe")


def test_only_a_lock_with_source_trees_is_of_the_version_that_knows_them() -> None:
    plain = sample()
    tree = replace(plain.packages[0], name=ProjectName("zz"), source=Source(SourceKind.TREE, "file:zz"), wheels=())
    with_tree = replace(plain, packages=(*plain.packages, replace(tree, sdist=None)))
    data = build_dpl(with_tree)
    assert (build_dpl(plain)[4:6], data[4:6]) == (b"\x02\x00", b"\x03\x00")
    assert read(data).packages[-1].source == Source(SourceKind.TREE, "file:zz")


def test_a_newer_lock_says_who_reads_it() -> None:
    with pytest.raises(InvalidLock, match="version 4 of the lock format, this dxpy reads versions 2 and 3") as caught:
        read(forged(build_dpl(sample()), 4, b"\x04\x00"))
    assert "newer dxpy" in caught.value.hints()[0]


def test_a_flipped_bit_anywhere_is_seen() -> None:
    data = build_dpl(sample())
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(InvalidLock):
            read(bytes(damaged)).to_lock()
        with pytest.raises(InvalidLock):
            read(bytes(damaged)).verify()
        with pytest.raises(InvalidLock):
            read(bytes(damaged), verify=False).verify()


def test_a_flipped_bit_never_changes_what_is_looked_up() -> None:
    packages = tuple(package(f"p{number}", "1.0") for number in range(300))
    data, chance = build_dpl(Lock(packages=packages)), random.Random(2)
    unseen = 0
    for _ in range(2_000):
        damaged, wanted = bytearray(data), chance.choice(packages)
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            assert read(bytes(damaged)).lookup(wanted.name) == (wanted,)
            unseen += 1
        except InvalidLock:
            pass
    assert unseen, "all of the lock is checked for each name"


def test_a_lock_cut_short_or_made_longer_is_refused() -> None:
    data = build_dpl(sample())
    for length in range(len(data)):
        with pytest.raises(InvalidLock):
            read(data[:length], verify=False)
    with pytest.raises(InvalidLock, match="its header says"):
        read(data + b"\0", verify=False)


def test_counts_that_would_take_gigabytes_are_refused() -> None:
    data = build_dpl(sample())
    for number in range(len(layout.SECTIONS)):
        with pytest.raises(InvalidLock, match=r"more than it has room for|expected at"):
            read(patched(data, 80 + 4 * number, words(0xFFFF_FFFF)))


@pytest.mark.parametrize("number", range(len(layout.SECTIONS)))
def test_sections_elsewhere_than_they_belong_are_refused(number: int) -> None:
    data = build_dpl(sample())
    with pytest.raises(InvalidLock, match="expected at"):
        read(forged(data, 124 + 4 * number, words(section(data, number) + 4)))


@pytest.mark.parametrize(
    ("where", "place", "patch", "problem"),
    [
        (layout.ENTRIES, 8, words(9999), "string 9999"),
        (layout.ENTRIES, 32, b"\x09", "source of unknown kind 9"),
        (layout.ENTRIES, 76, words(9999), "word 9999"),
        (layout.ENTRIES, 80, words(0), "out of order"),
        (layout.ENTRIES, 84, words(0xFFFF_FFFF), "out of order"),
        (layout.ENTRIES, 88, words(1), "out of order"),
        (layout.ENTRIES, 96, words(2), "2 sdists"),
        (layout.ENTRIES, 100, words(0), "continues entry 0 with entry 0"),
        (layout.ENTRIES, 100, words(1), "name is out of order"),
        (layout.ENTRIES, 3 * 128 + 100, words(4), "continues entry 3 with entry 4"),
        (layout.ENTRIES, 3 * 128 + 92, words(0), "belong to no entry"),
        (layout.FILES, 4, words(9999), "string 9999"),
        (layout.FILES, 12, words(9999), "digest 9999"),
        (layout.FILES, 32, words(9999), "word 9999"),
        (layout.FILES, 36, words(7), "unknown flags 0x7"),
        (layout.FILES, 36, words(0x100), "unknown flags 0x100"),
        (layout.REQUIREMENTS, 4, words(9999), "word 9999"),
        (layout.ROOT_SETS, 0, words(3), "root set"),
        (layout.ROOT_SETS, 8, words(1), "root set"),
        (layout.PAIRS, 0, words(2), "unknown table 2"),
        (layout.WORDS, 4, words(0xFFFF_FFFF), "list of 4294967295 words"),
        (layout.STRING_OFFSETS, 8, words(0xFFFF_FFF0), "string from"),
        (layout.STRINGS, 0, b"\xff", "UTF-8"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(where: int, place: int, patch: bytes, problem: str) -> None:
    data = build_dpl(sample())
    with pytest.raises(InvalidLock, match=problem) as caught:
        read(forged(data, section(data, where) + place, patch)).to_lock()
    assert caught.value.file == "dxpy.lock"


def test_a_table_that_leads_nowhere_is_refused() -> None:
    data = build_dpl(sample())
    slots = layout.HEADER.unpack_from(data)[10 + layout.SLOTS]
    full = read(forged(data, section(data, layout.SLOTS), words(0) * slots))
    assert full.lookup("absent") == ()
    with pytest.raises(InvalidLock, match="entry 77"):
        read(forged(data, section(data, layout.SLOTS), words(77) * slots)).lookup("flask")


def test_a_small_lock_cannot_ask_for_much_memory() -> None:
    """Many records that all put the same long text together with another, or all name the same long list."""
    count = 4_000
    files = tuple(
        LockedFile(filename=f"a-1-{number}.whl", url=f"https://x/a-1-{number}.whl", hashes={"md5": "00"})
        for number in range(count)
    )
    needs = tuple(Requirement(ProjectName(f"n{number}"), (ExtraName(f"e{number}"),)) for number in range(count))
    value = replace(package("a", "1", *needs), wheels=files, requires_python="x" * 100_000)
    data = build_dpl(Lock(packages=(value,)))
    long_text = layout.ENTRY.unpack_from(data, section(data, layout.ENTRIES))[9]
    for place, patch in ((8, words(long_text)), (0, words(long_text)), (32, words(5))):
        forgery = bytearray(data)
        for number in range(count):
            start = section(data, layout.FILES) + layout.FILE.size * number + place
            forgery[start : start + len(patch)] = patch
        refused_cheaply(bytes(forgery))
    forgery = bytearray(data)
    base = section(data, layout.WORDS)
    for word in range(1, 2 * count):
        forgery[base + 4 * word : base + 4 * word + 4] = words(2 * count - word)
    for number in range(count):
        start = section(data, layout.REQUIREMENTS) + layout.REQUIREMENT.size * number + 4
        forgery[start : start + 4] = words(number + 1)
    refused_cheaply(bytes(forgery))


def test_strings_and_lists_that_all_are_the_same_bytes_are_refused() -> None:
    count = 2_000
    packages = tuple(replace(bare(f"p{number}"), extras=(ExtraName(f"e{number}"),)) for number in range(count))
    data = build_dpl(Lock(packages=packages, project="x" * 100_000))
    long = layout.HEADER.unpack_from(data)[10 + layout.STRINGS]
    forgery, base = bytearray(data), section(data, layout.STRING_OFFSETS)
    for number in range(2, layout.HEADER.unpack_from(data)[10 + layout.STRING_OFFSETS] - 1):
        forgery[base + 4 * number : base + 4 * number + 4] = words(long * (number % 2))
    refused_cheaply(bytes(forgery))


def test_a_long_list_that_all_share_is_read_once() -> None:
    count = 2_000
    packages = tuple(replace(bare(f"p{number}"), extras=(ExtraName(f"e{number}"),)) for number in range(count))
    long_list = tuple(ExtraName(f"e{number}") for number in range(count))
    data = build_dpl(Lock(packages=(*packages, replace(bare("q"), extras=long_list))))
    forgery = bytearray(data)
    for number in range(count):
        place = section(data, layout.ENTRIES) + 128 * number + 76
        forgery[place : place + 4] = words(1 + 2 * count)
    tracemalloc.start()
    try:
        lock = read(bytes(forgery), verify=False).to_lock()
        assert tracemalloc.get_traced_memory()[1] < 40 * len(data)
    finally:
        tracemalloc.stop()
    assert all(value.extras == long_list for value in lock.packages)


def refused_cheaply(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidLock):
            read(data, verify=False).to_lock()
        assert tracemalloc.get_traced_memory()[1] < 40 * len(data)
    finally:
        tracemalloc.stop()


def test_thousands_of_damaged_locks_are_invalid_locks_and_nothing_else() -> None:
    good, chance = build_dpl(sample()), random.Random(1)
    for _ in range(5_000):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 1, 2, 8, 64))):
            place = chance.randrange(len(good))
            patch = chance.choice((b"\0", b"\xff", bytes([chance.randrange(256)]), words(chance.randrange(64))))
            damaged[place : place + len(patch)] = patch
        ask_everything(bytes(damaged[: len(good)]))
