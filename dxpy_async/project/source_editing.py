"""Changing what a pyproject.toml says of itself and of where things come from: its version, sources and indexes.

Sources and indexes go where they are read: into [tool.dxpy], or into [tool.uv] of a file that has only that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.formats.toml_writer import inline_value
from dxpy_async.project.document import decode, parse
from dxpy_async.project.rewriting import has_header, rewritten, with_line, with_table, with_value, without_line

SourceEntry = Mapping[str, str | bool]
"""What stands in one entry of a sources table, in the order in which it is written."""


def tool_name(document: Mapping[str, Any]) -> str:
    """`dxpy`, or `uv` for a file that has settings of uv and none of dxpy."""
    tools = document.get("tool", {})
    return "uv" if "uv" in tools and "dxpy" not in tools else "dxpy"


def put_source(content: bytes, name: ProjectName, source: SourceEntry, *, file: str) -> bytes:
    """The file's content with `source` as the one of the project `name`. Raises InvalidProject."""
    return rewritten(content, partial(_with_source, name, source), file=file, what=f"the source of {name}")


def _with_source(name: ProjectName, source: SourceEntry, text: str, document: dict[str, Any]) -> str:
    tool = tool_name(document)
    sources = document.setdefault("tool", {}).setdefault(tool, {}).setdefault("sources", {})
    spelled = next((key for key in sources if normalize(key) == name), None)
    given = ", ".join(f"{key} = {inline_value(value)}" for key, value in source.items())
    key, value, header = spelled or name, f"{{ {given} }}", f"tool.{tool}.sources"
    is_new = spelled is None and (has_header(text, header) or not sources)
    sources[key] = dict(source)
    return with_line(text, header, f"{key} = {value}") if is_new else with_value(text, (*header.split("."), key), value)


def drop_sources(content: bytes, names: Collection[ProjectName], *, file: str) -> bytes:
    """The file's content without the sources of the projects `names`. Raises InvalidProject."""
    tool = tool_name(document := parse(decode(content, file), file))
    there: Iterable[str] = document.get("tool", {}).get(tool, {}).get("sources", {})
    for key in [key for key in there if normalize(key) in names]:
        content = rewritten(content, partial(_without_source, tool, key), file=file, what=f"the source of {key}")
    return content


def _without_source(tool: str, key: str, text: str, document: dict[str, Any]) -> str:
    tools = document["tool"]
    del tools[tool]["sources"][key]
    edited = without_line(text, ("tool", tool, "sources", key))
    # A table without a header of its own is gone with the last thing in it.
    said = parse(edited, "").get("tool", {})
    if not tools[tool]["sources"] and "sources" not in said.get(tool, {}):
        del tools[tool]["sources"]
    if not tools[tool] and tool not in said:
        del tools[tool]
    if not tools and not said:
        del document["tool"]
    return edited


def source_entries(document: Mapping[str, Any]) -> dict[ProjectName, Any]:
    """What a parsed pyproject.toml says of where projects come from."""
    sources = document.get("tool", {}).get(tool_name(document), {}).get("sources", {})
    return {normalize(name): entry for name, entry in sources.items()}


def located_in(document: Mapping[str, Any]) -> frozenset[ProjectName]:
    """The projects that do not come from an index: it is their source that says which version they are of."""
    entries = source_entries(document).items()
    return frozenset(name for name, entry in entries if not (isinstance(entry, dict) and "index" in entry))


def put_index(content: bytes, index: SourceEntry, *, file: str) -> bytes:
    """The file's content with `index`, in the place of the one of that name or URL if there is one.

    Raises InvalidProject.
    """
    return rewritten(content, partial(_with_index, index), file=file, what=f"the index {index['url']}")


def _with_index(index: SourceEntry, text: str, document: dict[str, Any]) -> str:
    tool = tool_name(document)
    tables = document.setdefault("tool", {}).setdefault(tool, {}).setdefault("index", [])
    for place, there in enumerate(tables):
        if there.get("url") == index["url"] and there.get("name", "") == index.get("name", there.get("name", "")):
            return text
        if "name" in index and there.get("name") == index["name"]:
            tables[place] = {**there, "url": index["url"]}
            return _with_index_url(text, tool, place, str(index["url"]))
    tables.append(dict(index))
    return with_table(text, f"tool.{tool}.index", [f"{key} = {inline_value(value)}" for key, value in index.items()])


def _with_index_url(text: str, tool: str, place: int, url: str) -> str:
    import tomlkit  # noqa: PLC0415 (11 ms, and most changes need none of it)

    document: Any = tomlkit.parse(text)
    document["tool"][tool]["index"][place]["url"] = url
    return tomlkit.dumps(document)


def put_version(content: bytes, version: str, *, file: str) -> bytes:
    """The file's content with `version` as the project's, in the quotes that are there. Raises InvalidProject."""

    def changed(text: str, document: dict[str, Any]) -> str:
        import tomlkit  # noqa: PLC0415 (11 ms, and most changes need none of it)

        there: Any = tomlkit.parse(text)["project"]
        written = there["version"].as_string().replace(there["version"], version)
        document["project"]["version"] = version
        return with_value(text, ("project", "version"), written)

    return rewritten(content, changed, file=file, what="project.version")
