"""The laws of the binary lock: what is built is read again, bytes are a function of the content, damage is noticed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from locks import ask_everything, locks, with_digests

from dxpy_async.core.hashing import fnv1a_64
from dxpy_async.core.locks import Lock
from dxpy_async.errors import InvalidLock
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.dpl import DplLockFile, build_dpl

at_leisure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
"""A busy machine takes its time to draw a whole lock."""


def read(data: bytes) -> DplLockFile:
    return DplLockFile(data, file="dxpy.lock")


@given(locks)
@settings(at_leisure, max_examples=80)
def test_a_lock_that_is_written_is_read_again(lock: Lock) -> None:
    """to_lock(build(lock)) has every value of lock, its packages in order."""
    back = read(build_dpl(lock)).to_lock()
    key = lambda package: repr((package.name, package.version, package.source))  # noqa: E731
    assert replace(back, packages=()) == replace(lock, packages=())
    assert sorted(back.packages, key=key) == sorted(lock.packages, key=key)
    assert [package.name for package in back.packages] == sorted(package.name for package in lock.packages)


@given(locks, st.randoms(use_true_random=False))
@settings(at_leisure, max_examples=50)
def test_the_bytes_are_a_function_of_the_content(lock: Lock, shuffler: random.Random) -> None:
    """Packages and mappings in any order give the same bytes, and so does what was read back."""
    data = build_dpl(lock)
    packages = list(lock.packages)
    shuffler.shuffle(packages)
    shuffled = replace(
        lock,
        packages=tuple(packages),
        settings=dict(reversed(lock.settings.items())),
        environment=dict(reversed(lock.environment.items())),
        roots=replace(lock.roots, groups=dict(reversed(lock.roots.groups.items()))),
    )
    assert build_dpl(shuffled) == data
    assert build_dpl(read(data).to_lock()) == data


@given(locks)
@settings(at_leisure, max_examples=50)
def test_the_parts_of_the_file_stand_one_after_the_other(lock: Lock) -> None:
    """Header 200 bytes; each section begins where the one before ends, the last ends the file; BLAKE3 matches; the
    table is a power of two at most half full, and holds each name once, where a reader looks for it."""
    data = build_dpl(lock)
    fields = layout.HEADER.unpack_from(data)
    trees = [package for package in lock.packages if package.source.kind.is_tree]
    version = layout.TREE_VERSION if trees else layout.VERSION
    assert (fields[0], fields[1], layout.HEADER.size, fields[3]) == (b"DPL\x01", version, 200, len(data))
    counts, offsets = fields[10:21], fields[21:32]
    place = 200
    for (_, size), count, offset in zip(layout.SECTIONS, counts, offsets, strict=True):
        assert offset == place
        place += size * count
    assert place == len(data)
    assert with_digests(data) == data
    slots = [layout.WORD.unpack_from(data, offsets[layout.SLOTS] + 4 * slot)[0] for slot in range(counts[layout.SLOTS])]
    used = [(slot, index) for slot, index in enumerate(slots) if index != layout.NONE]
    assert len(slots) & len(slots) - 1 == 0
    assert len(slots) >= 2 * len(used)
    entries = read(data).packages
    assert sorted(entries[index].name for _, index in used) == sorted({package.name for package in lock.packages})
    for slot, index in used:
        wanted = fnv1a_64(entries[index].name.encode())
        assert all(slots[probe & len(slots) - 1] != layout.NONE for probe in range(wanted & len(slots) - 1, slot))


@given(locks)
@settings(at_leisure, max_examples=40)
def test_every_release_is_found_by_its_name(lock: Lock) -> None:
    """lookup gives all releases of a name, in order, and none for a name that is not there."""
    file = read(build_dpl(lock))
    packages = file.to_lock().packages
    for name in {package.name for package in packages}:
        assert file.lookup(name) == tuple(package for package in packages if package.name == name)
    assert file.lookup("absent-from-every-lock") == ()


@given(locks, st.data())
@settings(at_leisure, max_examples=60)
def test_changed_bytes_are_an_invalid_lock_and_nothing_else(lock: Lock, data: st.DataObject) -> None:
    """Any change is seen when all is read and checked; unchecked, nothing but InvalidLock ever comes out."""
    good = build_dpl(lock)
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    if damaged != good:
        with pytest.raises(InvalidLock) as caught:
            read(bytes(damaged)).to_lock()
        assert caught.value.file == "dxpy.lock"
    ask_everything(bytes(damaged))


@given(st.one_of(st.binary(max_size=400), st.binary(max_size=400).map(lambda tail: b"DPL\x01\x01\x00\x00\x00" + tail)))
@settings(at_leisure, max_examples=400)
def test_random_bytes_are_an_invalid_lock(data: bytes) -> None:
    """Whatever the bytes, InvalidLock."""
    with pytest.raises(InvalidLock):
        read(data)
