"""Texts that are understood without packaging's parsers mean what packaging says they mean."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
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


BLANKS = st.sampled_from(["", "", " ", "  "])
EXTRAS = st.sampled_from(["", "[a]", "[b_C,a]", "[a,a]", "[ a , b ]"])
IN_METADATA = st.one_of(
    SPECIFIERS, SPECIFIERS.map("({})".format), st.builds("{} , {}".format, CLAUSES, CLAUSES), st.just("== 1.0")
)
MARKER_TEXTS = st.lists(
    st.sampled_from(
        [
            *('python_version >= "3.8"', "python_version<'3'", 'python_full_version != "3.9.1"', "extra == 'a'"),
            *('extra=="B_c"', 'extra == "b-c"', 'extra != "a"', 'sys_platform  == "win32"', "os.name == 'nt'"),
            *('platform_release >= "5"', '"3.8" <= python_version', "(os_name == 'nt')", 'os_name in "nt posix"'),
            *('os_name == "and or"', 'platform_system == "it\'s"', 'os_name == ""', "os_name == nt"),
        ]
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def requirements(draw: st.DrawFn) -> str:
    """Requirements as they stand in METADATA, with blanks wherever they may be, or may not."""
    parts = ["Foo_bar", draw(EXTRAS), draw(IN_METADATA)]
    if draw(st.booleans()):
        joints = st.sampled_from([" and ", " or ", "  and ", "and", " "])
        clauses = [part for clause in draw(MARKER_TEXTS) for part in (draw(joints), clause)]
        parts += [";", *clauses[1:]]
    return "".join(part for each in parts for part in (each, draw(BLANKS)))


@given(requirements())
def test_a_requirement_is_what_packaging_says(text: str) -> None:
    try:
        expected = ParsedRequirement(text)
    except InvalidRequirement:
        with pytest.raises(InvalidRequirement):
            parse_requirement(text)
        return
    parsed = parse_requirement(text)
    marker = str(expected.marker) if expected.marker is not None else ""
    assert (parsed.name, parsed.specifier, parsed.marker) == ("foo-bar", str(expected.specifier), marker)
    assert parsed.extras == tuple(sorted({extra.lower().replace("_", "-") for extra in expected.extras}))
    assert parsed.url is None


def test_what_wheels_mostly_require_is_understood_without_the_parser() -> None:
    texts = (
        "requests",
        "urllib3<3,>=1.26",
        "jinja2 (<4,>=2.11) ; platform_system != 'Windows'",
        'PySocks!=1.5.7,>=1.5.6; extra == "socks"',
        "zstandard >=0.18 ; python_version >= '3.9' and extra == 'zstd'",
        'colorama[a, B_c]==0.4.*; sys_platform == "win32" or os_name == "nt"',
    )
    script = (
        "import sys\n"
        "from dxpy_async.core.requirements import parse_requirement\n"
        f"for text in {texts!r}: parse_requirement(text)\n"
        "print('packaging.requirements' in sys.modules, 'packaging.markers' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False False\n"


@given(MARKERS, st.sampled_from(["", "a", "b-c", "v1"]))
def test_a_marker_holds_when_packaging_says_so(text: str, extra: str) -> None:
    marker = str(Marker(text))
    assert marker_holds(marker, ENVIRONMENT, extra) == Marker(marker).evaluate({**ENVIRONMENT, "extra": extra})
