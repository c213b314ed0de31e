"""Two distributions with one file, found by what is known before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from environments import World, tree_of

from dxpy_async.errors import FileConflict
from dxpy_async.installer.conflicts import check_conflicts


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def filled(value: Any, name: str) -> Any:
    """`value` with `name` in place of each `NAME`."""
    if isinstance(value, dict):
        return {filled(key, name): filled(each, name) for key, each in value.items()}
    return value.replace("NAME", name)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("site-packages/common/same.py", {"files": {"common/same.py": "NAME", "common/NAME.py": ""}}),
        ("site-packages/single.py", {"files": {"single.py": "NAME"}}),
        ("share/x.txt", {"data": {"data/share/x.txt": "NAME"}}),
        ("site-packages/same.py", {"data": {"purelib/same.py": "NAME"}}),
        ("bin/tool", {"entry_points": {"console_scripts": {"tool": "NAME:main"}}}),
    ],
)
def test_two_wheels_with_different_files_in_one_place_are_named_with_it(
    world: World, path: str, parts: dict[str, Any]
) -> None:
    one, two = (world.wheel(name, **filled(parts, name)).manifest for name in ("one", "two"))
    before = tree_of(world.prefix)
    with pytest.raises(FileConflict) as raised:
        check_conflicts([one, two], world.scheme)
    for said in (path, "one-1.0", "two-1.0"):
        assert said in str(raised.value)
    assert tree_of(world.prefix) == before


def test_the_same_file_in_two_wheels_is_no_conflict(world: World) -> None:
    files = {"common/same.py": "same", "empty.py": ""}
    wheels = [world.wheel(name, files=files, data={"data/share/x": "x"}).manifest for name in ("one", "two")]
    check_conflicts(wheels, world.scheme)


def test_what_stays_is_in_conflict_and_what_leaves_is_not(world: World) -> None:
    world.change(world.wheel("one", files={"common/same.py": "one"}, entry_points={"console_scripts": {"a": "one:a"}}))
    there = world.installed("one")
    coming = world.wheel("two", files={"common/same.py": "two"}).manifest
    with pytest.raises(FileConflict, match=r"`two-1.0.*one-1.0.*common/same.py"):
        check_conflicts([coming], world.scheme, staying=[there])
    check_conflicts([coming], world.scheme, leaving=[there])
    launcher = world.wheel("three", entry_points={"console_scripts": {"a": "three:a"}}).manifest
    with pytest.raises(FileConflict, match="bin/a"):
        check_conflicts([launcher], world.scheme, staying=[there])
    check_conflicts([world.wheel("four", files={"common/same.py": "one"}).manifest], world.scheme, staying=[there])


def test_two_that_stay_were_allowed_before(world: World) -> None:
    one, two = (world.wheel(name, files={"common/same.py": name}) for name in ("one", "two"))
    with world.transaction(allow_overwrites=True) as transaction:
        for stored in (one, two):
            transaction.stage(stored)
        transaction.commit()
    staying = [world.installed("one"), world.installed("two")]
    wheels = [one.manifest, two.manifest, world.wheel("other").manifest]
    check_conflicts(wheels, world.scheme, staying=staying)
