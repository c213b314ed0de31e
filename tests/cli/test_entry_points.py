"""Every command, once from an interpreter that has loaded nothing, and what a fork says besides."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, Result, without_times, write_project

from dxpy_async.cli import COMMANDS

MAKING = (
    "init begun",
    "add tool",
    "version 0.2",
    "remove tool",
    "lock",
    "sync",
    "install",
    "venv other",
    "import requirements.txt",
    "bundle --output-dir there",
    "convert pyproject.toml",
    "run python -c print(1)",
)
"""What changes something, in the order in which it can be done."""

ASKING = (
    "tree",
    "why safe",
    "export",
    "run python -c print(1)",
    "python find",
    "tool list",
    "workspace list",
    "publish --dry-run nothing-here",
    "auth list",
    "pip list",
    "self version",
    "config list",
    "cache dir",
    "completions bash",
    "build nothing-here",
    "dpp nothing-here",
)
"""What says the same each time, errors among it."""


@pytest.fixture
def root(tmp_path: Path, dxpy: Command) -> Path:
    dxpy.environ["HOME"] = str(tmp_path)
    root = write_project(tmp_path / "p", "web")
    (root / "requirements.txt").write_text("safe\n")
    return root


def test_all_commands_are_here() -> None:
    assert {line.split()[0] for line in (*MAKING, *ASKING)} == set(COMMANDS)


def test_a_new_process_does_what_it_is_told_and_says_what_a_fork_says(dxpy: Command, root: Path) -> None:
    for line in MAKING:
        assert dxpy.in_new_process(line, root).code == 0, line
    for line in ASKING:
        assert timeless(dxpy.in_new_process(line, root)) == timeless(dxpy(line, root)), line


def timeless(result: Result) -> Result:
    return Result(result.code, without_times(result.out), without_times(result.err))
