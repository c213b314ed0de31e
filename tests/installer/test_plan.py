"""Deciding what changes in an environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.names import ProjectName
from dxpy_async.installer.installed import InstalledDistribution
from dxpy_async.installer.plan import Wanted, plan_sync, same_version

NAMES = st.sampled_from([ProjectName(name) for name in ("a", "b", "c", "d", "e")])
VERSIONS = st.sampled_from(["1.0", "1", "2.0"])
ORIGINS = st.sampled_from([None, '{"url": "file:///x"}', '{"url":"file:///x"}', '{"url": "file:///y"}'])
PROBLEMS = st.sampled_from([None, None, "has no RECORD"])


def installed(name: str, version: str = "1.0", **facts: object) -> InstalledDistribution:
    directory = Path(f"/env/{name}-{version}.dist-info")
    return replace(
        InstalledDistribution(name=ProjectName(name), version=version, directory=directory),
        **facts,  # type: ignore[arg-type]
    )


@st.composite
def wanted_maps(draw: st.DrawFn) -> dict[ProjectName, Wanted]:
    return {name: Wanted(name=name, version=draw(VERSIONS), direct_url=draw(ORIGINS)) for name in draw(st.sets(NAMES))}


@st.composite
def installed_maps(draw: st.DrawFn) -> dict[ProjectName, InstalledDistribution]:
    return {
        name: installed(name, draw(VERSIONS), direct_url=draw(ORIGINS), problem=draw(PROBLEMS))
        for name in draw(st.sets(NAMES))
    }


@given(wanted_maps(), installed_maps(), st.booleans())
def test_every_distribution_has_exactly_one_fate(
    wanted: dict[ProjectName, Wanted], there: dict[ProjectName, InstalledDistribution], exact: bool
) -> None:
    plan = plan_sync(wanted, there, exact=exact)
    assert sorted([*plan.remove, *plan.keep, *(r.installed for r in plan.replace)], key=lambda i: i.name) == [
        there[name] for name in sorted(there)
    ]
    kept = {item.name for item in plan.keep}
    assert {item.name for item in plan.coming} | kept >= set(wanted)
    assert not {item.name for item in plan.coming} & kept
    assert (not exact) or {item.name for item in plan.coming} | kept == set(wanted)
    assert exact or not plan.remove
    assert plan == plan_sync(dict(reversed(list(wanted.items()))), dict(reversed(list(there.items()))), exact=exact)


@given(wanted_maps(), installed_maps())
def test_carrying_out_a_plan_leaves_nothing_to_do(
    wanted: dict[ProjectName, Wanted], there: dict[ProjectName, InstalledDistribution]
) -> None:
    plan = plan_sync(wanted, there, exact=True)
    after = {item.name: item for item in plan.keep} | {
        item.name: installed(item.name, item.version, direct_url=item.direct_url) for item in plan.coming
    }
    assert plan_sync(wanted, after, exact=True).is_empty
    assert plan.is_empty == (not list(plan.lines()))


def test_lines_show_what_leaves_and_what_comes_by_name() -> None:
    wanted = {ProjectName(n): Wanted(name=ProjectName(n), version="2.0") for n in ("a", "b")}
    plan = plan_sync(wanted, {ProjectName("b"): installed("b"), ProjectName("c"): installed("c")}, exact=True)
    assert list(plan.lines()) == ["+ a==2.0", "- b==1.0", "+ b==2.0", "- c==1.0"]
    assert [item.reason for item in plan.replace] == ["version 1.0 is installed"]


def test_a_changed_or_vanished_direct_url_is_a_replacement() -> None:
    there = {ProjectName("a"): installed("a", direct_url='{"url": "file:///x"}')}
    for url, replaced in [('{"url":"file:///x"}', 0), ('{"url": "file:///y"}', 1), (None, 1), ("{", 1)]:
        wanted = {ProjectName("a"): Wanted(name=ProjectName("a"), version="1.0", direct_url=url)}
        assert len(plan_sync(wanted, there, exact=True).replace) == replaced


PARTS = st.tuples(
    st.sampled_from(["", "v", "0!", "1!"]),
    st.sampled_from(["1", "1.0", "1.0.0", "0", "01.2", "2024.1"]),
    st.sampled_from(["", "a1", "-alpha.1", "rc1", "c1", ".pre01", "b"]),
    st.sampled_from(["", ".post1", "-1", "rev1", "-r.1", ".post0", ".post"]),
    st.sampled_from(["", ".dev0", "dev", "-dev1"]),
    st.sampled_from(["", "+cpu", "+CPU", "+1.0", "+01_0"]),
).map("".join)


@given(PARTS, PARTS)
def test_versions_are_the_same_when_packaging_says_so(one: str, other: str) -> None:
    assert same_version(one, other) == (Version(one) == Version(other))
    assert same_version(one, str(Version(one)))


@pytest.mark.parametrize("text", ["", "x", "1.0.x", "1+", "9" * 5000])
def test_a_text_that_is_no_version_only_equals_itself(text: str) -> None:
    assert same_version(text, text)
    assert not same_version(text, "1.0")


def test_a_source_tree_is_replaced_when_it_changed_whatever_its_version() -> None:
    origin, other = '{"url": "file:///x", "dir_info": {}}', '{"url": "file:///x", "dir_info": {"new": 1}}'
    name = ProjectName("a")
    there = {name: installed("a", "1.0.dev1", direct_url=origin)}
    same = Wanted(name=name, version="1.0.dev2", direct_url=origin, is_any_version=True)
    assert plan_sync({name: same}, there, exact=True).is_empty
    assert not plan_sync({name: replace(same, direct_url=other)}, there, exact=True).is_empty
