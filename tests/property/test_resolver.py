"""The solver against brute force on small random worlds, and its answers against an independent checker."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.names import normalize
from dxpy_async.errors import NoSolution
from dxpy_async.resolver import deduction
from dxpy_async.resolver.options import ResolutionMode, ResolutionOptions

sys.path.insert(0, str(Path(__file__).parents[1] / "resolver"))

from worlds import UNCHANGED, Changes, flaws, picked, pins, resolve, statements

World = dict[str, dict[str, Any]]

NAMES = ["a", "b", "c", "d", "e"]
VERSIONS = ["1", "2", "3", "4rc1", "4"]
SPECIFIERS = ["", "", ">=2", "<3", "==1", "==2", "!=2", ">=3", "<2", "~=1.0", "===3", ">3", "==9"]
MARKERS = ["", "", "", "", "; sys_platform == 'win32'", "; python_version >= '3.8'"]
EXTRAS = ["", "", "", "[x]", "[y]", "[x,y]"]
FOR_EXTRA = ["", "", "; extra == 'x'", "; extra == 'y'"]
ODDITIES: dict[str, list[Any]] = {
    "python": [">=3.12", ">=3.8"],
    "metadata-python": [">=3.12", ">=3.8"],
    "yanked": [True],
    "wheels": [[], ["cp311-cp311-win_amd64"], ["cp311-cp311-manylinux_2_28_x86_64"]],
}

targets = st.builds("".join, st.tuples(st.sampled_from(NAMES), st.sampled_from(EXTRAS), st.sampled_from(SPECIFIERS)))
own_requirements = st.builds("".join, st.tuples(targets, st.sampled_from(MARKERS)))
requirements = st.builds("".join, st.tuples(targets, st.sampled_from([*MARKERS, *FOR_EXTRA, *FOR_EXTRA])))
releases = st.fixed_dictionaries({"requires": st.lists(requirements, max_size=3)})
odd_releases = st.fixed_dictionaries(
    {"requires": st.lists(requirements, max_size=2)},
    optional={key: st.sampled_from(values) for key, values in ODDITIES.items()},
)
projects = st.dictionaries(st.sampled_from(VERSIONS), st.one_of(releases, releases, odd_releases), max_size=4)
worlds = st.dictionaries(st.sampled_from(NAMES), projects, min_size=2)
roots = st.lists(own_requirements, min_size=1, max_size=3)


def brute_force(own: list[str], world: World, changes: Changes = UNCHANGED) -> bool:
    """Whether any choice of versions is without flaws."""
    return any(True for _ in answers(own, world, changes))


def answers(
    own: list[str], world: World, changes: Changes = UNCHANGED, chosen: dict[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Every choice of versions without flaws: all of them are tried, project by missing project."""
    chosen = chosen or {}
    found = flaws(own, world, chosen, changes)
    if not found:
        yield chosen
    elif all(flaw.missing for flaw in found):
        name = found[0].missing
        for version in world.get(name, ()):
            yield from answers(own, world, changes, {**chosen, name: version})


relaxed = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
)


def random_world(seed: int) -> tuple[list[str], World]:
    """Roots and a world of two to four projects: much faster to make than to draw, so thousands can be tried."""
    chance = random.Random(seed)
    names = NAMES[: chance.randint(2, 4)]

    def requirement(ends: list[str]) -> str:
        parts = (names, EXTRAS, SPECIFIERS, ends)
        return "".join(chance.choice(part) for part in parts)

    world: World = {}
    for name in names:
        releases: dict[str, Any] = {}
        for version in chance.sample(VERSIONS, chance.randint(0, 4)):
            ends = [*MARKERS, *FOR_EXTRA, *FOR_EXTRA]
            releases[version] = {"requires": [requirement(ends) for _ in range(chance.randint(0, 3))]}
            if chance.random() < 0.2:
                key = chance.choice(sorted(ODDITIES))
                releases[version][key] = chance.choice(ODDITIES[key])
        world[name] = releases
    return [requirement(MARKERS) for _ in range(chance.randint(1, 3))], world


@pytest.mark.parametrize("block", range(8))
def test_the_solver_agrees_with_brute_force_on_many_worlds(block: int) -> None:
    solved = 0
    for seed in range(block * 500, (block + 1) * 500):
        own, world = random_world(seed)
        try:
            resolution = resolve(own, world)
        except NoSolution:
            assert not brute_force(own, world), f"world {seed} has an answer"
            continue
        assert flaws(own, world, picked(resolution)) == [], f"world {seed}"
        solved += 1
    assert 50 < solved < 450


