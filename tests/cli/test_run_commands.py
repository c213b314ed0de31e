"""`dxpy run` of commands and modules: where, with which variables, and when there is no project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command import PYTHON, Command, write_project


@pytest.fixture
def root(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "app", "tool", "safe")
    assert dxpy("sync", root).code == 0
    return root


def test_a_module_runs_with_its_arguments(dxpy: Command, root: Path) -> None:
    (root / "mine.py").write_text("import sys; print(sys.argv[1:], 'safe' in sys.modules)")
    assert dxpy(["run", "-m", "mine", "-x", "--with", "y"], root).out == "['-x', '--with', 'y'] False\n"
    assert dxpy("run -m", root).err == "error: no module is named\n\nhint: name one: `dxpy run -m http.server`\n"


def test_a_command_sees_the_environment(dxpy: Command, root: Path) -> None:
    shown = dxpy(["run", "python", "-c", "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'])"], root)
    assert shown.out == f"{root}/.venv {root}/.venv\n"
    path = dxpy(["run", "sh", "-c", "echo $PATH $PYTHONHOME."], root, environ={"PYTHONHOME": ""}).out
    assert path.startswith(f"{root}/.venv/bin:")
    assert path.endswith(" .\n")


def test_a_directory_with_a_main_module_runs(dxpy: Command, root: Path) -> None:
    (root / "pack").mkdir()
    (root / "pack" / "__main__.py").write_text("print('main')")
    assert dxpy("run pack", root).out == "main\n"


def test_a_command_that_is_not_there(dxpy: Command, root: Path) -> None:
    result = dxpy("run tol", root)
    assert result.code == 2
    assert result.err == (
        "error: there is no command `tol` in the environment or on PATH\n\nhint: did you mean `tool`?\n"
        "hint: if a package provides it, add that package to the project's dependencies\n"
    )
    broken = root / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    assert dxpy("run ./broken", root).err == (
        "error: `./broken` cannot be started: No such file or directory\n\n"
        "hint: its first line names an interpreter that is not there; when the environment was moved, "
        "`dxpy sync --reinstall` writes its commands anew\n"
    )


def test_files_of_variables(dxpy: Command, root: Path) -> None:
    (root / "a.env").write_text("A=one\nB='two'\nHERE=file\n")
    (root / "b.env").write_text('B=three\nC="${A} ${HERE}"\n')
    show = ["python", "-c", "import os; print(*(os.environ.get(name) for name in ('A', 'B', 'C', 'HERE')))"]
    around = {"HERE": "shell"}
    both = ["--env-file", "a.env", "--env-file", "b.env"]
    assert dxpy(["run", *both, *show], root, environ=around).out == "one three one shell shell\n"
    named = {"HERE": "shell", "DXPY_ENV_FILE": "a.env b.env"}
    assert dxpy(["run", *show], root, environ=named).out == "one three one shell shell\n"
    assert dxpy(["run", "--no-env-file", *show], root, environ=named).out == "None None None shell\n"
    assert dxpy(["run", *show], root, environ={**named, "DXPY_NO_ENV_FILE": "1"}).out == "None None None shell\n"
    missing = dxpy(["run", "--env-file", "c.env", *show], root)
    assert (missing.code, missing.err) == (
        2,
        "error: the file of variables `c.env` cannot be read: No such file or directory\n",
    )
    (root / "c.env").write_text("A=1\nB\n")
    wrong = dxpy(["run", "--env-file", "c.env", *show], root)
    assert wrong.err == "error: `c.env:2` has `B` where `NAME=value` should be\n"


def test_an_isolated_run_leaves_the_projects_environment_alone(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe")
    result = dxpy(["run", "--isolated", "python", "-c", "import safe, sys; print(sys.prefix)"], root)
    assert result.out.startswith(f"{tmp_path}/cache/environments-v1/")
    assert not (root / ".venv").exists()
    assert (root / "dxpy.lock").exists()
    assert dxpy(["run", "--isolated", "python", "-c", ""], root).err == ""


def test_without_a_project_the_interpreter_that_is_found_or_an_environment_is_used(
    dxpy: Command, tmp_path: Path
) -> None:
    show = ["python", "-c", "import os, sys; print(os.path.realpath(sys.executable), sys.prefix)"]
    found = dxpy(["run", *show], tmp_path)
    assert found.out.startswith(f"{PYTHON} ")
    assert dxpy("venv", tmp_path).code == 0
    (tmp_path / "below").mkdir()
    free = {"DXPY_PYTHON": ""}
    assert dxpy(["run", *show], tmp_path / "below", environ=free).out.split()[1] == f"{tmp_path}/.venv"
    root = write_project(tmp_path / "p", "nothing-like-this")
    assert dxpy(["run", "--no-project", *show], root, environ=free).out.split()[1] == f"{tmp_path}/.venv"
    missing = dxpy("run nope", tmp_path, environ=free)
    assert missing.err.splitlines()[-1] == "hint: if a package provides it, name that package with `--with`"
    assert dxpy("run --project nowhere python", tmp_path).code == 2


def test_a_cache_of_its_own_lives_as_long_as_the_command(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(
        "# /// script\n# dependencies = ['safe']\n# ///\nimport safe\nprint(safe.__file__)\n"
    )
    result = dxpy("run --no-cache s.py", tmp_path)
    assert result.code == 0, result.err
    assert not os.path.exists(result.out.strip())
