"""A project as Pipenv's Pipfile describes it, in the words of the standards.

Source: https://pipenv.pypa.io/en/latest/pipfile.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dxpy_async.formats.foreign_projects import ForeignProject, git_entry, path_entry

_IMPLICIT = "pypi"
_DEV = "dev"
_NO_GROUPS = ("source", "packages", "dev-packages", "requires", "scripts", "pipenv")
_MARKERS = [
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
]
"""Keys of a package that are markers by themselves, as in `sys_platform = "== 'win32'"`."""


def read_pipfile(document: Mapping[str, Any]) -> ForeignProject:
    """What a Pipfile says. Raises ValueError and TypeError, in words, for what cannot be understood."""
    found = ForeignProject()
    for number, source in enumerate(document.get("source", [])):
        _index(found, source, is_first=number == 0)
    for name, given in document.get("packages", {}).items():
        _package(found, found.dependencies, name, given)
    groups = {_DEV: document["dev-packages"]} if document.get("dev-packages") else {}
    groups |= {key: value for key, value in document.items() if key not in _NO_GROUPS and isinstance(value, dict)}
    for group, packages in groups.items():
        for name, given in packages.items():
            _package(found, found.groups.setdefault(group, []), name, given)
    requires = document.get("requires", {})
    if "python_full_version" in requires:
        found.project["requires-python"] = f"=={requires['python_full_version']}"
    elif "python_version" in requires:
        found.project["requires-python"] = f"=={requires['python_version']}.*"
    for name, command in document.get("scripts", {}).items():
        found.tasks[name] = str(command["call"]) if isinstance(command, Mapping) else str(command)
    settings = document.get("pipenv", {})
    if settings.get("allow_prereleases") is True:
        found.settings["prerelease"] = "allow"
    for key in settings.keys() - {"allow_prereleases"}:
        found.leave_out(f"`pipenv.{key}`, which is for Pipenv itself")
    return found


def _index(found: ForeignProject, source: Mapping[str, Any], *, is_first: bool) -> None:
    name, url = str(source.get("name", "")), str(source["url"])
    if "$" in url:
        found.leave_out(f"the index `{name or url}`, whose address has variables: name it by `DXPY_INDEX`")
        return
    # Pipenv takes a package from the first source, or from that which the package names.
    found.add_index(url, name=name, kind="default" if is_first else "explicit" if name else "")
    if source.get("verify_ssl") is False:
        found.leave_out(f"`verify_ssl = false` of the index `{name}`")


def _package(
    found: ForeignProject, to: list[str] | list[str | dict[str, str]], name: str, given: Mapping[str, Any] | str
) -> None:
    table: Mapping[str, Any] = given if isinstance(given, Mapping) else {"version": given}
    conditions = [str(table["markers"])] if table.get("markers") else []
    conditions += [f"{key} {table[key]}" for key in _MARKERS if key in table]
    marker = conditions[0] if len(conditions) == 1 else " and ".join(f"({each})" for each in conditions)
    version = str(table.get("version", "*")).strip()
    entry: dict[str, str | bool] | None = None
    if "git" in table:
        entry = git_entry(table)
    elif "path" in table or "file" in table:
        place = str(table.get("path", table.get("file")))
        entry = {"url": place} if "://" in place else path_entry(place, editable=table.get("editable") is True)
        if place in (".", "./"):
            found.leave_out(f"`{name}`, which is the project itself")
            return
    elif "index" in table and any(
        each.get("explicit") and each.get("name") == table["index"] for each in found.indexes
    ):
        entry = {"index": str(table["index"])}
    if entry is not None:
        found.add_source(name, entry)
    specifier = "" if version == "*" or (entry is not None and "index" not in entry) else version
    if specifier and specifier[0] not in "<>=!~":
        specifier = f"=={specifier}"
    found.require(to, name, extras=table.get("extras", ()), specifier=specifier, marker=marker)
