"""Wheel file names, taken apart, and the choice among the wheels of a release."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import pytest

from dxpy_async.core.wheel_names import best_wheel, parse_wheel_name, tag_rank

RANKS = {"cp311-cp311-linux_x86_64": 0, "cp311-abi3-linux_x86_64": 1, "py3-none-any": 2}


@dataclass(frozen=True)
class File:
    filename: str


def best(*filenames: str) -> str | None:
    found = best_wheel(map(File, filenames), RANKS)
    return found.filename if found else None


def test_a_name_is_taken_apart() -> None:
    name = parse_wheel_name("Zope.Interface-6.0-2rc-cp311-cp311-linux_x86_64.whl")
    assert name == ("zope-interface", "6.0", (2, "rc"), ("cp311-cp311-linux_x86_64",))


def test_compressed_tags_are_expanded_in_order_and_lower_case() -> None:
    tags = parse_wheel_name("six-1.16.0-py2.PY3-none-any.whl").tags
    assert tags == ("py2-none-any", "py3-none-any")
    many = parse_wheel_name("a-1-cp311.cp312-abi3.none-linux_x86_64.any.whl").tags
    assert len(many) == len(set(many)) == 8


def test_an_underscore_in_a_version_stands_for_a_dash() -> None:
    assert parse_wheel_name("a-1.0+local_1-py3-none-any.whl").version == "1.0+local-1"


def test_no_build_tag_comes_before_every_build_tag() -> None:
    assert parse_wheel_name("a-1-py3-none-any.whl").build < parse_wheel_name("a-1-0-py3-none-any.whl").build


@pytest.mark.parametrize(
    ("filename", "problem"),
    [
        ("a-1.tar.gz", "does not end in .whl"),
        ("a-1-py3-none.whl", "has 4 parts between dashes"),
        ("a-1-1-2-py3-none-any.whl", "has 7 parts between dashes"),
        (".whl", "has 1 parts between dashes"),
        ("-1-py3-none-any.whl", "does not begin with a valid project name"),
        ("_a-1-py3-none-any.whl", "does not begin with a valid project name"),
        ("a-1-build-py3-none-any.whl", "does not begin with a digit"),
        ("a-1--py3-none-any.whl", "does not begin with a digit"),
    ],
)
def test_another_name_is_refused_in_words(filename: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_wheel_name(filename)
    assert tag_rank(filename, RANKS) is None


def test_a_wheel_is_as_good_as_the_best_of_its_tags() -> None:
    assert tag_rank("a-1-py2.py3-none-any.whl", RANKS) == 2
    assert tag_rank("a-1-cp311-cp311.abi3-linux_x86_64.whl", RANKS) == 0
    assert tag_rank("a-1-cp312-cp312-linux_x86_64.whl", RANKS) is None


def test_the_best_tag_wins_over_the_highest_build() -> None:
    plain, built = "a-1-cp311-cp311-linux_x86_64.whl", "a-1-99-py3-none-any.whl"
    assert best(plain, built) == best(built, plain) == plain


def test_build_tags_go_by_number_then_by_text_and_a_longer_text_is_higher() -> None:
    rising = ["a-1-py3-none-any.whl", *(f"a-1-{build}-py3-none-any.whl" for build in ("0", "1", "1a", "1ab", "1b"))]
    rising += [f"a-1-{build}-py3-none-any.whl" for build in ("2", "10", "10_x")]
    for number, highest in enumerate(rising):
        for lower in rising[:number]:
            assert best(lower, highest) == best(highest, lower) == highest


def test_the_choice_does_not_depend_on_the_order() -> None:
    alike = ["a-1-py2.py3-none-any.whl", "A-1-py3-none-any.whl", "a-1-py3-none-any.whl", "a-1-py3-none-any.zip"]
    assert {best(*order) for order in permutations(alike)} == {"A-1-py3-none-any.whl"}


def test_nothing_fits() -> None:
    assert best() is None
    assert best("a-1.tar.gz", "a-1-cp312-cp312-linux_x86_64.whl", "nonsense.whl") is None
