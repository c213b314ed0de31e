"""A pyproject.toml with what the files of another tool say of a project, and without what it said in that tool's words.

Everything else in it stays as it was written: all that goes are the tables and keys that were understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import InvalidProject, ProjectError
from dxpy_async.formats.foreign_projects import ForeignProject
from dxpy_async.formats.toml_writer import inline_value, write_toml
from dxpy_async.project.document import decode, parse
from dxpy_async.project.editing import DEPENDENCIES, DependencyList, ListKind, put_requirements
from dxpy_async.project.rewriting import rewritten, with_value
from dxpy_async.project.source_editing import put_index, put_source, tool_name
from dxpy_async.project.toml_sections import sections_of, without_paths

_FIRST_VERSION = "0.1.0"
_ORDER = [
    "name",
    "version",
    "description",
    "readme",
    "requires-python",
    "license",
    "authors",
    "maintainers",
    "keywords",
    "classifiers",
    "dynamic",
]
_TABLES = ("urls", "scripts", "gui-scripts", "entry-points")
_OLD_BACKENDS = {"poetry.masonry.api": "poetry.core.masonry.api"}
_MARK = b"\xef\xbb\xbf"
"""What some editors of Windows begin a file with."""


def written(root: Path, before: bytes, document: Mapping[str, Any], found: ForeignProject) -> bytes:
    """The project file with all that was found, its lines ending as they did.

    Raises InvalidProject where it cannot be put in.
    """
    plain = before.removeprefix(_MARK)
    is_windows = b"\r\n" in plain and b"\n" not in plain.replace(b"\r\n", b"")
    after = _with_all(root, plain.replace(b"\r\n", b"\n") if is_windows else plain, document, found)
    if is_windows:
        after = after.replace(b"\n", b"\r\n")
    return _MARK + after if before.startswith(_MARK) else after


def _with_all(root: Path, before: bytes, document: Mapping[str, Any], found: ForeignProject) -> bytes:
    file = str(root / PROJECT_NAME)
    content, place = before, None
    notes: Mapping[str, Sequence[str]] = {}
    if found.moved:
        thinned = without_paths(decode(before, file), found.moved)
        expected = _without(document, found.moved)
        if parse(thinned.text, file) != expected:
            raise InvalidProject(
                file,
                "what it says of dependencies cannot be taken out of it where it stands",
                hints=("give each table a header of its own, in brackets, and try again",),
            )
        content, place, notes = _tidy(thinned.text, thinned.place).encode(), thinned.place, thinned.notes
    if "project" not in document:
        content = _with_blocks(content, _new_blocks(root, document, found, notes), place)
    else:
        content = _with_lists(content, found, file)
        if "dependency-groups" not in document and found.groups:
            content = content.rstrip(b"\n") + b"\n\n" + _groups_text(found, notes).encode()
        else:
            content = _with_groups(content, found, file)
    content = _with_new_backend(content, document, file)
    return _with_settings(content, found, file)


def _tidy(text: str, place: int | None) -> str:
    """No more than one blank line where something was taken away."""
    return text if place is None else re.sub(r"\n{3,}", "\n\n", text)


def _without(document: Mapping[str, Any], moved: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """`document` without what is at `moved`, nor tables that have nothing left."""
    found: dict[str, Any] = dict(document)
    for path in moved:
        holders = [found]
        for key in path[:-1]:
            if not isinstance(holders[-1].get(key), dict):
                break
            holders[-1][key] = dict(holders[-1][key])
            holders.append(holders[-1][key])
        if len(holders) == len(path):
            holders[-1].pop(path[-1], None)
        for holder, key in zip(reversed(holders[:-1]), reversed(path[:-1]), strict=False):
            if not holder[key]:
                del holder[key]
    return found


def _new_blocks(
    root: Path, document: Mapping[str, Any], found: ForeignProject, notes: Mapping[str, Sequence[str]]
) -> list[str]:
    """The texts of [project], its lists, and the groups."""
    said = dict(found.project)
    said.setdefault("name", _name_of(root))
    if "version" not in said and "version" not in said.get("dynamic", ()):
        said["version"] = _FIRST_VERSION
    text = "[project]\n" + "".join(_line(key, said[key]) for key in _ORDER if key in said)
    if "dependencies" not in said.get("dynamic", ()):
        text += _list_text("dependencies", found.dependencies, notes)
    blocks = [text]
    blocks += [write_toml({"project": {key: said[key]}}) for key in _TABLES if key in said]
    if found.optional:
        lists = "".join(_list_text(extra, texts, notes) for extra, texts in found.optional.items())
        blocks.append(f"[project.optional-dependencies]\n{lists}")
    if found.groups and "dependency-groups" not in document:
        blocks.append(_groups_text(found, notes))
    if found.build_system and "build-system" not in document:
        blocks.append(write_toml({"build-system": found.build_system}))
    return blocks


def _line(key: str, value: object) -> str:
    """A key and its value; a table, or a list of them, on one line."""
    has_tables = isinstance(value, dict) or (isinstance(value, list) and any(isinstance(each, dict) for each in value))
    return f"{key} = {inline_value(value)}\n" if has_tables else write_toml({key: value})


def _name_of(root: Path) -> str:
    name = "-".join(filter(None, re.split(r"[^A-Za-z0-9]+", root.name))).lower()
    if not is_valid_name(name):
        raise ProjectError(
            f"`{root.name}`, the name of the directory, cannot be that of a project", hints=("rename the directory",)
        )
    return name


def _groups_text(found: ForeignProject, notes: Mapping[str, Sequence[str]]) -> str:
    lists = "".join(_list_text(group, items, notes) for group, items in found.groups.items())
    return f"[dependency-groups]\n{lists}"


def _list_text(key: str, items: Sequence[str | dict[str, str]], notes: Mapping[str, Sequence[str]]) -> str:
    """A list with a line for each requirement, and what somebody noted beside it."""
    name = write_toml({key: 0}).partition(" =")[0]
    if not items:
        return f"{name} = []\n"
    lines = []
    for item in items:
        noted = notes.get(parse_requirement(item).name, ()) if isinstance(item, str) else ()
        note = f"  # {'; '.join(noted)}" if noted else ""
        lines.append(f"    {inline_value(item)},{note}\n")
    return f"{name} = [\n{''.join(lines)}]\n"


def _with_blocks(content: bytes, blocks: Sequence[str], place: int | None) -> bytes:
    """`content` with `blocks` at `place`, or before its first section."""
    text = content.decode("utf-8-sig")
    if place is None or place > len(text):
        sections = sections_of(text)
        place = len(sections[0].text) if sections and not sections[0].path else 0
    before, behind = text[:place], text[place:].lstrip("\n")
    gap = "" if not before or before.endswith("\n\n") or before.rstrip(" ").endswith("#") else "\n"
    if before and before.splitlines()[-1].lstrip().startswith("#") and before.endswith("\n"):
        gap = ""
    joined = "\n".join(block.rstrip("\n") + "\n" for block in blocks)
    after = f"\n{behind}" if behind else ""
    return f"{before}{gap}{joined}{after}".encode()


def _with_lists(content: bytes, found: ForeignProject, file: str) -> bytes:
    """The [project] that is there, with what it did not say."""
    lists = [(DEPENDENCIES, found.dependencies)]
    lists += [(DependencyList(ListKind.EXTRA, extra), texts) for extra, texts in found.optional.items()]
    document = parse(decode(content, file), file)
    dynamic = document["project"].get("dynamic", [])
    said = {key: value for key, value in found.project.items() if key not in document["project"] and key != "dynamic"}
    for key, value in said.items():
        content = _put_value(content, ("project", key), value, file)
    for where, texts in lists:
        if texts:
            content = put_requirements(content, where, list(map(parse_requirement, texts)), file=file)
    given = parse(decode(content, file), file)["project"]
    still = [key for key in dynamic if key not in given]
    if still != dynamic:
        content = _put_value(content, ("project", "dynamic"), still, file)
    return content


def _with_groups(content: bytes, found: ForeignProject, file: str) -> bytes:
    for group, items in found.groups.items():
        texts = [parse_requirement(each) for each in items if isinstance(each, str)]
        content = put_requirements(content, DependencyList(ListKind.GROUP, group), texts, file=file)
    return content


def _with_settings(content: bytes, found: ForeignProject, file: str) -> bytes:
    """What goes into [tool.dxpy], which [tool.uv] takes too where it is the one that is read."""
    for name, table in found.other.items():
        content = content.rstrip(b"\n") + b"\n\n" + write_toml({"tool": {name: table}}).encode()
    document = parse(decode(content, file), file)
    tool = tool_name(document)
    if "dxpy" in document.get("tool", {}) or tool == "uv":
        return _with_more_settings(content, found, tool, file)
    table = {**found.settings}
    if found.tasks:
        table["scripts"] = found.tasks
    if found.sources:
        table["sources"] = {name: each[0] if len(each) == 1 else each for name, each in found.sources.items()}
    if found.indexes:
        table["index"] = found.indexes
    if not table:
        return content
    block = _settings_text(table)
    return content.rstrip(b"\n") + (b"\n\n" if content.strip() else b"") + block.encode()


def _settings_text(table: Mapping[str, Any]) -> str:
    """[tool.dxpy] with a line for each source and task."""
    blocks = []
    tables = {key: value for key, value in table.items() if key in ("scripts", "sources", "prerelease-package")}
    plain = {key: value for key, value in table.items() if key not in (*tables, "index")}
    if plain:
        blocks.append(write_toml({"tool": {"dxpy": plain}}))
    for key, inner in tables.items():
        lines = [
            f"{write_toml({name: 0}).partition(' =')[0]} = {inline_value(value)}\n" for name, value in inner.items()
        ]
        blocks.append(f"[tool.dxpy.{key}]\n{''.join(lines)}")
    if "index" in table:
        blocks.append(write_toml({"tool": {"dxpy": {"index": table["index"]}}}))
    return "\n".join(blocks)


def _with_more_settings(content: bytes, found: ForeignProject, tool: str, file: str) -> bytes:
    """The same for a file that has settings already."""
    for index in found.indexes:
        content = put_index(content, index, file=file)
    for name, entries in found.sources.items():
        if len(entries) == 1:
            content = put_source(content, normalize(name), entries[0], file=file)
        else:
            content = _put_value(content, ("tool", tool, "sources", name), entries, file)
    there = parse(decode(content, file), file)["tool"][tool]
    for key, value in found.settings.items():
        if there.get(key) != value:
            content = _put_value(content, ("tool", tool, key), value, file)
    if tool == "uv" and found.tasks:
        found.leave_out(
            f"the scripts {', '.join(found.tasks)}: tasks are read from [tool.dxpy] alone, and there is [tool.uv]"
        )
        return content
    for name, task in found.tasks.items():
        if there.get("scripts", {}).get(name) != task:
            content = _put_value(content, ("tool", tool, "scripts", name), task, file)
    return content


def _put_value(content: bytes, path: tuple[str, ...], value: object, file: str) -> bytes:
    def change(text: str, document: dict[str, Any]) -> str:
        holder = document
        for key in path[:-1]:
            holder = holder.setdefault(key, {})
        holder[path[-1]] = value
        return with_value(text, path, inline_value(value))

    return rewritten(content, change, file=file, what=".".join(path))


def _with_new_backend(content: bytes, document: Mapping[str, Any], file: str) -> bytes:
    """Poetry's build backend reads [project] from its version 2 on: older ones are not asked for any more."""
    build = document.get("build-system", {})
    backend = build.get("build-backend")
    if backend in _OLD_BACKENDS:
        content = _put_value(content, ("build-system", "build-backend"), _OLD_BACKENDS[backend], file)
    requires = [str(each) for each in build.get("requires", [])]
    wanted = ["poetry-core>=2.0" if _is_old_backend(each) else each for each in requires]
    if wanted != requires and "project" not in document:
        content = _put_value(content, ("build-system", "requires"), wanted, file)
    return content


def _is_old_backend(text: str) -> bool:
    name = normalize(re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0])
    return name == "poetry" or (name == "poetry-core" and not re.search(r">=\s*[2-9]", text))
