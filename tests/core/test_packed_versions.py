"""Packed keys against `packaging`, which is the authority on PEP 440."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.packed_versions import PackedVersion, packed_key

# Few distinct numbers, so that versions are often close or equal; and those at the edges of what fits.
numbers = st.one_of(st.integers(0, 2), st.sampled_from([20240131, 2**24 - 1, 2**24, 2**25 - 1, 2**25, 10**30]))
releases = st.lists(numbers, min_size=1, max_size=6).map(lambda parts: ".".join(map(str, parts)))
epochs = st.sampled_from(["", "", "", "0!", "1!", "2!"])
suffixes = st.one_of(
    st.just(""),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", ".", "-", "_"]),
        st.sampled_from(
            ["a", "alpha", "b", "beta", "c", "rc", "pre", "preview", "dev", "post", "rev", "r", "RC", "Post"]
        ),
        st.sampled_from(["", ".", "-", "_"]),
        st.one_of(st.just(""), numbers),
    ),
    numbers.map("-{}".format),
    st.sampled_from([".post1.dev2", "a1.post2", "rc1.dev3", "+local", "a1+1.2", ".dev0+x"]),
)
versions = st.builds("{}{}{}{}".format, st.sampled_from(["", "", "v"]), epochs, releases, suffixes)


@given(versions, versions)
@settings(max_examples=1500, deadline=None)
def test_keys_order_like_versions(one: str, other: str) -> None:
    """Whenever both fit: the keys compare as the versions do, and are equal exactly when they are."""
    keys, parsed = (packed_key(one), packed_key(other)), (Version(one), Version(other))
    if keys[0] is not None and keys[1] is not None:
        assert (keys[0] < keys[1], keys[0] == keys[1]) == (parsed[0] < parsed[1], parsed[0] == parsed[1])
        assert 0 <= keys[0] < 1 << 128


@given(versions)
@settings(max_examples=300, deadline=None)
def test_a_version_fits_in_whatever_spelling(text: str) -> None:
    assert packed_key(text) == packed_key(str(Version(text)))


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0.dev0",
        "1.2.3.4",
        "1.0.0.0.0.0",
        "1!2024.1.31",
        "2.32.0.20240914",
        "1.0a1",
        "1.0rc16777215",
        "1-1",
        "v1.0",
    ],
)
def test_what_stands_on_indexes_fits(text: str) -> None:
    assert packed_key(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3.4.5",
        "2!1",
        "33554432",
        "1.0a16777216",
        "1+local",
        "1a1.dev1",
        "1.post1.dev1",
        "1a1.post1",
        f"1.{'9' * 9999}",
    ],
)
def test_what_does_not_fit_says_so(text: str) -> None:
    assert packed_key(text) is None


@pytest.mark.parametrize("text", ["", "x", "1.x", "1..2", "1.0+", "1 .0", "1.0-", "١", "1.*"])
def test_what_is_no_version_has_no_key(text: str) -> None:
    assert packed_key(text) is None


def test_a_leading_run_of_zeros_counts_for_nothing() -> None:
    assert packed_key(f"{'0' * 5000}1.2") == packed_key("1.2")


def test_packed_versions_are_triples_in_order() -> None:
    texts = ["0", "0.0.1", "1", "1.2", "1.2.3", "1.10", "4294967295.0.0"]
    triples = [PackedVersion.from_text(text) for text in texts]
    assert triples == sorted(triples)  # type: ignore[type-var]
    assert triples[3] == (1, 2, 0)
    assert [triple.key() for triple in triples if triple] == [packed_key(text) for text in texts]


@pytest.mark.parametrize("text", ["1.2.3.4", "4294967296", "1a1", "1!1", "", "1.", "-1", "1.x", "²"])
def test_what_is_no_triple_is_none(text: str) -> None:
    assert PackedVersion.from_text(text) is None
