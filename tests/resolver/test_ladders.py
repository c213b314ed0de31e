"""Ladders of failing versions: requests, steps and conflicts grow with the rungs and no faster. Times are not told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from ladders import LADDERS, Effort, climb

PINS = {
    "released-together": {"boto3": "1.1", "botocore": "1.1", "s3transfer": "0.19", "urllib3": "2.29"},
    "released-together-in-vain": {},
    "near-identical": {},
    "deep": {**{f"row{place}": "1" for place in range(10)}, "base": "1"},
}
"""The answer, where it is the same for any number of rungs; none where there is no solution."""

BOUNDS = {
    # rungs -> metadata, steps, conflicts
    "released-together": lambda n: (2 * n + 1, 4 * n + 20, n),
    "released-together-in-vain": lambda n: (2 * n + 2, 4 * n + 20, n + 2),
    "way-out-at-the-top": lambda n: (60, 80, 12),
    "three-abreast": lambda n: (n // 10 + 10, n // 8 + 40, 5),
    "near-identical": lambda n: (2 * n + 2, 2 * n + n // 8 + 40, 5),
    "deep": lambda n: (10 * n + 2, 20 * n + 40, n),
    "far-apart": lambda n: (2 * n + 60, 2 * n + n // 8 + 200, 3),
    "each-other": lambda n: (2 * n, 2 * n + n // 8 + 40, n),
}


def assert_bounded(name: str, rungs: int) -> Effort:
    effort = climb(LADDERS[name](rungs))
    metadata, steps, conflicts = BOUNDS[name](rungs)
    assert effort.metadata <= metadata
    assert effort.steps <= steps
    assert effort.conflicts <= conflicts
    if name in PINS:
        assert effort.pins == PINS[name]
    return effort


def test_every_ladder_has_its_bounds() -> None:
    assert set(BOUNDS) == set(LADDERS)


@pytest.mark.parametrize("rungs", [50, 100, 200])
@pytest.mark.parametrize("name", LADDERS)
def test_the_effort_grows_with_the_rungs_alone(name: str, rungs: int) -> None:
    assert_bounded(name, rungs)


@pytest.mark.parametrize("name", [name for name in LADDERS if name not in ("deep", "each-other")])
def test_more_than_a_thousand_versions_are_no_trouble(name: str) -> None:
    assert_bounded(name, 1_200)


def test_the_answers_are_the_newest_that_fit() -> None:
    assert climb(LADDERS["way-out-at-the-top"](300)).pins == {
        "boto3": "1.289",
        "botocore": "1.289",
        "s3transfer": "0.19",
        "urllib3": "2.29",
    }
    abreast = climb(LADDERS["three-abreast"](300)).pins
    assert (abreast["aiobotocore"], abreast["boto3"], abreast["botocore"]) == ("2.290", "1.5.40", "1.5.40")
    apart = climb(LADDERS["far-apart"](100)).pins
    assert (apart["left"], apart["base"], apart["right"]) == ("99", "1", "0")
    other = climb(LADDERS["each-other"](50)).pins
    assert other == {"odd": "0", "even": "49"}
