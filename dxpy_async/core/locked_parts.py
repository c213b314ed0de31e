"""What single projects of a workspace ask for, in the roots of the lock that all of them share.

The roots' own requirements, extras and groups are those of the project in the workspace's root. What a member asks for
stands among the groups and extras, under names that no group or extra can have:

    groups    alpha:        its requirements, and itself when it is to be installed
              alpha:dev     its group `dev`
    extras    alpha:fast    its extra `fast`
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.selection import LockedRelease, LockView

NameT = TypeVar("NameT", ExtraName, GroupName)

_COLON = ":"


def with_member(roots: LockedRoots, member: ProjectName, asked: LockedRoots) -> LockedRoots:
    """`roots`, and in them what a member asks for."""
    return LockedRoots(
        requirements=roots.requirements,
        optional={**roots.optional, **{ExtraName(_key(member, name)): each for name, each in asked.optional.items()}},
        groups={
            **roots.groups,
            GroupName(_key(member)): asked.requirements,
            **{GroupName(_key(member, name)): each for name, each in asked.groups.items()},
        },
    )


def seen_as_one(roots: LockedRoots, members: Iterable[ProjectName | None], *, own: bool = True) -> LockedRoots:
    """What these projects ask for, as if they were one; None is the project in the root.

    Groups and extras of one name are put together. Without `own` only groups and extras count.
    """
    seen = [_of(roots, member) for member in members]
    return LockedRoots(
        requirements=_together(each.requirements for each in seen) if own else (),
        optional=_by_name([each.optional for each in seen]),
        groups=_by_name([each.groups for each in seen]),
    )


def describe_part(kind: str, key: str) -> str:
    """What an extra or group in the roots is, in words; `kind` is `extra` or `group`."""
    member, name = member_and_name(key)
    if not member:
        return f"the {kind} `{name}`"
    return f"the {kind} `{name}` of `{member}`" if name else f"the dependencies of `{member}`"


def member_and_name(key: str) -> tuple[str, str]:
    """Whose an extra or group is, empty for the root's own, and its name, empty for what a member itself requires."""
    member, colon, name = key.partition(_COLON)
    return (member, name) if colon else ("", key)


def _key(member: ProjectName, name: str = "") -> str:
    return f"{member}{_COLON}{name}"


def _of(roots: LockedRoots, member: ProjectName | None) -> LockedRoots:
    if member is None:
        return LockedRoots(
            requirements=roots.requirements,
            optional={name: asked for name, asked in roots.optional.items() if _COLON not in name},
            groups={name: asked for name, asked in roots.groups.items() if _COLON not in name},
        )
    start = _key(member)
    return LockedRoots(
        requirements=roots.groups.get(GroupName(start), ()),
        optional={ExtraName(name): asked for name, asked in _under(start, roots.optional)},
        groups={GroupName(name): asked for name, asked in _under(start, roots.groups)},
    )


def _under(start: str, parts: Mapping[NameT, tuple[Requirement, ...]]) -> Iterator[tuple[str, tuple[Requirement, ...]]]:
    for key, asked in parts.items():
        if key.startswith(start) and key != start:
            yield key.removeprefix(start), asked


def _by_name(parts: Sequence[Mapping[NameT, tuple[Requirement, ...]]]) -> dict[NameT, tuple[Requirement, ...]]:
    names = sorted({name for each in parts for name in each})
    return {name: _together(each.get(name, ()) for each in parts) for name in names}


def _together(parts: Iterable[tuple[Requirement, ...]]) -> tuple[Requirement, ...]:
    return tuple(dict.fromkeys(requirement for part in parts for requirement in part))


@dataclass(frozen=True, slots=True)
class SeenLock:
    """A lock with other roots: those that count for a selection."""

    lock: LockView
    roots: LockedRoots

    @property
    def project(self) -> str:
        return self.lock.project

    @property
    def requires_python(self) -> str:
        return self.lock.requires_python

    @property
    def environment(self) -> Mapping[str, str]:
        return self.lock.environment

    @property
    def packages(self) -> Sequence[LockedRelease]:
        return self.lock.packages
