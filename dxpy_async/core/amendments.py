"""What people change about requirements wherever they come from: constraints, overrides and exclusions.

A *constraint* narrows which versions of a project may be picked, and asks for nothing. An *override* takes the place of
every requirement of its project: version, URL and extras are those of the override, while the marker of the requirement
stays and the override's is added to it, so that an override asks for nothing that nobody required. Requirements of an
*excluded* project are left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement


@dataclass(frozen=True, slots=True)
class Statement:
    """One constraint or override, and the place where it stands, for people: `constraints.txt:3`."""

    requirement: Requirement
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendments:
    """All that is changed. Several overrides of one project all take the place of each requirement."""

    constraints: tuple[Statement, ...] = ()
    overrides: tuple[Statement, ...] = ()
    exclusions: frozenset[ProjectName] = frozenset()

    def amend(self, requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
        """`requirements` of a project or a release as they count; doing it twice changes nothing more."""
        if not self.overrides and not self.exclusions:
            return requirements
        return tuple(dict.fromkeys(each for one in requirements for each in self._amended(one)))

    def override_of(self, project: ProjectName) -> Statement | None:
        """The first override of `project`."""
        return next((each for each in self.overrides if each.requirement.name == project), None)

    def _amended(self, requirement: Requirement) -> Iterable[Requirement]:
        if requirement.name in self.exclusions:
            return
        overrides = [each.requirement for each in self.overrides if each.requirement.name == requirement.name]
        if not overrides or any(_comes_from(requirement, override) for override in overrides):
            yield requirement
            return
        for override in overrides:
            yield override._replace(marker=_both(requirement.marker, override.marker))


NO_AMENDMENTS = Amendments()


def _comes_from(requirement: Requirement, override: Requirement) -> bool:
    """Whether `requirement` says what one that `override` took the place of would say."""
    if requirement._replace(marker=override.marker) != override:
        return False
    marker = requirement.marker
    return marker.endswith((override.marker, f"({override.marker})")) if override.marker else True


def _both(marker: str, other: str) -> str:
    """A marker that holds where both do."""
    if not marker or not other or marker == other:
        return marker or other
    return str(parsers.markers.Marker(f"({marker}) and ({other})"))
