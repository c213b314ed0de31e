"""Workspaces: several projects with one lock and one environment, beside the pyproject.toml that names them.

A workspace is a `Project` too, that of its root: with its members, and with a range of Pythons that suits all of them.
So locking and syncing know nothing of files; what each member asks for stands in the lock under the member's name
(`project.locked_roots`).

*Which workspace?* The nearest pyproject.toml above a project decides: if it has [tool.dxpy.workspace], and names the
project, the project is a member. Otherwise it stands alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.python_ranges import common_range
from dxpy_async.core.source_urls import DirectoryUrl
from dxpy_async.project.document import read_content
from dxpy_async.project.member_globs import TooManyDirectories, expand, has_wildcard, matches
from dxpy_async.project.pyproject import Member, Project, ProjectFile
from dxpy_async.project.source_reader import packaged_of
from dxpy_async.project.source_tables import NONE_PASSED_OVER, PassedOver, SourceTable, Surroundings
from dxpy_async.project.tool_table import WorkspaceTable


def open_project(
    directory: Path, content: bytes | None = None, *, passed_over: PassedOver = NONE_PASSED_OVER
) -> Project:
    """The project in `directory` (absolute), or the workspace that it belongs to, as it is seen from there.

    With `content` its pyproject.toml is read as if it said that, without the sources that are `passed_over`. Raises
    ProjectNotFound and InvalidProject, which names the file that is at fault.
    """
    own = ProjectFile.read(directory) if content is None else ProjectFile(content, directory / PROJECT_NAME)
    above = _file_above(directory)
    outer = _workspace_around(directory, above)
    if own.workspace() is not None:
        if outer is not None:
            own.refuse(_nested(directory, outer.root))
        found = _found(own, directory)
        project = _Workspace(found, {}, passed_over).project()
    elif outer is not None:
        project = _Workspace(outer, {directory: own}, passed_over).project()
        project = replace(project, current=own.project_name())
    else:
        project = own.member(Surroundings(str(directory), passed_over=passed_over), directory)
        project = replace(project, warnings=(*project.warnings, *own.idle_sources([project])))
    ancestors = _looked_for(directory, above)
    return replace(project, watched=tuple(dict.fromkeys((*project.watched, *ancestors))))


def _file_above(directory: Path) -> Path | None:
    """The directory of the nearest pyproject.toml above `directory`."""
    return next((each for each in directory.parents if os.path.isfile(each / PROJECT_NAME)), None)


def _looked_for(directory: Path, above: Path | None) -> Iterator[str]:
    """Where a pyproject.toml above `directory` was looked for."""
    for each in directory.parents:
        yield str(each / PROJECT_NAME)
        if each == above:
            return


@dataclass(frozen=True, slots=True)
class _Found:
    """The root of a workspace, and the directories of its members, relative, each with the glob that names it.

    `watched` is what was looked at to find them; `idle` are the globs that name nothing.
    """

    root: Path
    file: ProjectFile
    table: WorkspaceTable
    places: Mapping[str, str]
    watched: tuple[str, ...]
    idle: tuple[str, ...]


def _workspace_around(directory: Path, above: Path | None) -> _Found | None:
    """The workspace whose root is `above`, if there is one and `directory` is a member."""
    if above is None or b"workspace" not in read_content(above / PROJECT_NAME):  # most are none: they are not parsed
        return None
    file = ProjectFile.read(above)
    if file.workspace() is None:
        return None
    found = _found(file, above)
    return found if directory.relative_to(above).as_posix() in found.places else None


def _found(file: ProjectFile, root: Path) -> _Found:
    table = file.workspace()
    assert table is not None, f"`{root}` has no workspace"
    places: dict[str, str] = {}
    watched: dict[str, None] = {}
    idle = []
    for glob in table.members:
        try:
            expansion = expand(str(root), glob)
        except TooManyDirectories:
            file.refuse_member(glob, table, "that leads through too many directories")
        named = [place for place in expansion.found if not any(matches(place, each) for each in table.exclude)]
        watched.update(dict.fromkeys(expansion.listed))
        watched.update(dict.fromkeys(str(root / place / PROJECT_NAME) for place in named))
        if not has_wildcard(glob):
            watched[str(root / glob)] = None
        projects = [place for place in named if os.path.isfile(root / place / PROJECT_NAME)]
        if named and not projects and not has_wildcard(glob):
            file.refuse_member(glob, table, f"there is no {PROJECT_NAME} in `{root / named[0]}`")
        if not projects:
            idle.append(glob)
        for place in projects:
            places.setdefault(place, glob)
    return _Found(root, file, table, places, tuple(watched), tuple(idle))


class _Workspace:
    """A workspace being read: every file once."""

    def __init__(self, found: _Found, known: Mapping[Path, ProjectFile], passed_over: PassedOver) -> None:
        """`known` are files that have been read, by directory."""
        self._found, self._root, self._passed_over = found, found.root, passed_over
        self._files = {
            place: known.get(found.root / place) or ProjectFile.read(found.root / place)
            for place in sorted(found.places)
        }

    def project(self) -> Project:
        names = {place: self._name_of(place, file) for place, file in self._files.items()}
        self._check_names(names)
        urls = self._urls(names)
        lock_root = str(self._root)
        surroundings = Surroundings(lock_root, urls, passed_over=self._passed_over)
        root = self._found.file.workspace_root(surroundings, self._root)
        surroundings = Surroundings(lock_root, urls, root.tool.sources, self._passed_over)
        members = [
            Member(place, urls[names[place]], file.member(surroundings, self._root / place))
            for place, file in self._files.items()
        ]
        members.sort(key=lambda member: member.project.name)
        table = self._found.table.name
        return replace(
            root,
            requires_python=self._common_python(root, members),
            members=tuple(members),
            tool=replace(root.tool, sources=_shared_sources(root, members)),
            watched=self._found.watched,
            warnings=(
                *root.warnings,
                *self._found.file.idle_sources([root, *(member.project for member in members)]),
                *(f"`{table}.members` has `{glob}`, which names no project" for glob in self._found.idle),
            ),
        )

    def _name_of(self, place: str, file: ProjectFile) -> ProjectName:
        self._check_place(place)
        if file.workspace() is not None:
            file.refuse(_nested(self._root / place, self._root))
        name = file.project_name()
        if name is None:
            file.refuse(
                f"it has no [project] table, and is named a member by the workspace in `{self._root}`",
                hints=(f'add one, or leave it out with `exclude = ["{place}"]` in [{self._found.table.name}]',),
            )
        return name

    def _check_place(self, place: str) -> None:
        """Refuse a symbolic link that leads out of the workspace, or in a circle."""
        root, real = os.path.realpath(self._root), os.path.realpath(self._root / place)
        if (root + os.sep).startswith(real + os.sep):
            self._refuse(place, f"`{place}` leads to `{real}`, and the workspace would be a member of itself")
        if not real.startswith(root + os.sep):
            self._refuse(place, f"`{place}` leads to `{real}`, which is outside of the workspace `{self._root}`")

    def _refuse(self, place: str, reason: str) -> NoReturn:
        self._found.file.refuse_member(self._found.places[place], self._found.table, reason)

    def _check_names(self, names: Mapping[str, ProjectName]) -> None:
        seen = {self._found.file.project_name(): "."}
        for place, name in names.items():
            if name in seen:
                other = seen[name]
                where = "the root" if other == "." else f"`{other}`"
                self._refuse(place, f"`{place}` and {where} are both called `{name}`, and members are told by name")
            seen[name] = place

    def _urls(self, names: Mapping[str, ProjectName]) -> dict[ProjectName, str]:
        """What requirements on each member, and on the project in the root, have.

        One that others require is installed though it may have no build system: setuptools is what standards presume.
        """
        required = {name for file in (self._found.file, *self._files.values()) for name in _required_members(file)}
        places = {name: place for place, name in names.items()}
        own = self._found.file.project_name()
        if own is not None:
            places[own] = "."
        found = {}
        for name, place in places.items():
            file = self._files[place] if place != "." else self._found.file
            said = packaged_of(file.document)
            installed = said if said is not None else "build-system" in file.document or name in required
            found[name] = str(DirectoryUrl(place, is_editable=installed, is_virtual=not installed))
        return found

    def _common_python(self, root: Project, members: Iterable[Member]) -> str:
        """The Pythons that suit everybody."""
        together, having = root.requires_python, [root]
        for member in members:
            wanted = common_range(together, member.project.requires_python)
            if wanted is None:
                self._refuse_pythons(member, having)
            together = wanted
            having.append(member.project)
        return together

    def _refuse_pythons(self, member: Member, others: Iterable[Project]) -> NoReturn:
        wanted = member.project.requires_python
        other = next((each for each in others if common_range(each.requires_python, wanted) is None), None)
        against = f"`{other.name}` `{other.requires_python}`" if other is not None else "the others together"
        self._found.file.refuse(
            f"no Python suits all members of the workspace: `{member.project.name}` requires `{wanted}`, and {against}",
            hints=("change one `requires-python`", "or leave one of them out of the workspace with `exclude`"),
        )


def _required_members(file: ProjectFile) -> Iterator[ProjectName]:
    """The projects that a file takes from its workspace. What is wrong with the table is told when it is read."""
    tools = file.document.get("tool")
    table = (tools.get("dxpy") or tools.get("uv")) if isinstance(tools, dict) else None
    sources = table.get("sources") if isinstance(table, dict) else None
    for name, given in sources.items() if isinstance(sources, dict) else ():
        entries = given if isinstance(given, list) else [given]
        if any(isinstance(entry, dict) and entry.get("workspace") is True for entry in entries):
            yield normalize(name)


def _shared_sources(root: Project, members: Iterable[Member]) -> SourceTable:
    """The sources of all; where two say something of one project, the root does, else the first member."""
    shared = dict(root.tool.sources)
    for member in members:
        for name, sources in member.project.tool.sources.items():
            shared.setdefault(name, sources)
    return shared


def _nested(inner: Path, outer: Path) -> str:
    return f"it is the root of a workspace, `{inner}`, inside of another, `{outer}`; workspaces cannot be nested"
