"""`dxpy why PACKAGE`: the chains of requirements that bring a package into the lock."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

MORE = """
[project.optional-dependencies]
fast = ["speedups[native]>=1"]

[dependency-groups]
dev = ["tool"]
"""


@pytest.fixture
def locked(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> Path:
    """`speedups` needs `safe` for its extra `native`, `tool` on Windows, and nothing else."""
    needs = ["safe<2; extra == 'native'", "winonly>=3; sys_platform == 'win32'"]
    index.add_wheel(build_wheel(tmp_path / "more", "speedups", "1.2", requires=needs, extras=["native"]))
    root = write_project(tmp_path / "p", "web<2", more=MORE)
    assert dxpy("lock", root).code == 0
    return root


def test_chains_and_direct_requirers_are_told_without_the_index(
    dxpy: Command, locked: Path, index: LoopbackIndex
) -> None:
    asked = len(index.requests)
    result = dxpy("why Safe", locked)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "safe 1.9\n"
        "\n"
        "the project needs web<2\n"
        "  web 1.0 needs safe\n"
        "\n"
        "the project's extra fast needs speedups[native]>=1\n"
        '  speedups[native] 1.2 needs safe<2; extra == "native"\n'
        "\n"
        "the project needs web<2\n"
        "  web 1.0 needs templates>=1\n"
        "    templates 1.5 needs safe<2\n"
        "\n"
        "needed directly by\n"
        "  web 1.0: safe\n"
        '  speedups[native] 1.2: safe<2; extra == "native"\n'
        "  templates 1.5: safe<2\n"
    )
    assert len(index.requests) == asked


def test_what_the_project_itself_names_is_told_by_where(dxpy: Command, locked: Path) -> None:
    assert dxpy("why tool", locked).out == (
        "tool 0.1\n\nthe dependency group dev needs tool\n\nneeded directly by\n  the dependency group dev: tool\n"
    )


def test_only_the_lock_is_read(dxpy: Command, locked: Path) -> None:
    """A pyproject.toml that does not parse does not matter."""
    before = dxpy("why web", locked).out
    (locked / "pyproject.toml").write_text("<<<<<<< ours\n")
    assert dxpy("why web", locked, environ={"DXPY_DEFAULT_INDEX": "http://127.0.0.1:9/simple"}).out == before


def test_few_chains_are_shown_and_all_on_demand(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    names = [f"part{number}" for number in range(7)]
    for name in names:
        index.add_wheel(build_wheel(tmp_path / "more", name, "1", requires=["safe"]))
    root = write_project(tmp_path / "p", *names)
    assert dxpy("lock", root).code == 0
    few, every = dxpy("why safe", root), dxpy("why safe --all", root)
    assert few.out.count("the project needs") == 5
    assert few.err == "These are the 5 shortest chains, there are others; `--all` shows more\n"
    assert every.out.count("the project needs") == 7
    assert every.err == ""
    assert few.out.partition("needed directly by")[2] == every.out.partition("needed directly by")[2]


def test_a_package_that_is_only_needed_elsewhere_is_told_with_who_would_need_it(dxpy: Command, locked: Path) -> None:
    result = dxpy("why winonly", locked)
    here = f"CPython {platform.python_version()} on linux {platform.machine()}"
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"error: `winonly` is not in the lock `{locked / 'dxpy.lock'}`\n\n"
        f'hint: speedups 1.2 needs winonly>=3; sys_platform == "win32", which does not hold on {here}\n'
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Templtes", "did you mean `templates`?"),
        ("zzz", "`dxpy lock --show` prints all that is in it"),
        ("webapp", "`webapp` is the project that the lock was made for"),
    ],
)
def test_a_package_that_is_not_in_the_lock_suggests_close_names(
    dxpy: Command, locked: Path, name: str, hint: str
) -> None:
    result = dxpy(f"why {name}", locked)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: `{name}` is not in the lock `{locked / 'dxpy.lock'}`\n\nhint: {hint}\n"


def test_without_a_lock_it_says_how_to_make_one(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    result = dxpy("why web", root)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"error: there is no lock at `{root / 'dxpy.lock'}`\n\nhint: run `dxpy lock` to make it\n"
