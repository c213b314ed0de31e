"""A project as its pyproject.toml describes it: who it is, what it needs, and how dxpy is to treat it.

Every mistake in the file is an InvalidProject that names the line, as far as it can be known.

Sources: https://packaging.python.org/en/latest/specifications/pyproject-toml/ and
https://packaging.python.org/en/latest/specifications/dependency-groups/
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass, field, replace
from dxpy_async.core.names import (
    ExtraName,
    GroupName,
    ProjectName,
    is_valid_name,
    normalize,
    normalize_extra,
    normalize_group,
)
from dxpy_async.core.places import ENVIRONMENT_NAME, LOCK_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.source_urls import DirectoryUrl, parse_source_url
from dxpy_async.core.specifiers import normal_specifier
from dxpy_async.errors import InvalidProject, InvalidScript, ProjectNotFound
from dxpy_async.project.document import kept_document, read_content
from dxpy_async.project.source_tables import NONE_PASSED_OVER, PassedOver, SourceTable, Surroundings, lowered
from dxpy_async.project.toml_reader import kind_of
from dxpy_async.project.tool_reader import ToolReader
from dxpy_async.project.tool_table import ToolTable

FILE_NAME = "pyproject.toml"

_LOCKED_KEYS = frozenset({"dependencies", "optional-dependencies", "requires-python"})
"""What of [project] a lock answers."""

DEFAULT_GROUP = normalize_group("dev")
"""The group that is installed without being asked for, when the project has it and does not say otherwise."""


@dataclass(frozen=True, slots=True)
class ProjectPlaces:
    """Where the parts of a project are, all absolute: the file that describes it, its lock, its environment."""

    file: Path
    lock: Path
    environment: Path

    @classmethod
    def within(cls, root: Path) -> ProjectPlaces:
        """Those of a project whose pyproject.toml is in `root`."""
        return cls(root / FILE_NAME, root / LOCK_NAME, root / ENVIRONMENT_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project. `version` is None when a build backend decides it; `requires_python` is empty when any Python will do.

    Requirements keep the file's order; those of a group are with all that it includes. `default_groups` are the groups
    that are installed without being asked for. `elsewhere` is set when its parts are not those in `root`.
    """

    root: Path
    name: ProjectName
    version: str | None = None
    requires_python: str = ""
    dependencies: tuple[Requirement, ...] = ()
    optional_dependencies: Mapping[ExtraName, tuple[Requirement, ...]] = field(default_factory=dict)
    dependency_groups: Mapping[GroupName, tuple[Requirement, ...]] = field(default_factory=dict)
    default_groups: tuple[GroupName, ...] = ()
    has_build_system: bool = False
    dynamic: frozenset[str] = frozenset()
    """The keys of [project] that its build backend decides."""
    tool: ToolTable = field(default_factory=ToolTable)
    members: tuple[Member, ...] = ()
    """The members of the workspace whose root this is, by name; the project in the root itself is not among them."""
    current: ProjectName | None = None
    """The member that is meant when nobody names one; None for the root."""
    watched: tuple[str, ...] = ()
    """The other files and directories that decide what all this is."""
    warnings: tuple[str, ...] = ()
    elsewhere: ProjectPlaces | None = None
    placed: Path | None = None
    """Where somebody wants its environment to be (absolute), who does not want it in `root`."""

    @property
    def places(self) -> ProjectPlaces:
        places = self.elsewhere or ProjectPlaces.within(self.root)
        return places if self.placed is None else replace(places, environment=self.placed)

    def with_environment(self, directory: Path | None) -> Project:
        """The project with its environment in `directory`, which is held against `root`; None leaves it where it is."""
        if directory is None:
            return self
        placed = Path(os.path.abspath(self.root / directory))
        return self if placed == self.environment else replace(self, placed=placed)

    @property
    def directory(self) -> Path:
        """The directory of the project that is meant when nobody names one."""
        return self.meant.root

    @property
    def meant(self) -> Project:
        """The project that is meant when nobody names one: the current member, or that of the root."""
        return next((member.project for member in self.members if member.project.name == self.current), self)

    @property
    def file(self) -> Path:
        return self.places.file

    @property
    def lock(self) -> Path:
        return self.places.lock

    @property
    def environment(self) -> Path:
        return self.places.environment

    @property
    def label(self) -> str:
        """How messages call it."""
        return self.name or (self.file.name if self.elsewhere is not None else "your project")

    @property
    def is_packaged(self) -> bool:
        """Whether the project is installed too, and not only what it requires."""
        return self.has_build_system if self.tool.package is None else self.tool.package

    @property
    def requirements(self) -> Iterator[Requirement]:
        """All that it asks for, with whatever extra or group; not what the members of its workspace do."""
        for asked in (self.dependencies, *self.optional_dependencies.values(), *self.dependency_groups.values()):
            yield from asked

    @property
    def surroundings(self) -> Surroundings:
        """What the sources of directories are held against that its lock refers to."""
        members = {member.project.name: member.url for member in self.members}
        if members and self.name:
            members[self.name] = str(DirectoryUrl(".", is_editable=self.is_packaged, is_virtual=not self.is_packaged))
        return Surroundings(str(self.root), members or None)

    @property
    def is_told_by_backend(self) -> bool:
        """Whether only its build backend knows what the project requires."""
        return not _LOCKED_KEYS.isdisjoint(self.dynamic)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a workspace. `path` leads to it from the root, with `/`; `url` is what requirements on it have."""

    path: str
    url: str
    project: Project

    @property
    def is_virtual(self) -> bool:
        """Whether what it requires is installed, and it is not."""
        url = parse_source_url(self.url)
        return isinstance(url, DirectoryUrl) and url.is_virtual


def find_project(start: Path) -> Path:
    """The directory of the nearest pyproject.toml, in `start` (absolute) or above it. Raises ProjectNotFound."""
    for directory in (start, *start.parents):
        if os.path.isfile(directory / FILE_NAME):
            return directory
    raise ProjectNotFound(str(start))


def read_project(root: Path) -> Project:
    """Read the project whose directory is `root`, as if it were in no workspace. Raises leaves of ProjectError."""
    return ProjectFile.read(root).project(root)


def parse_project(content: bytes, root: Path) -> Project:
    """Read a project from the content of the pyproject.toml in `root`. Raises InvalidProject."""
    return ProjectFile(content, root / FILE_NAME).project(root)


def parse_script(
    toml: str, places: ProjectPlaces, *, line: int = 1, passed_over: PassedOver = NONE_PASSED_OVER
) -> Project:
    """Read what a script needs from the TOML of its block, which begins in the given line. Raises InvalidScript.

    It is a project without a name: one cannot be required by itself.
    """
    content = ("\n" * (line - 1) + toml).encode()
    try:
        surroundings = Surroundings(str(places.file.parent), passed_over=passed_over)
        return ProjectFile(content, places.file, surroundings=surroundings).script(places)
    except InvalidProject as error:
        raise InvalidScript(error.file, error.reason, line=error.line, hints=error.hints()) from error


class ProjectFile(ToolReader):
    """A pyproject.toml that is being read. All methods raise InvalidProject."""

    @classmethod
    def read(cls, root: Path) -> ProjectFile:
        """That in the directory `root`. Raises ProjectNotFound and InvalidProject."""
        file = root / FILE_NAME
        try:
            content = read_content(file)
        except FileNotFoundError as error:
            raise ProjectNotFound(str(root)) from error
        return cls(content, file, kept_document(file, content))

    @property
    def document(self) -> Mapping[str, Any]:
        return self._document

    def project_name(self) -> ProjectName | None:
        """The name of the project, before anything else of it is read; None when there is no [project] table."""
        return self._name(self._table(self._document, "project", "project")) if "project" in self._document else None

    def workspace_root(self, surroundings: Surroundings, root: Path) -> Project:
        """The project in the root of a workspace, or what the root has instead of one: groups and settings."""
        self._surroundings = surroundings
        if "project" in self._document:
            return self.project(root)
        groups, tool = self._groups(), self._tool(root)
        self._check_scopes(tool, {}, groups)
        return Project(
            root=root,
            name=ProjectName(""),
            dependency_groups=self._lowered_groups(groups, tool.sources),
            default_groups=self._default_groups(tool, groups),
            tool=tool,
        )

    def member(self, surroundings: Surroundings, root: Path) -> Project:
        """The project of a workspace's member."""
        self._surroundings = surroundings
        return self.project(root)

    def sources(self, surroundings: Surroundings, root: Path) -> SourceTable:
        """Where what the project in `root` requires is to come from, whatever else the file says."""
        self._surroundings = surroundings
        return self._tool(root).sources

    def idle_sources(self, projects: Iterable[Project]) -> list[str]:
        """In words, the sources in [tool.dxpy] for what none of `projects` requires, which therefore do nothing."""
        tools = self._document.get("tool")
        table = tools.get("dxpy", {}).get("sources", {}) if isinstance(tools, dict) else {}
        required = {requirement.name for project in projects for requirement in project.requirements}
        return [
            f"`{self._file}:{self._line_of_key(f'tool.dxpy.sources.{name}')}` says where `{name}` comes from, "
            "and nothing requires it"
            for name, given in table.items()
            if normalize(name) not in required and not (isinstance(given, dict) and "index" in given)
        ]

    def with_groups(self, root: Path) -> Project:
        """The project, or without a [project] table one without a name, which has nothing but dependency groups."""
        if "project" in self._document:
            return self.project(root)
        return Project(root=root, name=ProjectName(""), dependency_groups=self._groups())

    def project(self, root: Path) -> Project:
        """The project, whose directory is `root`."""
        if "project" not in self._document:
            self._refuse(
                "it has no [project] table, so there is no telling what the project needs",
                hints=('add a [project] table with at least `name = "…"` and `version = "…"`',),
            )
        table = self._table(self._document, "project", "project")
        dynamic = self._dynamic(table)
        name = self._name(table)
        groups = self._groups()
        tool = self._tool(root)
        sources = {**self._surroundings.shared, **tool.sources}
        optional = self._optional(table)
        self._check_scopes(tool, optional, groups)
        return Project(
            root=root,
            name=name,
            version=self._version(table, dynamic),
            requires_python=self._requires_python(table),
            dependencies=self._lowered(self._requirements(table, "dependencies", "project.dependencies"), sources),
            optional_dependencies={
                extra: self._lowered(asked, sources, extra=extra) for extra, asked in optional.items()
            },
            dependency_groups=self._lowered_groups(groups, sources),
            default_groups=self._default_groups(tool, groups),
            has_build_system="build-system" in self._document,
            dynamic=dynamic,
            tool=tool,
        )

    def script(self, places: ProjectPlaces) -> Project:
        """Source: https://packaging.python.org/en/latest/specifications/inline-script-metadata/"""
        known = ("requires-python", "dependencies", "tool")
        for key in self._document:
            if key not in known:
                close = get_close_matches(key, known, 1)
                self._refuse(
                    f"a script has no `{key}`",
                    line=self._line_of_key(key),
                    hints=(f"did you mean `{close[0]}`?",) if close else (f"it can have {', '.join(known)}",),
                )
        asked, tool = self._requirements(self._document, "dependencies", "dependencies"), self._tool(places.file.parent)
        return Project(
            root=places.file.parent,
            name=ProjectName(""),
            requires_python=self._requires_python(self._document, "requires-python"),
            dependencies=self._lowered(asked, tool.sources),
            tool=tool,
            elsewhere=places,
        )

    def _dynamic(self, table: Mapping[str, Any]) -> frozenset[str]:
        dynamic = frozenset(self._strings(table, "dynamic", "project.dynamic"))
        line = self._line_of_key("project.dynamic")
        for key in sorted(dynamic):
            if key == "name":
                self._refuse("`project.name` must stand in the file, it cannot be dynamic", line=line)
            if key in table:
                self._refuse(f"`project.{key}` is given and also listed in `project.dynamic`", line=line)
        return dynamic

    def _name(self, table: Mapping[str, Any]) -> ProjectName:
        name = self._string(table, "name", "project.name")
        if name is None:
            self._refuse("the [project] table has no `name`", line=self._line_of_key("project"))
        if not is_valid_name(name):
            self._refuse(
                f"`project.name` is {name!r}; a name has letters, digits, `-`, `_` and `.`, "
                "and begins and ends with a letter or digit",
                line=self._line_of_key("project.name"),
            )
        return normalize(name)

    def _version(self, table: Mapping[str, Any], dynamic: frozenset[str]) -> str | None:
        version = self._string(table, "version", "project.version")
        if version is None:
            if "version" in dynamic:
                return None
            self._refuse(
                "the [project] table has no `version`",
                line=self._line_of_key("project"),
                hints=('add `version = "0.1.0"`, or list it in `dynamic` if the build backend finds it',),
            )
        try:
            return str(Version(version))
        except InvalidVersion:
            self._refuse(f"`project.version` is not a version: {version!r}", line=self._line_of_key("project.version"))

    def _requires_python(self, table: Mapping[str, Any], where: str = "project.requires-python") -> str:
        text = self._string(table, "requires-python", where) or ""
        try:
            return normal_specifier(text)
        except parsers.specifiers.InvalidSpecifier:
            self._refuse(
                f"`{where}` is not a range of versions: {text!r}",
                line=self._line_of_key(where),
                hints=("write it like `>=3.11` or `>=3.11,<4`",),
            )

    def _optional(self, table: Mapping[str, Any]) -> dict[ExtraName, tuple[Requirement, ...]]:
        where = "project.optional-dependencies"
        extras = self._table(table, "optional-dependencies", where)
        self._check_names(extras, where, "extra")
        return {normalize_extra(key): self._requirements(extras, key, f"{where}.{key}") for key in extras}

    def _check_names(self, names: Iterable[str], where: str, what: str) -> None:
        spelled: dict[str, str] = {}
        for name in names:
            other = spelled.setdefault(normalize(name), name)
            if not is_valid_name(name):
                reason = f"[{where}] has the {what} {name!r}, which is not a valid name"
            elif other != name:
                reason = f"[{where}] has the same {what} twice: `{other}` and `{name}` are one name"
            else:
                continue
            self._refuse(reason, line=self._line_in_table(where, name))

    def _check_scopes(self, tool: ToolTable, extras: Container[ExtraName], groups: Container[GroupName]) -> None:
        """Refuse a source that is for an extra or a group that is not there."""
        for project, sources in tool.sources.items():
            for source in sources:
                kind, name = ("extra", source.extra) if source.extra else ("group", source.group)
                if (source.extra and source.extra not in extras) or (source.group and source.group not in groups):
                    self._refuse(
                        f"a source of `{project}` is for the {kind} `{name}`, which does not exist", line=source.line
                    )

    def _lowered(
        self,
        requirements: tuple[Requirement, ...],
        sources: SourceTable,
        *,
        extra: ExtraName | None = None,
        group: GroupName | None = None,
    ) -> tuple[Requirement, ...]:
        members = self._surroundings.members or {}
        for requirement in requirements:
            given = sources.get(requirement.name)
            if requirement.url is not None and given and any(source.url for source in given):
                self._refuse(
                    f"`{requirement.name}` is required by a URL, and a source says where it comes from too",
                    line=given[0].line,
                )
            if requirement.name in self._surroundings.passed_over:
                continue
            if given is None and requirement.name in members and requirement.url is None:
                self._refuse_unsaid_member(requirement)
        try:
            return lowered(requirements, sources, extra=extra, group=group)
        except ValueError as error:
            self._refuse(f"a marker among the sources cannot be used: {error}", line=self._line_of_key("sources"))

    def _lowered_groups(
        self, groups: Mapping[GroupName, tuple[Requirement, ...]], sources: SourceTable
    ) -> dict[GroupName, tuple[Requirement, ...]]:
        return {group: self._lowered(asked, sources, group=group) for group, asked in groups.items()}

    def _refuse_unsaid_member(self, requirement: Requirement) -> NoReturn:
        tool = (
            "uv" if "dxpy" not in self._document.get("tool", {}) and "uv" in self._document.get("tool", {}) else "dxpy"
        )
        self._refuse(
            f"`{requirement.name}` is a member of the workspace, and no source says that it comes from there",
            hints=(f"add `{requirement.name} = {{ workspace = true }}` to [tool.{tool}.sources]",),
        )

    # -- [dependency-groups]

    def _groups(self) -> dict[GroupName, tuple[Requirement, ...]]:
        table = self._table(self._document, "dependency-groups", "dependency-groups")
        self._check_names(table, "dependency-groups", "group")
        entries = {normalize_group(key): self._group_entries(table, key) for key in table}
        expanded: dict[GroupName, tuple[Requirement, ...]] = {}
        for name in entries:
            self._expand(name, entries, expanded)
        return {name: expanded[name] for name in entries}

    def _group_entries(self, table: Mapping[str, Any], key: str) -> tuple[Requirement | GroupName, ...]:
        """What stands in one group: requirements, and names of groups it includes."""
        where = f"dependency-groups.{key}"
        value = table[key]
        if not isinstance(value, list):
            self._refuse(f"`{where}` must be an array, not {kind_of(value)}", line=self._line_of_key(where))
        return tuple(self._group_entry(item, where) for item in value)

    def _group_entry(self, item: object, where: str) -> Requirement | GroupName:
        if isinstance(item, str):
            return self._requirement(item, where)
        included = item["include-group"] if isinstance(item, dict) and list(item) == ["include-group"] else None
        if not isinstance(included, str):
            self._refuse(
                f'`{where}` must hold requirements and `{{include-group = "…"}}`, not {kind_of(item)}',
                line=self._line_of_key(where),
            )
        return normalize_group(included)

    def _expand(
        self,
        name: GroupName,
        entries: Mapping[GroupName, tuple[Requirement | GroupName, ...]],
        expanded: dict[GroupName, tuple[Requirement, ...]],
    ) -> None:
        """Add to `expanded` a group and those it includes: their requirements, each once, where the file has them.

        Each group is expanded once, however often it is included, and without recursion, however deep.
        """
        open_groups = {name: iter(entries[name])}
        while open_groups:
            group = next(reversed(open_groups))
            included = next((entry for entry in open_groups[group] if isinstance(entry, str)), None)
            if included is None:
                del open_groups[group]
                parts = (expanded[entry] if isinstance(entry, str) else (entry,) for entry in entries[group])
                expanded[group] = tuple(dict.fromkeys(requirement for part in parts for requirement in part))
            elif included not in entries:
                line = self._line_in_table("dependency-groups", group)
                self._refuse(f"the group `{group}` includes `{included}`, which does not exist", line=line)
            elif included in open_groups:
                names = list(open_groups)
                loop = " → ".join([*names[names.index(included) :], included])
                line = self._line_in_table("dependency-groups", group)
                self._refuse(f"groups include each other in a circle: {loop}", line=line)
            elif included not in expanded:
                open_groups[included] = iter(entries[included])

    def _default_groups(self, tool: ToolTable, groups: Mapping[GroupName, object]) -> tuple[GroupName, ...]:
        if tool.all_groups:
            return tuple(groups)
        if tool.default_groups is None:
            return (DEFAULT_GROUP,) if DEFAULT_GROUP in groups else ()
        for name in tool.default_groups:
            if name not in groups:
                tools = "dxpy" if "dxpy" in self._document["tool"] else "uv"
                self._refuse(
                    f"`tool.{tools}.default-groups` names the group `{name}`, which does not exist",
                    line=self._line_of_key(f"tool.{tools}.default-groups"),
                )
        return tool.default_groups
