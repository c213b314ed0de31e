"""What PDM's table of a pyproject.toml says beyond the standards. Source: https://pdm-project.org/en/latest/reference/"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dxpy_async.formats.foreign_projects import ForeignProject, located, path_entry

_TABLE = ("tool", "pdm")
_OF_BACKEND = ("build", "version")
"""What pdm-backend goes on reading where it stands."""
_IMPLICIT = "pypi"
_SHARED = "_"
"""The key of what holds for all scripts."""
_EDITABLE = re.compile(r"-e\s+|--editable[\s=]+")
_ROOT = re.compile(r"file://(?:/?\$\{PROJECT_ROOT\}/?|\./)")


def read_pdm(document: Mapping[str, Any]) -> ForeignProject:
    """What [tool.pdm] says. Raises ValueError and TypeError, in words, for what cannot be understood."""
    table: Mapping[str, Any] = document["tool"]["pdm"]
    found = ForeignProject()
    for group, texts in table.get("dev-dependencies", {}).items():
        listed = found.groups.setdefault(group, [])
        for text in texts:
            _require(found, listed, str(text))
    if found.groups and list(found.groups) != ["dev"]:  # PDM installs all of them
        found.settings["default-groups"] = list(found.groups)
    for source in table.get("source", []):
        _index(found, source)
    for name, given in table.get("scripts", {}).items():
        _task(found, name, given)
    _resolution(found, table.get("resolution", {}))
    if "distribution" in table or "package-type" in table:
        is_built = table.get("distribution", table.get("package-type") == "library")
        if not is_built:
            found.settings["package"] = False
    carried = ("dev-dependencies", "source", "scripts", "resolution", "distribution", "package-type")
    found.moved += [(*_TABLE, key) for key in carried if key in table]
    for key in table:
        if key not in (*carried, *_OF_BACKEND):
            found.leave_out(f"`tool.pdm.{key}`, which is for PDM itself")
    return found


def _require(found: ForeignProject, to: list[str | dict[str, str]], text: str) -> None:
    editable = _EDITABLE.match(text)
    plain = text[editable.end() :] if editable is not None else text
    inside = _ROOT.search(plain)
    try:
        place = located(_ROOT.sub("file:", plain) if inside is not None else plain) if "://" in plain else None
    except ValueError as error:
        found.leave_out(f"the requirement `{text}`: {error}")
        return
    if place is None:
        if editable is not None or "://" in plain:
            found.leave_out(f"the requirement `{text}`, which does not say its name")
            return
        found.require_text(to, plain)
        return
    name, entry, marker, extras = place
    if "path" in entry:
        entry = path_entry(str(entry["path"]), editable=editable is not None)
    found.add_source(name, entry)
    found.require(to, name, extras=extras, marker=marker)


def _index(found: ForeignProject, source: Mapping[str, Any]) -> None:
    name, url = str(source.get("name", "")), str(source["url"])
    if "${" in url:
        found.leave_out(f"the index `{name or url}`, whose address has variables: name it by `DXPY_INDEX`")
    elif source.get("type") == "find_links":
        found.settings.setdefault("find-links", []).append(_ROOT.sub("", url))
    else:
        found.add_index(url, name=name, kind="default" if name.lower() == _IMPLICIT else "")
        if source.get("verify_ssl") is False:
            found.leave_out(f"`verify_ssl = false` of the index `{name}`")
        for key in ("include_packages", "exclude_packages"):
            if key in source:
                found.leave_out(f"`{key}` of the index `{name}`: say it in [tool.dxpy.sources]")


def _resolution(found: ForeignProject, table: Mapping[str, Any]) -> None:
    overrides = table.get("overrides", {})
    if overrides:
        texts = [f"{name}{_specifier(str(version))}" for name, version in overrides.items()]
        found.settings["override-dependencies"] = texts
    if table.get("excludes"):
        found.settings["exclude-dependencies"] = list(table["excludes"])
    if table.get("allow-prereleases") is True:
        found.settings["prerelease"] = "allow"
    for key in table.keys() - {"overrides", "excludes", "allow-prereleases"}:
        found.leave_out(f"`tool.pdm.resolution.{key}`")


def _specifier(version: str) -> str:
    """An override is a specifier, a bare version, or an address."""
    if "://" in version:
        return f" @ {version}"
    return version if version[:1] in "<>=!~" else f"=={version}"


def _task(found: ForeignProject, name: str, given: object) -> None:
    if name == _SHARED:
        found.leave_out("`tool.pdm.scripts._`, what holds for all scripts")
        return
    if name.startswith(("pre_", "post_")):
        found.leave_out(f"the script `{name}`, which PDM runs around others: say `pre` and `post` of the task")
        return
    table: Mapping[str, Any] = given if isinstance(given, Mapping) else {"cmd": given}
    task: dict[str, Any] = {}
    if "call" in table:
        module, _, function = str(table["call"]).partition(":")
        call = function if function.endswith(")") else f"{function}()"
        task["cmd"] = ["python", "-c", f"import {module} as it; it.{call}"]
    elif "shell" in table:
        task |= {"cmd": str(table["shell"]), "shell": True}
    elif "composite" in table:
        steps = [str(each) for each in table["composite"]]
        plain = [each for each in steps if " " not in each]
        if len(plain) < len(steps):
            found.leave_out(f"the script `{name}`, which gives arguments to other scripts")
            return
        task["depends"] = plain
    else:
        command = table.get("cmd", "")
        task["cmd"] = list(command) if isinstance(command, list) else str(command)
    for theirs, ours in (("env", "env"), ("working_dir", "cwd"), ("help", "help")):
        if theirs in table:
            task[ours] = table[theirs]
    for key in table.keys() - {"cmd", "shell", "call", "composite", "env", "working_dir", "help"}:
        found.leave_out(f"`{key}` of the script `{name}`")
    if "{args" in str(task.get("cmd")):
        found.leave_out(f"the script `{name}`, which says where its arguments go (`{{args}}`)")
        return
    found.tasks[name] = task["cmd"] if task.keys() == {"cmd"} else task
