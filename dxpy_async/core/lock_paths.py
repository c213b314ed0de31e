"""Why a project is in a lock: the chains of requirements that lead to it from what the project itself asks for.

The nodes are those of `selection`'s walk: a release with one extra asked for or with none, and before them what the
project asks for by itself, for each of its extras and for each dependency group. An edge is a requirement whose marker
holds where the lock was made. Chains are searched from their end, the most promising part of one first: the distance
of every node from the roots is known, so the first chain is found without a detour, and the others by their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from heapq import heappop, heappush
from typing import NamedTuple

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locked_parts import member_and_name
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import marker_holds
from dxpy_async.core.selection import LockedRelease, LockView, fits_requirement

MOST_PARTS = 500_000
"""How many unfinished chains are looked at once one is found; the number of chains can grow without bound."""

_NO_EXTRA = ExtraName("")


class RootKind(StrEnum):
    """What of the project asks for something."""

    PROJECT = "project"
    EXTRA = "extra"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Root:
    """The project itself, one of its extras, or one of its dependency groups. `name` is empty for the project."""

    kind: RootKind
    name: str = ""

    def __str__(self) -> str:
        match self.kind:
            case RootKind.PROJECT:
                return "the project"
            case RootKind.EXTRA | RootKind.GROUP:
                member, name = member_and_name(self.name)
                kind = "dependency group" if self.kind is RootKind.GROUP else "extra"
                if member:
                    return f"the {kind} {name} of {member}" if name else member
                return f"the project's {kind} {name}" if self.kind is RootKind.EXTRA else f"the {kind} {name}"


@dataclass(frozen=True, slots=True)
class ReleaseNode:
    """A release in the lock, number `index` of it, with `extra` asked for (empty: with none)."""

    index: int
    name: ProjectName
    version: str
    extra: ExtraName = _NO_EXTRA

    def __str__(self) -> str:
        extra = f"[{self.extra}]" if self.extra else ""
        return f"{self.name}{extra} {self.version}"


Node = Root | ReleaseNode


@dataclass(frozen=True, slots=True)
class Link:
    """One step of a chain: a requirement, and who has it."""

    requirer: Node
    requirement: Requirement

    def __str__(self) -> str:
        return f"{self.requirer} needs {self.requirement}"


Chain = tuple[Link, ...]
"""From a root to the project that is asked about: what each link requires is the next link's requirer. Never empty."""


@dataclass(frozen=True, slots=True)
class Chains:
    """Some chains, shortest first. `complete` tells whether there are no others."""

    found: tuple[Chain, ...]
    complete: bool


