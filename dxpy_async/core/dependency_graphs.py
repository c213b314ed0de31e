"""What requires what in a lock, as a graph that can be walked down from the projects, or up from a package.

A node is a release with the extras that are asked of it, or one of the projects that the lock was made for. An edge is
a requirement whose marker holds; it remembers which extra or dependency group it is there for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import MarkerAnswers
from dxpy_async.core.selection import LockedRelease, LockView, fits_requirement

_NO_EXTRA = ExtraName("")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphRoot:
    """A project that the lock was made for, and what of it counts. `version` is None where the file does not say."""

    name: ProjectName
    version: str | None
    roots: LockedRoots
    extras: tuple[ExtraName, ...] = ()
    groups: tuple[GroupName, ...] = ()


class Node(NamedTuple):
    """A release by its number in the lock, or, below zero, a project: -1 is the first. `extras` are sorted."""

    number: int
    extras: tuple[ExtraName, ...] = ()


class Edge(NamedTuple):
    """`requirer` needs `required`; `extra` is the requirer's extra that it is for, `group` the dependency group."""

    requirer: Node
    required: Node
    requirement: Requirement
    extra: ExtraName = _NO_EXTRA
    group: str = ""


class Place(NamedTuple):
    """A node where a walk met it: by which edge (None: it began there), how deep, and what it is told of it."""

    node: Node
    edge: Edge | None
    lasts: tuple[bool, ...]
    """For each step of the way down, whether nothing comes after it on its level."""
    is_repeated: bool = False
    """What is below stands elsewhere already, or would never end."""


