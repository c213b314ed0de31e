"""Markers put together hold exactly where they should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxpy_async.core.marker_algebra import both, none_of, with_extra
from dxpy_async.core.requirements import marker_holds

PLATFORMS = ("linux", "win32", "darwin")
VERSIONS = ("2.7", "3.8", "3.9", "3.11", "3.12", "4.0")

comparisons = st.one_of(
    st.builds("sys_platform {} '{}'".format, st.sampled_from(["==", "!=", "in", "not in"]), st.sampled_from(PLATFORMS)),
    st.builds("'{}' {} sys_platform".format, st.sampled_from(["win", "x"]), st.sampled_from(["in", "not in"])),
    st.builds(
        "python_version {} '{}'".format,
        st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~=", "==="]),
        st.sampled_from(VERSIONS),
    ),
)
markers = st.recursive(
    comparisons,
    lambda inner: st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=6,
)


def places() -> list[dict[str, str]]:
    return [{"sys_platform": platform, "python_version": version} for platform in PLATFORMS for version in VERSIONS]


@given(markers, markers)
def test_both_holds_where_each_holds(one: str, other: str) -> None:
    together = both(one, other)
    for place in places():
        assert marker_holds(together, place) == (marker_holds(one, place) and marker_holds(other, place))


@given(st.lists(markers, min_size=1, max_size=3))
def test_none_of_holds_where_no_other_does(given_markers: list[str]) -> None:
    rest = none_of(given_markers)
    for place in places():
        expected = not any(marker_holds(each, place) for each in given_markers)
        assert (rest is not None and marker_holds(rest, place)) == expected


def test_two_opposites_leave_nothing() -> None:
    assert none_of(["sys_platform == 'linux'", "sys_platform != 'linux'"]) is None


def test_always_leaves_nothing() -> None:
    assert none_of(["sys_platform == 'linux'", ""]) is None


def test_the_empty_marker_adds_nothing() -> None:
    assert both("", 'os_name == "nt"') == both('os_name == "nt"', "") == 'os_name == "nt"'


def test_a_comparison_without_opposite_is_refused() -> None:
    with pytest.raises(ValueError, match="no opposite"):
        none_of(["'3' ~= python_version"])


@pytest.mark.parametrize(
    ("marker", "extra", "left"),
    [
        ("", "x", ""),
        ('os_name == "nt"', "x", 'os_name == "nt"'),
        ('extra == "x"', "x", ""),
        ('extra == "X_y"', "x-y", ""),
        ('extra == "x"', "y", None),
        ('extra == "x"', "", None),
        ('os_name == "nt" and extra == "x"', "x", 'os_name == "nt"'),
        ('os_name == "nt" or extra == "x"', "x", ""),
        ('os_name == "nt" or extra == "x"', "y", 'os_name == "nt"'),
        ('(os_name == "nt" or os_name == "java") and extra == "x"', "x", 'os_name == "nt" or os_name == "java"'),
        ('extra != "x"', "", ""),
    ],
)
def test_an_extra_that_is_known_is_asked_about_no_more(marker: str, extra: str, left: str | None) -> None:
    assert with_extra(marker, extra) == left
