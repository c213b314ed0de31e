"""The everyday commands, and all that they print."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex


def test_the_first_sync_locks_installs_and_lists(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    result = dxpy("sync", root)
    assert result.code == 0
    assert result.out == ""
    assert without_times(result.err) == (
        "Resolved 3 packages in T\n"
        "Prepared 3 packages in T\n"
        "Installed 3 packages in T\n"
        " + safe==1.9\n"
        " + templates==1.5\n"
        " + web==2.0\n"
    )


def test_the_second_sync_finds_nothing_to_do(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    root = write_project(tmp_path / "p", "web")
    dxpy("sync", root)
    asked = len(index.requests)
    again = dxpy("sync", root)
    assert (again.code, without_times(again.err)) == (0, "Checked 3 packages in T\n")
    assert len(index.requests) == asked


def test_a_sync_from_a_full_store_needs_no_index(dxpy: Command, tmp_path: Path, index: LoopbackIndex) -> None:
    root = write_project(tmp_path / "p", "web")
    dxpy("sync", root)
    asked = len(index.requests)
    other = write_project(tmp_path / "q", "web")
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    result = dxpy("sync --frozen", other)
    assert result.code == 0, result.err
    assert "Installed 3 packages" in result.err
    assert len(index.requests) == asked
    site = next((other / ".venv/lib").glob("python3*/site-packages"))
    assert os.stat(site / "safe/part1.py").st_nlink > 1


def test_sync_repairs_what_somebody_removed(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    dxpy("sync", root)
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    (site / "safe-1.9.dist-info" / "RECORD").unlink()
    os.utime(site)
    result = dxpy("sync", root)
    assert result.code == 0, result.err
    assert (site / "safe-1.9.dist-info" / "RECORD").exists()


def test_removing_a_dependency_removes_what_it_needed(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web", "tool")
    dxpy("sync", root)
    write_project(root, "tool")
    result = dxpy("sync", root)
    assert without_times(result.err) == (
        "Resolved 1 package in T\nRemoved 3 packages in T\n - safe==1.9\n - templates==1.5\n - web==2.0\n"
    )
    assert dxpy("run python -c import-nothing-of-web", root).code != 0


def test_run_syncs_and_passes_arguments_and_exit_code_on(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    result = dxpy(["run", "tool", "--version", "-q"], root)
    assert (result.code, result.out) == (7, "tool --version -q\n")
    assert "Installed 1 package" in result.err
    again = dxpy(["run", "tool"], root)
    assert (again.code, again.out, again.err) == (7, "tool\n", "")


def test_run_starts_scripts_with_the_environments_python(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    (root / "main.py").write_text("import sys, web\nprint(sys.prefix, sys.argv[1:])\n")
    result = dxpy("run main.py one", root)
    assert result.out == f"{root / '.venv'} ['one']\n"


def test_run_works_from_a_directory_below_the_project(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    (root / "src").mkdir()
    dxpy("sync", root)
    result = dxpy(["run", "python", "-c", "import os; print(os.environ['VIRTUAL_ENV'])"], root / "src")
    assert result.out == f"{root / '.venv'}\n"


def test_extras_and_groups_are_chosen_by_flag(dxpy: Command, tmp_path: Path) -> None:
    more = '[project.optional-dependencies]\nall = ["web"]\n[dependency-groups]\ndev = ["tool"]\nlint = ["safe"]\n'
    root = write_project(tmp_path / "p", more=more)
    assert " + tool==0.1\n" in dxpy("sync", root).err
    assert " - tool==0.1\n" in dxpy("sync --no-dev", root).err
    assert " + web==2.0\n" in dxpy("sync --extra all", root).err
    result = dxpy("sync --group lint", root)
    assert " - web==2.0\n" in result.err
    assert " - tool==0.1\n" in dxpy("sync --group lint --no-dev", root).err
    wrong = dxpy("sync --extra al", root)
    assert wrong.code != 0
    assert "`al`" in wrong.err
    assert "all" in wrong.err.partition("hint:")[2]


def test_lock_tells_what_moved(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web<2")
    assert without_times(dxpy("lock", root).err) == "Resolved 3 packages in T\n"
    write_project(root, "web", "tool")
    assert without_times(dxpy("lock -P web", root).err) == (
        "Resolved 4 packages in T\nAdded tool v0.1\nUpdated web v1.0 -> v2.0\n"
    )
    shown = dxpy("lock --show web", root)
    assert "web" in shown.out
    assert "2.0" in shown.out
    assert dxpy("lock --check", root).code == 0


def test_a_local_directory_of_wheels_is_an_index(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    result = dxpy(f"sync --offline --find-links {tmp_path / 'wheels'}", root)
    assert result.code == 0, result.err
    assert " + web==2.0\n" in result.err


def test_venv_makes_an_environment_that_works(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy(["venv", "my env"], tmp_path)
    assert result.code == 0, result.err
    python = tmp_path / "my env/bin/python"
    assert subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], text=True).strip() == str(
        tmp_path / "my env"
    )
    again = dxpy(["venv", "my env"], tmp_path)
    assert (again.code, again.err.splitlines()[1:]) == (0, ["Keeping the virtual environment at my env"])
    assert dxpy(["venv", "my env", "--clear"], tmp_path).code == 0


def test_cache_dir_goes_to_stdout_and_clean_empties_it(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    dxpy("sync", root)
    assert dxpy("cache dir", tmp_path).out == f"{tmp_path / 'cache'}\n"
    assert "Removed" in dxpy("cache clean", tmp_path).err
    assert "Nothing to clean" in dxpy("cache clean", tmp_path).err
    assert dxpy(["run", "python", "-c", "import web, safe"], root).code == 0


def test_no_cache_leaves_no_cache(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    result = dxpy("sync --no-cache", root)
    assert result.code == 0, result.err
    assert not (tmp_path / "cache").exists()


def test_quiet_says_nothing_and_verbose_says_more(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("-q sync", root).err == ""
    verbose = dxpy("sync -v --link-mode copy", write_project(tmp_path / "q", "web")).err
    assert "linked web 2.0" in verbose


def test_directory_and_project_choose_where(dxpy: Command, tmp_path: Path) -> None:
    write_project(tmp_path / "p", "web")
    assert dxpy("--directory p lock", tmp_path).code == 0
    assert dxpy("sync --project p", tmp_path).code == 0
    assert (tmp_path / "p/.venv/pyvenv.cfg").exists()


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(dxpy: Command, tmp_path: Path, flag: str) -> None:
    result = dxpy(flag, tmp_path)
    assert (result.code, result.out) == (0, "dxpy 0.1.0\n")


@pytest.mark.parametrize("words", ["--help", "sync --help", "cache --help", "lock --help", "run --help", "venv -h"])
def test_help_goes_to_stdout(dxpy: Command, tmp_path: Path, words: str) -> None:
    result = dxpy(words, tmp_path)
    assert result.code == 0
    assert result.out.startswith("usage: dxpy")
    assert result.err == ""


def test_a_frozen_sync_does_not_vouch_for_the_lock(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert dxpy("lock", root).code == 0
    write_project(root, "tool", "safe<2")
    assert dxpy("sync --frozen", root).code == 0
    assert without_times(dxpy("sync --frozen", root).err) == "Checked 1 package in T\n"
    assert dxpy("sync --locked", root).code == 1
    assert "safe==1.9" in dxpy("sync", root).err
