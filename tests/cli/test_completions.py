"""What the shells are offered on TAB: through the protocol of the scripts here, and in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from command import clean_environ

from dxpy_async.cli.arguments import COMMANDS
from dxpy_async.core.locks import Lock, LockedPackage, Source, SourceKind
from dxpy_async.core.names import normalize
from dxpy_async.formats.dpl_builder import build_dpl

PROJECT = """\
[project]
name = "webapp"
version = "0.1"
dependencies = ["web[fast]>=1", "tool ; python_version > '3'"]
[project.optional-dependencies]
pages = ["templates"]
[dependency-groups]
dev = ["safe", { include-group = "docs" }]
docs = []
[tool.dxpy.scripts]
lint = "ruff check"
test = { cmd = "pytest -x" }
[[tool.dxpy.index]]
name = "ours"
url = "https://index.invalid/simple/"
[tool.dxpy.workspace]
members = ["libs/*"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with a lock, an environment, a Python and a tool; and a cache that knows a page."""
    root = tmp_path / "w"
    (root / "libs/core").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "libs/core/pyproject.toml").write_text('[project]\nname = "core-lib"\nversion = "1"\n')
    index = Source(SourceKind.INDEX, "https://index.invalid/simple/")
    names = ("safe", "templates", "tool", "web")
    packages = tuple(LockedPackage(name=normalize(name), version="1.0", source=index) for name in names)
    (root / "dxpy.lock").write_bytes(build_dpl(Lock(packages=packages)))
    for name in ("flask", "python", "activate"):
        (root / ".venv/bin").mkdir(parents=True, exist_ok=True)
        (root / ".venv/bin" / name).touch()
    (root / ".venv/lib/python3.13/site-packages/flask-3.0.dist-info").mkdir(parents=True)
    (tmp_path / "data/python/cpython-3.13.1-linux-x86_64-gnu").mkdir(parents=True)
    (tmp_path / "data/tools/ruff").mkdir(parents=True)
    (tmp_path / "cache/pages-v1/0123/requests").mkdir(parents=True)
    (root / "job.py").touch()
    (root / "data").mkdir()
    return root


@pytest.fixture
def environ(place: Path, tmp_path: Path) -> dict[str, str]:
    """With `dxpy` and `dxpyx` on PATH."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, function in (("dxpy", "main"), ("dxpyx", "dxpyx")):
        code = f"import sys; from dxpy_async.cli import {function}; sys.exit({function}())"
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
        (commands / name).chmod(0o755)
    return clean_environ(
        PATH=f"{commands}{os.pathsep}/usr/bin{os.pathsep}/bin",
        HOME=str(tmp_path),
        TERM="dumb",
        DXPY_CACHE_DIR=str(tmp_path / "cache"),
        DXPY_TOOL_DIR=str(tmp_path / "data/tools"),
        DXPY_PYTHON_INSTALL_DIR=str(tmp_path / "data/python"),
    )


Offers = Callable[..., list[str]]


@pytest.fixture
def offers(place: Path, environ: dict[str, str], tmp_path: Path) -> Offers:
    """What is offered for a line, by the protocol of the scripts; nothing may be said besides."""

    def ask(line: str, *, cwd: Path = place, shell: str = "bash", **more: str) -> list[str]:
        answer = tmp_path / "answer"
        asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": shell, "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line}
        where = {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "COMP_POINT": str(len(line))}
        spaces = {"_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
        ended = subprocess.run(
            [line.split(maxsplit=1)[0]],
            cwd=cwd,
            env={**environ, **asked, **where, **spaces, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
        return answer.read_text().splitlines()

    return ask


def test_commands_and_their_flags_are_offered(offers: Offers) -> None:
    assert offers("dxpy ") == list(COMMANDS)
    assert offers("dxpy python un") == ["uninstall"]
    assert offers("dxpy -q sync --no-d") == ["--no-dev", "--no-default-groups"]
    assert offers("dxpy sync --link-mode ") == ["hardlink", "copy", "clone", "symlink"]
    assert "--frozen" in offers("dxpy sync ")
    assert offers("dxpy snyc ") == offers("dxpy pip instal ") == []
    assert "sync" in offers("dxpy help ")


def test_names_of_the_project_are_offered(offers: Offers, place: Path) -> None:
    assert offers("dxpy sync --extra ") == ["pages"]
    assert offers("dxpy sync --group=d") == ["--group=dev", "--group=docs"]
    assert offers("dxpy sync --package ") == ["webapp", "core-lib"]
    assert offers("dxpy remove ") == ["web", "tool", "templates", "safe"]
    assert offers("dxpy lock --index o") == ["ours="]
    assert offers("dxpy --project libs/core sync --package ") == ["webapp", "core-lib"]
    assert offers(f"dxpy --directory {place} sync --extra p", cwd=place.parent) == ["pages"]


def test_names_of_the_lock_the_machine_and_the_cache_are_offered(offers: Offers, place: Path) -> None:
    assert offers("dxpy why t") == ["templates", "tool"]
    assert offers("dxpy lock --upgrade-package s", cwd=place / "libs/core") == ["safe"]
    assert "3.13" in offers("dxpy sync --python ")
    assert offers("dxpy add req") == ["requests"]
    assert offers("dxpyx r") == ["requests", "ruff"]
    assert offers("dxpy pip show ") == offers("dxpy pip uninstall ") == ["flask"]


def test_run_is_offered_tasks_commands_scripts_and_then_files(offers: Offers) -> None:
    assert offers("dxpy run ") == ["lint", "test", "flask", "python", "data/", "job.py", "libs/"]
    assert offers("dxpy run flask j") == ["job.py"]
    assert offers("dxpy run flask --") == []
    (described, *_) = offers("dxpy run li", shell="fish", _ARGCOMPLETE_DFS="\t")
    assert described == "lint\ttask: ruff check"


def test_a_broken_project_costs_only_its_names(offers: Offers, place: Path) -> None:
    (place / "pyproject.toml").write_text("[project\n")
    (place / "dxpy.lock").write_bytes(b"nonsense")
    assert offers("dxpy sync --extra ") == []
    assert offers("dxpy why ") == []
    assert offers("dxpy wh") == ["why"]


def test_completing_changes_nothing(offers: Offers, place: Path, tmp_path: Path) -> None:
    def everything() -> list[tuple[str, int]]:
        paths = (path for path in tmp_path.rglob("*") if path != tmp_path / "answer")
        return sorted((str(path), path.lstat().st_mtime_ns) for path in paths)

    offers("dxpy ")  # which writes the answer
    before = everything()
    offers("dxpy sync --extra ")
    offers("dxpy why ")
    assert everything() == before


def succeeds(command: list[str], cwd: Path, environ: dict[str, str]) -> str:
    ended = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
    return ended.stdout


def test_each_shell_has_a_script(place: Path, environ: dict[str, str]) -> None:
    for shell, said in (("bash", "complete "), ("zsh", "compdef "), ("fish", "complete --command dxpy ")):
        assert said in succeeds(["dxpy", "completions", shell], place, environ)
    script = succeeds(["dxpy", "completions", "powershell"], place, environ)
    assert "Register-ArgumentCompleter -Native -CommandName dxpy " in script
    assert "-CommandName dxpyx " in script


class Terminal:
    """An interactive shell that completes dxpy's command lines."""

    def __init__(self, command: list[str], preparation: str, cwd: Path, environ: dict[str, str]) -> None:
        self.shell = pexpect.spawn(
            command[0], command[1:], cwd=cwd, env=environ, encoding="utf-8", timeout=20, dimensions=(40, 200)
        )
        self.shell.sendline(f"{preparation}; PS1='its ''turn> '")
        self.shell.expect_exact("its turn> ")

    def tab(self, line: str, expected: str) -> None:
        """Type `line` and TAB, wait until `expected` is seen, and take the line back."""
        self.shell.send(f"{line}\t")
        self.shell.expect_exact(expected)
        self.shell.sendcontrol("u")  # a Ctrl-C would fall into the rest of what the shell does for the TAB


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.shell.close(force=True)


@pytest.mark.slow
@needs("bash")
def test_bash_completes(place: Path, environ: dict[str, str], terminals: list[Terminal]) -> None:
    settings = 'bind "set show-all-if-ambiguous on"; bind "set enable-bracketed-paste off"'
    preparation = f'{settings}; eval "$(dxpy completions bash)"'
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], preparation, place, environ)
    terminals.append(terminal)
    terminal.tab("dxpy syn", "dxpy sync ")
    terminal.tab("dxpy sync --group ", "dev   docs")
    terminal.tab("dxpy sync --extra=p", "--extra=pages ")
    terminal.tab("dxpy run te", "dxpy run test ")
    terminal.tab("dxpyx ru", "dxpyx ruff ")


@pytest.mark.slow
@needs("zsh")
def test_zsh_completes(place: Path, environ: dict[str, str], terminals: list[Terminal]) -> None:
    preparation = 'autoload -U compinit; compinit -u -D; eval "$(dxpy completions zsh)"'
    terminal = Terminal(["zsh", "-f", "-i"], preparation, place, environ)
    terminals.append(terminal)
    terminal.tab("dxpy syn", "sync")
    terminal.tab("dxpy python ", "uninstall  -- remove Pythons that dxpy has installed")
    terminal.tab("dxpy run te", "test")
    terminal.tab("dxpyx ru", "ruff")


@pytest.mark.slow
@needs("zsh")
def test_zsh_completes_from_a_file(
    place: Path, environ: dict[str, str], tmp_path: Path, terminals: list[Terminal]
) -> None:
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "_dxpy").write_text(succeeds(["dxpy", "completions", "zsh"], place, environ))
    preparation = f"fpath=({functions} $fpath); autoload -U compinit; compinit -u -D"
    terminal = Terminal(["zsh", "-f", "-i"], preparation, place, environ)
    terminals.append(terminal)
    terminal.tab("dxpy syn", "sync")
    terminal.tab("dxpyx ru", "ruff")


@pytest.mark.slow
@needs("fish")
def test_fish_completes(place: Path, environ: dict[str, str]) -> None:
    lines = ("dxpy syn", "dxpy sync --group ", "dxpy sync --extra=", "dxpy run te", "dxpyx ru")
    asked = "; ".join(f"complete -C '{line}'" for line in lines)
    said = succeeds(["fish", "--no-config", "-c", f"dxpy completions fish | source; {asked}"], place, environ)
    assert said.splitlines() == [
        "sync\tmake the project's environment hold what the lock says",
        "dev",
        "docs",
        "--extra=pages",
        "test\ttask: pytest -x",
        "ruff\tinstalled",
    ]


@pytest.mark.slow
@needs("bash")
def test_bash_completes_from_a_file(
    place: Path, environ: dict[str, str], terminals: list[Terminal], tmp_path: Path
) -> None:
    (tmp_path / "dxpy.bash").write_text(succeeds(["dxpy", "completions", "bash"], place, environ))
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], f". {tmp_path}/dxpy.bash", place, environ)
    terminals.append(terminal)
    terminal.tab("dxpy syn", "dxpy sync ")
