"""What people may say about how versions are picked, as values."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dxpy_async.core.amendments import NO_AMENDMENTS, Amendments
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ProjectName
from dxpy_async.core.upload_limits import UploadLimits


class ResolutionMode(StrEnum):
    """Which of the versions that fit is picked."""

    HIGHEST = "highest"
    LOWEST = "lowest"
    LOWEST_DIRECT = "lowest-direct"
    """The lowest of what the project itself requires, the highest of everything else."""


class Prereleases(StrEnum):
    """Of which projects pre-releases may be picked; where they may, they count like any other version.

    *Explicit* projects are those of which the project itself, an archive it refers to by URL, a constraint or an
    override names a pre-release in a requirement. *Necessary* are pre-releases of projects that have published nothing
    else.
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
class ResolutionSettings:
    """How versions are picked, and among which.

    `prereleases_of` has the projects for which another rule than `prereleases` holds.
    """

    mode: ResolutionMode = ResolutionMode.HIGHEST
    prereleases: Prereleases = Prereleases.IF_NECESSARY_OR_EXPLICIT
    prereleases_of: Mapping[ProjectName, Prereleases] = field(default_factory=dict)
    amendments: Amendments = NO_AMENDMENTS
    upload_limits: UploadLimits = field(default_factory=UploadLimits)
