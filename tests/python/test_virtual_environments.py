"""Environments are made, recognised and refused; what is made works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dxpy_async.errors import InvalidEnvironment
from dxpy_async.python.environments import create_environment, open_environment
from dxpy_async.python.probing import Interpreter, probe

PLACES = ["plain", "with space", 'it\'s "quoted" $(x) `y` \\ %h !', "ünïcödé　wide"]


def run(*command: str | Path) -> str:
    return subprocess.run([*command], check=True, capture_output=True, text=True).stdout.strip()


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@pytest.fixture
def interpreter(python311: Path, shared_cache: Path) -> Interpreter:
    return probe(python311, cache_dir=shared_cache)


# --- making -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLACES)
def test_interpreter_of_an_environment_runs_in_it(tmp_path: Path, interpreter: Interpreter, name: str) -> None:
    environment = create_environment(tmp_path / name, interpreter)
    code = "import sys; print(sys.prefix); print(sys.base_prefix); print(sys.path[-1])"
    expected = [str(tmp_path / name), str(interpreter.prefix), str(environment.scheme.purelib)]
    for executable in ("python", "python3", "python3.11"):
        assert run(tmp_path / name / "bin" / executable, "-c", code).splitlines() == expected


def test_environments_of_all_versions_look_for_packages_where_the_scheme_says(
    any_python: Path, shared_cache: Path, tmp_path: Path
) -> None:
    environment = create_environment(tmp_path / "env", probe(any_python, cache_dir=shared_cache))
    code = "import sys, sysconfig; p = sysconfig.get_path; print(sys.prefix, p('purelib'), p('platlib'), p('scripts'))"
    prefix, purelib, platlib, scripts = run(environment.python, "-c", code).split()
    scheme = environment.scheme
    assert (prefix, purelib, scripts) == (str(scheme.prefix), str(scheme.purelib), str(scheme.scripts))
    assert os.path.realpath(platlib) == str(scheme.platlib)
    assert scheme.data == scheme.prefix == tmp_path / "env"
    assert scheme.cache_tag == run(environment.python, "-c", "import sys; print(sys.implementation.cache_tag)")


def test_environment_has_the_files_of_the_specification(tmp_path: Path, interpreter: Interpreter) -> None:
    root = tmp_path / ".venv"
    create_environment(root, interpreter, prompt="app")
    made = tree(root) - {"lib64"}
    assert made == {
        "pyvenv.cfg",
        ".gitignore",
        "CACHEDIR.TAG",
        "bin",
        "bin/python",
        "bin/python3",
        "bin/python3.11",
        "bin/activate",
        "bin/activate.csh",
        "bin/activate.fish",
        "bin/activate.nu",
        "bin/activate.ps1",
        "lib",
        "lib/python3.11",
        "lib/python3.11/site-packages",
    }
    assert (root / "pyvenv.cfg").read_text().splitlines() == [
        f"home = {interpreter.executable.parent}",
        "implementation = CPython",
        f"version_info = {interpreter.version}",
        "include-system-site-packages = false",
        "prompt = app",
        f"executable = {interpreter.executable}",
    ]
    assert (root / ".gitignore").read_text() == "*\n"
    assert (root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert os.readlink(root / "bin" / "python") == str(interpreter.executable)
    assert os.readlink(root / "bin" / "python3") == "python"
    if sys.platform == "linux" and interpreter.is_64bit:
        assert os.readlink(root / "lib64") == "lib"


def test_prompt_is_the_directory_around_a_dot_venv(tmp_path: Path, interpreter: Interpreter) -> None:
    create_environment(tmp_path / "shop" / ".venv", interpreter)
    assert "prompt = shop\n" in (tmp_path / "shop" / ".venv" / "pyvenv.cfg").read_text()


def test_line_break_in_a_prompt_adds_no_line_to_the_configuration(tmp_path: Path, interpreter: Interpreter) -> None:
    create_environment(tmp_path / "env", interpreter, prompt="a\nhome = /elsewhere")
    assert "prompt = a home = /elsewhere\n" in (tmp_path / "env" / "pyvenv.cfg").read_text()


def test_system_packages_are_seen_only_when_asked_for(tmp_path: Path, interpreter: Interpreter) -> None:
    code = "import sys; print(any(p.endswith('-packages') and not p.startswith(sys.prefix) for p in sys.path))"
    with_them = create_environment(tmp_path / "with", interpreter, system_site_packages=True)
    without = create_environment(tmp_path / "without", interpreter)
    assert run(with_them.python, "-c", code) == "True"
    assert run(without.python, "-c", code) == "False"


def test_pip_of_another_interpreter_sees_the_environment(tmp_path: Path, interpreter: Interpreter) -> None:
    if subprocess.run([interpreter.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        pytest.skip("the interpreter has no pip")
    environment = create_environment(tmp_path / "env", interpreter)
    command = [interpreter.executable, "-m", "pip", "--disable-pip-version-check", "--python", environment.python]
    assert run(*command, "list", "--format=json") == "[]"
    information = environment.scheme.purelib / "demo-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
    assert json.loads(run(*command, "list", "--format=json")) == [{"name": "demo", "version": "1.0"}]


# --- recognising ------------------------------------------------------------------------------------------------------


def test_what_was_created_is_what_is_opened(any_python: Path, shared_cache: Path, tmp_path: Path) -> None:
    created = create_environment(tmp_path / "env", probe(any_python, cache_dir=shared_cache))
    assert open_environment(tmp_path / "env", cache_dir=shared_cache) == created


def test_environment_made_by_the_standard_library_is_opened(
    recent_python: Path, shared_cache: Path, tmp_path: Path
) -> None:
    run(recent_python, "-m", "venv", "--without-pip", tmp_path / "env")
    opened = open_environment(tmp_path / "env", cache_dir=shared_cache)
    assert opened is not None
    assert opened.interpreter.executable == recent_python
    assert opened.scheme.purelib.is_dir()


def test_nothing_and_an_empty_directory_and_a_lock_alone_are_no_environment_yet(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter
) -> None:
    root = tmp_path / "env"
    assert open_environment(root, cache_dir=shared_cache) is None
    root.mkdir()
    assert open_environment(root, cache_dir=shared_cache) is None
    (root / ".lock").touch()
    assert open_environment(root, cache_dir=shared_cache) is None
    created = create_environment(root, interpreter)
    assert (root / ".lock").exists()
    assert open_environment(root, cache_dir=shared_cache) == created


def test_environment_whose_interpreter_is_gone_is_refused(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter
) -> None:
    create_environment(tmp_path / "env", interpreter)
    python = tmp_path / "env" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "gone")
    with pytest.raises(InvalidEnvironment, match=r"its interpreter `.*gone` is gone") as caught:
        open_environment(tmp_path / "env", cache_dir=shared_cache)
    assert "--clear" in caught.value.hints()[0]
    for name in ("python", "python3", "python3.11"):
        (tmp_path / "env" / "bin" / name).unlink()
    with pytest.raises(InvalidEnvironment, match="has no interpreter"):
        open_environment(tmp_path / "env", cache_dir=shared_cache)


def test_environment_whose_interpreter_became_another_version_is_refused(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter, python312: Path
) -> None:
    create_environment(tmp_path / "env", interpreter)
    python = tmp_path / "env" / "bin" / "python"
    python.unlink()
    python.symlink_to(python312)
    with pytest.raises(InvalidEnvironment, match=r"made with Python 3\.11.* its interpreter is 3\.12"):
        open_environment(tmp_path / "env", cache_dir=shared_cache)


def test_environment_whose_interpreter_does_not_work_is_refused(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter
) -> None:
    create_environment(tmp_path / "env", interpreter)
    python = tmp_path / "env" / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(InvalidEnvironment, match="does not work"):
        open_environment(tmp_path / "env", cache_dir=shared_cache)


@pytest.mark.parametrize("content", [b"", b"home\n", b"home = \n", b"\xff\xfe\0", b"\0" * 1000])
def test_configuration_that_says_nothing_is_refused(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter, content: bytes
) -> None:
    create_environment(tmp_path / "env", interpreter)
    (tmp_path / "env" / "pyvenv.cfg").write_bytes(content)
    with pytest.raises(InvalidEnvironment, match="does not say where its interpreter is"):
        open_environment(tmp_path / "env", cache_dir=shared_cache)


def test_directory_of_something_else_is_neither_opened_nor_touched(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(InvalidEnvironment, match=r"no pyvenv\.cfg"):
        open_environment(tmp_path / "mine", cache_dir=shared_cache)
    for clear in (False, True):
        with pytest.raises(InvalidEnvironment, match="not empty, and not a virtual environment"):
            create_environment(tmp_path / "mine", interpreter, clear=clear)
    assert tree(tmp_path / "mine") == {"thesis.tex"}


def test_file_and_dangling_link_in_the_way_are_refused(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for name, reason in (("file", "is not a directory"), ("link", "does not exist"), ("file/in", "is not a directory")):
        with pytest.raises(InvalidEnvironment, match=reason):
            create_environment(tmp_path / name, interpreter)
        with pytest.raises(InvalidEnvironment, match=reason):
            open_environment(tmp_path / name, cache_dir=shared_cache)


# --- making anew ------------------------------------------------------------------------------------------------------


def test_environment_is_replaced_only_when_asked(tmp_path: Path, shared_cache: Path, interpreter: Interpreter) -> None:
    environment = create_environment(tmp_path / "env", interpreter)
    (environment.scheme.purelib / "old.py").touch()
    with pytest.raises(InvalidEnvironment, match="already"):
        create_environment(tmp_path / "env", interpreter)
    assert (environment.scheme.purelib / "old.py").exists()
    create_environment(tmp_path / "env", interpreter, clear=True)
    assert not (environment.scheme.purelib / "old.py").exists()
    assert open_environment(tmp_path / "env", cache_dir=shared_cache) == environment


def test_clearing_follows_no_link_out_of_the_environment(tmp_path: Path, interpreter: Interpreter) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep").touch()
    environment = create_environment(tmp_path / "env", interpreter)
    (environment.scheme.purelib / "link").symlink_to(outside)
    (tmp_path / "env" / "top").symlink_to(outside)
    create_environment(tmp_path / "env", interpreter, clear=True)
    assert (outside / "keep").exists()
    assert not (tmp_path / "env" / "top").is_symlink()


def test_clearing_spares_a_directory_that_is_a_project_too(tmp_path: Path, interpreter: Interpreter) -> None:
    create_environment(tmp_path / "env", interpreter)
    (tmp_path / "env" / "pyproject.toml").touch()
    with pytest.raises(InvalidEnvironment, match=r"holds `pyproject\.toml` too"):
        create_environment(tmp_path / "env", interpreter, clear=True)
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


def test_environment_is_not_made_around_its_own_interpreter(interpreter: Interpreter) -> None:
    with pytest.raises(InvalidEnvironment, match="the very interpreter"):
        create_environment(interpreter.prefix, interpreter, clear=True)


def test_environment_behind_a_link_is_cleared_in_place(tmp_path: Path, interpreter: Interpreter) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "env").symlink_to(tmp_path / "real")
    create_environment(tmp_path / "env", interpreter)
    create_environment(tmp_path / "env", interpreter, clear=True)
    assert (tmp_path / "env").is_symlink()
    assert (tmp_path / "real" / "pyvenv.cfg").exists()


@pytest.mark.parametrize("name", ["a:b", "a\nb"])
def test_path_that_no_shell_could_search_is_refused(tmp_path: Path, interpreter: Interpreter, name: str) -> None:
    with pytest.raises(InvalidEnvironment, match="cannot be at"):
        create_environment(tmp_path / name, interpreter)


def test_relative_path_is_a_mistake_of_the_caller(interpreter: Interpreter) -> None:
    with pytest.raises(ValueError, match="absolute"):
        create_environment(Path("env"), interpreter)


def test_place_that_cannot_be_written_is_named(interpreter: Interpreter) -> None:
    with pytest.raises(InvalidEnvironment, match=r"`/proc/env` cannot be made"):
        create_environment(Path("/proc/env"), interpreter)


# --- interrupted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["everything", "all but the directories", "nothing"])
def test_unfinished_environment_is_recognised_and_made_anew(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter, lost: str
) -> None:
    root = tmp_path / "env"
    created = create_environment(root, interpreter)
    (root / "pyvenv.cfg").rename(root / ".pyvenv.cfg.unfinished")
    for path in root.rglob("*"):
        if lost != "nothing" and path.name != ".pyvenv.cfg.unfinished" and not path.is_dir():
            path.unlink()
    (root / "lib" / "leftover").mkdir()
    assert open_environment(root, cache_dir=shared_cache) is None
    assert create_environment(root, interpreter) == created
    assert not (root / "lib" / "leftover").exists()
    assert not (root / ".pyvenv.cfg.unfinished").exists()


def test_creation_killed_at_any_moment_is_completed_by_the_next(
    tmp_path: Path, shared_cache: Path, interpreter: Interpreter
) -> None:
    code = f"""
import os, sys
from pathlib import Path
from dxpy_async.python.environments import create_environment
from dxpy_async.python.probing import probe
interpreter = probe(Path({str(interpreter.executable)!r}), cache_dir=Path({str(shared_cache)!r}))
root = Path({str(tmp_path / "env")!r})
print("ready", flush=True)
while True:
    create_environment(root, interpreter, clear=True)
"""
    for attempt in range(12):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.001 + attempt * 0.0013)  # a different moment each time; any moment must do
            process.send_signal(signal.SIGKILL)
        opened = open_environment(tmp_path / "env", cache_dir=shared_cache)
        if opened is None:
            opened = create_environment(tmp_path / "env", interpreter)
        assert run(opened.python, "-c", "import sys; print(sys.prefix)") == str(tmp_path / "env")
        assert (tmp_path / "env" / "bin" / "activate.ps1").stat().st_size
