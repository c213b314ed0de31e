"""A dependency graph in the forms that `dxpy tree` writes: text, JSON, Mermaid and Graphviz's dot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from dxpy_async.core.dependency_graphs import DependencyGraph, Edge, Node, Place
from dxpy_async.core.names import ProjectName
from dxpy_async.core.quantities import readable_size

_LINES = ("├── ", "└── ", "│   ", "    ")
_PLAIN_LINES = ("|-- ", "`-- ", "|   ", "    ")


class Notes(NamedTuple):
    """What else is told of releases: the size of the wheel in bytes, by their number; the newest version there is."""

    sizes: Mapping[int, int | None] = {}
    latest: Mapping[ProjectName, str] = {}


def text_lines(graph: DependencyGraph, places: Iterable[Place], notes: Notes, *, plain: bool = False) -> Iterator[str]:
    """A line for each place, and one that explains `(*)` if it was used. `plain` draws with ASCII."""
    repeated = False
    for place in places:
        repeated = repeated or place.is_repeated
        yield f"{_branch(place.lasts, plain=plain)}{_described(graph, place, notes)}"
    if repeated:
        yield "(*) what it needs is shown above"


def _branch(lasts: tuple[bool, ...], *, plain: bool) -> str:
    fork, end, line, gap = _PLAIN_LINES if plain else _LINES
    above = "".join(gap if last else line for last in lasts[:-1])
    return f"{above}{end if lasts[-1] else fork}" if lasts else ""


def _described(graph: DependencyGraph, place: Place, notes: Notes) -> str:
    node, edge = place.node, place.edge
    parts = [label(graph, node)]
    if edge is not None and edge.extra:
        parts.append(f"(extra: {edge.extra})")
    if edge is not None and edge.group:
        parts.append(f"(group: {edge.group})")
    if (size := notes.sizes.get(node.number)) is not None:
        parts.append(f"({readable_size(size)})")
    if latest := _newer(graph, node, notes):
        parts.append(f"(latest: v{latest})")
    if place.is_repeated:
        parts.append("(*)")
    return " ".join(parts)


def label(graph: DependencyGraph, node: Node) -> str:
    """`name[extra] v1.0`, as people read it."""
    extras = f"[{','.join(node.extras)}]" if node.extras else ""
    version = graph.version_of(node)
    return f"{graph.name_of(node)}{extras}" + (f" v{version}" if version else "")


def _newer(graph: DependencyGraph, node: Node, notes: Notes) -> str | None:
    latest = notes.latest.get(graph.name_of(node)) if node.number >= 0 else None
    return latest if latest != graph.version_of(node) else None


def json_form(graph: DependencyGraph, places: Iterable[Place], notes: Notes) -> dict[str, Any]:
    """The graph in JSON's types: each package once, with what it needs."""
    nodes, edges = _collected(places)
    needs: dict[int, list[dict[str, Any]]] = {}
    for edge in edges:
        needs.setdefault(edge.requirer.number, []).append(_edge_entry(graph, edge))
    projects = [_entry(graph, index, needs, notes) for index in nodes if index < 0]
    packages = [_entry(graph, index, needs, notes) for index in nodes if index >= 0]
    packages.sort(key=lambda entry: str(entry["id"]))
    return {"projects": projects, "packages": packages}


def _identity(graph: DependencyGraph, index: int) -> str:
    version = graph.version_of(Node(index))
    return f"{graph.name_of(Node(index))}=={version}" if version else graph.name_of(Node(index))


def _entry(
    graph: DependencyGraph, index: int, needs: Mapping[int, list[dict[str, Any]]], notes: Notes
) -> dict[str, Any]:
    node = Node(index)
    entry: dict[str, Any] = {
        "id": _identity(graph, index),
        "name": graph.name_of(node),
        "version": graph.version_of(node),
    }
    if index >= 0:
        source = graph.releases[index].source
        entry["source"] = {"kind": source.kind, "url": source.url}
    if index in notes.sizes:
        entry["size"] = notes.sizes[index]
    if index >= 0 and (latest := notes.latest.get(graph.name_of(node))):
        entry["latest"] = latest
    return {**entry, "dependencies": sorted(needs.get(index, ()), key=lambda each: str(each["id"]))}


def _edge_entry(graph: DependencyGraph, edge: Edge) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": _identity(graph, edge.required.number), "requirement": str(edge.requirement)}
    if edge.required.extras:
        entry["extras"] = list(edge.required.extras)
    if edge.extra:
        entry["extra"] = edge.extra
    if edge.group:
        entry["group"] = edge.group
    return entry


def mermaid_text(graph: DependencyGraph, places: Iterable[Place], notes: Notes) -> str:
    """The graph as a Mermaid flowchart; arrows lead to what is needed."""
    nodes, edges = _collected(places)
    names = {index: f"n{number}" for number, index in enumerate(nodes)}
    lines = ["flowchart TD"]
    lines += [f'    {names[index]}["{_mermaid_label(graph, index, notes)}"]' for index in nodes]
    for edge in edges:
        reason = f'|"{_reason(edge)}"|' if _reason(edge) else ""
        lines.append(f"    {names[edge.requirer.number]} -->{reason} {names[edge.required.number]}")
    return "\n".join(lines) + "\n"


def dot_text(graph: DependencyGraph, places: Iterable[Place], notes: Notes) -> str:
    """The graph for Graphviz; arrows lead to what is needed."""
    nodes, edges = _collected(places)
    lines = ["digraph dependencies {", "    node [shape=box];"]
    lines += [
        f"    {_dot_quoted(_identity(graph, index))} [label={_dot_quoted(_plain_label(graph, index, notes))}];"
        for index in nodes
    ]
    for edge in edges:
        ends = (_dot_quoted(_identity(graph, node.number)) for node in (edge.requirer, edge.required))
        reason = f" [label={_dot_quoted(_reason(edge))}]" if _reason(edge) else ""
        lines.append(f"    {' -> '.join(ends)}{reason};")
    return "\n".join((*lines, "}")) + "\n"


def _collected(places: Iterable[Place]) -> tuple[list[int], list[Edge]]:
    """The nodes and edges of places, each once, in the order in which they come."""
    nodes: dict[int, None] = {}
    edges: dict[tuple[int, int, str, str], Edge] = {}
    for place in places:
        nodes.setdefault(place.node.number)
        if (edge := place.edge) is not None:
            edges.setdefault((edge.requirer.number, edge.required.number, edge.extra, edge.group), edge)
    return list(nodes), list(edges.values())


def _plain_label(graph: DependencyGraph, index: int, notes: Notes) -> str:
    return _described(graph, Place(Node(index), None, ()), notes)


def _mermaid_label(graph: DependencyGraph, index: int, notes: Notes) -> str:
    return _plain_label(graph, index, notes).replace("#", "#35;").replace('"', "#quot;")


def _reason(edge: Edge) -> str:
    return f"extra {edge.extra}" if edge.extra else f"group {edge.group}" if edge.group else ""


def _dot_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
