"""Why something is in a lock: chains from the roots, shortest first, every one of them real and none left out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from locks import package

from dxpy_async.core import lock_paths
from dxpy_async.core.lock_paths import Chain, Link, LockPaths, Node, ReleaseNode, Root, RootKind
from dxpy_async.core.locks import Lock, LockedRoots
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import marker_holds, parse_requirement
from dxpy_async.core.selection import reached_from

HERE = {"sys_platform": "linux", "python_version": "3.11", "os_name": "posix"}
NAMES = [ProjectName(name) for name in "abcde"]
EVERYTHING = 100_000


def needs(*texts: str) -> tuple[Requirement, ...]:
    return tuple(map(parse_requirement, texts))


def lock_of(
    *asked: str, extras: dict[str, list[str]] | None = None, groups: dict[str, list[str]] | None = None, **edges: object
) -> Lock:
    """A lock of the project `webapp`, with one release `name 1` for each keyword."""
    return Lock(
        project="webapp",
        roots=LockedRoots(
            requirements=needs(*asked),
            optional={ExtraName(name): needs(*texts) for name, texts in (extras or {}).items()},
            groups={GroupName(name): needs(*texts) for name, texts in (groups or {}).items()},
        ),
        environment=HERE,
        packages=tuple(package(name, "1", *needs(*texts)) for name, texts in sorted(edges.items())),  # type: ignore[misc]
    )


def told(lock: Lock, project: str, at_most: int = EVERYTHING) -> list[str]:
    """Each chain in a line."""
    found = LockPaths(lock).chains(ProjectName(project), at_most=at_most).found
    return [" > ".join(map(str, chain)) for chain in found]


def test_chains_come_shortest_first_with_specifiers_and_markers() -> None:
    lock = lock_of("a>=1", "b", a=["b<2"], b=['c~=1.0; sys_platform == "linux"'], c=[])
    assert told(lock, "c") == [
        'the project needs b > b 1 needs c~=1.0; sys_platform == "linux"',
        'the project needs a>=1 > a 1 needs b<2 > b 1 needs c~=1.0; sys_platform == "linux"',
    ]


def test_extras_and_groups_of_the_project_are_told_from_what_it_always_needs() -> None:
    lock = lock_of("a", extras={"fast": ["b"]}, groups={"dev": ["b>=1"]}, a=["b"], b=[])
    assert told(lock, "b") == [
        "the project's extra fast needs b",
        "the dependency group dev needs b>=1",
        "the project needs a > a 1 needs b",
    ]


def test_an_extra_of_a_package_is_told_where_it_brings_something_in() -> None:
    lock = lock_of("a[all]", a=['a[speed]; extra == "all"', 'b; extra == "speed"', "c"], b=[], c=[])
    assert told(lock, "b") == [
        'the project needs a[all] > a[all] 1 needs a[speed]; extra == "all" > a[speed] 1 needs b; extra == "speed"'
    ]
    assert told(lock, "c") == ["the project needs a[all] > a 1 needs c"]


def test_an_extra_that_somebody_else_asks_for_is_told_with_that_somebody() -> None:
    lock = lock_of("a", a=["c", 'd; extra == "x"'], c=["a[x]"], d=[])
    assert told(lock, "d") == ['the project needs a > a 1 needs c > c 1 needs a[x] > a[x] 1 needs d; extra == "x"']


def test_extras_of_the_project_that_ask_for_others_are_followed() -> None:
    lock = lock_of(extras={"all": ["webapp[fast]"], "fast": ["a"]}, a=[])
    assert told(lock, "a") == [
        "the project's extra fast needs a",
        "the project's extra all needs webapp[fast] > the project's extra fast needs a",
    ]


def test_edges_whose_markers_do_not_hold_are_no_links_but_are_known() -> None:
    lock = lock_of("a", a=["b; os_name == 'nt'", "c; os_name == 'posix'"], b=[], c=["b; os_name == 'nt'"])
    paths = LockPaths(lock)
    assert paths.chains(NAMES[1], at_most=9) == lock_paths.Chains((), complete=True)
    assert list(map(str, paths.idle_links(NAMES[1]))) == [
        'a 1 needs b; os_name == "nt"',
        'c 1 needs b; os_name == "nt"',
    ]
    assert paths.idle_links(NAMES[2]) == ()


def test_a_requirement_that_holds_for_an_extra_is_not_idle() -> None:
    lock = lock_of("a[x]", a=["b; extra == 'x'", "c; extra == 'x' and os_name == 'nt'"], b=[])
    assert LockPaths(lock).idle_links(NAMES[1]) == ()
    assert len(LockPaths(lock).idle_links(NAMES[2])) == 1


def test_direct_requirers_are_told_once_the_project_first() -> None:
    lock = lock_of("a", "c", groups={"dev": ["b"]}, a=["b>=1", "b!=3"], b=["b"], c=["a"])
    assert list(map(str, LockPaths(lock).requirers(NAMES[1]))) == [
        "the dependency group dev needs b",
        "a 1 needs b>=1",
        "a 1 needs b!=3",
    ]


def test_requirements_in_a_circle_come_to_an_end() -> None:
    lock = lock_of("a", a=["b"], b=["c"], c=["a", "d"], d=["b"])
    assert told(lock, "d") == ["the project needs a > a 1 needs b > b 1 needs c > c 1 needs d"]
    assert told(lock, "a") == ["the project needs a"]


def test_of_several_releases_the_one_that_the_edge_allows_is_meant() -> None:
    lock = lock_of("a", "c", a=["b<2"], c=["b>=2"])
    one, two = package("b", "1", *needs("d")), package("b", "2")
    lock = replace(lock, packages=(*lock.packages, one, two, package("d", "1")))
    assert told(lock, "d") == ["the project needs a > a 1 needs b<2 > b 1 needs d"]
    assert told(lock, "b") == ["the project needs a > a 1 needs b<2", "the project needs c > c 1 needs b>=2"]


def test_no_more_chains_than_asked_for_and_whether_there_are_others() -> None:
    lock = lock_of("a", "c", a=["b"], b=[], c=["b"])
    paths = LockPaths(lock)
    one, two = (paths.chains(NAMES[1], at_most=count) for count in (1, 2))
    assert (len(one.found), one.complete) == (1, False)
    assert (len(two.found), two.complete) == (2, True)
    assert two.found[0] == one.found[0]


def test_what_is_not_there_has_no_chains() -> None:
    paths = LockPaths(lock_of("a", a=[], b=[]))
    for project in ("b", "zz"):
        assert paths.chains(ProjectName(project), at_most=9) == lock_paths.Chains((), complete=True)
        assert paths.requirers(ProjectName(project)) == ()


def test_a_long_chain_and_a_wide_lattice_are_searched_in_bounded_time() -> None:
    started = time.process_time()
    long = lock_of("p0", **{f"p{number}": [f"p{number + 1}"] for number in range(20_000)}, p20000=[])
    (chain,) = LockPaths(long).chains(ProjectName("p20000"), at_most=5).found
    assert len(chain) == 20_001
    layers = {
        f"l{layer}-{place}": [f"l{layer + 1}-{each}" for each in range(8)] for layer in range(30) for place in range(8)
    }
    lattice = lock_of(*(f"l0-{place}" for place in range(8)), **layers, **{f"l30-{place}": [] for place in range(8)})
    found = LockPaths(lattice).chains(ProjectName("l30-0"), at_most=1_000)
    assert (len(set(found.found)), found.complete) == (1_000, False)
    assert time.process_time() - started < 10


def test_a_search_among_too_many_chains_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody needs everybody: there is a chain for every order of some of the others."""
    names = [f"n{number}" for number in range(12)]
    monkeypatch.setattr(lock_paths, "MOST_PARTS", 2_000)
    found = LockPaths(lock_of("n0", **dict.fromkeys(names, names))).chains(ProjectName("n5"), at_most=EVERYTHING)
    assert found.found[0][0].requirement.name == "n0"
    assert not found.complete


