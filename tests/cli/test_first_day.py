"""A newcomer's first day with dxpy, as terminal sessions of which every line is compared."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command import Command
from transcripts import Terminal

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def terminal(dxpy: Command, tmp_path: Path) -> Terminal:
    home = tmp_path / "home"
    home.mkdir()
    config = "[user]\nname = New Comer\nemail = new@comer.example\n[init]\ndefaultBranch = main\n"
    (home / ".gitconfig").write_text(config)
    return Terminal(dxpy, home)


MORNING = f"""\
$ dxpy init hello
Initialized project `hello` at `~/hello`
$ cd hello
$ dxpy run main.py
Resolved 0 packages in T
Hello from hello!
$ dxpy add tool 'web<3'
Resolved 4 packages in T
Added `tool>=0.1` to project.dependencies
Added `web<3` to project.dependencies
Prepared 4 packages in T
Installed 4 packages in T
 + safe==1.9
 + templates==1.5
 + tool==0.1
 + web==2.0
$ cat pyproject.toml
[project]
name = "hello"
version = "0.1.0"
description = "Add your description here"
readme = "README.md"
requires-python = ">={MINOR}"
dependencies = [
    "tool>=0.1",
    "web<3",
]
$ dxpy run tool --with words
tool --with words
exit code 7
$ dxpy tree
Resolved 4 packages in T
hello v0.1.0
├── tool v0.1
└── web v2.0
    ├── safe v1.9
    └── templates v1.5
        └── safe v1.9
$ dxpy add wbe
error: because you require wbe, and wbe is not on `INDEX`, hello cannot be resolved

hint: there is no `wbe`, but there is `web`
exit code 1
$ dxpy add --dev safe==1.9
Resolved 4 packages in T
Added `safe==1.9` to dependency-groups.dev
Checked 4 packages in T
$ dxpy remove web
Resolved 2 packages in T
Removed 2 packages in T
 - templates==1.5
 - web==2.0
$ dxpy remove wbe
error: `wbe` is not among `project.dependencies`
exit code 2
$ dxpy version --bump minor
Resolved 2 packages in T
Checked 2 packages in T
hello 0.1.0 => 0.2.0
$ dxpy install
Checked 2 packages in T
$ dxpy init
error: `~/hello` has a project already: there is a `pyproject.toml`

hint: add to it with `dxpy add`
hint: name another directory: `dxpy init PATH`
exit code 2
"""


def test_a_project_is_begun_filled_and_looked_at(terminal: Terminal) -> None:
    assert terminal.play(MORNING) == MORNING
