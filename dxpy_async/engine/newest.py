"""The newest versions that indexes have, whatever a project requires."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from packaging.version import Version

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.core.specifiers import allows_python
from dxpy_async.core.upload_limits import Cutoff, Cutoffs, files_in_time
from dxpy_async.core.wheel_names import tag_rank
from dxpy_async.index.client import IndexClient


async def newest_versions(
    client: IndexClient, projects: Iterable[ProjectName], cutoffs: Cutoffs
) -> dict[ProjectName, str]:
    """The newest version of each of `projects` that an index has; pre-releases only where there is nothing else."""
    async with asyncio.TaskGroup() as tasks:
        asked = {project: tasks.create_task(client.project_page(project)) for project in projects}
    pages = {project: task.result() for project, task in asked.items()}
    found = {
        project: newest_on(page, cutoffs.of(project))
        for project, page in pages.items()
        if isinstance(page, ProjectPage)
    }
    return {project: str(version) for project, version in found.items() if version is not None}


class NewestRelease(NamedTuple):
    """The newest version that an environment could have, and whether there is a wheel of it."""

    version: Version
    has_wheel: bool


async def newest_releases(
    client: IndexClient,
    projects: Iterable[ProjectName],
    cutoffs: Cutoffs,
    *,
    target: TargetEnvironment,
    prereleases: bool,
) -> dict[ProjectName, NewestRelease]:
    """The newest release of each of `projects` for `target`; those that no index has for it are left out."""
    async with asyncio.TaskGroup() as tasks:
        asked = {project: tasks.create_task(client.project_page(project)) for project in projects}
    found = {}
    for project, task in asked.items():
        page = task.result()
        if not isinstance(page, ProjectPage):
            continue
        versions = versions_on(page, cutoffs.of(project), target=target, prereleases=prereleases)
        if versions:
            fits = (tag_rank(file.filename, target.tag_ranks) is not None for file in page.files(versions[0]))
            found[project] = NewestRelease(versions[0], any(fits))
    return found


def versions_on(
    page: ProjectPage, cutoff: Cutoff | None, *, target: TargetEnvironment | None, prereleases: bool
) -> tuple[Version, ...]:
    """The versions with a file that was not withdrawn, was there in time and serves `target` (None: any), newest first.

    Pre-releases are among them when there is nothing else, or with `prereleases`.
    """

    def serves(file: DistributionFile) -> bool:
        if file.yanked is not None or target is None:
            return file.yanked is None
        fits = not file.is_wheel or tag_rank(file.filename, target.tag_ranks) is not None
        return fits and allows_python(file.requires_python or "", target.python_version)

    found = [version for version in page.versions if any(map(serves, files_in_time(page.files(version), cutoff)))]
    finals = [version for version in found if not version.is_prerelease]
    return tuple(found if prereleases or not finals else finals)


def newest_on(page: ProjectPage, cutoff: Cutoff | None) -> Version | None:
    """The newest version on `page` with a file that was not withdrawn and was there in time."""
    for only_final in (True, False):
        for version in page.versions:
            if only_final and version.is_prerelease:
                continue
            if any(file.yanked is None for file in files_in_time(page.files(version), cutoff)):
                return version
    return None
