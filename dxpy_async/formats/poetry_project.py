"""A project as Poetry's table of a pyproject.toml describes it, in the words of the standards.

Source: https://python-poetry.org/docs/pyproject/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dxpy_async.core.names import normalize
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.formats.foreign_projects import ForeignProject, git_entry, path_entry
from dxpy_async.formats.poetry_versions import poetry_constraint, poetry_python_marker

_TABLE = ("tool", "poetry")
_URLS = {"homepage": "Homepage", "repository": "Repository", "documentation": "Documentation"}
_TEXTS = ("name", "version", "description")
_SAME = (*_TEXTS, "keywords", "classifiers")
_OF_BACKEND = ("packages", "include", "exclude", "build", "version")
"""What poetry-core goes on reading where it stands."""
_FOR_POETRY = ("requires-poetry", "requires-plugins")
_IMPLICIT = "pypi"
_KNOWN_OF_DEPENDENCIES = frozenset(
    [
        "version",
        "extras",
        "markers",
        "python",
        "platform",
        "optional",
        "allow-prereleases",
        "source",
        "git",
        "branch",
        "tag",
        "rev",
        "ref",
        "subdirectory",
        "path",
        "develop",
        "url",
        "file",
    ]
)


def read_poetry(document: Mapping[str, Any]) -> ForeignProject:
    """What [tool.poetry] says. Raises ValueError and TypeError, in words, for what cannot be understood."""
    return _Reader(document).read()


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._table: Mapping[str, Any] = document["tool"]["poetry"]
        self._there: Mapping[str, Any] = document.get("project", {})
        self._dynamic = self._there.get("dynamic", [])
        self._has_versioning = "poetry-dynamic-versioning" in document["tool"]
        self._found = ForeignProject()
        self._optional: dict[str, list[str]] = {}
        """The requirements of each optional dependency, which extras name."""

    def read(self) -> ForeignProject:
        found, table = self._found, self._table
        self._describe()
        self._list_scripts()
        for source in table.get("source", []):
            self._index(source)
        self._move("source")
        self._main(table.get("dependencies", {}))
        self._extras()
        self._groups()
        if table.get("package-mode", True) is False:
            found.settings["package"] = False
        self._move("package-mode")
        for key in _FOR_POETRY:
            if key in table:
                found.leave_out(f"`{key}`, which is for Poetry itself")
                self._move(key)
        kept = [key for key in _OF_BACKEND if key in table and (*_TABLE, key) not in found.moved]
        if kept:
            found.leave_out(f"{', '.join(f'`{key}`' for key in kept)}, which poetry-core reads in [tool.poetry]")
        return found

    def _move(self, *path: str) -> None:
        holder: Any = self._table
        for key in path:
            holder = holder.get(key) if isinstance(holder, Mapping) else None
        if holder is not None:
            self._found.moved.append((*_TABLE, *path))

    def _describe(self) -> None:
        """The keys of [project] that are not there already."""
        table, project = self._table, self._found.project
        for key in _SAME:
            if key == "version" and (self._has_versioning or "version" in self._dynamic):
                if not self._there:
                    project["dynamic"] = ["version"]
                continue
            if key in table:
                if key in _TEXTS and not isinstance(table[key], str):
                    raise ValueError(f"`tool.poetry.{key}` must be a string")
                project[key] = table[key]
                self._move(key)
        python = self._table.get("dependencies", {}).get("python")
        if isinstance(python, str):
            found = poetry_constraint(python)
            if found.specifier:
                project["requires-python"] = found.specifier
            if found.is_wider:
                self._found.leave_out(f'the gap in `python = "{python}"`: `requires-python` is `{found.specifier}`')
        if isinstance(table.get("license"), str):
            project["license"] = {"text": table["license"]}
        readme = table.get("readme")
        if isinstance(readme, str):
            project["readme"] = readme
        elif isinstance(readme, list) and readme:
            project["readme"] = readme[0]
            if readme[1:]:
                self._found.leave_out(f"all but the first of the readmes: {', '.join(map(str, readme[1:]))}")
        for key in ("authors", "maintainers"):
            self._found.people(key, table.get(key, []))
            self._move(key)
        urls = {label: table[key] for key, label in _URLS.items() if key in table} | dict(table.get("urls", {}))
        if urls:
            project["urls"] = urls
        for key in ("license", "readme", "urls", *_URLS):
            self._move(key)

    def _list_scripts(self) -> None:
        scripts: dict[str, str] = {}
        for name, value in self._table.get("scripts", {}).items():
            table = value if isinstance(value, Mapping) else {"reference": value}
            if table.get("type", "console") == "console":
                scripts[name] = str(table.get("reference", table.get("callable")))
            else:
                self._found.leave_out(f"the script `{name}`, which is a file")
        if scripts:
            self._found.project["scripts"] = scripts
        self._move("scripts")
        plugins = self._table.get("plugins", {})
        if plugins:
            self._found.project["entry-points"] = {group: dict(points) for group, points in plugins.items()}
        self._move("plugins")

    def _index(self, source: Mapping[str, Any]) -> None:
        name, priority = str(source.get("name", "")), str(source.get("priority", "primary"))
        if name.lower() == _IMPLICIT and "url" not in source:
            return
        kind = {"explicit": "explicit", "primary": "default", "default": "default"}.get(priority, "")
        if source.get("default") is True:
            kind = "default"
        elif source.get("secondary") is True:
            kind = ""
        self._found.add_index(str(source["url"]), name=name, kind=kind)
        if priority in ("supplemental", "secondary"):
            self._found.leave_out(
                f"the priority of the index `{name}`, `{priority}`: it is asked before the default one, not after it"
            )

    def _main(self, dependencies: Mapping[str, Any]) -> None:
        found = self._found
        enriches = "dependencies" in self._there
        for name, given in dependencies.items():
            if name == "python":
                continue
            optional = any(isinstance(each, Mapping) and each.get("optional") for each in _alternatives(given))
            to = self._optional.setdefault(normalize(name), []) if optional else found.dependencies
            self._dependency([] if enriches else to, name, given)
        self._move("dependencies")

    def _extras(self) -> None:
        found = self._found
        named: set[str] = set()
        for extra, names in self._table.get("extras", {}).items():
            listed: list[str] = found.optional.setdefault(extra, [])
            for name in names:
                plain = normalize(str(name).partition("[")[0])
                named.add(plain)
                texts = self._optional.get(plain)
                if texts is None:
                    texts = [each for each in found.dependencies if _name(each) == plain]
                listed += [text for text in texts if text not in listed]
        for name in self._optional.keys() - named:
            found.leave_out(f"the optional dependency `{name}`, which no extra names")
        self._move("extras")

    def _groups(self) -> None:
        found, table = self._found, self._table
        groups: dict[str, Mapping[str, Any]] = dict(table.get("group", {}))
        if "dev-dependencies" in table:
            dev = groups.get("dev", {})
            groups["dev"] = {**dev, "dependencies": {**table["dev-dependencies"], **dev.get("dependencies", {})}}
        for name, group in groups.items():
            listed = found.groups.setdefault(name, [])
            for package, given in group.get("dependencies", {}).items():
                self._dependency(listed, package, given)
            listed += [{"include-group": str(each)} for each in group.get("include-groups", [])]
        usual = [name for name, group in groups.items() if not group.get("optional")]
        if usual != [name for name in groups if name == "dev"]:
            found.settings["default-groups"] = usual
        self._move("group")
        self._move("dev-dependencies")

    def _dependency(self, to: list[str] | list[str | dict[str, str]], name: str, given: object) -> None:
        for each in _alternatives(given):
            table: Mapping[str, Any] = each if isinstance(each, Mapping) else {"version": each}
            for key in table.keys() - _KNOWN_OF_DEPENDENCIES:
                self._found.leave_out(f"`{key}` of the dependency `{name}`")
            marker = _marker(table)
            entry = _source(table)
            specifier = ""
            if entry is None:
                constraint = poetry_constraint(str(table.get("version", "*")))
                specifier = constraint.specifier
                if constraint.is_wider:
                    self._found.leave_out(f'the gap in `{name} = "{table["version"]}"`: it is `{specifier}` now')
                if isinstance(table.get("source"), str) and table["source"].lower() != _IMPLICIT:
                    entry = {"index": table["source"]}
            if entry is not None:
                is_several = isinstance(given, list) and "index" not in entry
                self._found.add_source(name, entry, marker=marker if is_several else "")
            if table.get("allow-prereleases") is True:
                self._found.settings.setdefault("prerelease-package", {})[normalize(name)] = "allow"
            self._found.require(to, name, extras=table.get("extras", ()), specifier=specifier, marker=marker)


def _alternatives(given: object) -> Iterator[object]:
    """A dependency can be said several times, under conditions."""
    yield from given if isinstance(given, list) else [given]


def _name(requirement: str) -> str:
    return parse_requirement(requirement).name


def _marker(table: Mapping[str, Any]) -> str:
    parts = [str(table["markers"])] if table.get("markers") else []
    if table.get("python"):
        parts.append(poetry_python_marker(str(table["python"])))
    if table.get("platform"):
        parts.append(f'sys_platform == "{table["platform"]}"')
    parts = [each for each in parts if each]
    return parts[0] if len(parts) == 1 else " and ".join(f"({each})" if " or " in each else each for each in parts)


def _source(table: Mapping[str, Any]) -> dict[str, str | bool] | None:
    """Where a dependency comes from, if it is not an index."""
    if "git" in table:
        return git_entry(table)
    if "url" in table:
        entry: dict[str, str | bool] = {"url": str(table["url"])}
        if "subdirectory" in table:
            entry["subdirectory"] = str(table["subdirectory"])
        return entry
    place = table.get("path", table.get("file"))
    return path_entry(str(place), editable=table.get("develop") is True) if place is not None else None
