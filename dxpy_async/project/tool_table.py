"""What `[tool.dxpy]` of a pyproject.toml says, or `[tool.uv]` where there is no `[tool.dxpy]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dxpy_async.core.amendments import NO_AMENDMENTS, Amendments
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import GroupName, ProjectName
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.settings import (
    Authentication,
    IndexStrategy,
    KeyringProvider,
    LinkMode,
    PythonDownloads,
    PythonPreference,
    TrustedPublishingUse,
)
from dxpy_async.core.upload_limits import UploadLimits
from dxpy_async.project.build_table import BuildTable
from dxpy_async.project.source_tables import SourceTable
from dxpy_async.project.tasks import Task


class NamedIndex(NamedTuple):
    """An index in the table, which other settings can name."""

    name: str
    url: str
    publish_url: str | None = None
    """Where files are uploaded to it."""


class WorkspaceTable(NamedTuple):
    """Which directories are the members of a workspace: globs, relative to the root. `name` is that of the table."""

    members: tuple[str, ...]
    exclude: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTable:
    """The table's values; None or empty for what it does not say. Directories in `find_links` are absolute.

    `named_indexes` has all indexes with a name, also those that only answer for projects that `sources` pins to them;
    the URLs of all others stand in `index_url` and `extra_index_urls` too.
    `default_groups` is None when the table does not say; `all_groups` is the value `"all"` of the same key.
    """

    is_own: bool = False
    """Whether it is [tool.dxpy] itself."""
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool | None = None
    strategy: IndexStrategy | None = None
    authentication: Mapping[str, Authentication] = field(default_factory=dict)
    ignored_errors: Mapping[str, frozenset[int]] = field(default_factory=dict)
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named_indexes: tuple[NamedIndex, ...] = ()
    sources: SourceTable = field(default_factory=dict)
    link_mode: LinkMode | None = None
    compile_bytecode: bool | None = None
    python: str | None = None
    python_preference: PythonPreference | None = None
    python_downloads: PythonDownloads | None = None
    python_mirror: str | None = None
    publish_url: str | None = None
    check_url: str | None = None
    trusted_publishing: TrustedPublishingUse | None = None
    hints: bool | None = None
    keyring: KeyringProvider | None = None
    insecure_hosts: tuple[str, ...] = ()
    package: bool | None = None
    """Whether the project itself is installed; None: if it has a build system."""
    mode: ResolutionMode | None = None
    prereleases: Prereleases | None = None
    prereleases_of: Mapping[ProjectName, Prereleases] = field(default_factory=dict)
    amendments: Amendments = NO_AMENDMENTS
    upload_limits: UploadLimits = field(default_factory=UploadLimits)
    builds: BuildTable = field(default_factory=BuildTable)
    default_groups: tuple[GroupName, ...] | None = None
    all_groups: bool = False
    tasks: Mapping[str, Task] = field(default_factory=dict)
