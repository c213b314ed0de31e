"""What a solver asks of the world, and the answers that are its own."""

from __future__ import annotations

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.locks import Source
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable


@dataclass(frozen=True, slots=True)
class NeedPage:
    """The project page of `project`: a ProjectPage, or Unavailable when no index has it."""

    project: ProjectName


@dataclass(frozen=True, slots=True)
class NeedMetadata:
    """The core metadata of a candidate, read of `file`, the one to install: a CoreMetadata, or Unavailable."""

    project: ProjectName
    version: Version
    file: DistributionFile = field(compare=False)


@dataclass(frozen=True, slots=True)
class NeedDirect:
    """What stands at `url`, which a direct reference takes for `project`: a DirectCandidate, or Unavailable."""

    project: ProjectName
    url: str


@dataclass(frozen=True, slots=True)
class DirectCandidate:
    """The one candidate that a direct reference stands for: an archive, or a tree of files (`Source`)."""

    version: Version
    metadata: CoreMetadata
    file: DistributionFile | Source


Need = NeedPage | NeedMetadata | NeedDirect
Answer = ProjectPage | CoreMetadata | DirectCandidate | Unavailable
