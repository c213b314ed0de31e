"""`dxpy run --with`: packages besides, laid over an environment that is left as it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, without_times, write_project

from dxpy_async.cli.running import split_requirements

SHOW = ["python", "-c", "import sys, safe, tool; print(*safe.__path__, tool.__file__, sys.prefix)"]


def loads_much(dxpy: Command, arguments: list[str], cwd: Path) -> bool:
    """Whether a run parses its command line, as the full program does, before it becomes the command."""
    show = (
        "import sys, os; os.execve = lambda *_: (print('argparse' in sys.modules, flush=True), os._exit(0)); "
        f"from dxpy_async.cli import main; main({arguments!r})"
    )
    return subprocess.check_output([sys.executable, "-c", show], cwd=cwd, env=dxpy.environ, text=True) == "True\n"


@pytest.fixture
def root(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "app", "tool")
    assert dxpy("sync", root).code == 0
    return root


def test_packages_are_laid_over_the_projects_environment(dxpy: Command, root: Path, tmp_path: Path) -> None:
    first = dxpy(["run", "--with", "safe<2", *SHOW], root)
    assert without_times(first.err) == (
        "Resolved 1 package in T\nPrepared 1 package in T\nInstalled 1 package in T\n + safe==1.9\n"
    )
    safe, tool, prefix = first.out.split()
    assert prefix.startswith(f"{tmp_path}/cache/environments-v1/")
    assert safe.startswith(prefix)
    assert tool.startswith(f"{root}/.venv/")
    again = dxpy(["run", "--with", "safe<2", *SHOW], root)
    assert (again.out, again.err) == (first.out, "")
    assert not loads_much(dxpy, ["run", "--with", "safe<2", *SHOW], root)
    look = "import importlib.util; raise SystemExit(importlib.util.find_spec('safe') is not None)"
    assert dxpy(["run", "python", "-c", look], root).code == 0
    assert not list((root / ".venv").rglob("*safe*"))
    assert dxpy("sync", root).err.startswith("Checked 1 package")


def test_the_environment_below_stays_as_it_is_without_a_sync(dxpy: Command, root: Path) -> None:
    (root / "pyproject.toml").write_text((root / "pyproject.toml").read_text().replace('"tool"', '"tool", "web"'))
    result = dxpy(["run", "--no-sync", "--with", "safe", "python", "-c", "import safe, tool"], root)
    assert (result.code, "web" in result.err) == (0, False)
    assert not list((root / ".venv").rglob("*web*"))


def test_commands_of_the_lower_environment_see_what_lies_over_it(dxpy: Command, root: Path) -> None:
    (root / ".venv" / "bin" / "show").write_text(
        "".join(("#!", str(root), "/.venv/bin/python\nimport safe, tool, sys\nprint(sys.argv)\n"))
    )
    (root / ".venv" / "bin" / "show").chmod(0o755)
    assert dxpy("run --with safe show a", root).out == f"['{root}/.venv/bin/show', 'a']\n"
    assert dxpy("run --with safe tool b", root).out == "tool b\n"


def test_versions_of_the_projects_lock_are_taken_where_they_fit(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web<2")
    assert dxpy("sync", root).code == 0
    show = ["python", "-c", "import web; print(web.__file__)"]
    assert " + web==1.0" in dxpy(["run", "--with", "web", *show], root).err
    assert " + web==2.0" in dxpy(["run", "--with", "web>1", *show], root).err
    write_project(tmp_path / "p", "web<2", "tool")
    assert "tool" in dxpy(["run", "--with", "web", *show], root).err
    write_project(tmp_path / "p", "web")
    assert dxpy("lock --upgrade", root).code == 0
    assert " + web==2.0" in dxpy(["run", "--with", "web", *show], root).err


def test_a_script_and_no_project_can_have_more_as_well(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text("# /// script\n# dependencies = ['tool']\n# ///\nimport tool, safe\nprint('both')\n")
    assert dxpy("run --with safe s.py", tmp_path).out == "both\n"
    (tmp_path / "r.txt").write_text("safe\ntool\n")
    assert dxpy(["run", "--with-requirements", "r.txt", *SHOW], tmp_path).code == 0


def test_what_cannot_be_had(dxpy: Command, root: Path) -> None:
    assert dxpy(["run", "--with", "a b", "python"], root).err.startswith("error: `--with a b` is not a requirement: ")
    missing = dxpy(["run", "--with", "safe>9", "python", "-c", "print('not this')"], root)
    assert (missing.code, missing.out) == (1, "")
    assert missing.err.startswith("error: because you require safe>9")
    assert dxpy("run --with-editable no-dir python", root).err == (
        "error: `no-dir` is not a directory\n\nhint: name the directory of a project\n"
    )
    assert dxpy("run --with-requirements no.txt python", root).err == (
        "error: there is no file of requirements `no.txt`\n"
    )


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a>=1,<2, b[x,y]==1 ,c", ["a>=1,<2", "b[x,y]==1", "c"]),
        ("a,", ["a"]),
        ("", []),
    ],
)
def test_a_list_with_commas_is_taken_apart(text: str, parts: list[str]) -> None:
    assert split_requirements(text) == parts
