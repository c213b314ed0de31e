"""What two branches together ask for, and which of their pins count."""

from __future__ import annotations

from locks import package
from packaging.version import Version

from dxpy_async.core.lock_merging import LockSides, merged_pins, merged_requires_python, merged_roots
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ExtraName, GroupName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import parse_requirement


def lock(**versions: str) -> Lock:
    return Lock(packages=tuple(package(name, version) for name, version in versions.items()))


def asks(*texts: str, **tables: tuple[str, ...]) -> Lock:
    def needs(found: tuple[str, ...]) -> tuple[Requirement, ...]:
        return tuple(map(parse_requirement, found))

    return Lock(
        roots=LockedRoots(
            requirements=needs(texts),
            optional={ExtraName(name): needs(found) for name, found in tables.items() if name != "dev"},
            groups={GroupName(name): needs(found) for name, found in tables.items() if name == "dev"},
        )
    )


def test_without_a_base_the_newer_pin_counts() -> None:
    pins = merged_pins(LockSides(lock(a="1.9", b="2", c="1"), lock(a="1.10", b="1", d="3")))
    assert pins == {"a": Version("1.10"), "b": Version("2"), "c": Version("1"), "d": Version("3")}


def test_with_a_base_the_pin_that_changed_counts_even_if_it_went_down() -> None:
    base = lock(a="2", b="2", c="2", d="2", e="2")
    sides = LockSides(lock(a="1", b="2", c="1", d="2", e="2"), lock(a="2", b="1", c="3", d="2"), base)
    found = {name: str(version) for name, version in merged_pins(sides).items()}
    assert found == {"a": "1", "b": "1", "c": "3", "d": "2", "e": "2"}


def test_what_is_no_version_pins_nothing() -> None:
    assert merged_pins(LockSides(lock(a="what?"), lock())) == {}


def test_the_roots_have_what_either_side_added_and_lack_what_either_removed() -> None:
    base = asks("a", "b", "c", old=("x",), dev=("t",))
    ours = asks("a", "c", "d", dev=("t", "u"))
    theirs = asks("a>=1", "b", "c", old=("x",), new=("y",), dev=("t",))
    merged = merged_roots(LockSides(ours, theirs, base))
    assert merged == asks("a>=1", "c", "d", new=("y",), dev=("t", "u")).roots
    assert merged == merged_roots(LockSides(theirs, ours, base))


def test_without_a_base_the_roots_are_all_of_both() -> None:
    assert merged_roots(LockSides(asks("b"), asks("a", dev=("t",)))) == asks("a", "b", dev=("t",)).roots


def test_requires_python_is_that_of_the_side_that_changed_it() -> None:
    old, new, other = (Lock(requires_python=text) for text in (">=3.9", ">=3.10", ">=3.11"))
    assert merged_requires_python(LockSides(old, new, old)) == ">=3.10"
    assert merged_requires_python(LockSides(new, old, old)) == ">=3.10"
    assert merged_requires_python(LockSides(new, other, old)) == ">=3.10"
    assert merged_requires_python(LockSides(new, other)) == ">=3.10"
