"""The project itself: a distribution of its environment, which leads to its source, and what only its backend knows."""

from __future__ import annotations

from dataclasses import replace

from dxpy_async.builds.fingerprints import editable_fingerprint
from dxpy_async.core.locked_sources import directory_of_source, locked_directory
from dxpy_async.core.locks import LockedPackage
from dxpy_async.core.marker_algebra import with_extra
from dxpy_async.core.names import ExtraName
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import Selected, Selection
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.source_urls import DirectoryUrl, file_url
from dxpy_async.project.pyproject import Project
from dxpy_async.project.source_tables import lowered

_HERE = locked_directory(DirectoryUrl(".", is_editable=True))


def with_itself(selection: Selection, project: Project) -> Selection:
    """`selection`, and the project itself, if it is one that can be installed."""
    is_there = any(item.package.name == project.name for item in selection.packages)
    if not project.name or not project.is_packaged or is_there:
        return selection
    package = LockedPackage(
        name=project.name, version=project.version or "", source=_HERE, requires_python=project.requires_python
    )
    packages = (*selection.packages, Selected(package, None))
    return Selection(
        packages=tuple(sorted(packages, key=lambda item: item.package.name)),
        requested=selection.requested | {project.name},
    )


def is_recordable(selection: Selection) -> bool:
    """Whether a few files tell that what was installed still is what it should be.

    Of a directory that was built and is not editable, every file would have to be looked at.
    """
    directories = [directory_of_source(item.package.source) for item in selection.packages]
    return all(each is None or each.is_editable for each in directories)


def project_tree(project: Project) -> SourceTree:
    """The project as what is built."""
    return SourceTree(
        root=project.root,
        label=f"{project.name} @ {file_url(project.root.as_posix())}",
        identity=f"directory {editable_fingerprint(project.root)}",
        is_local=True,
        name=project.name,
    )


def with_metadata(project: Project, metadata: CoreMetadata) -> Project:
    """`project` with those dynamic fields that a lock needs, as its build backend has them."""
    dynamic, told = project.dynamic, project
    if "requires-python" in dynamic:
        told = replace(told, requires_python=metadata.requires_python)
    if "dependencies" in dynamic:
        told = replace(told, dependencies=lowered(_asked(metadata, ExtraName("")), project.tool.sources))
    if "optional-dependencies" in dynamic:
        base = set(_asked(metadata, ExtraName("")))
        optional = {
            extra: tuple(each for each in _asked(metadata, extra) if each not in base)
            for extra in sorted(metadata.extras)
        }
        told = replace(
            told,
            optional_dependencies={
                extra: lowered(asked, project.tool.sources, extra=extra) for extra, asked in optional.items()
            },
        )
    return told


def _asked(metadata: CoreMetadata, extra: ExtraName) -> tuple[Requirement, ...]:
    """What is required with `extra`, under markers that do not ask about extras."""
    found = []
    for requirement in metadata.requirements:
        marker = with_extra(requirement.marker, extra)
        if marker is not None:
            found.append(requirement._replace(marker=marker))
    return tuple(found)
