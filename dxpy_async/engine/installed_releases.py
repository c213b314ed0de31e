"""What an installation makes of the facts of indexes, for an environment that has something already.

A distribution that is installed is a release like those of the index, whether the index has it or not: it has the
metadata it was installed with, and the address `installed:`, by which it is known when it was picked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.locks import LockedFile
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.engine.install_options import Hashes
from dxpy_async.errors import InvalidMetadata
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.installer.inventory import Inventory, InventoryItem

INSTALLED = "installed:"
"""The address of what is there already."""

_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallView:
    """The facts of indexes as an installation is to see them.

    What is `installed` is a release, too; files that are known to have none of their `hashes` do not count; and without
    `dependencies` nothing requires anything.
    """

    installed: Mapping[ProjectName, CoreMetadata]
    hashes: Hashes
    dependencies: bool

    def page(self, project: ProjectName, page: ProjectPage | Unavailable) -> ProjectPage | Unavailable:
        """What counts of a project, of which the indexes have `page`."""
        if isinstance(page, ProjectPage) and project in self.hashes:
            page = _with_hashes(page, self.hashes[project])
        if project in self.installed:
            page = _with_installed(page, self.installed[project])
        return page

    def installed_metadata(self, project: ProjectName, file: DistributionFile) -> CoreMetadata | None:
        """The metadata of `file` if it stands for what is installed."""
        return self.bare(self.installed[project]) if file.url == INSTALLED else None

    def bare(self, metadata: CoreMetadata) -> CoreMetadata:
        """What counts of metadata."""
        return metadata if self.dependencies else replace(metadata, requirements=())


def is_installed(file: LockedFile | None) -> bool:
    """Whether what was picked is there already."""
    return file is not None and file.url == INSTALLED


def usable(inventory: Inventory) -> dict[ProjectName, CoreMetadata]:
    """The metadata of all that is installed and whole, and so can stay."""
    found = {}
    for name, item in inventory.items():
        if item.distribution.problem is None and (metadata := _metadata(item)) is not None:
            found[name] = metadata
    return found


def _metadata(item: InventoryItem) -> CoreMetadata | None:
    try:
        return parse_core_metadata(
            item.metadata, origin=str(item.distribution.directory), project=item.project, version=None
        )
    except InvalidMetadata:
        return None


def _with_installed(page: ProjectPage | Unavailable, metadata: CoreMetadata) -> ProjectPage:
    """`page` with the installed release, which takes the place of the same one of the index."""
    file = DistributionFile(
        filename=f"{metadata.name.replace('-', '_')}-{metadata.version}-py3-none-any.whl",
        url=INSTALLED,
        hashes={"sha256": _NO_DIGEST},
        upload_time=0,
        requires_python=metadata.requires_python,
    )
    if isinstance(page, Unavailable):
        return ProjectPage(metadata.name, (metadata.version,), lambda _: (file,), index_url="")
    versions = list(page.versions)
    if metadata.version not in versions:
        versions.reverse()
        versions.insert(bisect_left(versions, metadata.version), metadata.version)
        versions.reverse()

    def files_of(version: Version) -> tuple[DistributionFile, ...]:
        return (file,) if version == metadata.version else page.files(version)

    return ProjectPage(page.project, versions, files_of, index_url=page.index_url)


def _with_hashes(page: ProjectPage, allowed: Mapping[str, frozenset[str]]) -> ProjectPage:
    """`page` without files that are known not to be among those allowed; all of a release of which none is."""

    def may_be(file: DistributionFile) -> bool:
        known = [kind for kind in allowed if kind in file.hashes]
        return not known or any(file.hashes[kind] in allowed[kind] for kind in known)

    def files_of(version: Version) -> tuple[DistributionFile, ...]:
        files = page.files(version)
        return tuple(file for file in files if may_be(file)) or files

    return ProjectPage(page.project, page.versions, files_of, index_url=page.index_url, keys=page.keys)
