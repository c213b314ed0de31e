"""An environment made from a blueprint: as the transaction makes it, and repairable after a kill at any step."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from environments import World, tree_of
from test_crashes import killed_at

from dxpy_async.core.settings import LinkMode
from dxpy_async.errors import InstallError
from dxpy_async.installer.assembling import Assembly
from dxpy_async.installer.blueprints import Wheel, write_part
from dxpy_async.installer.check import verify_environment
from dxpy_async.installer.parts import make_part
from dxpy_async.store.bytecode import read_bytecode
from dxpy_async.store.store import StoredWheel

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def wheels_of(world: World) -> list[StoredWheel]:
    made = [
        world.wheel(
            "rich",
            files={"rich/__init__.py": "1", "rich/deep/a.py": "2", "ns/rich/b.py": "3", "single.py": "4"},
            entry_points={"console_scripts": {"rich": "rich:main"}},
            data={"data/share/rich.conf": "x", "scripts/old": "#!python\nprint()\n", "scripts/plain": "#!/bin/sh\n"},
        ),
        world.wheel("other", files={"ns/other/c.py": "5", "other.py": "6"}),
    ]
    return [world.compile(stored) for stored in made]


def assemble(world: World, stored: list[StoredWheel], workers: int = 1) -> None:
    folds, cache = world.folds(tuple(stored)), str(world.store.root)
    wheels = []
    for each in stored:
        name, key = each.manifest.name, each.manifest.blake3
        bytecode = read_bytecode(str(each.directory), world.scheme.cache_tag) or ()
        part = make_part(each.manifest, str(each.directory), world.scheme, folds.get(name), bytecode)
        assert part is not None
        wheels.append(Wheel(name, "1.0", key, write_part(cache, key, part), 1, requested=True, direct_url=None))
    site = str(world.site.relative_to(world.prefix))
    assembly = Assembly(str(world.prefix), site=site, scripts="bin", cache_dir=cache)
    assembly.install(wheels, symlinks=world.link_mode is LinkMode.SYMLINK, workers=workers)


@pytest.mark.parametrize("mode", [LinkMode.HARDLINK, LinkMode.SYMLINK])
@pytest.mark.parametrize("workers", [1, 2])
def test_it_makes_what_the_transaction_makes(tmp_path: Path, mode: LinkMode, workers: int) -> None:
    world = World(tmp_path, link_mode=mode)
    assemble(world, wheels_of(world), workers)
    world.assert_sound()
    made = tree_of(world.prefix)
    other = World(tmp_path, link_mode=mode)
    world.prefix.rename(tmp_path / "aside")
    other = World(tmp_path, link_mode=mode)
    other.change(*wheels_of(other))
    decided = tree_of(other.prefix)
    requested = {path for path in made if path.endswith("/REQUESTED")}
    assert made.keys() - requested == decided.keys()
    different = {path for path in decided if (made[path][0], made[path][-1]) != (decided[path][0], decided[path][-1])}
    assert {os.path.basename(path) for path in different} <= {"RECORD"}


@pytest.mark.parametrize("mode", [LinkMode.HARDLINK, LinkMode.SYMLINK])
def test_a_kill_at_any_step_leaves_what_the_transaction_repairs(tmp_path: Path, mode: LinkMode) -> None:
    world = World(tmp_path, link_mode=mode)
    stored = wheels_of(world)
    step, seen = 1, set()
    while killed_at(step, partial(assemble, world, stored)):
        problems = verify_environment(world.scheme)
        assert [each for each in problems if not each.directory.endswith(".dxpy-transaction")] == []
        world.transaction().recover()
        world.assert_sound()
        seen.add(frozenset(world.versions()))
        world.change(remove=tuple(world.versions()))
        left = {path.name for path in world.site.rglob("*")}
        assert left <= {"__pycache__"}
        (world.prefix / "dxpy-links").unlink(missing_ok=True)
        step += 1
    assert step > 30
    assert frozenset() in seen
    assert len(seen) > 1


def test_a_place_that_is_taken_is_not_for_the_quick_way(tmp_path: Path) -> None:
    world = World(tmp_path)
    stored = wheels_of(world)
    world.put("lib/python3.12/site-packages/other.py", "mine")
    with pytest.raises((InstallError, OSError)):
        assemble(world, stored)
    world.transaction().recover()
    assert (world.site / "other.py").read_text() == "mine"
    assert world.versions() == {}
