"""The key of a question: another for everything that may change the answer, the same for what cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from packaging.version import Version
from worlds import LINUX, statements

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import normalize, normalize_extra, normalize_group
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.resolution_settings import Prereleases, ResolutionMode
from dxpy_async.core.upload_limits import Cutoff, Cutoffs
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.question import Question

A, B = normalize("a"), normalize("b")
ASKED = (parse_requirement("a>=1"), parse_requirement("b[x]; python_version >= '3.8'"))
OPTIONS = ResolutionOptions(preferences={A: Version("1.0"), B: Version("2.0")})
QUESTION = Question(
    kind="lock",
    roots=LockedRoots(requirements=ASKED),
    target=LINUX,
    options=OPTIONS,
    settings={"index-url": "https://index.test/simple"},
    project="p",
    requires_python=">=3.11",
)

Change = Callable[[Question], Question]


def roots(**changed: object) -> Change:
    return lambda question: replace(question, roots=replace(question.roots, **changed))  # type: ignore[arg-type]


def options(**changed: object) -> Change:
    return lambda question: replace(question, options=replace(question.options, **changed))  # type: ignore[arg-type]


def amended(**changed: object) -> Change:
    return options(amendments=Amendments(**changed))  # type: ignore[arg-type]


def markers(**changed: str) -> Change:
    return lambda question: replace(
        question, target=TargetEnvironment({**question.target.markers, **changed}, question.target.tags)
    )


def whole(**changed: object) -> Change:
    return lambda question: replace(question, **changed)  # type: ignore[arg-type]


DIFFERENT: dict[str, Change] = {
    "what is made of it": whole(kind="resolution"),
    "the project": whole(project="q"),
    "its python": whole(requires_python=">=3.12"),
    "an index": whole(settings={"index-url": "https://other.test/simple"}),
    "a setting more": whole(settings={**QUESTION.settings, "x": "y"}),
    "what lies in a directory": whole(directories=b"1"),
    "a requirement more": roots(requirements=(*ASKED, parse_requirement("c"))),
    "a requirement less": roots(requirements=ASKED[:1]),
    "another specifier": roots(requirements=(parse_requirement("a>=2"), ASKED[1])),
    "another marker": roots(requirements=(ASKED[0], parse_requirement("b[x]; python_version >= '3.9'"))),
    "an extra": roots(optional={normalize_extra("x"): ()}),
    "a group": roots(groups={normalize_group("x"): ()}),
    "a requirement in an extra": roots(requirements=ASKED[:1], optional={normalize_extra("x"): ASKED[1:]}),
    "a requirement in a group": roots(requirements=ASKED[:1], groups={normalize_group("x"): ASKED[1:]}),
    "a marker's value": markers(platform_release="6.2"),
    "a tag less": whole(target=TargetEnvironment(LINUX.markers, LINUX.tags[1:])),
    "tags in another order": whole(target=TargetEnvironment(LINUX.markers, LINUX.tags[::-1])),
    "the mode": options(mode=ResolutionMode.LOWEST),
    "the rule for pre-releases": options(prereleases=Prereleases.ALLOW),
    "that of one project": options(prereleases_of={A: Prereleases.ALLOW}),
    "that of another": options(prereleases_of={B: Prereleases.ALLOW}),
    "a constraint": amended(constraints=statements(["a<3"], "c.txt")),
    "the same as override": amended(overrides=statements(["a<3"], "c.txt")),
    "an exclusion": amended(exclusions=frozenset([A])),
    "a cutoff": options(cutoffs=Cutoffs(general=Cutoff(5, "x"))),
    "a later one": options(cutoffs=Cutoffs(general=Cutoff(6, "x"))),
    "one for a project": options(cutoffs=Cutoffs(projects={A: Cutoff(5, "x")})),
    "none for a project": options(cutoffs=Cutoffs(projects={A: None})),
    "a pin less": options(preferences={A: Version("1.0")}),
    "another pin": options(preferences={A: Version("1.1"), B: Version("2.0")}),
    "an upgrade": options(upgrade_all=True),
    "an upgrade of one project": options(upgrade=frozenset([A])),
}


def test_whatever_may_change_the_answer_makes_another_key() -> None:
    keys = {"nothing": QUESTION.key(), **{name: change(QUESTION).key() for name, change in DIFFERENT.items()}}
    assert len(set(keys.values())) == len(keys)


def test_what_cannot_change_the_answer_does_not() -> None:
    upgraded = options(preferences={A: Version("1.0")}, upgrade=frozenset([B]))
    same: list[Change] = [
        whole(settings=dict(QUESTION.settings)),
        options(preferences={B: Version("2.0"), A: Version("1.0")}),
        markers(),
    ]
    for change in same:
        assert change(QUESTION).key() == QUESTION.key()
    assert upgraded(QUESTION).key() == options(preferences={A: Version("1.0")})(QUESTION).key()
    # Where a constraint stands is only for messages.
    here, there = (amended(constraints=statements(["a<3"], place)) for place in ("here.txt", "there.txt"))
    assert here(QUESTION).key() == there(QUESTION).key()


def test_questions_about_one_environment_share_a_context() -> None:
    other = {"an index", "a setting more", "a marker's value", "a tag less", "tags in another order"}
    for name, change in DIFFERENT.items():
        assert (change(QUESTION).context() != QUESTION.context()) == (name in other), name


def test_the_projects_asked_for_are_those_of_extras_and_groups_too() -> None:
    asked = roots(optional={normalize_extra("x"): (parse_requirement("c"),)})(QUESTION)
    assert asked.root_names == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("change", "secret"),
    [
        (whole(), False),
        (roots(requirements=(parse_requirement("a @ https://host.test/a-1-py3-none-any.whl"),)), False),
        (roots(requirements=(parse_requirement("a @ https://me:pw@host.test/a-1-py3-none-any.whl"),)), True),
        (amended(overrides=statements(["a @ https://me@host.test/a-1-py3-none-any.whl"], "o.txt")), True),
    ],
)
def test_a_question_knows_of_credentials_in_it(change: Change, secret: bool) -> None:
    assert change(QUESTION).has_secrets is secret
