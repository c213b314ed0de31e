"""Two locks from two branches made into one question, for a resolution to answer.

What only one side changed since the lock that both come from is taken from that side. Of two changes, or without such a
lock, the newer version counts, and what either side asks for is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.pins import pins_of
from dxpy_async.core.requirement_values import Requirement

KeyT = TypeVar("KeyT", bound=str)
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class LockSides:
    """The lock of each of two branches, and the one that both come from; None where it is not known."""

    ours: Lock
    theirs: Lock
    base: Lock | None = None


def merged_pins(sides: LockSides) -> Mapping[ProjectName, Version]:
    """The version to prefer of each project that either side holds."""
    ours, theirs = pins_of(sides.ours), pins_of(sides.theirs)
    base = pins_of(sides.base) if sides.base is not None else {}
    merged: dict[ProjectName, Version] = {}
    for name in sorted(ours.keys() | theirs.keys()):
        # what one side does not need has the other side's pin, should the result need it
        mine, other = ours.get(name) or theirs[name], theirs.get(name) or ours[name]
        before = base.get(name)
        merged[name] = other if mine == before else mine if other == before else max(mine, other)
    return merged


def merged_roots(sides: LockSides) -> LockedRoots:
    """What the project asks for on both branches together, requirement by requirement."""
    ours, theirs = sides.ours.roots, sides.theirs.roots
    base = sides.base.roots if sides.base is not None else LockedRoots()
    return LockedRoots(
        requirements=_merged_requirements(ours.requirements, theirs.requirements, base.requirements),
        optional=_merged_tables(ours.optional, theirs.optional, base.optional),
        groups=_merged_tables(ours.groups, theirs.groups, base.groups),
    )


def merged_requires_python(sides: LockSides) -> str:
    """The Python versions that the project is for; ours if both sides changed that."""
    ours, theirs = sides.ours.requires_python, sides.theirs.requires_python
    return theirs if sides.base is not None and sides.base.requires_python == ours else ours


def _merged_tables(
    ours: Mapping[KeyT, tuple[Requirement, ...]],
    theirs: Mapping[KeyT, tuple[Requirement, ...]],
    base: Mapping[KeyT, tuple[Requirement, ...]],
) -> dict[KeyT, tuple[Requirement, ...]]:
    names = _merged_set(ours, theirs, base)
    return {
        name: _merged_requirements(ours.get(name, ()), theirs.get(name, ()), base.get(name, ()))
        for name in sorted(names)
    }


def _merged_requirements(
    ours: Iterable[Requirement], theirs: Iterable[Requirement], base: Iterable[Requirement]
) -> tuple[Requirement, ...]:
    return tuple(sorted(_merged_set(ours, theirs, base), key=str))


def _merged_set(ours: Iterable[ValueT], theirs: Iterable[ValueT], base: Iterable[ValueT]) -> set[ValueT]:
    """What both have, and what either added."""
    mine, other, before = set(ours), set(theirs), set(base)
    return (mine & other) | (mine - before) | (other - before)
