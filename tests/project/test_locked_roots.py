"""What the lock answers for, and how a difference is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.core.locks import LockedRoots
from dxpy_async.project.locked_roots import explain_difference, roots_of
from dxpy_async.project.pyproject import parse_project


def roots(text: str) -> LockedRoots:
    content = f'[project]\nname = "web-app"\nversion = "1"\n{text}'
    return roots_of(parse_project(content.encode(), Path("/somewhere")))


def texts(requirements: tuple[object, ...]) -> list[str]:
    return [str(requirement) for requirement in requirements]


def test_order_and_spelling_in_the_file_change_nothing() -> None:
    one = roots("dependencies = ['B>=1', 'a']\n[dependency-groups]\ny=['c']\nx=[]\n")
    other = roots("dependencies = ['a', 'b >= 1', 'b>=1']\n[dependency-groups]\nX=[]\nY=['C']\n")
    assert one == other
    assert list(one.groups) == list(other.groups)
    assert explain_difference(one, other) is None


def test_requirement_on_itself_stands_for_the_extras_it_asks_for() -> None:
    asked = roots(
        """
        [project.optional-dependencies]
        docs = ["sphinx; python_version >= '3.12'"]
        test = ["pytest"]
        all = ["Web.App[docs,test]; sys_platform == 'linux'"]
        [dependency-groups]
        dev = ["web-app[all]", "ruff"]
        """
    )
    expected = [
        'pytest; sys_platform == "linux"',
        'sphinx; sys_platform == "linux" and python_version >= "3.12"',
    ]
    assert texts(asked.optional["all"]) == expected  # type: ignore[index]
    assert texts(asked.groups["dev"]) == [expected[0], "ruff", expected[1]]  # type: ignore[index]


def test_requirements_on_itself_in_a_circle_end() -> None:
    asked = roots(
        """
        [project.optional-dependencies]
        a = ["web-app[b]", "x"]
        b = ["web-app[a]; os_name == 'nt'", "web-app", "web-app[unknown]"]
        """
    )
    assert texts(asked.optional["a"]) == ["x", 'x; os_name == "nt"']  # type: ignore[index]
    circle = roots(
        """
        [project.optional-dependencies]
        a = ["web-app[b]; os_name == 'nt'", "x"]
        b = ["web-app[a]; python_version > '3'", "y"]
        """
    )
    assert texts(circle.optional["a"]) == ["x", 'x; os_name == "nt" and python_version > "3"', 'y; os_name == "nt"']  # type: ignore[index]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("", "dependencies = ['flask>=3']", "`flask>=3` was added to the dependencies"),
        ("dependencies = ['flask>=3']", "", "`flask>=3` was removed from the dependencies"),
        (
            "dependencies = ['flask>=3']",
            "dependencies = ['flask>=4']",
            "`flask>=3` became `flask>=4` in the dependencies",
        ),
        ("", "dependencies = ['a', 'b', 'c']", "`a` was added to the dependencies and 2 more changed"),
        ("", "[dependency-groups]\ndev = []", "the group `dev` was added"),
        ("[project.optional-dependencies]\nfast = []", "", "the extra `fast` was removed"),
        (
            "[project.optional-dependencies]\nfast = []",
            "[project.optional-dependencies]\nfast = ['orjson']",
            "`orjson` was added to the extra `fast`",
        ),
        (
            "[dependency-groups]\ndev = ['pytest', 'ruff']",
            "[dependency-groups]\ndev = ['ruff']",
            "`pytest` was removed from the group `dev`",
        ),
    ],
)
def test_difference_is_told_in_words(before: str, after: str, words: str) -> None:
    assert explain_difference(roots(before), roots(after)) == words
