"""The scripts of the README: what they say when they cannot work, and when they make an environment anew."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
BARE = [script for script in sorted(ROOT.glob("scripts/*.py")) if "from dxpy_async" not in script.read_text()]
"""What any Python may run; the others need an environment that has dxpy."""
SCRIPTS = [*BARE, ROOT / "benchmarks" / "run.py"]
RUNNABLE = [script for script in SCRIPTS if not script.name.startswith("_")]


@pytest.fixture(scope="module")
def environment() -> ModuleType:
    """The module that the scripts share."""
    spec = importlib.util.spec_from_file_location("_environment", ROOT / "scripts" / "_environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_script_after(preparation: str, script: Path, where: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as `python SCRIPT` does, in a process that something was done to before."""
    code = (
        f"import runpy, sys\n{preparation}\nsys.path[0] = {str(script.parent)!r}\n"
        f"sys.argv = [{str(script)!r}]\nrunpy.run_path({str(script)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=where, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_parses_on_python_too_old_to_run_it(script: Path) -> None:
    # The oldest grammar that every supported `ast` still knows; `from __future__ import annotations` is of 3.7 as well,
    # and 3.6 is what the oldest living Linux distributions call `python3`.
    tree = ast.parse(script.read_bytes(), feature_version=(3, 7))
    futures = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert futures == []


@pytest.mark.parametrize("script", RUNNABLE, ids=lambda path: path.name)
def test_script_on_an_old_python_says_which_it_needs(script: Path, tmp_path: Path) -> None:
    ran = run_script_after("sys.version_info = (3, 9, 2, 'final', 0)", script, tmp_path)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: dxpy needs Python 3.11 or newer; this is Python 3.9 (")
    assert "\n\nhint: " in ran.stderr
    assert "Traceback" not in ran.stderr


def test_missing_venv_is_named_with_the_package_that_has_it(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for script in SCRIPTS:
        (scripts / script.name).write_bytes(script.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    ran = run_script_after("sys.modules['ensurepip'] = None", scripts / "quickstart.py", tmp_path)
    assert ran.returncode == 1
    assert "comes without ensurepip" in ran.stderr
    assert f"apt install python3.{sys.version_info[1]}-venv" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / ".dxpy-dev").exists()


def test_too_little_room_is_said_with_what_is_needed_and_what_is_there(environment: ModuleType, tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free >> 20
    environment.require_room((tmp_path, free // 3), (ROOT, 0))
    with pytest.raises(environment.EnvironmentProblem) as problem:
        environment.require_room((tmp_path, free // 3), (tmp_path, free))
    assert re.fullmatch(
        rf"too little room on the disk of {tmp_path}: this needs {free // 3 + free} MiB, and \d+ MiB are free"
        r"\n\nhint: make room, or let TMPDIR and the clone be on another disk",
        str(problem.value),
    )


def test_disturbing_variables_are_taken_out_and_others_kept(environment: ModuleType) -> None:
    disturbing = {"PYTHONPATH": "/x", "PYTHONHOME": "/x", "VIRTUAL_ENV": "/x", "PIP_TARGET": "/x"}
    clean = environment.clean_environ({**disturbing, "PATH": "/bin", "PIP_INDEX_URL": "http://127.0.0.1/simple"})
    assert not clean.keys() & disturbing.keys()
    assert clean["PATH"] == "/bin"
    assert clean["PIP_INDEX_URL"] == "http://127.0.0.1/simple"
    assert Path(clean["PIP_CACHE_DIR"]).is_relative_to(ROOT / ".dxpy-dev")


def test_groups_are_unfolded(environment: ModuleType) -> None:
    groups = {"test": ["pytest"], "dev": ["ruff", {"include-group": "test"}]}
    assert environment.group_requirements(groups, "dev") == ["ruff", "pytest"]


def test_environment_is_fresh_only_for_what_it_was_finished_with(environment: ModuleType, tmp_path: Path) -> None:
    made = environment.stamp(b"[project]", ["test"])
    python = environment.program(tmp_path, "python")
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    assert not environment.is_fresh(tmp_path, made), "not finished"
    (tmp_path / "stamp").write_text(made)
    assert environment.is_fresh(tmp_path, made)
    assert not environment.is_fresh(tmp_path, environment.stamp(b"[project]", []))
    assert not environment.is_fresh(tmp_path, environment.stamp(b"[project] # changed", ["test"]))
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    assert not environment.is_fresh(tmp_path, made), "its interpreter is gone"


def test_base_interpreter_is_a_program_and_no_link(environment: ModuleType) -> None:
    interpreter = environment.base_interpreter()
    assert os.access(interpreter, os.X_OK)
    assert not Path(interpreter).is_symlink()


def test_failing_command_ends_the_script_with_its_code(environment: ModuleType) -> None:
    with pytest.raises(SystemExit) as ended:
        environment.run([sys.executable, "-c", "raise SystemExit(7)"], shown="seven")
    assert ended.value.code == 7
