"""Where projects are to come from, as `[tool.dxpy.sources]` says, and requirements that say it themselves.

A source of a kind other than `index` becomes the url of the requirements on its project, so that nothing that reads
requirements afterwards has to know of the table. With markers a requirement becomes several, one for each source, and
one for where none of the sources holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.marker_algebra import both, none_of
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirements import Requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenSource:
    """One source of one project, and for which requirements on it: those in an extra, in a group, under a marker.

    Either `index` names an index, or `url` is what requirements get (`core.source_urls`). `line` is where it stands.
    """

    url: str | None = None
    index: str = ""
    marker: str = ""
    extra: ExtraName | None = None
    group: GroupName | None = None
    line: int | None = None

    def serves(self, extra: ExtraName | None, group: GroupName | None) -> bool:
        """Whether it counts for requirements in that extra or group, or in neither."""
        return self.extra in (None, extra) and self.group in (None, group)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Sources that do not count: all, or those of some projects."""

    everything: bool = False
    projects: frozenset[ProjectName] = frozenset()

    def __contains__(self, name: ProjectName) -> bool:
        return self.everything or name in self.projects


NONE_PASSED_OVER = PassedOver()

SourceTable = Mapping[ProjectName, tuple[GivenSource, ...]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sources of one file are held against.

    `lock_root` is the directory of the lock, which relative urls mean. `members` are the directories of the workspace's
    members, relative to it, with the url that a requirement on each gets; None outside of a workspace. `shared` are the
    sources that the workspace gives all members. Those `passed_over` are not even read.
    """

    lock_root: str
    members: Mapping[ProjectName, str] | None = None
    shared: SourceTable = field(default_factory=dict)
    passed_over: PassedOver = NONE_PASSED_OVER


def lowered(
    requirements: Iterable[Requirement],
    sources: SourceTable,
    *,
    extra: ExtraName | None = None,
    group: GroupName | None = None,
) -> tuple[Requirement, ...]:
    """`requirements`, which stand in that extra or group or in neither, with the urls that `sources` give them.

    Raises ValueError for a marker that cannot be told where it does not hold.
    """
    if not sources:
        return tuple(requirements)
    found: list[Requirement] = []
    for requirement in requirements:
        serving = [each for each in sources.get(requirement.name, ()) if each.serves(extra, group)]
        found += _parts(requirement, serving) if any(each.url for each in serving) else [requirement]
    return tuple(found)


def _parts(requirement: Requirement, serving: Iterable[GivenSource]) -> list[Requirement]:
    parts, markers = [], []
    for source in serving:
        part = requirement._replace(marker=both(requirement.marker, source.marker))
        parts.append(part if source.url is None else part._replace(specifier="", url=source.url))
        markers.append(source.marker)
    rest = none_of(markers)
    if rest is not None:
        parts.append(requirement._replace(marker=both(requirement.marker, rest)))
    return parts
