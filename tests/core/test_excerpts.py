"""Excerpts of a lock, and the markers under which a lock's releases are needed."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from locks import package

from dxpy_async.core.excerpts import excerpt, pruned, reach_markers
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import marker_holds, parse_requirement
from dxpy_async.core.selection import reached_from
from dxpy_async.errors import ProjectError

LINUX, NEW = 'sys_platform == "linux"', 'python_version >= "3.10"'
HERE = {"sys_platform": "linux", "python_version": "3.11", "os_name": "posix"}
NAMES = "abcdef"


def needs(*texts: str) -> tuple[Requirement, ...]:
    return tuple(map(parse_requirement, texts))


def lock_of(roots: tuple[Requirement, ...], **packages: tuple[Requirement, ...]) -> Lock:
    return Lock(
        roots=LockedRoots(requirements=roots),
        environment=HERE,
        packages=tuple(package(name, "1", *edges) for name, edges in packages.items()),
    )


def test_what_is_pruned_goes_with_all_that_nothing_else_needs() -> None:
    lock = lock_of(needs("a", "b"), a=needs("c"), b=needs("d"), c=needs("e", "d"), d=(), e=())
    left = pruned(lock, [ProjectName("c")])
    assert [each.name for each in left.packages] == ["a", "b", "d"]
    assert left.packages[0].requirements == ()
    assert pruned(lock, [ProjectName("b"), ProjectName("a")]).packages == ()


def test_the_excerpt_of_a_lock_needs_what_was_chosen_of_it_and_nothing_else() -> None:
    lock = Lock(
        roots=LockedRoots(
            requirements=needs("a"),
            optional={ExtraName("fast"): needs("b"), ExtraName("nice"): needs("c")},
            groups={GroupName("dev"): needs("d", "a")},
        ),
        environment=HERE,
        packages=tuple(package(name, "1") for name in "abcd"),
    )
    part = excerpt(lock, extras=["Fast"], groups=["dev"])
    assert part.roots == LockedRoots(requirements=needs("a", "b", "d"))
    assert [each.name for each in part.packages] == ["a", "b", "d"]
    with pytest.raises(ProjectError, match="no extra `fats`"):
        excerpt(lock, extras=["fats"])


def test_a_release_that_something_always_needs_has_no_marker() -> None:
    lock = lock_of(needs(f"a; {LINUX}", "b"), a=needs("c"), b=needs("c"), c=())
    assert reach_markers(lock) == {"a": LINUX, "b": "", "c": ""}


def test_markers_along_a_way_add_up_and_ways_are_alternatives() -> None:
    lock = lock_of(needs(f"a; {LINUX}", f"b; {NEW}"), a=needs('c; os_name == "posix"'), b=needs("c"), c=())
    assert reach_markers(lock)["c"] == f'(os_name == "posix" and {LINUX}) or {NEW}'


def test_a_way_that_another_covers_does_not_count() -> None:
    lock = lock_of(needs(f"a; {LINUX}"), a=needs(f"b; {NEW}", "b"), b=needs("a"))
    assert reach_markers(lock) == {"a": LINUX, "b": LINUX}


def test_an_extra_that_was_asked_for_is_no_condition() -> None:
    lock = lock_of(
        needs(f"a[x]; {LINUX}"),
        a=needs('b; extra == "x"', f'c; {NEW} and extra == "x"', 'd; extra == "x" or os_name == "nt"'),
        b=(),
        c=(),
        d=(),
    )
    assert reach_markers(lock) == {"a": LINUX, "b": LINUX, "c": f"{NEW} and {LINUX}", "d": LINUX}


def test_a_condition_too_long_to_read_is_given_up() -> None:
    markers = [f'python_version != "3.{minor}"' for minor in range(30, 40)]
    lock = lock_of(needs(*(f"a; {marker}" for marker in markers)), a=())
    assert reach_markers(lock) == {"a": ""}


markers = st.sampled_from(["", LINUX, NEW, 'os_name == "posix"', f'{LINUX} or os_name == "nt"', 'sys_platform == "x"'])
edges = st.tuples(st.sampled_from(NAMES), markers, st.booleans(), st.booleans())


@st.composite
def graphs(draw: st.DrawFn) -> Lock:
    def drawn(*, inner: bool) -> tuple[Requirement, ...]:
        found = []
        for name, marker, with_extra, for_extra in draw(st.lists(edges, max_size=4)):
            parts = [f"({marker})"] * bool(marker) + ['extra == "x"'] * (inner and for_extra)
            condition = f"; {' and '.join(parts)}" if parts else ""
            found.append(parse_requirement(f"{name}{'[x]' if with_extra else ''}{condition}"))
        return tuple(found)

    return lock_of(drawn(inner=False), **{name: drawn(inner=True) for name in NAMES})


@given(graphs())
def test_a_marker_holds_wherever_its_release_is_needed(lock: Lock) -> None:
    """In every environment, what the roots reach is among what the markers keep; in the lock's own, all of it is."""
    found = reach_markers(lock)
    assert set(found) == reached_from(lock, HERE)
    assert all(marker_holds(marker, HERE) for marker in found.values())
    for platform, python, system in product(["linux", "x"], ["3.9", "3.11"], ["posix", "nt"]):
        there = {"sys_platform": platform, "python_version": python, "os_name": system}
        kept = {name for name, marker in found.items() if marker_holds(marker, there)}
        assert reached_from(lock, there) & set(found) <= kept | _only_elsewhere(lock, there, set(found))


def _only_elsewhere(lock: Lock, there: dict[str, str], known: set[ProjectName]) -> set[ProjectName]:
    """What is needed there only by edges that do not hold where the lock was made, of which it cannot know."""

    def here(requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        return tuple(
            each for each in requirements if any(marker_holds(each.marker, HERE, extra) for extra in ("", "x"))
        )

    trimmed = replace(
        lock,
        roots=LockedRoots(requirements=here(lock.roots.requirements)),
        packages=tuple(replace(each, requirements=here(each.requirements)) for each in lock.packages),
    )
    return set(reached_from(lock, there) - reached_from(trimmed, there)) & known