def test_leaving_out_what_is_contradicted_for_good_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small worlds never come to that by themselves."""

    def outcome(seed: int) -> object:
        own, world = random_world(seed)
        try:
            resolution = resolve(own, world)
        except NoSolution as error:
            return str(error)
        return pins(resolution), resolution.warnings

    expected = [outcome(seed) for seed in range(700)]
    monkeypatch.setattr(deduction, "FEW_OPEN", 0)
    assert [outcome(seed) for seed in range(700)] == expected


@settings(relaxed, max_examples=150)
@given(roots, worlds)
def test_the_solver_finds_an_answer_exactly_when_there_is_one(own: list[str], world: World) -> None:
    try:
        resolution = resolve(own, world)
    except NoSolution:
        assert not brute_force(own, world)
        return
    assert flaws(own, world, picked(resolution)) == []


@settings(relaxed, max_examples=80)
@given(roots, worlds, st.integers(0, 1000))
def test_the_order_in_which_facts_arrive_does_not_change_the_outcome(own: list[str], world: World, seed: int) -> None:
    outcomes = []
    for shuffle in (None, seed, seed + 1):
        try:
            resolution = resolve(own, world, shuffle=shuffle)
            outcomes.append((pins(resolution), resolution.warnings))
        except NoSolution as error:
            outcomes.append((str(error), tuple(error.hints())))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@settings(relaxed, max_examples=80)
@given(roots, worlds)
def test_an_answer_given_as_preferences_is_the_answer_again(own: list[str], world: World) -> None:
    try:
        first = resolve(own, world)
    except NoSolution:
        return
    again = resolve(own, world, options=ResolutionOptions(preferences={pin.project: pin.version for pin in first.pins}))
    assert pins(again) == pins(first)


def random_changes(chance: random.Random) -> Changes:
    def requirement() -> str:
        return "".join(chance.choice(part) for part in (NAMES, EXTRAS, SPECIFIERS, MARKERS))

    return Changes(
        constraints=tuple(requirement() for _ in range(chance.randint(0, 2))),
        overrides=tuple(requirement() for _ in range(chance.randint(0, 2))),
        exclusions=tuple(chance.sample(NAMES, chance.choice((0, 0, 1)))),
    )


def amendments_of(changes: Changes) -> Amendments:
    return Amendments(
        constraints=statements(changes.constraints, "constraints.txt"),
        overrides=statements(changes.overrides, "overrides.txt"),
        exclusions=frozenset(map(normalize, changes.exclusions)),
    )


@pytest.mark.parametrize("block", range(4))
@pytest.mark.parametrize("mode", [ResolutionMode.HIGHEST, ResolutionMode.LOWEST])
def test_the_solver_agrees_with_brute_force_on_constraints_overrides_and_exclusions(
    block: int, mode: ResolutionMode
) -> None:
    solved = 0
    for seed in range(block * 400, (block + 1) * 400):
        own, world = random_world(seed)
        changes = random_changes(random.Random(seed))
        options = ResolutionOptions(mode=mode, amendments=amendments_of(changes))
        try:
            resolution = resolve(own, world, options=options)
        except NoSolution:
            assert not brute_force(own, world, changes), f"world {seed} with {changes} has an answer"
            continue
        assert flaws(own, world, picked(resolution), changes) == [], f"world {seed} with {changes}"
        solved += 1
    assert 50 < solved < 350


LOWEST = (ResolutionMode.LOWEST, ResolutionMode.LOWEST_DIRECT)


@pytest.mark.parametrize("mode", ResolutionMode)
def test_a_single_requirement_gets_the_lowest_or_highest_version_that_any_answer_has(mode: ResolutionMode) -> None:
    solved = 0
    for seed in range(700):
        own, world = random_world(seed)
        own = own[:1]
        try:
            resolution = resolve(own, world, options=ResolutionOptions(mode=mode))
        except NoSolution:
            assert not brute_force(own, world), f"world {seed} has an answer"
            continue
        chosen = picked(resolution)
        assert flaws(own, world, chosen) == [], f"world {seed}"
        name = own[0][0]
        if name in chosen:  # its marker may not hold
            best = (min if mode in LOWEST else max)(Version(each[name]) for each in answers(own, world))
            assert Version(chosen[name]) == best, f"world {seed}"
            solved += 1
    assert solved > 50


def test_the_checker_sees_what_is_wrong() -> None:
    world: World = {"a": {"1": ["b>=2", "c"]}, "b": {"1": [], "2": {"yanked": True}}, "c": {"1rc1": [], "1": []}}
    assert [flaw.text for flaw in flaws(["a"], world, {"a": "1", "b": "1"})] == [
        "a requires c, which is missing",
        "a requires b>=2, and 1 is picked",
    ]
    assert [flaw.text for flaw in flaws(["a"], world, {"a": "1", "b": "2", "c": "1rc1"})] == [
        "b 2 is yanked",
        "c 1rc1 is a pre-release that nobody asked for",
    ]
    assert [flaw.text for flaw in flaws(["b"], world, {"a": "1", "b": "1"})] == ["nothing requires a"]