# --- on any lock ------------------------------------------------------------------------------------------------------

edges = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["", "", "[x]", "[x,y]"]),
    st.sampled_from(
        ["", "", "; os_name == 'nt'", "; os_name == 'posix'", "; extra == 'x'", "; extra == 'y' or os_name == 'nt'"]
    ),
).map("".join)
edge_lists = st.lists(edges, max_size=3)
self_edges = st.lists(st.one_of(edges, st.sampled_from(["webapp[x]", "webapp[y]", "webapp"])), max_size=2)


@st.composite
def locks_of_few(draw: st.DrawFn) -> Lock:
    return lock_of(
        *draw(edge_lists),
        extras={name: draw(self_edges) for name in ("x", "y")},
        groups={"dev": draw(self_edges)},
        **{name: draw(edge_lists) for name in NAMES},
    )


def is_real(lock: Lock, chain: Chain, project: ProjectName) -> bool:
    """Whether each link stands in the lock, holds, and leads to the next, judged from the lock itself."""
    if not isinstance(chain[0].requirer, Root):
        return False
    for link, following in zip(chain, [*chain[1:], None], strict=True):
        if link.requirement not in requirements_of(lock, link.requirer):
            return False
        extra = link.requirer.name if link.requirer in extras_of(lock) else getattr(link.requirer, "extra", "")
        if not marker_holds(link.requirement.marker, HERE, extra):
            return False
        if following is None:
            return link.requirement.name == project
        if following.requirer not in led_to(lock, link.requirement):
            return False
    return True


