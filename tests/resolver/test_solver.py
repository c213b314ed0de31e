"""The solver as a state machine: what it asks for, when, and what it makes of the answers."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version
from worlds import LINUX, Facts, metadata_of, pins, resolve

from dxpy_async.core.locks import Source, SourceKind
from dxpy_async.core.names import normalize
from dxpy_async.core.releases import Unavailable
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.needs import DirectCandidate, Need, NeedDirect, NeedMetadata, NeedPage
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.resolution_bytes import decode_resolution, encode_resolution
from dxpy_async.resolver.solver import Solver


def solver_of(*roots: str) -> Solver:
    return Solver([parse_requirement(text) for text in roots], target=LINUX)


def short(needs: Any) -> list[str]:
    """Needs as texts: `a` for a page, `a 1` for metadata, `a @ url` for a direct reference."""
    return [_short(need) for need in needs]


def _short(need: Need) -> str:
    match need:
        case NeedPage(project):
            return project
        case NeedMetadata(project, version, _):
            return f"{project} {version}"
        case NeedDirect(project, url):
            return f"{project} @ {url}"


def test_asks_for_pages_then_metadata_then_what_that_requires() -> None:
    facts = Facts({"a": {"1": [], "2": ["b", "c"]}, "b": {"1": []}, "c": {"1": []}})
    solver = solver_of("a")
    asked = []
    while needs := solver.needs():
        asked.append(short(needs))
        solver.tell(needs[0], facts.answer(needs[0]))
    assert asked[:3] == [["a"], ["a 2"], ["b", "c"]]
    assert pins(solver.solution()) == {"a": "2", "b": "1", "c": "1"}


def test_all_pages_of_the_roots_are_worth_fetching_at_once() -> None:
    assert sorted(short(solver_of("a", "b>=2", "c[x]").needs())) == ["a", "b", "c"]


def test_needs_are_the_same_until_something_is_told() -> None:
    solver = solver_of("a", "b")
    assert solver.needs() == solver.needs()


def test_nothing_required_is_solved_at_once() -> None:
    solver = solver_of("a; sys_platform == 'win32'")
    assert solver.needs() == ()
    assert solver.solution().pins == ()


def test_a_second_answer_to_the_same_need_is_not_heard() -> None:
    facts = Facts({"a": {"1": []}})
    solver = solver_of("a")
    need = solver.needs()[0]
    solver.tell(need, facts.answer(need))
    solver.tell(need, Unavailable("is gone"))
    metadata = solver.needs()[0]
    solver.tell(metadata, facts.answer(metadata))
    assert solver.needs() == ()
    assert pins(solver.solution()) == {"a": "1"}


def test_a_prefetched_project_that_is_not_there_does_no_harm_when_it_is_not_picked() -> None:
    """`a` 2 is expected first and requires a ghost; the pin of `b` rules it out, so the ghost does not matter."""
    world = {"a": {"1": [], "2": ["ghost"]}, "b": {"1": ["a<2"]}}
    for seed in range(20):
        assert pins(resolve(["a", "b"], world, shuffle=seed)) == {"a": "1", "b": "1"}


def test_counts_what_is_decided() -> None:
    facts = Facts({"a": {"1": ["b"]}, "b": {"1": []}})
    solver = solver_of("a")
    assert solver.decided == 0
    while needs := solver.needs():
        solver.tell(needs[0], facts.answer(needs[0]))
    assert solver.decided == 2


def test_a_pin_tells_where_it_is_from() -> None:
    url = "https://files.test/b-2.whl"
    resolution = resolve(
        ["a[x]", f"b @ {url}"],
        {"a": {"1": ["b", "c; extra == 'x'", "c; sys_platform == 'win32'"]}, "c": {"1": []}},
        archives={url: {"version": "2"}},
    )
    a, b, c = resolution.pins
    assert (a.project, a.version, a.extras, a.url, a.direct) == ("a", Version("1"), {"x"}, None, None)
    assert a.file.filename == "a-1-py3-none-any.whl"
    assert len(a.metadata.requirements) == 3
    assert (b.project, b.url, b.direct) == ("b", url, b.file)
    assert (c.project, c.extras) == ("c", frozenset())


def test_preferences_cost_no_metadata_of_newer_versions() -> None:
    facts = Facts({"a": {"1": [], "2": []}})
    options = ResolutionOptions(preferences={normalize("a"): Version("1")})
    assert pins(resolve(["a"], {}, facts=facts, options=options)) == {"a": "1"}
    assert short(facts.asked) == ["a", "a 1"]


def ladder(length: int) -> dict[str, dict[str, Any]]:
    """Like boto3 on botocore on urllib3: each version pins the next project's, and only the oldest tenth fits `old`."""
    return {
        "boto": {f"1.{minor}": [f"core>=1.{minor},<1.{minor + 3}"] for minor in range(length)},
        "core": {f"1.{minor}": ["url>=2"] if minor >= length // 10 else ["url"] for minor in range(length)},
        "url": {"1": [], "2": []},
        "old": {str(version): ["url<2"] for version in range(1, 4)},
    }


@pytest.mark.parametrize("roots", [["boto", "old"], ["old", "boto"]])
def test_a_long_ladder_is_gone_down_step_by_step(roots: list[str]) -> None:
    facts = Facts(ladder(200))
    answer = pins(resolve(roots, {}, facts=facts))
    assert answer == {"boto": "1.19", "core": "1.19", "old": "3", "url": "1"}
    assert len(facts.asked) < 2.5 * 200


def test_a_ladder_without_a_way_out_ends() -> None:
    world = ladder(200)
    world["core"] = {key: ["url>=2"] for key in world["core"]}
    facts = Facts(world)
    with pytest.raises(NoSolution, match=r"you require boto and old, and every version of boto depends on core"):
        resolve(["boto", "old"], {}, facts=facts)
    assert len(facts.asked) < 2.5 * 200


def test_down_a_ladder_metadata_is_wanted_in_batches() -> None:
    facts = Facts(ladder(200))
    solver = solver_of("boto", "old")
    widest = 0
    while needs := solver.needs():
        widest = max(widest, len(needs))
        solver.tell(needs[0], facts.answer(needs[0]))
    assert widest > 20


def test_thousands_of_versions_are_filtered_in_one_go() -> None:
    world = {"a": {f"{major}.{minor}": [] for major in range(50) for minor in range(100)}, "b": {"1": ["a<3"]}}
    facts = Facts(world)
    assert pins(resolve(["a", "b"], {}, facts=facts)) == {"a": "2.99", "b": "1"}
    assert len(facts.asked) <= 5


def test_a_report_gives_no_credentials_away() -> None:
    url = "https://user:p@ss@files.test/a-1.whl"
    with pytest.raises(NoSolution) as caught:
        resolve([f"a @ {url}", "a>=2", "b"], {"b": {"1": [f"c @ {url}"]}}, archives={url: {"version": "1"}})
    assert str(caught.value) == (
        "because you require a>=2, and a @ https://files.test/a-1.whl is version 1, your project cannot be resolved"
    )
    with pytest.raises(NoSolution) as caught:
        resolve(["b"], {"b": {"1": [f"c @ {url}"]}})
    assert "p@ss" not in str(caught.value)
    assert "p@ss" not in str(caught.value.hints())


def test_a_tree_of_files_is_a_candidate_like_an_archive() -> None:
    tree = Source(SourceKind.GIT, "git+https://git.test/a@" + "0a" * 20)
    facts, solver = Facts({"b": {"1": []}}), solver_of("a[x] @ git+https://git.test/a@main")
    needs: Any
    while needs := solver.needs():
        if isinstance(needs[0], NeedDirect):
            metadata = metadata_of("a", "7", {"requires": ['b; extra == "x"']})
            solver.tell(needs[0], DirectCandidate(Version("7"), metadata, tree))
        else:
            solver.tell(needs[0], facts.answer(needs[0]))
    found = solver.solution()
    assert pins(found) == {"a[x]": "7", "b": "1"}
    assert (found.pins[0].file, found.pins[0].direct) == (tree, tree)
    assert decode_resolution(encode_resolution(found), ()) == found
