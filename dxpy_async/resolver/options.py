"""What a resolution prefers and permits, beside its requirements."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from dxpy_async.core.amendments import NO_AMENDMENTS, Amendments
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ProjectName
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.upload_limits import Cutoffs

__all__ = ["Prereleases", "ResolutionMode", "ResolutionOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionOptions:
    """What a resolution prefers and permits. `prereleases_of` has the projects that have a rule of their own.

    `preferences` are pins, of an existing lock say, that are kept where they still fit; such a pin may also be a yanked
    version. Projects in `upgrade`, or all with `upgrade_all`, are picked as if they had none.
    """

    mode: ResolutionMode = ResolutionMode.HIGHEST
    prereleases: Prereleases = Prereleases.IF_NECESSARY_OR_EXPLICIT
    prereleases_of: Mapping[ProjectName, Prereleases] = field(default_factory=dict)
    amendments: Amendments = NO_AMENDMENTS
    builds: BuildSettings = field(default_factory=BuildSettings)
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    preferences: Mapping[ProjectName, Version] = field(default_factory=dict)
    upgrade: frozenset[ProjectName] = frozenset()
    upgrade_all: bool = False

    def preferred(self, project: ProjectName) -> Version | None:
        """The version of `project` to keep if it fits."""
        if self.upgrade_all or project in self.upgrade:
            return None
        return self.preferences.get(project)

    def prereleases_for(self, project: ProjectName) -> Prereleases:
        """The rule for the pre-releases of `project`."""
        return self.prereleases_of.get(project, self.prereleases)
