"""A source tree as a value: a directory that wheels can be built from, and what tells it from another."""

from __future__ import annotations

from pathlib import Path

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """An unpacked sdist, a checked out commit or somebody's directory.

    `root` (absolute) is where pyproject.toml or setup.py lie: a subdirectory is applied already. `label` is how
    messages call it. `identity` is what a built wheel is cached by: the sha256 of an sdist, a git commit and its
    subdirectory, or a fingerprint of a directory's files (`builds.fingerprints`).
    """

    root: Path
    label: str
    identity: str
    is_local: bool = False
    """Whether it is a directory of the user's, which is built in place and changes without notice."""
    top: Path | None = None
    """The whole of what was fetched, where `root` is a subdirectory of that: a build may look at what is around it."""
    is_disposable: bool = False
    """Whether it may be built in, since nobody needs it afterwards; what is neither this nor local is copied first."""
    is_sdist: bool = False
    """Whether it was an sdist, whose PKG-INFO says what it was when it was made."""
    name: ProjectName | None = None
    """The project that it has to be of; None where nothing says so."""
    version: Version | None = None
    """The version that it has to be of; None where nothing says so."""
