"""Bit masks of specifiers against `packaging`, which is the authority on PEP 440."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from dxpy_async.core.specifiers import (
    allows_python,
    has_lower_bound,
    matching_mask,
    mentions_prerelease,
    pinned_versions,
)

# Few distinct numbers, so that bounds and versions meet often.
numbers = st.integers(0, 2)
releases = st.lists(numbers, min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
epochs = st.sampled_from(["", "", "", "1!"])
pres = st.sampled_from(["", "", "", "a0", "a1", "b1", "rc1"])
posts = st.sampled_from(["", "", "", ".post0", ".post1"])
devs = st.sampled_from(["", "", "", ".dev0", ".dev1"])
locals_ = st.sampled_from(["", "", "", "+1", "+a", "+a.1"])
publics = st.builds("".join, st.tuples(epochs, releases, pres, posts, devs))
version_texts = st.builds("".join, st.tuples(publics, locals_))

ordered_clauses = st.builds("".join, st.tuples(st.sampled_from([">=", "<=", ">", "<"]), publics))
equal_clauses = st.builds("".join, st.tuples(st.sampled_from(["==", "!=", "==="]), version_texts))
wildcard_clauses = st.builds("".join, st.tuples(st.sampled_from(["==", "!="]), epochs, releases, st.just(".*")))
compatible_clauses = st.builds("".join, st.tuples(st.just("~="), epochs, st.just("1."), releases, pres, posts, devs))
clauses = st.one_of(ordered_clauses, equal_clauses, wildcard_clauses, compatible_clauses)
specifiers = st.lists(clauses, max_size=3).map(",".join)
version_lists = st.lists(version_texts.map(Version), max_size=25).map(lambda versions: tuple(sorted(set(versions))))


@settings(max_examples=300, deadline=None)
@given(specifiers, version_lists)
def test_a_mask_says_of_each_version_what_packaging_says(specifier: str, versions: tuple[Version, ...]) -> None:
    """PEP 440, all operators: bit i is `SpecifierSet.contains(versions[i], prereleases=True)`."""
    oracle = SpecifierSet(specifier)
    expected = [oracle.contains(version, prereleases=True) for version in versions]
    mask = matching_mask(specifier, versions)
    assert [bool(mask >> place & 1) for place in range(len(versions))] == expected
    assert mask >> len(versions) == 0


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        ("", ["1.0.dev1", "1.0rc1", "1.0", "1.0+cpu", "1.0.post1", "1.1", "2.0"]),
        (">=1.0", ["1.0", "1.0+cpu", "1.0.post1", "1.1", "2.0"]),
        (">1.0", ["1.1", "2.0"]),
        (">1.0.post0", ["1.0.post1", "1.1", "2.0"]),
        ("<1.0", []),
        ("<1.0rc1", ["1.0.dev1"]),
        ("<=1.0", ["1.0.dev1", "1.0rc1", "1.0", "1.0+cpu"]),
        ("==1.0", ["1.0", "1.0+cpu"]),
        ("==1.0+cpu", ["1.0+cpu"]),
        ("==1.0.*", ["1.0.dev1", "1.0rc1", "1.0", "1.0+cpu", "1.0.post1"]),
        ("!=1.0.*", ["1.1", "2.0"]),
        ("~=1.0", ["1.0", "1.0+cpu", "1.0.post1", "1.1"]),
        ("===1.0", ["1.0"]),
        ("===1.0.0", []),
        (">=1.0,!=1.1,<2", ["1.0", "1.0+cpu", "1.0.post1"]),
    ],
)
def test_each_operator_allows_its_stretch_of_the_version_line(specifier: str, expected: list[str]) -> None:
    versions = [Version(text) for text in ("1.0.dev1", "1.0rc1", "1.0", "1.0+cpu", "1.0.post1", "1.1", "2.0")]
    mask = matching_mask(specifier, versions)
    assert [str(version) for place, version in enumerate(versions) if mask >> place & 1] == expected


def test_a_specifier_that_does_not_parse_is_refused() -> None:
    with pytest.raises(InvalidSpecifier):
        matching_mask("=>1", [Version("1")])


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        (">=1.0rc1", True),
        ("==1.0.dev3", True),
        ("===1.0a1", True),
        (">=1,<2.0b2", True),
        ("", False),
        (">=1", False),
        ("!=1.0rc1", False),
        ("==1.*", False),
        ("===anything", False),
    ],
)
def test_a_prerelease_is_asked_for_by_naming_one(specifier: str, expected: bool) -> None:
    assert mentions_prerelease(specifier) is expected


def test_pins_are_the_versions_named_outright() -> None:
    assert pinned_versions("==1.0,<2") == ("1.0",)
    assert pinned_versions("===1.0.0") == ("1.0.0",)
    assert pinned_versions("==1.*") == ()
    assert pinned_versions(">=1") == ()


@pytest.mark.parametrize(
    ("requires_python", "python", "expected"),
    [
        ("", "3.11.7", True),
        (">=3.8", "3.11.7", True),
        (">=3.12", "3.11.7", False),
        (">=2.7,!=3.0.*,!=3.1.*", "3.11.7", True),
        (">=3.14", "3.14.0rc1", True),
        ("<4", "3.11.7", True),
        ("garbage", "3.11.7", True),
    ],
)
def test_requires_python_is_held_against_the_release(requires_python: str, python: str, expected: bool) -> None:
    assert allows_python(requires_python, Version(python)) is expected


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [("", False), ("<2", False), ("<=2,!=1", False), (">=1", True), (">1,<2", True), ("~=1.0", True), ("==1.*", True)],
)
def test_a_specifier_has_a_lower_bound_when_a_clause_stops_there(specifier: str, expected: bool) -> None:
    assert has_lower_bound(specifier) is expected
