"""Globs name directories as in a shell, and it is known what was looked at to find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dxpy_async.project.member_globs import expand, matches


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for place in ("packages/a", "packages/b", "packages/.hidden", "libs/x/deep", "libs/y", "tools"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "packages/file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("glob", "found", "listed"),
    [
        ("packages/*", ("packages/a", "packages/b"), ("packages",)),
        ("packages/a", ("packages/a",), ()),
        ("./packages//a/", ("packages/a",), ()),
        ("packages/none", (), ()),
        ("packages/.h*", ("packages/.hidden",), ("packages",)),
        ("packages/[!a]", ("packages/b",), ("packages",)),
        ("*/?", ("libs/x", "libs/y", "packages/a", "packages/b"), ("", "packages", "libs", "tools")),
        ("libs/**", ("libs", "libs/x", "libs/x/deep", "libs/y"), ("libs", "libs/x", "libs/x/deep", "libs/y")),
        (
            "**/deep",
            ("libs/x/deep",),
            ("", "packages", "packages/a", "packages/b", "libs", "libs/x", "libs/x/deep", "libs/y", "tools"),
        ),
        ("none/*", (), ("none",)),
    ],
)
def test_what_a_glob_names(tree: Path, glob: str, found: tuple[str, ...], listed: tuple[str, ...]) -> None:
    expansion = expand(str(tree), glob)
    assert expansion.found == found
    assert {Path(each) for each in expansion.listed} == {tree / each for each in listed}


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("packages/a", "packages/*", True),
        ("packages/a/b", "packages/*", False),
        ("packages/a/b", "packages/**", True),
        ("packages/.a", "packages/*", False),
        ("x/y/old", "**/old", True),
        ("old", "**/old", True),
        ("older", "**/old", False),
        ("a.b", "a?b", True),
        ("a[b", "a[b", True),
        ("axb", "a.b", False),
    ],
)
def test_whether_a_glob_names_a_path(path: str, glob: str, expected: bool) -> None:
    assert matches(path, glob) is expected