class DependencyGraph:
    """The edges of one lock that hold where markers have the values `markers`, of all that its projects reach."""

    def __init__(self, lock: LockView, projects: Sequence[GraphRoot], markers: Mapping[str, str]) -> None:
        self.releases: Sequence[LockedRelease] = lock.packages
        self.projects = projects
        self._places: dict[ProjectName, list[int]] = {}
        for index, release in enumerate(self.releases):
            self._places.setdefault(release.name, []).append(index)
        self._applies = MarkerAnswers(markers).apply
        self._below: dict[Node, tuple[Edge, ...]] = {}
        self._above: dict[int, list[Edge]] = {}
        self._walk()

    @property
    def roots(self) -> tuple[Node, ...]:
        """The nodes of the projects."""
        return tuple(Node(-1 - number) for number in range(len(self.projects)))

    def nodes_of(self, name: ProjectName) -> tuple[Node, ...]:
        """The releases of `name` that are reached, and the project of that name."""
        projects = [Node(-1 - place) for place, project in enumerate(self.projects) if project.name == name]
        reached = [self._whole(index) for index in self._places.get(name, ()) if index in self._above]
        return (*projects, *reached)

    def _whole(self, index: int) -> Node:
        """The release with all extras that are asked of it."""
        extras = {extra for edge in self._above[index] for extra in edge.required.extras}
        return Node(index, tuple(sorted(extras)))

    def names(self) -> tuple[ProjectName, ...]:
        """All names in the graph, sorted."""
        reached = {self.releases[index].name for index in self._above if index >= 0}
        return tuple(sorted(reached | {project.name for project in self.projects}))

    def leaves(self) -> tuple[Node, ...]:
        """What requires nothing itself, by name."""
        needing = {node.number for node, edges in self._below.items() if edges}
        return tuple(Node(index) for index in sorted(self._above.keys() - needing, key=self._order))

    def name_of(self, node: Node) -> ProjectName:
        return self.projects[-1 - node.number].name if node.number < 0 else self.releases[node.number].name

    def version_of(self, node: Node) -> str | None:
        return self.projects[-1 - node.number].version if node.number < 0 else self.releases[node.number].version

    def below(self, node: Node) -> tuple[Edge, ...]:
        """What `node` needs, by name; those of extras and groups come last."""
        if node not in self._below:
            self._below[node] = self._sorted(self._edges_of_release(node))
        return self._below[node]

    def above(self, node: Node) -> tuple[Edge, ...]:
        """What needs the release of `node`, by name."""
        return tuple(self._above.get(node.number, ()))

    def walk(
        self,
        starts: Iterable[Node],
        *,
        depth: int | None = None,
        inverted: bool = False,
        pruned: frozenset[ProjectName] = frozenset(),
        again: bool = False,
    ) -> Iterator[Place]:
        """The places of a tree below (`inverted`: above) `starts`, as it is printed from top to bottom.

        What is below a node is told once, or, with `again`, whenever the node comes, but never below itself. Not
        deeper than `depth` edges, and without what is `pruned`.
        """
        told: set[Node | int] = set()
        for start in starts:
            waiting: list[tuple[Place, tuple[Node | int, ...]]] = [(Place(start, None, ()), ())]
            while waiting:
                place, way = waiting.pop()
                key: Node | int = place.node.number if inverted else place.node
                edges = [
                    edge
                    for edge in (self.above(place.node) if inverted else self.below(place.node))
                    if self.name_of(edge.requirer if inverted else edge.required) not in pruned
                ]
                repeated = key in way or (not again and key in told)
                yield place._replace(is_repeated=repeated and bool(edges))
                if repeated or (depth is not None and len(place.lasts) >= depth):
                    continue
                told.add(key)
                for number, edge in reversed(list(enumerate(edges))):
                    node = edge.requirer if inverted else edge.required
                    lasts = (*place.lasts, number == len(edges) - 1)
                    waiting.append((Place(node, edge, lasts), (*way, key)))

    # Making it

    def _walk(self) -> None:
        for node, project in zip(self.roots, self.projects, strict=True):
            self._below[node] = self._sorted(self._edges_of_project(node, project))
        waiting = dict.fromkeys(self.roots)
        while waiting:
            node, _ = waiting.popitem()
            for edge in self.below(node):
                self._above.setdefault(edge.required.number, []).append(edge)
                if edge.required not in self._below:
                    waiting.setdefault(edge.required)
        for index, edges in self._above.items():
            reasons = {(edge.requirer.number, edge.extra, edge.group): edge for edge in edges}
            self._above[index] = sorted(
                reasons.values(), key=lambda edge: (self._order(edge.requirer.number), edge.group, edge.extra)
            )

    def _order(self, index: int) -> tuple[str, str]:
        node = Node(index)
        return self.name_of(node), self.version_of(node) or ""

    def _sorted(self, edges: Iterable[Edge]) -> tuple[Edge, ...]:
        order = sorted(edges, key=lambda edge: (edge.group, edge.extra, self._order(edge.required.number)))
        return tuple(dict.fromkeys(order))

    def _edges_of_project(self, node: Node, project: GraphRoot) -> Iterator[Edge]:
        waiting = list(project.extras)
        yield from self._edges_of_part(node, project, project.roots.requirements, waiting)
        for group in project.groups:
            yield from self._edges_of_part(node, project, project.roots.groups.get(group, ()), waiting, group=group)
        followed = set()
        for extra in waiting:  # grows: an extra of the project may ask for another
            if extra not in followed:
                followed.add(extra)
                asked = project.roots.optional.get(extra, ())
                yield from self._edges_of_part(node, project, asked, waiting, extra=extra)

    def _edges_of_part(
        self,
        node: Node,
        project: GraphRoot,
        requirements: Iterable[Requirement],
        waiting: list[ExtraName],
        *,
        extra: ExtraName = _NO_EXTRA,
        group: str = "",
    ) -> Iterator[Edge]:
        for requirement in requirements:
            if not self._applies(requirement, extra):
                continue
            if requirement.name == project.name and requirement.extras:
                waiting += requirement.extras  # `all = ["project[fast,nice]"]`
            if requirement.name != project.name:
                yield from self._edges(node, requirement, extra, group)

    def _edges_of_release(self, node: Node) -> Iterator[Edge]:
        release = self.releases[node.number]
        for extra in (_NO_EXTRA, *node.extras):
            for requirement in release.requirements:
                # what no extra asks about counts without any
                if (not extra or "extra" in requirement.marker) and self._applies(requirement, extra):
                    yield from self._edges(node, requirement, extra, "")

    def _edges(self, node: Node, requirement: Requirement, extra: ExtraName, group: str) -> Iterator[Edge]:
        places = self._places.get(requirement.name, [])
        if len(places) > 1:
            places = [place for place in places if fits_requirement(self.releases[place], requirement)]
        for place in places:
            if place != node.number:
                yield Edge(node, Node(place, tuple(sorted(requirement.extras))), requirement, extra, group)
