"""A project as its pyproject.toml describes it: who it is, what it needs, and how dxpy is to treat it.

Every mistake in the file is an InvalidProject that names the line, as far as it can be known: `tomllib` keeps no lines,
so that of a wrong value is where its text, or the key that holds it, stands in the file.

Sources: https://packaging.python.org/en/latest/specifications/pyproject-toml/ and
https://packaging.python.org/en/latest/specifications/dependency-groups/
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.amendments import Amendments, Statement
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.names import (
    ExtraName,
    GroupName,
    ProjectName,
    is_valid_name,
    normalize,
    normalize_extra,
    normalize_group,
)
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.settings import LinkMode
from dxpy_async.core.specifiers import normal_specifier
from dxpy_async.core.upload_limits import InvalidUploadLimit, UploadLimit, UploadLimits, parse_upload_limit
from dxpy_async.errors import InvalidProject, ProjectNotFound
from dxpy_async.project.document import decode, kept_document, parse, read_content
from dxpy_async.project.tool_table import NamedIndex, ToolTable

FILE_NAME = "pyproject.toml"

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)

_DEFAULT_GROUP = normalize_group("dev")
"""The group that is installed without being asked for, when the project has it and does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project. `version` is None when a build backend decides it; `requires_python` is empty when any Python will do.

    Requirements keep the file's order; those of a group are with all that it includes. `default_groups` are the groups
    that are installed without being asked for.
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
    tool: ToolTable = field(default_factory=ToolTable)

    @property
    def file(self) -> Path:
        return self.root / FILE_NAME


def find_project(start: Path) -> Path:
    """The directory of the nearest pyproject.toml, in `start` (absolute) or above it. Raises ProjectNotFound."""
    for directory in (start, *start.parents):
        if os.path.isfile(directory / FILE_NAME):
            return directory
    raise ProjectNotFound(str(start))


def read_project(root: Path) -> Project:
    """Read the project whose directory is `root`. Raises ProjectNotFound and InvalidProject."""
    file = root / FILE_NAME
    try:
        content = read_content(file)
    except FileNotFoundError as error:
        raise ProjectNotFound(str(root)) from error
    return _Reader(content, file, kept_document(file, content)).project(root)


def parse_project(content: bytes, root: Path) -> Project:
    """Read a project from the content of the pyproject.toml in `root`. Raises InvalidProject."""
    return _Reader(content, root / FILE_NAME).project(root)


