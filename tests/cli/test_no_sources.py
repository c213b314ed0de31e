"""`--no-sources`: what a project requires is looked for where others, who know nothing of its sources, look for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import Command, Told, write_project


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a directory in place of `safe`, of which the index has 2.0, and one in place of `tool`."""
    for name in ("safe", "tool"):
        write_project(tmp_path / name, name=name, more="[tool.dxpy]\npackage = false\n")
    more = '[tool.dxpy.sources]\nsafe = { path = "../safe" }\ntool = { path = "../tool" }\n'
    return write_project(tmp_path / "p", "safe", "tool", more=more)


def origins(told: Told, root: Path) -> list[str]:
    """The packages in the lock, and from where."""
    names = re.findall(r"^(\S+ [\d.]+)\n  from (\w+)", told("lock --show", root).out, re.MULTILINE)
    return [" from ".join(name) for name in names]


def test_no_source_counts(told: Told, root: Path) -> None:
    assert told("lock", root).code == 0
    assert origins(told, root) == ["safe 0.1 from tree", "tool 0.1 from tree"]
    assert told("lock --no-sources --check", root).code == 1
    assert told("lock --no-sources", root).code == 0
    assert origins(told, root) == ["safe 2.0 from index", "tool 0.1 from index"]
    assert told("lock --no-sources --check", root).code == 0
    assert told("lock --check", root).code == 1


def test_the_source_of_one_project_does_not_count(dxpy: Command, told: Told, root: Path) -> None:
    assert told("lock --no-sources-package Tool", root).code == 0
    assert origins(told, root) == ["safe 0.1 from tree", "tool 0.1 from index"]
    dxpy.environ["UV_NO_SOURCES_PACKAGE"] = "safe tool"
    assert told("lock", root).code == 0
    assert origins(told, root) == ["safe 2.0 from index", "tool 0.1 from index"]


def test_a_member_of_a_workspace_stays_one(dxpy: Command, told: Told, tmp_path: Path) -> None:
    more = (
        '[tool.dxpy.workspace]\nmembers = ["safe"]\n'
        '[tool.dxpy.sources]\nsafe = { workspace = true }\ntool = { path = "t" }\n'
    )
    root = write_project(tmp_path / "w", "safe", "tool", more=more)
    write_project(root / "safe", name="safe")
    dxpy.environ["UV_NO_SOURCES"] = "1"
    assert told("lock", root).code == 0
    assert origins(told, root) == ["safe 0.1 from tree", "tool 0.1 from index"]


def test_what_is_added_and_removed_is_locked_without_sources(told: Told, root: Path) -> None:
    assert told("add --no-sources --no-sync templates", root).code == 0
    assert origins(told, root) == ["safe 1.9 from index", "templates 1.5 from index", "tool 0.1 from index"]
    assert told("remove --no-sources --no-sync templates", root).code == 0
    assert origins(told, root) == ["safe 1.9 from index", "tool 0.1 from index"]


def test_a_script_is_locked_without_its_sources(told: Told, root: Path) -> None:
    block = '# dependencies = ["safe"]\n# [tool.dxpy.sources]\n# safe = { path = "../safe" }\n'
    (root / "s.py").write_text(f"# /// script\n{block}# ///\n")
    assert told("lock --script s.py --no-sources", root).code == 0
    assert "safe==2.0" in told("export --script s.py --no-sources --no-hashes --frozen", root).out
