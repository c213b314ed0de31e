"""Pins from elsewhere: which are for this environment, and why one was not kept."""

from __future__ import annotations

from locks import package
from packaging.version import Version

from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.pins import WantedPin, choose_pins, lost_pins, pins_of
from dxpy_async.core.requirements import parse_requirement

HERE = {"sys_platform": "linux", "python_version": "3.11"}
A = ProjectName("a")


def wanted(version: str, *markers: str) -> WantedPin:
    return WantedPin(A, Version(version), markers)


def test_the_pin_whose_markers_hold_here_is_taken_else_the_newest() -> None:
    elsewhere, here = wanted("2", 'sys_platform == "win32"'), wanted("1", 'os_name == "x"', 'sys_platform == "linux"')
    environment = {**HERE, "os_name": "posix"}
    assert choose_pins([elsewhere, here], environment) == {"a": Version("1")}
    assert choose_pins([elsewhere, wanted("1.5", 'sys_platform == "x"')], environment) == {"a": Version("2")}
    assert choose_pins([wanted("1"), wanted("3"), wanted("2")], environment) == {"a": Version("3")}


def test_a_marker_that_an_environment_cannot_answer_excludes_nothing() -> None:
    assert choose_pins([wanted("2", "'x' in extras"), wanted("1")], HERE) == {"a": Version("2")}
    assert choose_pins([wanted("2", "no marker at all"), wanted("1")], HERE) == {"a": Version("2")}


def test_a_lock_pins_the_newest_of_several_versions() -> None:
    lock = Lock(packages=(package("a", "1.10"), package("a", "1.9"), package("b", "odd")))
    assert pins_of(lock) == {"a": Version("1.10")}


def test_a_lost_pin_says_who_forbids_it() -> None:
    lock = Lock(
        roots=LockedRoots(requirements=(parse_requirement("a>=2"),)),
        packages=(
            package("a", "2", parse_requirement("b<2"), parse_requirement("d @ https://example.org/d.whl")),
            *(package(name, "1") for name in "bcdef"),
        ),
    )
    pins = {"a": "1", "b": "2.0", "c": "2rc1", "d": "2", "e": "2", "f": "1.0", "gone": "1"}
    found = {
        lost.name: (str(lost.version), lost.taken, lost.reason)
        for lost in lost_pins(lock, {ProjectName(name): Version(version) for name, version in pins.items()})
    }
    assert found == {
        "a": ("1", "2", "the project needs `a>=2`"),
        "b": ("2.0", "1", "`a` 2 needs `b<2`"),
        "c": ("2rc1", "1", "it is a pre-release, which no requirement asks for"),
        "d": ("2", "1", "`a` 2 needs `d @ https://example.org/d.whl`"),
        "e": ("2", "1", "it is not on the index, or not for this environment"),
    }
