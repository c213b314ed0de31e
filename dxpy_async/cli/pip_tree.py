"""`dxpy pip tree`: what requires what of what is installed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_lists import chosen_inventory
from dxpy_async.cli.trees import show_text
from dxpy_async.core.dependency_graphs import DependencyGraph, GraphRoot, Node
from dxpy_async.core.locks import Lock, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.requirements import Requirement
from dxpy_async.errors import InstallError
from dxpy_async.formats.dependency_trees import Notes
from dxpy_async.installer.inventory import Inventory, required_by


def run(arguments: argparse.Namespace, output: Output) -> int:
    environment, inventory = chosen_inventory(arguments)
    markers = environment.interpreter.target.markers
    graph = graph_of(inventory, markers)
    if inventory:
        show_text(graph, _starts(graph, inventory, markers, arguments), Notes(), arguments)
    return 0


def graph_of(inventory: Inventory, markers: Mapping[str, str]) -> DependencyGraph:
    """All that is installed, with what is there of what it requires."""
    packages = tuple(
        LockedPackage(
            name=name,
            version=item.version,
            source=Source(SourceKind.INDEX, ""),
            requirements=tuple(each for each in item.requirements if each.name in inventory),
        )
        for name, item in inventory.items()
    )
    roots = LockedRoots(requirements=tuple(Requirement(name) for name in inventory))
    lock = Lock(packages=packages, roots=roots, environment=dict(markers))
    return DependencyGraph(lock, [GraphRoot(name=ProjectName(""), version=None, roots=roots)], markers)


def _starts(
    graph: DependencyGraph, inventory: Inventory, markers: Mapping[str, str], arguments: argparse.Namespace
) -> Sequence[Node]:
    if arguments.package:
        names = [normalize(name) for name in arguments.package]
        if missing := [name for name in names if name not in inventory]:
            raise InstallError(f"`{missing[0]}` is not installed", hints=("`dxpy pip list` shows what is",))
        return [node for name in names for node in graph.nodes_of(name)]
    if arguments.invert:
        return graph.leaves()
    needed = required_by(inventory, markers)
    tops = [name for name in inventory if name not in needed] or list(inventory)
    return [node for name in tops for node in graph.nodes_of(name)]