class LockPaths:
    """The edges of one lock that hold where it was made, of everything that its roots reach."""

    def __init__(self, lock: LockView) -> None:
        self._lock = lock
        self._releases: dict[ProjectName, list[tuple[int, LockedRelease]]] = {}
        for index, release in enumerate(lock.packages):
            self._releases.setdefault(release.name, []).append((index, release))
        self._holds: dict[tuple[str, str], bool] = {}
        self._distances: dict[Node, int] = {}
        self._links: dict[Node, dict[Link, None]] = {}
        """What leads to each node."""
        self._idle: dict[Link, None] = {}
        """Requirements of what is reached whose markers do not hold."""
        self._walk()

    # Asking

    def requirers(self, project: ProjectName) -> tuple[Link, ...]:
        """All that require `project` directly: roots first, then by how far they are from the roots."""
        links = {link: None for end in self._ends(project) for link in self._links[end]}
        return tuple(sorted(links, key=lambda link: isinstance(link.requirer, ReleaseNode)))

    def idle_links(self, project: ProjectName) -> tuple[Link, ...]:
        """Requirements of `project` that count elsewhere: their markers do not hold where the lock was made."""
        return tuple(link for link in self._idle if link.requirement.name == project)

    def chains(self, project: ProjectName, *, at_most: int) -> Chains:
        """The shortest chains that end at `project`, no more than `at_most`; no node comes twice in a chain."""
        found: list[Chain] = []
        for chain in self._search(project):
            if chain is None or len(found) == at_most:
                return Chains(tuple(found), complete=False)
            found.append(chain)
        return Chains(tuple(found), complete=True)

    def _ends(self, project: ProjectName) -> list[ReleaseNode]:
        nodes = (_node(index, release) for index, release in self._releases.get(project, ()))
        return [node for node in nodes if node in self._links]

    def _search(self, project: ProjectName) -> Iterator[Chain | None]:
        """Each chain, shortest first, and None at the end when the search was given up.

        The most promising part is the one that can become shortest, and among those the one with least left to go.
        """
        ahead: list[tuple[int, int, int, _Part]] = []
        count, found = 0, False

        def add(part: _Part) -> None:
            nonlocal count
            count += 1
            heappush(ahead, (part.length + part.left, part.left, count, part))

        for end in self._ends(project):
            add(_Part(end, end, None, None, 0, self._distances[end], self._distances[end]))
        while ahead:
            part = heappop(ahead)[-1]
            if isinstance(part.head, Root):
                found = True
                yield part.chain()
            if found and count > MOST_PARTS:
                yield None
                return
            for link in self._links.get(part.head, ()):
                left = self._distances[link.requirer]
                if not part.visits(link.requirer, left):
                    shortest = min(part.lowest, left)
                    add(_Part(part.end, link.requirer, link, part, part.length + 1, left, shortest))

    # The walk from the roots

    def _walk(self) -> None:
        roots = self._lock.roots
        starts: dict[Root, tuple[Requirement, ...]] = {Root(RootKind.PROJECT): roots.requirements}
        starts.update((Root(RootKind.EXTRA, extra), asked) for extra, asked in roots.optional.items())
        starts.update((Root(RootKind.GROUP, group), asked) for group, asked in roots.groups.items())
        self._distances.update(dict.fromkeys(starts, 0))
        waiting: list[Node] = list(starts)
        for node in waiting:  # grows, nearest first
            for requirement in starts[node] if isinstance(node, Root) else self._lock.packages[node.index].requirements:
                link = Link(node, requirement)
                if not self._applies(link):
                    if isinstance(node, Root) or not node.extra:
                        self._idle[link] = None
                    continue
                for reached in self._reached(link):
                    if _is_itself(node, reached):
                        continue
                    self._links.setdefault(reached, {})[link] = None
                    if reached not in self._distances:
                        self._distances[reached] = self._distances[node] + 1
                        waiting.append(reached)
        working = {(_owner(link.requirer), link.requirement) for links in self._links.values() for link in links}
        self._idle = {link: None for link in self._idle if (_owner(link.requirer), link.requirement) not in working}

    def _applies(self, link: Link) -> bool:
        """Whether the requirement counts for its requirer. With an extra, only what asks about extras does."""
        marker, requirer = link.requirement.marker, link.requirer
        if isinstance(requirer, Root):
            extra = requirer.name if requirer.kind is RootKind.EXTRA else ""
        else:
            extra = requirer.extra
            if extra and "extra" not in marker:
                return False
        if not marker:
            return True
        key = (marker, extra)
        holds = self._holds.get(key)
        if holds is None:
            holds = self._holds[key] = marker_holds(marker, self._lock.environment, extra)
        return holds

    def _reached(self, link: Link) -> Iterator[Node]:
        requirement = link.requirement
        releases = self._releases.get(requirement.name, [])
        if not releases and requirement.name == self._lock.project:
            for extra in requirement.extras:  # `all = ["project[fast,nice]"]`
                if extra in self._lock.roots.optional:
                    yield Root(RootKind.EXTRA, extra)
            return
        if len(releases) > 1:
            releases = [(index, release) for index, release in releases if fits_requirement(release, requirement)]
        for index, release in releases:
            for extra in (_NO_EXTRA, *requirement.extras):
                yield _node(index, release, extra)


def _node(index: int, release: LockedRelease, extra: ExtraName = _NO_EXTRA) -> ReleaseNode:
    return ReleaseNode(index, release.name, release.version, extra)


def _is_itself(node: Node, reached: Node) -> bool:
    """Whether a release merely requires itself: who reaches it with an extra has reached it without, too."""
    return (
        isinstance(node, ReleaseNode)
        and isinstance(reached, ReleaseNode)
        and node.index == reached.index
        and not reached.extra
    )


def _owner(node: Node) -> Root | int:
    """What a requirement stands in: a release's count for each of its extras, and stand there once."""
    return node.index if isinstance(node, ReleaseNode) else node


class _Part(NamedTuple):
    """The last links of a chain to `end`: from `head`, by `link`, on to `rest`.

    `left` is how far the head is from the roots; no node in the part is nearer to them than `lowest`.
    """

    end: ReleaseNode
    head: Node
    link: Link | None
    rest: _Part | None
    length: int
    left: int
    lowest: int

    def chain(self) -> Chain:
        return tuple(part.link for part in self._parts() if part.link is not None)

    def visits(self, node: Node, left: int) -> bool:
        """Whether `node`, so far from the roots, is in this part already, or is its end with another extra."""
        if isinstance(node, ReleaseNode) and node.index == self.end.index:
            return True
        return left >= self.lowest and any(part.head == node for part in self._parts())

    def _parts(self) -> Iterator[_Part]:
        part: _Part | None = self
        while part is not None:
            yield part
            part = part.rest
