"""The solver against brute force on small random worlds, and its answers against an independent checker."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.releases import CoreMetadata
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.resolution import Pin, Resolution

sys.path.insert(0, str(Path(__file__).parents[1] / "resolver"))

from worlds import LINUX, files_of, flaws, metadata_of, pins, release_table, resolve

NAMES = ["a", "b", "c", "d", "e"]
VERSIONS = ["1", "2", "3", "4rc1", "4"]
SPECIFIERS = ["", "", ">=2", "<3", "==1", "==2", "!=2", ">=3", "<2", "~=1.0", "===3", ">3", "==9"]
MARKERS = ["", "", "", "", "; sys_platform == 'win32'", "; python_version >= '3.8'"]
EXTRAS = ["", "", "", "[x]", "[y]", "[x,y]"]
FOR_EXTRA = ["", "", "; extra == 'x'", "; extra == 'y'"]

targets = st.builds("".join, st.tuples(st.sampled_from(NAMES), st.sampled_from(EXTRAS), st.sampled_from(SPECIFIERS)))
own_requirements = st.builds("".join, st.tuples(targets, st.sampled_from(MARKERS)))
requirements = st.builds("".join, st.tuples(targets, st.sampled_from([*MARKERS, *FOR_EXTRA, *FOR_EXTRA])))
releases = st.fixed_dictionaries(
    {"requires": st.lists(requirements, max_size=3)},
    optional={},
)
odd_releases = st.fixed_dictionaries(
    {"requires": st.lists(requirements, max_size=2)},
    optional={
        "python": st.sampled_from([">=3.12", ">=3.8"]),
        "metadata-python": st.sampled_from([">=3.12", ">=3.8"]),
        "yanked": st.just(True),
        "wheels": st.sampled_from([[], ["cp311-cp311-win_amd64"], ["cp311-cp311-manylinux_2_28_x86_64"]]),
    },
)
projects = st.dictionaries(st.sampled_from(VERSIONS), st.one_of(releases, releases, odd_releases), max_size=4)
worlds = st.dictionaries(st.sampled_from(NAMES), projects, min_size=2)
roots = st.lists(own_requirements, min_size=1, max_size=3)


def brute_force(own: list[str], world: dict[str, dict[str, Any]]) -> bool:
    """Whether any choice of at most one version of each project is without flaws."""
    names = sorted(world)
    choices = [[None, *sorted(world[name])] for name in names]
    for choice in itertools.product(*choices):
        picked = {name: text for name, text in zip(names, choice, strict=True) if text is not None}
        if not flaws(own, world, _as_resolution(world, picked)):
            return True
    return False


def _as_resolution(world: dict[str, dict[str, Any]], picked: dict[str, str]) -> Resolution:
    made = []
    for name, text in picked.items():
        metadata: CoreMetadata = metadata_of(name, text, world[name][text])
        file = (*files_of(name, text, {**release_table(world[name][text]), "sdist": True}),)[-1]
        made.append(Pin(project=metadata.name, version=Version(text), metadata=metadata, file=file))
    return Resolution(pins=tuple(made))


relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@settings(relaxed, max_examples=400)
@given(roots, worlds)
def test_the_solver_finds_an_answer_exactly_when_there_is_one(own: list[str], world: dict[str, dict[str, Any]]) -> None:
    try:
        resolution = resolve(own, world)
    except NoSolution:
        assert not brute_force(own, world)
        return
    assert flaws(own, world, resolution) == []


@settings(relaxed, max_examples=150)
@given(roots, worlds, st.integers(0, 1000))
def test_the_order_in_which_facts_arrive_does_not_change_the_outcome(
    own: list[str], world: dict[str, dict[str, Any]], seed: int
) -> None:
    outcomes = []
    for shuffle in (None, seed, seed + 1):
        try:
            resolution = resolve(own, world, shuffle=shuffle)
            outcomes.append((pins(resolution), resolution.warnings))
        except NoSolution as error:
            outcomes.append((str(error), tuple(error.hints())))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@settings(relaxed, max_examples=150)
@given(roots, worlds)
def test_an_answer_given_as_preferences_is_the_answer_again(own: list[str], world: dict[str, dict[str, Any]]) -> None:
    from dxpy_async.resolver.options import ResolutionOptions

    try:
        first = resolve(own, world)
    except NoSolution:
        return
    again = resolve(own, world, options=ResolutionOptions(preferences={pin.project: pin.version for pin in first.pins}))
    assert pins(again) == pins(first)


def test_the_checker_sees_what_is_wrong() -> None:
    assert LINUX.python_version == Version("3.11.7")
    world = {"a": {"1": ["b>=2"]}, "b": {"1": [], "2": {"yanked": True}}}
    assert flaws(["a"], world, _as_resolution(world, {"a": "1", "b": "1"})) == ["a[] requires b>=2, and 1 is picked"]
    assert flaws(["a"], world, _as_resolution(world, {"a": "1", "b": "2"})) == ["b 2 is yanked"]
    assert flaws(["b"], world, _as_resolution(world, {"a": "1", "b": "1"})) == ["nothing requires a"]
