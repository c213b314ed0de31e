"""The answer of a solver: one version of each project, and what an install or a lock must know of it."""

from __future__ import annotations

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import Source
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One picked version. `metadata` has all its requirements, markers unevaluated.

    `file` is what to install: the wheel that fits the target environment best, an archive to build, or a tree of files
    (`Source`). `url` is None for a version from an index, else the direct reference that it came by, as the requirement
    writes it. `extras` are those that something asks for.
    """

    project: ProjectName
    version: Version
    metadata: CoreMetadata
    file: DistributionFile | Source
    url: str | None = None
    extras: frozenset[ExtraName] = frozenset()

    @property
    def direct(self) -> DistributionFile | Source | None:
        """What a direct reference led to; None for a version from an index."""
        return self.file if self.url is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """A whole answer: `pins` sorted by name, and `warnings` for people, one sentence each."""

    pins: tuple[Pin, ...]
    warnings: tuple[str, ...] = ()
