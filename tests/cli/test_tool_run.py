"""`dxpy tool run` and `dxpyx`: commands of packages, run without being installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from command import PYTHON, Command, Told, without_times, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.cli.tool_again import name_of

pytestmark = pytest.mark.slow

SHOWS = "import os, sys\ndef main():\n    print({!r}, *sys.argv[1:])\n"


def add_tool(index: LoopbackIndex, wheels: Path, name: str, version: str, *commands: str, **more: object) -> None:
    """Serve a tool whose commands say its name, its version and what they are given."""
    requires = more.get("requires", ())
    assert isinstance(requires, list | tuple)
    module = name.replace("-", "_")
    index.add_wheel(
        build_wheel(
            wheels,
            name,
            version,
            files={f"{module}.py": SHOWS.format(f"{name} {version}")},
            entry_points={"console_scripts": dict.fromkeys(commands, f"{module}:main")},
            requires=[str(each) for each in requires],
        )
    )


@pytest.fixture
def here(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> Path:
    """`cow` has two commands, `lib` none, `shell` only those of what it needs; `cow` 2 is newer."""
    for version in ("1.0", "2.0"):
        add_tool(index, tmp_path / "w", "cow", version, "cow", "calf")
    add_tool(index, tmp_path / "w", "lib", "1.0")
    add_tool(index, tmp_path / "w", "shell", "1.0", requires=["cow"])
    dxpy.environ.update(DXPY_TOOL_DIR=str(tmp_path / "tools"), DXPY_TOOL_BIN_DIR=str(tmp_path / "bin"))
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def modules_until_started(dxpy: Command, words: list[str], cwd: Path, main: str = "main") -> set[str]:
    """What is loaded up to where a process would become the tool; without its own program that is all of it."""
    show = (
        "import sys, os; os.execve = lambda *_: (print(*sorted(sys.modules), flush=True), os._exit(0)); "
        f"from dxpy_async.cli import {main}; {main}({words!r})"
    )
    said = subprocess.check_output([sys.executable, "-c", show], cwd=cwd, env=dxpy.environ, text=True)
    return set(said.split())


def environments(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "environments-v1").iterdir())


def test_a_tool_runs_and_the_second_time_after_a_few_stats(dxpy: Command, here: Path, tmp_path: Path) -> None:
    first = dxpy(["tool", "run", "cow", "a b", "--c"], here)
    assert (first.code, first.out) == (0, "cow 2.0 a b --c\n")
    assert without_times(first.err) == (
        "Resolved 1 package in T\nPrepared 1 package in T\nInstalled 1 package in T\n + cow==2.0\n"
    )
    again = dxpy("tool run cow", here)
    assert (again.out, again.err) == ("cow 2.0\n", "")
    elsewhere = modules_until_started(dxpy, ["cow"], tmp_path, "dxpyx")
    ours = {name for name in elsewhere if name.startswith("dxpy_async.")}
    assert "dxpy_async.cli.tool_again" in ours
    assert not ours & {"dxpy_async.errors", "dxpy_async.cli.program", "dxpy_async.cli.arguments"}
    (environment,) = environments(tmp_path)
    assert next((environment / ".venv/lib").glob("*/site-packages/cow.py")).is_symlink()


@pytest.mark.parametrize(
    ("variable", "value", "counts"),
    [
        ("DXPY_FIND_LINKS", "wheels", True),
        ("DXPY_FIND_LINKS", "/wheels,https://i.example/x", False),
        ("DXPY_INDEX", "own=https://i.example/simple /srv/simple", False),
        ("DXPY_INDEX", "own=./simple", True),
        ("DXPY_PYTHON", "3.12", False),
        ("DXPY_PYTHON", "../python", True),
        ("PIP_FIND_LINKS", "w", True),
    ],
)
def test_the_directory_counts_only_where_a_path_means_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, counts: bool
) -> None:
    for name in os.environ:
        if name.startswith(("DXPY_", "PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv(variable, value)

    def name_in(directory: Path, tool: str = "cow") -> str:
        monkeypatch.chdir(directory)
        return name_of(None, None, [], tool)

    assert (name_in(tmp_path) != name_in(tmp_path.parent)) == counts
    assert name_in(tmp_path, "./cow") != name_in(tmp_path.parent, "./cow")


@pytest.mark.slow
def test_what_tool_again_loads_is_next_to_nothing(dxpy: Command, here: Path) -> None:
    assert dxpy("tool run cow", here).code == 0
    modules = modules_until_started(dxpy, ["tool", "run", "cow"], here)
    started = subprocess.check_output(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], env=dxpy.environ, text=True
    )
    foreign = {name for name in modules - set(started.split()) if not name.startswith("dxpy_async")}
    assert foreign <= {"__future__", "time"}


def test_versions_packages_besides_and_other_commands(dxpy: Command, here: Path, tmp_path: Path) -> None:
    assert dxpy("tool run cow@1.0", here).out == "cow 1.0\n"
    assert dxpy("tool run --from cow<2 calf y", here).out == "cow 1.0 y\n"
    import_both = "import cow, templates, safe; print(safe.__name__)"
    besides = ["tool", "run", "--with", "templates", "--from", "cow", "python", "-c", import_both]
    assert dxpy(besides, here).out == "safe\n"
    assert "argparse" not in modules_until_started(dxpy, besides, here)
    (here / "r.txt").write_text("templates\n")
    assert dxpy(["tool", "run", "--with-requirements", "r.txt", *besides[4:]], here).out == "safe\n"


@pytest.mark.slow
def test_python_is_a_tool_that_needs_no_package(dxpy: Command, here: Path) -> None:
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    show = ["-c", "import sys; print(*sys.version_info[:2], sep='.')"]
    for name in (f"python{minor}", f"python@{minor}"):
        assert dxpy(["tool", "run", name, *show], here, environ={"DXPY_PYTHON": ""}).out == f"{minor}\n"
    assert dxpy(["tool", "run", "--with", "safe", "python", "-c", "import safe; print('has')"], here).out == "has\n"


@pytest.mark.slow
def test_a_newer_version_comes_when_it_is_asked_for_or_a_day_later(
    dxpy: Command, here: Path, index: LoopbackIndex, tmp_path: Path
) -> None:
    assert dxpy("tool run cow", here).out == "cow 2.0\n"
    add_tool(index, tmp_path / "w", "cow", "3.0", "cow")
    assert dxpy("tool run cow", here).out == "cow 2.0\n"
    assert dxpy("tool run cow@latest", here).out == "cow 3.0\n"
    assert dxpy("tool run cow", here).out == "cow 3.0\n"
    assert dxpy("tool run --from cow calf", here).code == 1
    add_tool(index, tmp_path / "w", "cow", "4.0", "cow")
    assert dxpy("tool run --refresh cow", here).out == "cow 4.0\n"
    add_tool(index, tmp_path / "w", "cow", "5.0", "cow")
    assert dxpy("tool run --upgrade cow", here).out == "cow 5.0\n"
    add_tool(index, tmp_path / "w", "cow", "6.0", "cow")
    assert dxpy("tool run cow", here).out == "cow 5.0\n"
    a_day_later(dxpy, here, "tool", "run", "cow")
    assert dxpy("tool run --no-cache cow", here).out == "cow 6.0\n"


def a_day_later(dxpy: Command, cwd: Path, *words: str) -> None:
    """Ask the quick rung a day later, and see that it leaves the answer to others."""
    show = (
        "import time; now = time.time; time.time = lambda: now() + 90_000\n"
        "from dxpy_async.cli import tool_again\n"
        f"assert tool_again.answer({list(words[2:])!r}) is None"
    )
    subprocess.run([sys.executable, "-c", show], cwd=cwd, env=dxpy.environ, check=True)


@pytest.mark.slow
def test_without_an_index_the_last_one_is_run_again(dxpy: Command, here: Path, index: LoopbackIndex) -> None:
    assert dxpy("tool run cow", here).out == "cow 2.0\n"
    index.fault("/simple/cow/", status=503, times=20)
    later = (
        "import time; now = time.time; time.time = lambda: now() + 90_000\n"
        "from dxpy_async.cli import main; raise SystemExit(main(['tool', 'run', 'cow', 'still']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", later], cwd=here, env=dxpy.environ, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "cow 2.0 still\n"), ran.stderr
    assert ran.stderr.startswith("warning: ")
    assert ran.stderr.endswith("; what was run last time is run again\n")


@pytest.mark.slow
def test_surroundings_of_the_tool(dxpy: Command, here: Path) -> None:
    (here / "v.env").write_text("GREETING=hello\n")
    show = "import os, shutil; print(os.environ.get('GREETING'), os.environ['VIRTUAL_ENV'], shutil.which('cow'))"
    variables = {"VIRTUAL_ENV": "/mine", "PYTHONHOME": ""}
    words = ["tool", "run", "--env-file", "v.env", "--from", "cow", "python", "-c", show]
    said = dxpy(words, here, environ=variables).out.split()
    assert said[:2] == ["hello", "/mine"]
    assert said[2].startswith(f"{dxpy.environ['DXPY_CACHE_DIR']}/environments-v1/")


@pytest.mark.slow
def test_a_project_around_does_not_matter(dxpy: Command, here: Path) -> None:
    write_project(here, "cow<2", more='[tool.dxpy]\nindex-url = "http://127.0.0.1:9/simple/"\n')
    (here / ".python-version").write_text("3.1\n")
    environ = {"DXPY_PYTHON": "", "PATH": f"{os.path.dirname(PYTHON)}:{os.environ['PATH']}"}
    assert dxpy("tool run cow", here, environ=environ).out == "cow 2.0\n"


@pytest.mark.slow
def test_directories_and_archives_are_run_by_their_paths(dxpy: Command, here: Path, tmp_path: Path) -> None:
    wheel = next((tmp_path / "w").glob("cow-1.0-*.whl"))
    assert dxpy(["tool", "run", str(wheel)], here).out == "cow 1.0\n"
    assert dxpy(["tool", "run", "--from", f"cow @ {wheel.as_uri()}", "calf"], here).out == "cow 1.0\n"


def test_what_cannot_be_run(told: Told, here: Path) -> None:
    def error(words: str) -> str:
        ended = told(f"-q tool run {words}", here)
        assert (ended.code in (1, 2), ended.out) == (True, "")
        return ended.err

    assert error("--from cow cw") == (
        "error: `cow` has no command `cw`\n\nhint: it has `calf`, `cow`\n"
        "hint: run one with `dxpy tool run --from cow calf`\n"
    )
    assert error("shell") == (
        "error: `shell` has no commands\n\n"
        "hint: `cow`, which comes with it, has `calf`, `cow`: `dxpy tool run --from cow calf`\n"
    )
    assert error("lib") == (
        "error: `lib` has no commands\n\nhint: it is a library: use it in a project with `dxpy add`\n"
    )
    assert error("cow@1.0.x").startswith("error: `cow==1.0.x` is not a requirement: ")
    assert error("--from cow calf@2") == (
        "error: `calf@2` is not a command\n\nhint: the version goes with `--from`: `--from 'NAME==2'`\n"
    )
    assert error("cows").endswith("hint: there is no `cows`, but there is `cow`\n")
    assert "there is nothing at `./none`" in error("./none")
    assert error("-p 3.11 python3.12").startswith("error: `python3.12` and `--python 3.11` both say which Python\n")
    (here / "job.py").write_text("print(1)\n")
    assert error("job.py") == ("error: `job.py` is a script, not a tool\n\nhint: run it with `dxpy run job.py`\n")
    listed = told("tool run", here)
    assert (listed.code, listed.out) == (0, "")
    assert listed.err == "Run a tool, installed or not, with `dxpy tool run NAME`\n"


def test_a_command_of_another_package_is_run_with_a_warning(dxpy: Command, here: Path) -> None:
    ended = dxpy("tool run --from shell calf", here)
    assert ended.out == "cow 2.0\n"
    assert ended.err.endswith("warning: `shell` has no command `calf`; that of `cow`, which comes with it, is run\n")


@pytest.mark.slow
def test_the_short_name_is_the_same_command(dxpy: Command, here: Path) -> None:
    def dxpyx(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        program = "from dxpy_async.cli import dxpyx; import sys; sys.exit(dxpyx())"
        environ: Mapping[str, str] = {**dxpy.environ, **more}
        return subprocess.run(
            [sys.executable, "-c", program, *words], cwd=here, env=environ, capture_output=True, text=True, check=False
        )

    assert dxpyx("cow", "x").stdout == "cow 2.0 x\n"
    assert dxpyx("cow", "y").stdout == "cow 2.0 y\n"
    assert dxpyx("--version").stdout.startswith("dxpyx ")
    assert dxpyx("--help").stdout.startswith("usage: dxpyx [OPTIONS] ...\n")
    assert dxpyx("--none").stderr.endswith("hint: see `dxpyx --help`\n")
    assert dxpyx("none-of-these").returncode == 1
