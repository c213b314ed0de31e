"""How a command's process ends: at once, but never before all is said, and not where something is still to be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, write_project


@pytest.mark.parametrize(
    ("command", "code"), [("--version", 0), ("lock --show", 0), ("lock --show none", 2), ("-x", 2)]
)
def test_a_process_that_ends_at_once_has_the_code_and_has_said_all(
    dxpy: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, code: int
) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    in_own_time = f"import sys; from dxpy_async.cli import main; sys.exit(main({command.split()!r}))"
    ended = subprocess.run([sys.executable, "-c", in_own_time], cwd=root, env=dxpy.environ, check=False)
    whole = capfd.readouterr()
    at_once = dxpy(command, root)
    assert (at_once.code, at_once.out, at_once.err) == (code, whole.out, whole.err)
    assert ended.returncode == code
    assert whole.out + whole.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_output_that_cannot_be_written_is_not_a_success(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "dxpy_async", "lock", "--show"], cwd=root, env=dxpy.environ, stdout=full, check=False
        )
    assert ended.returncode != 0


@pytest.mark.parametrize(
    "waits",
    [
        "import atexit; atexit.register(print, 'done')",
        "import threading; threading.Timer(0.2, print, ['done']).start()",
    ],
)
def test_what_waits_for_the_end_is_done(dxpy: Command, waits: str) -> None:
    text = f"from dxpy_async.cli import main; {waits}; main()"
    ended = subprocess.run(
        [sys.executable, "-c", text, "--version"], env=dxpy.environ, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "done"


def test_main_called_with_arguments_comes_back(dxpy: Command) -> None:
    text = "from dxpy_async.cli import main; print('code', main(['--version']))"
    ended = subprocess.run([sys.executable, "-c", text], env=dxpy.environ, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "code 0"
