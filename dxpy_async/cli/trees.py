"""What the rungs of `dxpy tree` share: from a lock and the flags to what is printed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from dxpy_async.cli.context import settings_of, sync_options
from dxpy_async.cli.output import Output, printable
from dxpy_async.core.dataclass import replace
from dxpy_async.core.dependency_graphs import DependencyGraph, GraphRoot, Node
from dxpy_async.core.locked_parts import SeenLock, seen_as_one
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.selection import LockView, reached_from
from dxpy_async.core.target_platforms import HERE
from dxpy_async.engine.targets import target_for
from dxpy_async.errors import NotInLock, UsageError
from dxpy_async.formats.dependency_trees import Notes, dot_text, json_form, mermaid_text, text_lines
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import SearchPlaces


def graph_of(lock: LockView, project: Project, arguments: argparse.Namespace) -> DependencyGraph:
    """What of `lock` the flags choose, of all members of a workspace.

    Raises ProjectError for an extra or group that is not there.
    """
    options = replace(sync_options(arguments), packages=(), all_packages=bool(project.members))
    roots = options.roots(project, lock.roots)
    extras = options.selected_extras(roots.optional) if arguments.extra else tuple(roots.optional)
    groups = options.selected_groups(project, roots.groups)
    reached_from(SeenLock(lock, roots), lock.environment, extras=extras, groups=groups)
    projects = [
        GraphRoot(
            name=each.name or ProjectName(each.label),
            version=each.version,
            roots=seen_as_one(lock.roots, [each.name if each.root != project.root else None]),
            extras=extras,
            groups=groups,
        )
        for each in options.meant(project)
        if each.name or each.elsewhere is not None
    ]
    return DependencyGraph(lock, projects, lock.environment)


def show(graph: DependencyGraph, notes: Notes, arguments: argparse.Namespace, output: Output, *, file: str) -> None:
    """Print `graph` as the flags say. Raises NotInLock for a package that is not in the lock, which is `file`."""
    if arguments.depth is not None and arguments.depth < 0:
        raise UsageError("--depth is the number of levels below the first, 0 or more")
    places = graph.walk(
        _starts(graph, arguments, file),
        depth=arguments.depth,
        inverted=arguments.invert,
        pruned=frozenset(map(normalize, arguments.prune)),
        again=arguments.no_dedupe and arguments.format == "text" and not output.is_json,
    )
    if arguments.format == "json" and not output.is_json:
        output.form = "json"
    if output.is_json:
        output.document({"schema": "dxpy/tree/1", **json_form(graph, places, notes)})
        return
    if arguments.format == "text":
        _print(text_lines(graph, places, notes, plain=not _draws_lines()))
        return
    forms = {"mermaid": mermaid_text, "dot": dot_text}
    output.data(printable(forms[arguments.format](graph, places, notes)))


def show_text(graph: DependencyGraph, starts: Sequence[Node], notes: Notes, arguments: argparse.Namespace) -> None:
    """Print what is above or below `starts` as a tree."""
    places = graph.walk(
        starts,
        depth=arguments.depth,
        inverted=arguments.invert,
        pruned=frozenset(map(normalize, arguments.prune)),
        again=arguments.no_dedupe,
    )
    _print(text_lines(graph, places, notes, plain=not _draws_lines()))


def _print(lines: Iterator[str]) -> None:
    """Without holding them: a tree in which everything is repeated can be longer than memory is."""
    for line in lines:
        sys.stdout.write(printable(line).replace("\n", "\\x0a") + "\n")
    sys.stdout.flush()


def _draws_lines() -> bool:
    try:
        "└├│─".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _starts(graph: DependencyGraph, arguments: argparse.Namespace, file: str) -> Sequence[Node]:
    if not arguments.package:
        return graph.leaves() if arguments.invert else graph.roots
    return [node for name in arguments.package for node in _found(graph, name, file)]


def _found(graph: DependencyGraph, spelled: str, file: str) -> Sequence[Node]:
    name = normalize(spelled)
    if nodes := graph.nodes_of(name):
        return nodes
    close = " or ".join(f"`{each}`" for each in get_close_matches(name, graph.names(), 2))
    hints = (f"did you mean {close}?",) if close else ("`dxpy tree` without `--package` shows all",)
    raise NotInLock(spelled, file, hints=hints)


def sizes_of(graph: DependencyGraph, project: Project, arguments: argparse.Namespace) -> dict[int, int | None]:
    """How large the wheels are that are installed here, by the number of the release; empty if that is not asked."""
    if not arguments.show_sizes:
        return {}
    with settings_of(arguments, project) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        ranks = target_for(HERE, project, settings, search).tag_ranks
    wheels = {index: release.best_wheel(ranks) for index, release in enumerate(graph.releases)}
    return {index: wheel.size if wheel is not None else None for index, wheel in wheels.items()}


def lock_file(project: Project) -> str:
    return str(project.lock)
