"""What a resolution prefers and permits, beside its requirements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from packaging.version import Version

from dxpy_async.core.names import ProjectName


class Prereleases(StrEnum):
    """Of which projects pre-releases may be picked; where they may, they count like any other version.

    *Explicit* projects are those of which the project itself, or an archive it refers to by URL, names a pre-release in
    a requirement. *Necessary* are pre-releases of projects that have published nothing else.
    """

    DISALLOW = "disallow"
    ALLOW = "allow"
    IF_NECESSARY = "if-necessary"
    EXPLICIT = "explicit"
    IF_NECESSARY_OR_EXPLICIT = "if-necessary-or-explicit"

    @property
    def heeds_requirements(self) -> bool:
        """Whether a requirement that names a pre-release makes a difference."""
        return self in (Prereleases.EXPLICIT, Prereleases.IF_NECESSARY_OR_EXPLICIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionOptions:
    """What a resolution prefers and permits.

    `preferences` are pins, of an existing lock say, that are kept where they still fit; such a pin may also be a yanked
    version. Projects in `upgrade`, or all with `upgrade_all`, are picked as if they had none.
    """

    prereleases: Prereleases = Prereleases.IF_NECESSARY_OR_EXPLICIT
    preferences: Mapping[ProjectName, Version] = field(default_factory=dict)
    upgrade: frozenset[ProjectName] = frozenset()
    upgrade_all: bool = False

    def preferred(self, project: ProjectName) -> Version | None:
        """The version of `project` to keep if it fits."""
        if self.upgrade_all or project in self.upgrade:
            return None
        return self.preferences.get(project)
