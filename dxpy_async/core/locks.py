"""The lock as a value: every file and hash of every release that a project needs, and why.

Edges keep their markers unevaluated, so that one lock can serve whoever it was resolved for; `sync` evaluates them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.wheel_names import best_wheel


class SourceKind(StrEnum):
    """Where a locked release comes from."""

    INDEX = "index"
    """An index; the source's url is the index's."""
    DIRECTORY = "directory"
    """A local directory of distributions (`--find-links`); the url is the directory's."""
    DIRECT = "direct"
    """One archive named by a direct reference, `name @ url`; the url is the archive's."""
    GIT = "git"
    """A commit of a git repository; the url is that of `core.locked_sources.LockedGit`."""
    TREE = "tree"
    """A directory of source; the url is as the requirement has it (`core.source_urls.DirectoryUrl`)."""

    @property
    def is_direct(self) -> bool:
        """Whether a requirement named the place, and no index was asked."""
        return self not in (SourceKind.INDEX, SourceKind.DIRECTORY)

    @property
    def is_tree(self) -> bool:
        """Whether it is built from a tree of files, and has no archive."""
        return self in (SourceKind.GIT, SourceKind.TREE)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a locked release comes from; the url carries no credentials."""

    kind: SourceKind
    url: str

    @property
    def is_local(self) -> bool:
        """Whether it is a directory or an archive by its path, which lies on one machine alone."""
        return self.kind is SourceKind.TREE or (self.kind is SourceKind.DIRECT and self.url.startswith("file:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """One wheel or sdist of a locked release.

    `size` is bytes, `upload_time` microseconds since 1970 UTC, None when unknown; `hashes` maps algorithm to hex digest
    and always has `sha256` for a file that dxpy has held in its hands.
    """

    filename: str
    url: str
    size: int | None = None
    upload_time: int | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One release in the lock. `requirements` are all those of its metadata that can matter in the lock, markers kept.

    `extras` are the ones that something in the lock asks for, sorted.
    """

    name: ProjectName
    version: str
    source: Source
    requires_python: str = ""
    extras: tuple[ExtraName, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    wheels: tuple[LockedFile, ...] = ()
    sdist: LockedFile | None = None

    def best_wheel(self, tag_ranks: Mapping[str, int]) -> LockedFile | None:
        """The wheel that fits an environment best, None when none does."""
        return best_wheel(self.wheels, tag_ranks)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRoots:
    """What the project itself asks for: the part of pyproject.toml that the lock answers."""

    requirements: tuple[Requirement, ...] = ()
    optional: Mapping[ExtraName, tuple[Requirement, ...]] = field(default_factory=dict)
    groups: Mapping[GroupName, tuple[Requirement, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A whole lock.

    `project` is the project's normalised name, empty when it has none. `environment` holds the marker values it was
    resolved for (what `markers` of the target environment held), and `settings` what else the answer depends on, as
    text (indexes, pre-release rule, …). `packages` are sorted by name, then version. `resolved_at` is the newest upload
    time among the files in microseconds since 1970 UTC, 0 when none is known: the same inputs give the same bytes.
    """

    project: str = ""
    requires_python: str = ""
    roots: LockedRoots = field(default_factory=LockedRoots)
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[LockedPackage, ...] = ()
    resolved_at: int = 0
