"""What of a project its lock answers for, and in words how two such sets of questions differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from dxpy_async.core import parsers
from dxpy_async.core.amendments import NO_AMENDMENTS, Amendments
from dxpy_async.core.locked_parts import describe_part, with_member
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ExtraName, GroupName
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.source_urls import public_url
from dxpy_async.project.pyproject import Project

NameT = TypeVar("NameT", ExtraName, GroupName)


def roots_of(project: Project, amendments: Amendments = NO_AMENDMENTS) -> LockedRoots:
    """The requirements of a project as they count, each once, in the order of their text: moving lines changes no lock.

    A requirement of the project on itself with extras (`all = ["webapp[test,docs]"]`) means those extras'
    requirements and is replaced by them; one without extras asks for nothing. What members of its workspace ask for is
    among the groups and extras (`core.locked_parts`).
    """
    roots = _own_roots(project, amendments)
    for member in project.members:
        asked = _own_roots(member.project, amendments)
        if not member.is_virtual:
            itself = Requirement(name=member.project.name, url=member.url)
            asked = replace(asked, requirements=tuple(sorted({itself, *asked.requirements}, key=str)))
        roots = with_member(roots, member.project.name, asked)
    return roots


def _own_roots(project: Project, amendments: Amendments) -> LockedRoots:
    def counting(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
        amended = amendments.amend(tuple(_without_itself(requirements, project)))
        return tuple(sorted(set(map(public_requirement, amended)), key=str))

    return LockedRoots(
        requirements=counting(project.dependencies),
        optional={
            extra: counting(requirements) for extra, requirements in sorted(project.optional_dependencies.items())
        },
        groups={group: counting(requirements) for group, requirements in sorted(project.dependency_groups.items())},
    )


def public_requirement(requirement: Requirement) -> Requirement:
    """`requirement` without the secrets of its address, which no lock may hold."""
    if requirement.url is None or "@" not in requirement.url:
        return requirement
    return requirement._replace(url=public_url(requirement.url))


def _without_itself(requirements: Iterable[Requirement], project: Project) -> list[Requirement]:
    expanded: list[Requirement] = []
    seen: dict[ExtraName, list[frozenset[str]]] = {}
    pending = [(requirement, _conditions((), requirement)) for requirement in requirements]
    while pending:
        requirement, conditions = pending.pop()
        if requirement.name != project.name:
            expanded.append(requirement._replace(marker=_conjunction(conditions)))
            continue
        for extra in requirement.extras:
            # what an extra asks for under fewer conditions covers what it asks for under more: circles end here
            if not any(fewer <= frozenset(conditions) for fewer in seen.setdefault(extra, [])):
                seen[extra].append(frozenset(conditions))
                inner = project.optional_dependencies.get(extra, ())
                pending += [(one, _conditions(conditions, one)) for one in inner]
    return expanded


def _conditions(outer: tuple[str, ...], requirement: Requirement) -> tuple[str, ...]:
    marker = requirement.marker
    return outer if not marker or marker in outer else (*outer, marker)


def _conjunction(conditions: tuple[str, ...]) -> str:
    if len(conditions) < 2:
        return "".join(conditions)
    return str(parsers.markers.Marker(" and ".join(f"({condition})" for condition in conditions)))


def explain_difference(lock_roots: LockedRoots, project_roots: LockedRoots) -> str | None:
    """The first things in which a project's requirements differ from those its lock was made for; None for nothing.

    A clause like "`flask>=3` was added to the dependencies"; it completes the sentence "the lock is stale: …".
    """
    parts = [("the dependencies", lock_roots.requirements, project_roots.requirements)]
    parts += _named("extra", lock_roots.optional, project_roots.optional)
    parts += _named("group", lock_roots.groups, project_roots.groups)
    for kind, old, new in (
        ("extra", set(lock_roots.optional), set(project_roots.optional)),
        ("group", set(lock_roots.groups), set(project_roots.groups)),
    ):
        for name in sorted(new - old):
            return f"{describe_part(kind, name)} was added"
        for name in sorted(old - new):
            return f"{describe_part(kind, name)} was removed"
    for where, locked, wanted in parts:
        if difference := _difference(where, locked, wanted):
            return difference
    return None


def _named(
    kind: str, old: Mapping[NameT, tuple[Requirement, ...]], new: Mapping[NameT, tuple[Requirement, ...]]
) -> list[tuple[str, tuple[Requirement, ...], tuple[Requirement, ...]]]:
    return [(describe_part(kind, name), old[name], new[name]) for name in sorted(old) if name in new]


def _difference(where: str, old: tuple[Requirement, ...], new: tuple[Requirement, ...]) -> str | None:
    added = sorted((Counter(new) - Counter(old)).elements(), key=str)
    removed = sorted((Counter(old) - Counter(new)).elements(), key=str)
    if not added and not removed:
        return None
    changed = next(((one, other) for one in removed for other in added if one.name == other.name), None)
    if changed is not None:
        return f"`{changed[0]}` became `{changed[1]}` in {where}"
    more = f" and {len(added) + len(removed) - 1} more changed" if len(added) + len(removed) > 1 else ""
    if added:
        return f"`{added[0]}` was added to {where}{more}"
    return f"`{removed[0]}` was removed from {where}{more}"
