"""Which projects may be built from source, and which must be."""

from __future__ import annotations

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRules:
    """What `--no-build` and `--no-binary` say, of all projects and of some. Trees and archives named by URL are built
    in any case: there is no other way to what was asked for.
    """

    no_build: bool = False
    no_build_of: frozenset[ProjectName] = frozenset()
    no_binary: bool = False
    no_binary_of: frozenset[ProjectName] = frozenset()

    def may_build(self, project: ProjectName) -> bool:
        """Whether a source distribution of `project` may be built."""
        return not self.no_build and project not in self.no_build_of

    def may_be_wheel(self, project: ProjectName) -> bool:
        """Whether a wheel of `project` may be installed as an index has it."""
        return not self.no_binary and project not in self.no_binary_of


BUILD_ANYTHING = BuildRules()
