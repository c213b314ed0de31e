"""Tasks, run from the command line: order, arguments, exit codes, signals, and what `dxpy run` lists."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from command import Command, write_project

SAY = "import os, sys; print(os.path.basename(os.getcwd()), os.environ.get('WORD'), *sys.argv[1:], flush=True)"
TASKS = f"""
[tool.dxpy.scripts]
say = ["python", "-c", "{SAY}"]
plain = "python say.py one"
tab = {{ cmd = "python ../say.py 'two three'", cwd = "sub", env = {{ WORD = "w" }}, help = "says it" }}
all = {{ depends = ["plain", "tab"] }}
around = {{ cmd = "python say.py", pre = "python say.py pre", post = ["python say.py post", "python say.py end"] }}
piped = {{ cmd = "echo a b | wc -w; echo", shell = true }}
fails = {{ cmd = "python -c 'raise SystemExit(3)'", post = "python say.py never" }}
killed = {{ cmd = "python -c 'import os; os.kill(os.getpid(), 9)'", post = "python say.py never" }}
after = {{ cmd = "python say.py never", depends = ["fails"] }}
lost = {{ cmd = "no-such-command", pre = "python say.py pre" }}
nowhere = {{ cmd = "python say.py", cwd = "not-there" }}
tool = "python say.py not-the-tool"
waits = {{ cmd = "python wait.py", post = "python say.py never" }}
"""


@pytest.fixture
def root(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "app", "tool", more=TASKS)
    (root / "sub").mkdir()
    (root / "say.py").write_text(SAY.replace("; ", "\n"))
    assert dxpy("sync", root).code == 0
    return root


@pytest.mark.parametrize(
    ("words", "out", "code"),
    [
        (["say", "a b", "-c"], "app None a b -c\n", 0),
        (["plain", "x"], "app None one x\n", 0),
        (["tab", "x"], "sub w two three x\n", 0),
        (["all"], "app None one\nsub w two three\n", 0),
        (["around", "x"], "app None pre\napp None x\napp None post\napp None end\n", 0),
        (["piped", "c d", "$HOME"], "2\nc d $HOME\n", 0),
        (["fails"], "", 3),
        (["killed"], "", 137),
        (["after"], "", 3),
        (["tool"], "app None not-the-tool\n", 0),
        (["--", "tool", "x"], "tool x\n", 7),
        (["-q", "plain"], "app None one\n", 0),
    ],
)
def test_a_task_runs(dxpy: Command, root: Path, words: list[str], out: str, code: int) -> None:
    result = dxpy(["run", *words], root / "sub")
    assert (result.out, result.err, result.code) == (out, "", code)


def test_a_task_whose_environment_is_gone_is_synced_first(dxpy: Command, root: Path) -> None:
    (root / ".venv" / "dxpy-state").unlink()
    assert dxpy("run plain", root).out == "app None one\n"
    assert "task_again" not in dxpy("run -v all", root).err
    assert dxpy("run -v all", root).err == "$ python say.py one\n$ python ../say.py 'two three'\n"


def test_tasks_and_commands_are_listed(dxpy: Command, root: Path) -> None:
    result = dxpy("run", root)
    assert (result.code, result.err) == (0, "Run one with `dxpy run NAME`\n")
    tasks, commands = result.out.split("\n\n")
    assert tasks.startswith("Tasks:\n  say      python -c ")
    assert tasks.splitlines()[3:5] == ["  tab      says it", "  all      runs plain, tab"]
    assert commands == "Commands in the environment:\n  tool\n"


def test_what_goes_wrong_is_said(dxpy: Command, root: Path) -> None:
    lost = dxpy("run lost", root)
    assert (lost.code, lost.out) == (2, "app None pre\n")
    assert lost.err == (
        "error: there is no command `no-such-command` in the environment or on PATH\n\n"
        "hint: it is a command of the task `lost`\n"
    )
    nowhere = dxpy("run nowhere", root)
    assert nowhere.code == 2
    assert nowhere.err == (f"error: the task `nowhere` cannot run in `{root}/not-there`: No such file or directory\n")
    slip = dxpy("run aroud", root)
    assert (slip.code, slip.err.splitlines()[2]) == (2, "hint: did you mean `around`?")


def test_a_project_with_a_wrong_task_says_where(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", more='[tool.dxpy.scripts]\na = { depends = ["b"] }\nb = { depends = ["a"] }\n')
    result = dxpy("run a", root)
    assert result.code == 2
    assert result.err == (
        f"error: `{root}/pyproject.toml:7` is not a valid project file: "
        "tasks depend on each other in a circle: a → b → a\n"
    )


def test_a_signal_reaches_the_command_that_is_waited_for(dxpy: Command, root: Path) -> None:
    (root / "wait.py").write_text(
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b'told\\n'), sys.exit(4)))\n"
        "os.write(1, b'ready\\n')\ntime.sleep(60)\n"
    )
    running = dxpy.start("run waits", root)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    os.kill(running.pid, signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert (out, err, running.returncode) == ("told\n", "", 4)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be replaced there")
def test_the_last_command_takes_the_place_of_dxpy(dxpy: Command, root: Path) -> None:
    (root / "say.py").write_text("import os; print(os.getpid(), flush=True)")
    for name in ("plain", "tab", "all", "around"):
        running = dxpy.start(f"run {name}", root)
        out, _ = running.communicate(timeout=30)
        assert out.splitlines()[-1] == str(running.pid), name
