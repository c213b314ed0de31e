"""Holding an environment against its RECORDs."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import World

from dxpy_async.installer.check import verify_environment


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.change(world.wheel("good"), world.wheel("thing", files={"thing/a.py": "a", "thing/b.py": "b"}))
    return world


def reasons(world: World) -> list[tuple[str, str]]:
    return [(problem.file, problem.reason) for problem in verify_environment(world.scheme)]


def test_a_sound_environment_has_no_problems(world: World) -> None:
    assert reasons(world) == []


def test_missing_changed_and_replaced_files_are_named(world: World) -> None:
    (world.site / "thing/a.py").unlink()
    world.put("lib/python3.12/site-packages/thing/b.py", "c")
    (world.site / "good/__init__.py").unlink()
    (world.site / "good/__init__.py").symlink_to("elsewhere")
    (one, two, three) = reasons(world)
    assert one == ("good/__init__.py", "is not a file")
    assert two == ("thing/a.py", "is missing")
    assert three[0] == "thing/b.py"
    assert "has sha256" in three[1]


def test_a_file_of_another_length_is_told_without_hashing_it(world: World) -> None:
    world.put("lib/python3.12/site-packages/thing/b.py", "longer")
    assert reasons(world) == [("thing/b.py", "has 6 bytes, not 1")]


def test_a_distribution_without_a_record_is_a_problem(world: World) -> None:
    (world.installed("thing").directory / "RECORD").unlink()
    assert reasons(world) == [("", "there is no RECORD that can be read")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("../../../../outside,,", "leads out of the environment"),
        ("/etc/passwd,,", "leads out of the environment"),
        ("thing/a.py,shake_128=AAAA,1", "has a hash of an unknown kind, shake_128"),
        ("thing/a.py,crc=AAAA,1", "has a hash of an unknown kind, crc"),
    ],
)
def test_rows_that_cannot_be_checked_are_problems(world: World, row: str, reason: str) -> None:
    world.put_installed("odd", f"{row}\n")
    assert [found for _, found in reasons(world)] == [reason]


def test_an_interrupted_change_is_a_problem(world: World) -> None:
    world.stage(world.wheel("new"))
    assert reasons(world) == [("", "a change of the environment was interrupted")]
