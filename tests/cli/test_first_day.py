"""A newcomer's first day with dxpy, as terminal sessions of which every line is compared."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command import Command
from real_pythons import real_interpreter
from repositories import write_tree
from transcripts import Terminal

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    config = "[user]\nname = New Comer\nemail = new@comer.example\n[init]\ndefaultBranch = main\n"
    (home / ".gitconfig").write_text(config)
    return home


@pytest.fixture
def terminal(dxpy: Command, home: Path) -> Terminal:
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


NOON = """\
$ dxpy init --bare shop
Initialized project `shop` at `~/shop`
$ cd shop
$ dxpy add git+file://~/greetings --tag v1
Resolved 1 package in T
Added `greetings` to project.dependencies, from `file://~/greetings@v1`
Building greetings @ git+file://~/greetings@COMMIT
Built greetings @ git+file://~/greetings@COMMIT in T
Prepared 1 package in T
Installed 1 package in T
 + greetings==1.0
$ dxpy add ../prices
Resolved 2 packages in T
Added `prices` to project.dependencies, from `../prices`
Building prices @ file://~/prices
Built prices @ file://~/prices in T
Prepared 1 package in T
Installed 1 package in T
 + prices==2.0
$ dxpy add --editable ../prices
Resolved 2 packages in T
`prices` comes from `../prices`, editable now
Building prices @ file://~/prices
Built prices @ file://~/prices in T
Prepared 1 package in T
Removed 1 package in T
Installed 1 package in T
 - prices==2.0
 + prices==2.0
$ dxpy run python -c "import greetings, prices; print(prices.__file__)"
~/prices/prices/__init__.py
$ dxpy add git+file://~/greetings --branch nope
error: the git repository `file://~/greetings` has no branch, tag or commit `nope`

hint: there is `main` and `v1`
exit code 2
$ cat pyproject.toml
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
    "greetings",
    "prices",
]

[tool.dxpy.sources]
greetings = { git = "file://~/greetings", tag = "v1" }
prices = { path = "../prices", editable = true }
$ dxpy sync
Checked 2 packages in T
$ dxpy remove greetings prices
Resolved 0 packages in T
Removed 2 packages in T
 - greetings==1.0
 - prices==2.0
$ cat pyproject.toml
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = []
""".replace(">=3.11", f">={MINOR}")


def test_code_comes_from_git_and_from_directories(terminal: Terminal, home: Path) -> None:
    write_tree(home / "greetings", "greetings", "1.0")
    write_tree(home / "prices", "prices", "2.0")
    terminal.play("$ cd ~/greetings\n$ git init -q .\n$ git add .\n$ git commit -qm First\n$ git tag v1\n$ cd ~\n")
    assert terminal.play(NOON) == NOON


AFTERNOON = """\
$ dxpy add stock
Resolved 1 package in T
Added `stock` to project.dependencies, from the workspace
Building stock @ file://~/shop/packages/stock
Built stock @ file://~/shop/packages/stock in T
Prepared 1 package in T
Installed 1 package in T
 + stock==0.1.0
$ cd packages/stock
$ dxpy add safe==1.9
Resolved 2 packages in T
Added `safe==1.9` to project.dependencies
Building stock @ file://~/shop/packages/stock
Built stock @ file://~/shop/packages/stock in T
Prepared 2 packages in T
Removed 1 package in T
Installed 2 packages in T
 + safe==1.9
 - stock==0.1.0
 + stock==0.1.0
$ dxpy run python -c "import stock; print(stock.__file__)"
~/shop/packages/stock/stock/__init__.py
$ cd ../..
$ dxpy tree
Resolved 2 packages in T
shop v0.1.0
└── stock v0.1.0
    └── safe v1.9
stock v0.1.0
└── safe v1.9
$ dxpy workspace list
shop
stock
$ cat pyproject.toml
[project]
name = "shop"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
    "stock",
]

[tool.dxpy.workspace]
members = ["packages/stock"]

[tool.dxpy.sources]
stock = { workspace = true }
""".replace(">=3.11", f">={MINOR}")


def test_a_member_of_a_workspace_is_added_by_its_name(terminal: Terminal, home: Path) -> None:
    terminal.play("$ dxpy init --bare shop\n$ cd shop\n$ dxpy init --bare --lib packages/stock\n")
    write_tree(home / "shop/packages/stock", "stock", "0.1.0")  # built by itself: the index has no build backend
    assert terminal.play(AFTERNOON) == AFTERNOON


EVENING = """\
$ dxpy init --bare --python 3.11 tea
Initialized project `tea` at `~/tea`
$ cd tea
$ dxpy python pin 3.12
Pinned .python-version to `3.12`
$ dxpy run python -V
Resolved 0 packages in T
Python 3.12.N
$ cat .python-version
3.12
$ dxpy python pin 3.13
Updated .python-version from `3.12` to `3.13`
$ dxpy sync
Resolved 0 packages in T
Checked 0 packages in T
$ dxpy run python -V
Python 3.13.N
$ dxpy python pin 3.8
error: `3.8` is not a Python that `~/tea/pyproject.toml` allows: it requires `>=3.11`

hint: change `requires-python` first, or pin without regard to it by `--no-project`
exit code 2
$ dxpy sync
Checked 0 packages in T
"""


def test_another_python_is_pinned(terminal: Terminal, tmp_path: Path) -> None:
    found = {minor: real_interpreter(minor) for minor in ("3.11", "3.12", "3.13")}
    if None in found.values():
        pytest.skip("Python 3.12 or 3.13 is not on this machine")
    places = tmp_path / "pythons"
    places.mkdir()
    for minor, path in found.items():
        (places / f"python{minor}").symlink_to(path)
    del terminal.environ["DXPY_PYTHON"]
    terminal.environ["PATH"] = f"{places}:/usr/bin:/bin"
    assert terminal.play(EVENING) == EVENING


NIGHT = """\
$ dxpy init --script hello.py
Initialized script at `hello.py`
$ dxpy add --script hello.py tool
Added `tool` to `hello.py`
$ cat hello.py
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "tool",
# ]
# ///


def main() -> None:
    print("Hello from hello.py!")


if __name__ == "__main__":
    main()
$ dxpy run hello.py
Resolved 1 package in T
Prepared 1 package in T
Installed 1 package in T
 + tool==0.1
Hello from hello.py!
$ dxpy remove --script hello.py tool
$ dxpy init --bare jobs
Initialized project `jobs` at `~/jobs`
$ cd jobs
""".replace(">=3.11", f">={MINOR}")

TASKS = """\
$ dxpy run greet you
Resolved 0 packages in T
hello you
$ dxpy run both
hello
all done
$ dxpy run gret
error: there is no command `gret` in the environment or on PATH

hint: did you mean `greet`?
hint: if a package provides it, add that package to the project's dependencies
exit code 2
"""


def test_scripts_and_tasks_are_run(terminal: Terminal, home: Path) -> None:
    assert terminal.play(NIGHT) == NIGHT
    with (home / "jobs/pyproject.toml").open("a") as file:
        file.write('\n[tool.dxpy.scripts]\ngreet = ["python", "-c", "import sys; print(*sys.argv[1:])", "hello"]\n')
        file.write('both = { cmd = ["python", "-c", "print(\\"all done\\")"], depends = ["greet"] }\n')
    assert terminal.play(TASKS) == TASKS
