"""The members of a workspace, for programs and for `dxpy workspace`."""

from __future__ import annotations

import os
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.index.finishing import in_thread
from dxpy_async.project.pyproject import Project, find_project
from dxpy_async.project.workspaces import open_project


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceMember:
    """A project of a workspace. `directory` is absolute; `requires` are the other members that it takes from there."""

    name: ProjectName
    directory: Path
    version: str | None
    requires: tuple[ProjectName, ...]


class WorkspaceManager:
    """The workspace around a directory; a project in no workspace is one with a single member.

        manager = WorkspaceManager(Path("packages/app"))
        for member in await manager.members():
            print(member.name, member.directory)

    Files are read anew by each call. All methods raise ProjectNotFound, and InvalidProject, which names the file.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = Path(os.path.abspath(directory))

    async def project(self) -> Project:
        """The workspace as one project: what locks and syncs work with."""
        return await in_thread(lambda: open_project(find_project(self._directory)))

    async def root(self) -> Path:
        """The directory of the lock and the environment."""
        return (await self.project()).root

    async def members(self) -> tuple[WorkspaceMember, ...]:
        """All members by name, the project in the root among them if there is one."""
        return members_of(await self.project())

    async def member(self, name: str) -> WorkspaceMember:
        """The member of that name. Raises ProjectError with the names that are close."""
        project = await self.project()
        (meant,) = SyncOptions(packages=(normalize(name),)).meant(project)
        return next(member for member in members_of(project) if member.name == meant.name)


def members_of(workspace: Project) -> tuple[WorkspaceMember, ...]:
    """The members of `workspace` by name, the project in its root among them if there is one."""
    projects = [*([workspace] if workspace.name else []), *(member.project for member in workspace.members)]
    names = {project.name for project in projects}
    members = [
        WorkspaceMember(
            name=project.name,
            directory=project.root,
            version=project.version,
            requires=tuple(sorted({each.name for each in project.requirements} & (names - {project.name}))),
        )
        for project in projects
    ]
    return tuple(sorted(members, key=lambda member: member.name))
