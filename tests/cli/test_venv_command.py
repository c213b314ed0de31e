"""`dxpy venv`: what becomes of what is there, environments that move, pip from the index."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command import PYTHON, Command, write_project
from index_server import LoopbackIndex
from real_pythons import real_interpreter
from wheels import build_wheel


def said(python: Path, code: str) -> str:
    return subprocess.check_output([python, "-c", code], text=True).strip()


def test_fitting_environment_is_kept_and_another_is_not(dxpy: Command, tmp_path: Path) -> None:
    other = real_interpreter("3.12" if "3.11" in os.path.basename(PYTHON) else "3.11")
    if other is None:
        pytest.skip("there is no other Python on this machine")
    assert dxpy("venv", tmp_path).code == 0
    keepsake = tmp_path / ".venv/keepsake"
    keepsake.write_text("x")
    again = dxpy("venv", tmp_path)
    assert (again.code, again.err.splitlines()[1]) == (0, "Keeping the virtual environment at .venv")
    different = dxpy(["venv", "--python", str(other)], tmp_path)
    assert different.code == 2
    assert f"there is a virtual environment at `{tmp_path}/.venv` already, and it is one of CPython" in different.err
    assert "hint: replace it with `--clear`\n" in different.err
    assert "does not see the packages" in dxpy("venv --system-site-packages", tmp_path).err
    assert "it cannot be moved" in dxpy("venv --relocatable --allow-existing", tmp_path).err
    assert keepsake.exists()
    assert dxpy(["venv", "--clear", "--python", str(other)], tmp_path).code == 0
    assert not keepsake.exists()


def test_directory_that_is_none_is_only_cleared_by_force(dxpy: Command, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "thesis.txt").write_text("years")
    refused = dxpy("venv --clear work", tmp_path)
    assert (refused.code, refused.err.splitlines()[1:]) == (
        2,
        [
            f"error: the directory `{work}` is not empty, and not a virtual environment",
            "",
            f"hint: choose another directory, or let this be emptied by `dxpy venv --clear --force {work}`",
        ],
    )
    assert dxpy("venv --force work", tmp_path).code == 2
    inside = dxpy("venv --clear --force .", work)
    assert (inside.code, inside.err.splitlines()[0]) == (2, f"error: `{work}` holds `{work}`, so it is not cleared")
    assert dxpy("venv --clear --force ..", work).code == 2
    assert (work / "thesis.txt").exists()
    project = write_project(tmp_path / "p", "web")
    assert "holds `pyproject.toml` too" in dxpy("venv --clear --force p", tmp_path).err
    assert (project / "pyproject.toml").exists()
    assert dxpy("venv --clear --force work", tmp_path).code == 0
    assert not (work / "thesis.txt").exists()


def test_environment_among_other_files_leaves_them(dxpy: Command, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").write_text("kept")
    assert dxpy("venv --allow-existing work", tmp_path).code == 0
    assert (work / "notes.txt").read_text() == "kept"
    assert said(work / "bin/python", "import sys; print(sys.prefix)") == str(work)
    taken = tmp_path / "taken"
    (taken / "lib").mkdir(parents=True)
    assert "there is `lib` already" in dxpy("venv --allow-existing taken", tmp_path).err


def test_seed_installs_pip_from_the_index(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> None:
    for name in ("pip", "setuptools", "wheel"):
        index.add_wheel(build_wheel(tmp_path / "seeds", name, "1.0"))
    seeded = dxpy("venv --seed", tmp_path)
    assert seeded.code == 0, seeded.err
    wanted = ["pip"] if real_interpreter("3.12") == Path(PYTHON) else ["pip", "setuptools", "wheel"]
    assert [line for line in seeded.err.splitlines() if line.startswith(" +")] == [f" + {name}==1.0" for name in wanted]
    assert said(tmp_path / ".venv/bin/python", "import pip; print(pip.__name__)") == "pip"
    again = dxpy("venv --seed", tmp_path)
    assert again.code == 0
    assert "Keeping the virtual environment at .venv\n" in again.err
    assert " + " not in again.err
    assert "Created" not in again.err


def test_commands_of_an_environment_that_was_moved_run(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "a project", "tool")
    assert dxpy("venv --relocatable", root).code == 0
    assert dxpy("sync", root).code == 0
    moved = (root / ".venv").rename(tmp_path / "moved here")
    ran = subprocess.run([moved / "bin/tool", "x y"], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (7, "tool x y\n")
    link = tmp_path / "link"
    link.symlink_to(moved / "bin/tool")
    assert subprocess.run([link], check=False, capture_output=True).returncode == 7
    assert said(moved / "bin/python", "import tool, sys; print(sys.prefix)") == str(moved)


def test_way_to_activate_is_one_that_a_shell_reads(dxpy: Command, tmp_path: Path) -> None:
    made = dxpy(["venv", "it's mine"], tmp_path)
    line = made.err.splitlines()[-1].removeprefix("Activate it with: ")
    ran = subprocess.check_output(["bash", "-c", f'{line} && echo "$VIRTUAL_ENV"'], cwd=tmp_path, text=True)
    assert ran == f"{tmp_path}/it's mine\n"


def test_place_that_cannot_be_written_is_named(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = dxpy("venv file/env", tmp_path)
    assert result.code == 2
    assert result.err.splitlines()[1] == (
        f"error: no environment can be at `{tmp_path}/file/env`: what it would lie in is not a directory"
    )


def test_path_that_is_not_utf8_works(dxpy: Command, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    made = dxpy(["venv", name], tmp_path)
    assert made.code == 0, made.err
    line = b'. "$0"/bin/activate && python -c "import sys; print(ascii(sys.prefix))"'
    ran = subprocess.check_output([b"bash", b"-c", line, os.fsencode(tmp_path / name)], text=True)
    assert ran.endswith("caf\\udce9'\n")
