"""What `[tool.dxpy]` or `[tool.uv]` says of builds."""

from __future__ import annotations

from collections.abc import Mapping

from dxpy_async.core.amendments import Statement
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement

Config = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTable:
    """The table's values; None or empty for what it does not say. See `core.settings.BuildSettings`."""

    no_build: bool | None = None
    no_build_projects: frozenset[ProjectName] = frozenset()
    no_binary: bool | None = None
    no_binary_projects: frozenset[ProjectName] = frozenset()
    no_isolation: bool | None = None
    not_isolated_projects: frozenset[ProjectName] = frozenset()
    config: Config = field(default_factory=dict)
    config_of: Mapping[ProjectName, Config] = field(default_factory=dict)
    constraints: tuple[Statement, ...] = ()
    extra_requires: Mapping[ProjectName, tuple[Requirement, ...]] = field(default_factory=dict)
    timeout: float | None = None

    def over(self, far: BuildTable) -> BuildTable:
        """What this and a place further away say together: of a single value this, of a list both."""
        return BuildTable(
            no_build=_nearer(self.no_build, far.no_build),
            no_build_projects=self.no_build_projects | far.no_build_projects,
            no_binary=_nearer(self.no_binary, far.no_binary),
            no_binary_projects=self.no_binary_projects | far.no_binary_projects,
            no_isolation=_nearer(self.no_isolation, far.no_isolation),
            not_isolated_projects=self.not_isolated_projects | far.not_isolated_projects,
            config={**far.config, **self.config},
            config_of={**far.config_of, **self.config_of},
            constraints=self.constraints + far.constraints,
            extra_requires={**far.extra_requires, **self.extra_requires},
            timeout=self.timeout if self.timeout is not None else far.timeout,
        )


def _nearer(near: bool | None, far: bool | None) -> bool | None:
    return near if near is not None else far