def extras_of(lock: Lock) -> set[Node]:
    return {Root(RootKind.EXTRA, extra) for extra in lock.roots.optional}


def requirements_of(lock: Lock, node: Node) -> tuple[Requirement, ...]:
    match node:
        case ReleaseNode():
            return lock.packages[node.index].requirements
        case Root(RootKind.PROJECT):
            return lock.roots.requirements
        case Root(RootKind.EXTRA, name):
            return lock.roots.optional[ExtraName(name)]
        case Root(_, name):
            return lock.roots.groups[GroupName(name)]


def led_to(lock: Lock, requirement: Requirement) -> Iterator[Node]:
    for index, release in enumerate(lock.packages):
        if release.name == requirement.name:
            for extra in (ExtraName(""), *requirement.extras):
                yield ReleaseNode(index, release.name, release.version, extra)
    if requirement.name == lock.project:
        yield from (Root(RootKind.EXTRA, extra) for extra in requirement.extras)


def is_base_of(following: Node, node: Node) -> bool:
    base = isinstance(following, ReleaseNode) and not following.extra
    return base and getattr(node, "index", None) == getattr(following, "index", None)


def every_chain(lock: Lock, project: ProjectName) -> set[Chain]:
    """All chains by trying everything, forwards: no node twice, and no extra of the end in between."""
    found: set[Chain] = set()
    groups = [Root(RootKind.GROUP, group) for group in lock.roots.groups]
    ahead: list[tuple[Node, Chain]] = [(root, ()) for root in (Root(RootKind.PROJECT), *extras_of(lock), *groups)]
    while ahead:
        node, before = ahead.pop()
        extra = getattr(node, "extra", "")
        for requirement in requirements_of(lock, node):
            chain = (*before, Link(node, requirement))
            if extra and "extra" not in requirement.marker:
                continue
            asked = node.name if node in extras_of(lock) else extra
            if not marker_holds(requirement.marker, HERE, asked):
                continue
            for following in led_to(lock, requirement):
                if isinstance(following, ReleaseNode) and following.name == project:
                    found.add(chain)
                elif is_base_of(following, node):
                    continue
                elif following not in [link.requirer for link in chain]:
                    ahead.append((following, chain))
    return found


@settings(max_examples=150, deadline=None)
@given(locks_of_few())
def test_every_chain_is_real_and_everything_that_is_reached_has_one(lock: Lock) -> None:
    paths = LockPaths(lock)
    reached = reached_from(lock, HERE, extras=lock.roots.optional, groups=lock.roots.groups)
    for project in NAMES:
        found = paths.chains(project, at_most=50).found
        assert bool(found) == (project in reached)
        assert bool(paths.requirers(project)) == (project in reached)
        assert all(is_real(lock, chain, project) for chain in found)
        assert len(set(found)) == len(found)
        lengths = [len(chain) for chain in found]
        assert lengths == sorted(lengths)
        assert {chain[-1] for chain in found} <= set(paths.requirers(project))


@settings(max_examples=40, deadline=None)
@given(locks_of_few(), st.sampled_from(NAMES))
def test_the_chains_are_all_that_there_are(lock: Lock, project: ProjectName) -> None:
    expected = every_chain(lock, project)
    if len(expected) > 2_000:
        return
    found = LockPaths(lock).chains(project, at_most=EVERYTHING)
    assert found.complete
    assert set(found.found) == expected
