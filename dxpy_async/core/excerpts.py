"""Part of a lock: what the project needs with some of its extras and groups, and on what condition it needs it.

Only what the environment of the lock needs is known, so a condition always holds there. Elsewhere it tells what can be
left out, never what would have to come.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from dxpy_async.core import parsers
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ExtraName, ProjectName, normalize_extra, normalize_group
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import marker_holds
from dxpy_async.core.selection import reached_from

_Ways = frozenset[frozenset[str]]
"""Any of these, each of which is all of some markers. With an empty one among them: always."""

_ALWAYS: _Ways = frozenset([frozenset()])
_MOST_WAYS = 8
_LONGEST_WAY = 4
"""A condition longer than this is no help to a reader, and is taken for `always`."""
_COMPARISON = re.compile(r'[a-z_]+ (?:[<>=!~]{1,3}|in|not in) "[^"]*"|"[^"]*" (?:[<>=!~]{1,3}|in|not in) [a-z_]+')
_NO_EXTRA = ExtraName("")


def excerpt(lock: Lock, *, extras: Collection[str] = (), groups: Collection[str] = ()) -> Lock:
    """The lock of a project that always needs what `lock`'s needs with these extras and dependency groups.

    Raises ProjectError for an extra or group that the lock does not know, LockError for a lock that lacks something.
    """
    reached = reached_from(lock, lock.environment, extras=extras, groups=groups)
    roots = lock.roots
    asked = [*roots.requirements]
    for extra in extras:
        asked += roots.optional[normalize_extra(extra)]
    for group in groups:
        asked += roots.groups[normalize_group(group)]
    return replace(
        lock,
        roots=LockedRoots(requirements=tuple(dict.fromkeys(asked))),
        packages=tuple(package for package in lock.packages if package.name in reached),
    )


def pruned(lock: Lock, names: Collection[ProjectName]) -> Lock:
    """`lock` without these projects, and without what nothing else needs."""

    def kept(requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        return tuple(each for each in requirements if each.name not in names)

    roots = LockedRoots(
        requirements=kept(lock.roots.requirements),
        optional={extra: kept(asked) for extra, asked in lock.roots.optional.items()},
        groups={group: kept(asked) for group, asked in lock.roots.groups.items()},
    )
    packages = tuple(
        replace(package, requirements=kept(package.requirements))
        for package in lock.packages
        if package.name not in names
    )
    left = replace(lock, roots=roots, packages=packages)
    reached = reached_from(left, lock.environment, extras=roots.optional, groups=roots.groups)
    return replace(left, packages=tuple(package for package in packages if package.name in reached))


def reach_markers(lock: Lock) -> Mapping[ProjectName, str]:
    """For each project that the roots' own requirements reach, the marker under which they do; empty for always."""
    requirements: dict[ProjectName, list[Requirement]] = {}
    for package in lock.packages:
        requirements.setdefault(package.name, []).extend(package.requirements)
    ways: dict[tuple[ProjectName, ExtraName], _Ways] = {}
    waiting: list[tuple[ProjectName, ExtraName]] = []

    def reach(requirement: Requirement, before: _Ways, extra: ExtraName) -> None:
        if not marker_holds(requirement.marker, lock.environment, extra):
            return
        condition = _without_extra(requirement.marker)
        through = frozenset(way | condition for way in before)
        for wanted in (_NO_EXTRA, *requirement.extras):
            node = (requirement.name, wanted)
            known = ways.get(node, frozenset())
            ways[node] = _simplest(known | through)
            if ways[node] != known:
                waiting.append(node)

    for requirement in lock.roots.requirements:
        reach(requirement, _ALWAYS, _NO_EXTRA)
    while waiting:
        name, extra = waiting.pop()
        for requirement in requirements.get(name, ()):
            if not extra or "extra" in requirement.marker:
                reach(requirement, ways[name, extra], extra)
    return {name: _text(found) for (name, extra), found in ways.items() if not extra}


def _simplest(ways: _Ways) -> _Ways:
    """The same without ways that another covers. Too many or too long ones are given up for `always`."""
    shortest = frozenset(way for way in ways if not any(other < way for other in ways))
    if len(shortest) > _MOST_WAYS or any(len(way) > _LONGEST_WAY for way in shortest):
        return _ALWAYS
    return shortest


def _without_extra(marker: str) -> frozenset[str]:
    """The parts of `marker`, all of which must hold, without what it says of the extra that is asked for.

    A marker with `or` in it is one part; if it speaks of extras too, it is left out whole.
    """
    if not marker:
        return frozenset()
    parts = marker.split(" and ")
    if all(_COMPARISON.fullmatch(part) for part in parts):
        return frozenset(part for part in parts if not part.startswith("extra ") and not part.endswith(" extra"))
    return frozenset() if "extra" in marker else frozenset([marker])


def _text(ways: _Ways) -> str:
    if frozenset() in ways:
        return ""
    alternatives = sorted(" and ".join(f"({part})" for part in sorted(way)) for way in ways)
    return str(parsers.markers.Marker(" or ".join(f"({alternative})" for alternative in alternatives)))