class _Reader:
    """One file being read: its values, and its text, in which mistakes are looked up."""

    def __init__(self, content: bytes, file: Path, document: dict[str, Any] | None = None) -> None:
        """`document` is what `content` says, where that is known already."""
        self._file = str(file)
        self._text = decode(content, self._file)
        self._document = parse(self._text, self._file) if document is None else document

    def _refuse(self, reason: str, *, line: int | None = None, hints: Iterable[str] = ()) -> NoReturn:
        raise InvalidProject(self._file, reason, line=line, hints=tuple(hints))

    def _line_of(self, value: str, key: str) -> int | None:
        """The line with the text `value` as a string, else the one where the last part of `key` is set."""
        return self._line_after(self._place_of_key(key) or 0, value) or self._line_of_key(key)

    def _line_after(self, start: int, value: str) -> int | None:
        """The first line with the text `value` as a string, at best at or behind the place `start`."""
        for behind in (start, 0):
            places = [self._text.find(f"{quote}{value}{quote}", behind) for quote in "\"'"]
            if max(places) >= 0:
                return self._text.count("\n", 0, min(place for place in places if place >= 0)) + 1
        return None

    def _line_of_key(self, key: str) -> int | None:
        """The line of the header `[key]`, else that of the last part of `key` in the table that the others name.

        What stands nowhere on a line of its own, in an inline table say, has the line of what it is in.
        """
        while key:
            place = self._place_of_key(key)
            if place is not None:
                return self._text.count("\n", 0, place) + 1
            key = key.rpartition(".")[0]
        return None

    def _line_in_table(self, table: str, last: str) -> int | None:
        place = self._place_in_table(table, last)
        return self._text.count("\n", 0, place) + 1 if place is not None else None

    def _place_of_key(self, key: str) -> int | None:
        table, _, last = key.rpartition(".")
        return self._place_in_table(table, last)

    def _place_in_table(self, table: str, last: str) -> int | None:
        setting = re.compile(
            rf"""^[ \t]*(?:[\w.-]+\.)?(?:{re.escape(last)}|"{re.escape(last)}"|'{re.escape(last)}')[ \t]*=""",
            re.MULTILINE,
        )
        found = self._header(f"{table}.{last}" if table else last)
        if found is None and (header := self._header(table)):
            following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(self._text, header.end())
            found = setting.search(self._text, header.end(), following.start() if following else len(self._text))
        found = found or setting.search(self._text)
        return found.start() if found else None

    def _header(self, table: str) -> re.Match[str] | None:
        return re.search(rf"^[ \t]*\[+[ \t]*{re.escape(table)}[ \t]*\]", self._text, re.MULTILINE)

    # -- values of the right type

    def _table(self, holder: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
        value = holder.get(key, {})
        if not isinstance(value, dict):
            self._refuse(f"`{where}` must be a table, not {_kind(value)}", line=self._line_of_key(where))
        return value

    def _string(self, holder: Mapping[str, Any], key: str, where: str) -> str | None:
        value = holder.get(key)
        if value is not None and not isinstance(value, str):
            self._refuse(f"`{where}` must be a string, not {_kind(value)}", line=self._line_of_key(where))
        return value

    def _boolean(self, holder: Mapping[str, Any], key: str, where: str) -> bool | None:
        value = holder.get(key)
        if value is not None and not isinstance(value, bool):
            self._refuse(f"`{where}` must be true or false, not {_kind(value)}", line=self._line_of_key(where))
        return value

    def _strings(self, holder: Mapping[str, Any], key: str, where: str) -> list[str]:
        value = holder.get(key, [])
        if not isinstance(value, list):
            self._refuse(f"`{where}` must be an array of strings, not {_kind(value)}", line=self._line_of_key(where))
        for item in value:
            if not isinstance(item, str):
                self._refuse(f"`{where}` must hold only strings, not {_kind(item)}", line=self._line_of_key(where))
        return value

    # -- [project]

    def project(self, root: Path) -> Project:
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
        return Project(
            root=root,
            name=name,
            version=self._version(table, dynamic),
            requires_python=self._requires_python(table),
            dependencies=self._requirements(table, "dependencies", "project.dependencies"),
            optional_dependencies=self._optional(table),
            dependency_groups=groups,
            default_groups=self._default_groups(tool, groups),
            has_build_system="build-system" in self._document,
            tool=tool,
        )

    def _dynamic(self, table: Mapping[str, Any]) -> frozenset[str]:
        dynamic = frozenset(self._strings(table, "dynamic", "project.dynamic"))
        line = self._line_of_key("project.dynamic")
        for key in sorted(dynamic):
            if key == "name":
                self._refuse("`project.name` must stand in the file, it cannot be dynamic", line=line)
            if key in table:
                self._refuse(f"`project.{key}` is given and also listed in `project.dynamic`", line=line)
        needed = sorted(dynamic & {"dependencies", "optional-dependencies", "requires-python"})
        if needed:
            self._refuse(
                f"`project.{needed[0]}` is dynamic: its value is known only after the project is built, "
                "and dxpy cannot build projects yet",
                line=line,
                hints=(f"write `{needed[0]}` into the [project] table and remove it from `dynamic`",),
            )
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

    def _requires_python(self, table: Mapping[str, Any]) -> str:
        text = self._string(table, "requires-python", "project.requires-python") or ""
        try:
            return normal_specifier(text)
        except parsers.specifiers.InvalidSpecifier:
            self._refuse(
                f"`project.requires-python` is not a range of versions: {text!r}",
                line=self._line_of_key("project.requires-python"),
                hints=("write it like `>=3.11` or `>=3.11,<4`",),
            )

    def _requirements(self, holder: Mapping[str, Any], key: str, where: str) -> tuple[Requirement, ...]:
        return tuple(self._requirement(text, where) for text in self._strings(holder, key, where))

    def _requirement(self, text: str, where: str) -> Requirement:
        try:
            return parse_requirement(text)
        except parsers.requirements.InvalidRequirement as error:
            self._refuse(f"`{where}` holds an invalid requirement: {error}", line=self._line_of(text, where))

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
            self._refuse(f"`{where}` must be an array, not {_kind(value)}", line=self._line_of_key(where))
        return tuple(self._group_entry(item, where) for item in value)

    def _group_entry(self, item: object, where: str) -> Requirement | GroupName:
        if isinstance(item, str):
            return self._requirement(item, where)
        included = item["include-group"] if isinstance(item, dict) and list(item) == ["include-group"] else None
        if not isinstance(included, str):
            self._refuse(
                f'`{where}` must hold requirements and `{{include-group = "…"}}`, not {_kind(item)}',
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

    # -- [tool.dxpy]

    def _tool(self, root: Path) -> ToolTable:
        tools = self._table(self._document, "tool", "tool")
        if "dxpy" in tools:
            return self._dxpy_table(self._table(tools, "dxpy", "tool.dxpy"), root)
        return self._uv_table(self._table(tools, "uv", "tool.uv"), root) if "uv" in tools else ToolTable()

    def _dxpy_table(self, table: Mapping[str, Any], root: Path) -> ToolTable:
        known = (
            "compile-bytecode",
            "constraint-dependencies",
            "default-groups",
            "exclude-dependencies",
            "exclude-newer",
            "exclude-newer-package",
            "extra-index-url",
            "find-links",
            "hints",
            "index",
            "index-url",
            "link-mode",
            "override-dependencies",
            "prerelease",
            "prerelease-package",
            "python",
            "resolution",
            "sources",
        )
        for key in table:
            if key not in known:
                close = get_close_matches(key, known, 1)
                self._refuse(
                    f"[tool.dxpy] has no setting `{key}`",
                    line=self._line_of_key(f"tool.dxpy.{key}"),
                    hints=(f"did you mean `{close[0]}`?",) if close else (f"the settings are {', '.join(known)}",),
                )
        return ToolTable(
            **self._indexes(table, "tool.dxpy", root),
            compile_bytecode=self._boolean(table, "compile-bytecode", "tool.dxpy.compile-bytecode"),
            link_mode=self._choice(table, "link-mode", "tool.dxpy.link-mode", LinkMode),
            python=self._string(table, "python", "tool.dxpy.python"),
            hints=self._boolean(table, "hints", "tool.dxpy.hints"),
            **self._resolution(table, "tool.dxpy"),
            **self._named_groups(table, "tool.dxpy"),
        )

    def _resolution(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        """How versions are picked, which [tool.uv] says in the same words."""
        excluded = self._strings(table, "exclude-dependencies", f"{where}.exclude-dependencies")
        self._check_projects(excluded, f"{where}.exclude-dependencies")
        return {
            "mode": self._choice(table, "resolution", f"{where}.resolution", ResolutionMode),
            "prereleases": self._choice(table, "prerelease", f"{where}.prerelease", Prereleases),
            "prereleases_of": self._prereleases_of(table, f"{where}.prerelease-package"),
            "amendments": Amendments(
                constraints=self._statements(table, "constraint-dependencies", where),
                overrides=self._statements(table, "override-dependencies", where),
                exclusions=frozenset(map(normalize, excluded)),
            ),
            "upload_limits": UploadLimits(
                general=self._upload_limit(table, "exclude-newer", f"{where}.exclude-newer"),
                projects=self._upload_limits(table, f"{where}.exclude-newer-package"),
            ),
        }

    def _statements(self, table: Mapping[str, Any], key: str, where: str) -> tuple[Statement, ...]:
        where = f"{where}.{key}"
        texts = self._strings(table, key, where)
        start = (self._place_of_key(where) or 0) if texts else 0
        return tuple(
            Statement(self._requirement(text, where), f"{FILE_NAME}:{self._line_after(start, text) or 1}")
            for text in texts
        )

    def _choice(self, table: Mapping[str, Any], key: str, where: str, kind: type[ChoiceT]) -> ChoiceT | None:
        text = self._string(table, key, where)
        if text is None:
            return None
        if text not in tuple(kind):
            self._refuse(f"`{where}` is {text!r}; it can be {', '.join(kind)}", line=self._line_of_key(where))
        return kind(text)

    def _prereleases_of(self, table: Mapping[str, Any], where: str) -> dict[ProjectName, Prereleases]:
        rules = self._table(table, "prerelease-package", where)
        self._check_projects(rules, where)
        found = {normalize(name): self._choice(rules, name, f"{where}.{name}", Prereleases) for name in rules}
        return {name: rule for name, rule in found.items() if rule is not None}

    def _upload_limits(self, table: Mapping[str, Any], where: str) -> dict[ProjectName, UploadLimit | None]:
        limits = self._table(table, "exclude-newer-package", where)
        self._check_projects(limits, where)
        return {
            normalize(name): None if value is False else self._upload_limit(limits, name, f"{where}.{name}")
            for name, value in limits.items()
        }

    def _upload_limit(self, table: Mapping[str, Any], key: str, where: str) -> UploadLimit | None:
        text = self._string(table, key, where)
        if text is None:
            return None
        try:
            return parse_upload_limit(text)
        except InvalidUploadLimit as error:
            self._refuse(f"`{where}` is {text!r}, which {error}", line=self._line_of_key(where))

    def _check_projects(self, names: Iterable[str], where: str) -> None:
        for name in names:
            if not is_valid_name(name):
                self._refuse(
                    f"`{where}` names {name!r}, which is not the name of a project", line=self._line_of_key(where)
                )

    def _indexes(self, table: Mapping[str, Any], where: str, root: Path) -> dict[str, Any]:
        """Where distributions are, which [tool.uv] says in the same words."""
        tables = table.get("index", [])
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self._refuse(f"`{where}.index` must be tables, [[{where}.index]]", line=self._line_of_key(f"{where}.index"))
        found = [self._index(each, f"{where}.index") for each in tables]
        defaults = [url for _, url, kind in found if kind == "default"]
        names = [name for name, _, _ in found if name]
        if len(defaults) > 1 or len(set(names)) < len(names):
            line = self._line_of_key(f"{where}.index")
            self._refuse(f"`{where}.index` has two defaults, or two of one name", line=line)
        return {
            "index_url": defaults[0] if defaults else self._string(table, "index-url", f"{where}.index-url"),
            "extra_index_urls": (
                *(url for _, url, kind in found if not kind),
                *self._strings(table, "extra-index-url", f"{where}.extra-index-url"),
            ),
            "find_links": self._find_links(table, where, root),
            "named_indexes": tuple(NamedIndex(name, url) for name, url, _ in found if name),
            "sources": self._sources(self._table(table, "sources", f"{where}.sources"), f"{where}.sources"),
        }

    def _index(self, table: Mapping[str, Any], where: str) -> tuple[str, str, str]:
        """Name (empty: none), URL, and `default`, `explicit` or nothing."""
        name, url = self._string(table, "name", f"{where}.name") or "", self._string(table, "url", f"{where}.url")
        kinds = [kind for kind in ("default", "explicit") if table.get(kind, False)]
        if any(not isinstance(table[kind], bool) for kind in kinds):
            self._refuse(f"`{where}.{kinds[0]}` must be true or false", line=self._line_of_key(f"{where}.{kinds[0]}"))
        unknown = [key for key in table if key not in ("name", "url", "default", "explicit")]
        reason = ""
        if url is None:
            reason = "an index without a `url`"
        elif len(kinds) == 2 and where == "tool.dxpy.index":
            reason = "an index that is both `default` and `explicit`"
        elif "explicit" in kinds and not name:
            reason = "an index that is explicit and has no `name`, so that nothing can be taken from it"
        elif unknown and where == "tool.dxpy.index":
            reason = f"an index with a key `{unknown[0]}`; there are `name`, `url`, `default` and `explicit`"
        if reason:
            self._refuse(f"`{where}` has {reason}", line=self._line_of_key(f"{where}.{next(iter(table), '')}"))
        return name, url or "", kinds[-1] if kinds else ""

    def _sources(self, table: Mapping[str, Any], where: str) -> dict[ProjectName, str]:
        """The name of the index that each project is pinned to; uv's sources of other kinds are its own."""
        self._check_projects(table, where)
        found = {}
        for name, source in table.items():
            parts = [each for each in (source if isinstance(source, list) else [source]) if isinstance(each, dict)]
            index = source.get("index") if isinstance(source, dict) and len(source) == 1 else None
            if isinstance(index, str):
                found[normalize(name)] = index
            elif where == "tool.dxpy.sources" or any("index" in part for part in parts):
                self._refuse(
                    f'`{where}.{name}` must be {{ index = "NAME" }} and hold everywhere: sources with markers, extras '
                    "or groups, and sources of other kinds, are not supported",
                    line=self._line_of_key(f"{where}.{name}"),
                )
        return found

    def _find_links(self, table: Mapping[str, Any], where: str, root: Path) -> tuple[str, ...]:
        places = self._strings(table, "find-links", f"{where}.find-links")
        return tuple(place if "://" in place else os.path.normpath(root / place) for place in places)

    def _named_groups(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        if table.get("default-groups") == "all":
            return {"all_groups": True}
        if "default-groups" not in table:
            return {}
        names = self._strings(table, "default-groups", f"{where}.default-groups")
        return {"default_groups": tuple(normalize_group(name) for name in names)}

    def _uv_table(self, table: Mapping[str, Any], root: Path) -> ToolTable:
        """The settings of [tool.uv] that say where distributions are and which to pick; all others are uv's own."""
        where = "tool.uv"
        return ToolTable(
            **self._indexes(table, where, root),
            **self._resolution(table, where),
            **self._named_groups(table, where),
        )

    def _default_groups(self, tool: ToolTable, groups: Mapping[GroupName, object]) -> tuple[GroupName, ...]:
        if tool.all_groups:
            return tuple(groups)
        if tool.default_groups is None:
            return (_DEFAULT_GROUP,) if _DEFAULT_GROUP in groups else ()
        for name in tool.default_groups:
            if name not in groups:
                tools = "dxpy" if "dxpy" in self._document["tool"] else "uv"
                self._refuse(
                    f"`tool.{tools}.default-groups` names the group `{name}`, which does not exist",
                    line=self._line_of_key(f"tool.{tools}.default-groups"),
                )
        return tool.default_groups


def _kind(value: object) -> str:
    """What TOML calls a value's type, with its article."""
    names = {bool: "a boolean", str: "a string", int: "an integer", float: "a float", list: "an array", dict: "a table"}
    return names.get(type(value), "a date or time")
