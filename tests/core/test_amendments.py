"""Overrides and exclusions applied to requirements."""

from __future__ import annotations

import pytest

from dxpy_async.core.amendments import Amendments, Statement
from dxpy_async.core.names import normalize
from dxpy_async.core.requirements import parse_requirement


def amended(requirements: list[str], overrides: list[str], exclusions: tuple[str, ...] = ()) -> list[str]:
    amendments = Amendments(
        overrides=tuple(Statement(parse_requirement(text), "here") for text in overrides),
        exclusions=frozenset(map(normalize, exclusions)),
    )
    once = amendments.amend(tuple(map(parse_requirement, requirements)))
    assert amendments.amend(once) == once
    return [str(each) for each in once]


@pytest.mark.parametrize(
    ("given", "overrides", "expected"),
    [
        ("a[x]<2", ["a>=2"], ["a>=2"]),
        ("a<2", ["a @ https://example.test/a.whl"], ["a @ https://example.test/a.whl"]),
        ("b", ["a>=2"], ["b"]),
        ("a; extra == 'x'", ["a>=2"], ['a>=2; extra == "x"']),
        ("a", ["a>=2; os_name == 'nt'"], ['a>=2; os_name == "nt"']),
        ("a; os_name == 'nt'", ["a>=2; os_name == 'nt'"], ['a>=2; os_name == "nt"']),
        (
            "a; extra == 'x' or extra == 'y'",
            ["a>=2; os_name == 'nt'"],
            ['a>=2; (extra == "x" or extra == "y") and os_name == "nt"'],
        ),
        (
            "a; extra == 'x'",
            ["a==1; os_name == 'nt' or os_name == 'posix'", "a==2; os_name == 'java'"],
            [
                'a==1; extra == "x" and (os_name == "nt" or os_name == "posix")',
                'a==2; extra == "x" and os_name == "java"',
            ],
        ),
    ],
)
def test_an_override_replaces_all_but_the_marker(given: str, overrides: list[str], expected: list[str]) -> None:
    assert amended([given], overrides) == expected


def test_requirements_that_become_the_same_are_one() -> None:
    assert amended(["a<2", "b", "a>1"], ["a"]) == ["a", "b"]


def test_exclusions_win_over_overrides() -> None:
    assert amended(["a<2", "b"], ["a"], ("a",)) == ["b"]


def test_without_changes_the_very_same_requirements_come_back() -> None:
    requirements = (parse_requirement("a"),)
    assert Amendments().amend(requirements) is requirements
