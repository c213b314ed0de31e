"""What each bump makes of each kind of version; the answers were held against those of `uv version`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.version_bumps import BumpKind, bumped, parse_bump
from dxpy_async.errors import UsageError


@pytest.mark.parametrize(
    ("version", "bumps", "after"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2", "patch", "1.2.1"),
        ("1", "patch", "1.0.1"),
        ("1.2.3.4", "minor", "1.3.0.0"),
        ("1!1.2.3", "minor", "1!1.3.0"),
        ("1.2.3+loc", "minor", "1.3.0+loc"),
        ("1.2.3a1", "patch", "1.2.4"),
        ("1.2.3", "major=5", "5.0.0"),
        ("1.2.3", "patch beta", "1.2.4b1"),
        ("1.2.3", "dev patch", "1.2.4.dev1"),
        ("1.2.3", "rc=3 minor", "1.3.0rc3"),
        ("1.2.3a1", "alpha", "1.2.3a2"),
        ("1.2.3a1", "beta", "1.2.3b1"),
        ("1.2.3a1.dev2", "rc", "1.2.3rc1"),
        ("1.2.3a2.dev1", "alpha", "1.2.3a3"),
        ("1.2.3a1.post1", "alpha", "1.2.3a2"),
        ("1.2.3.dev1", "alpha", "1.2.3a1"),
        ("1.2.3rc1", "stable", "1.2.3"),
        ("1.2.3", "post", "1.2.3.post1"),
        ("1.2.3.post2", "post", "1.2.3.post3"),
        ("1.2.3a1", "post", "1.2.3a1.post1"),
        ("1.2.3.post1.dev1", "post", "1.2.3.post2"),
        ("1.2.3.dev3", "dev", "1.2.3.dev4"),
    ],
)
def test_what_comes_out(version: str, bumps: str, after: str) -> None:
    assert str(bumped(Version(version), [parse_bump(each) for each in bumps.split()])) == after


@pytest.mark.parametrize(
    ("version", "bumps", "hint"),
    [
        ("1.2.3", "alpha", "`--bump patch --bump alpha`"),
        ("1.2.3", "rc=5", "`--bump patch --bump rc=5`"),
        ("1.2.3", "dev", "`--bump patch --bump dev`"),
        ("1.2.3.post1", "dev", "`--bump patch --bump dev`"),
        ("1.2.3b1", "alpha", "`--bump patch --bump alpha`"),
        ("1.2.3", "stable", "`dxpy version VALUE`"),
        ("1.2.3", "major=0", "`dxpy version VALUE`"),
    ],
)
def test_a_step_that_does_not_lead_up_is_refused(version: str, bumps: str, hint: str) -> None:
    with pytest.raises(UsageError, match=r"is no step up") as refused:
        bumped(Version(version), [parse_bump(each) for each in bumps.split()])
    assert hint in refused.value.hints()[0]


@pytest.mark.parametrize("bumps", ["minor major", "alpha beta", "patch alpha dev", "stable patch", "post dev"])
def test_bumps_that_exclude_each_other_are_refused(bumps: str) -> None:
    with pytest.raises(UsageError, match="cannot be combined"):
        bumped(Version("1.2.3"), [parse_bump(each) for each in bumps.split()])


@pytest.mark.parametrize("text", ["", "middle", "stable=1", "rc=", "rc=x", "rc=-1", "rc=٣", f"rc={'9' * 30}"])
def test_what_is_no_bump(text: str) -> None:
    with pytest.raises(UsageError):
        parse_bump(text)


@given(
    release=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    pre=st.sampled_from(["", "a1", "b2", "rc3"]),
    post=st.sampled_from(["", ".post1"]),
    dev=st.sampled_from(["", ".dev1"]),
    kind=st.sampled_from(BumpKind),
)
def test_what_comes_out_is_higher_or_refused(release: list[int], pre: str, post: str, dev: str, kind: BumpKind) -> None:
    before = Version(".".join(map(str, release)) + pre + post + dev)
    try:
        after = bumped(before, [parse_bump(kind)])
    except UsageError:
        assert kind not in ("major", "minor", "patch", "post")
    else:
        assert after > before
