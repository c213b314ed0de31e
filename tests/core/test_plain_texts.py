"""Texts that are understood without packaging's parsers mean what packaging says they mean."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement as ParsedRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from dxpy_async.core.requirements import marker_holds, parse_requirement
from dxpy_async.core.specifiers import allows, allows_python, matching_mask, normal_specifier, plain_clauses

RELEASES = st.lists(st.sampled_from(["0", "01", "1", "2", "3", "10", "11"]), min_size=1, max_size=4).map(".".join)
ENDINGS = st.sampled_from(["", "a1", "rc0", ".post1", ".dev2", "a1.dev1", "+local.1", ".post1.dev2"])
VERSIONS = st.builds(str.__add__, RELEASES, ENDINGS)
CLAUSES = st.tuples(
    st.sampled_from([">=", "<=", "<", ">", "==", "!=", "~="]), VERSIONS | RELEASES.map("{}.*".format) | RELEASES
).map("".join)
SPECIFIERS = st.lists(CLAUSES, max_size=3).map(",".join)

ENVIRONMENT = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "implementation_version": "3.11.7",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "6.1",
    "platform_version": "1",
    "os_name": "posix",
    "implementation_name": "cpython",
}
COMPARISONS = st.one_of(
    st.builds(
        '{} {} "{}"'.format,
        st.sampled_from(["python_version", "python_full_version"]),
        st.sampled_from([">=", "<=", "<", ">", "==", "!=", "~="]),
        st.sampled_from(["3.11", "3.11.7", "3.11.0", "3.12", "3.12.0", "4.0"]),
    ),
    st.builds(
        '{} {} "{}"'.format,
        st.sampled_from(["sys_platform", "platform_system", "os_name", "platform_machine", "implementation_name"]),
        st.sampled_from(["==", "!="]),
        st.sampled_from(["linux", "Linux", "win32", "posix", "v1", "2"]),
    ),
    st.sampled_from(['extra == "a"', 'extra == "b-c"', 'extra != "a"', 'extra == "v1"']),
)
MARKERS = st.recursive(
    COMPARISONS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
)


@given(SPECIFIERS, VERSIONS, st.lists(VERSIONS, max_size=4))
def test_a_specifier_allows_what_packaging_says(text: str, version: str, others: list[str]) -> None:
    try:
        expected = SpecifierSet(text)
    except InvalidSpecifier:
        assert plain_clauses(text) is None
        return
    held = Version(version)
    assert allows(text, held) == expected.contains(held, prereleases=True)
    assert allows_python(text, held) == expected.contains(held.base_version, prereleases=True)
    assert normal_specifier(text) == str(expected)
    versions = sorted({Version(each) for each in others})
    mask = sum(expected.contains(each, prereleases=True) << place for place, each in enumerate(versions))
    assert matching_mask(text, versions) == mask


@given(st.sampled_from(["", "[a]", "[b_C,a]", "[a,a]"]), st.lists(CLAUSES, max_size=3).map(",".join))
def test_a_requirement_without_blanks_is_what_packaging_says(extras: str, specifier: str) -> None:
    try:
        expected = ParsedRequirement(f"Foo_bar{extras}{specifier}")
    except ValueError:
        return
    parsed = parse_requirement(f"Foo_bar{extras}{specifier}")
    assert (parsed.name, parsed.specifier, parsed.marker) == ("foo-bar", str(expected.specifier), "")
    assert parsed.extras == tuple(sorted({extra.lower().replace("_", "-") for extra in expected.extras}))


@given(MARKERS, st.sampled_from(["", "a", "b-c", "v1"]))
def test_a_marker_holds_when_packaging_says_so(text: str, extra: str) -> None:
    marker = str(Marker(text))
    assert marker_holds(marker, ENVIRONMENT, extra) == Marker(marker).evaluate({**ENVIRONMENT, "extra": extra})
