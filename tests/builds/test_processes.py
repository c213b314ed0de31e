"""Programs of others are run to their end or stopped, and nothing they started is left."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from dxpy_async.builds import processes
from dxpy_async.builds.processes import ProcessFailed, run_program


def run(
    tmp_path: Path,
    code: str,
    *,
    timeout: float | None = 20,
    stop: Event | None = None,
    variables: dict[str, str] | None = None,
) -> str:
    log = tmp_path / "log"
    command = [sys.executable, "-c", code]
    run_program(command, cwd=tmp_path, environ=variables or {}, log=log, timeout=timeout, stop=stop or Event())
    return log.read_text()


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_program_runs_where_and_with_what_it_is_told(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), sorted(os.environ), file=sys.stderr); print(os.environ['A'])"
    assert run(tmp_path, code, variables={"A": "1", "LC_CTYPE": "C.UTF-8"}) == f"{tmp_path} ['A', 'LC_CTYPE']\n1\n"


def test_it_has_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed) as caught:
        run(tmp_path, "input()")
    assert "EOFError" in caught.value.output


def test_another_exit_code_and_signals_are_failures(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed) as ended:
        run(tmp_path, "print('why'); raise SystemExit(3)")
    assert (ended.value.reason, ended.value.output, ended.value.status) == ("ended with exit code 3", "why", 3)
    with pytest.raises(ProcessFailed) as killed:
        run(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert killed.value.reason == "was killed by SIGKILL"


def test_only_the_end_of_much_output_is_kept(tmp_path: Path) -> None:
    with pytest.raises(ProcessFailed) as caught:
        run(tmp_path, "for n in range(9999): print('line', n)\nraise SystemExit(1)")
    lines = caught.value.output.split("\n")
    assert (lines[0], lines[-1]) == ("…", "line 9998")
    assert len(caught.value.output) <= processes.SHOWN_BYTES + 2
    assert lines[1].startswith("line ")


def test_output_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "OUTPUT_BYTES", 100_000)
    with pytest.raises(ProcessFailed, match="wrote more than 100000 bytes"):
        run(tmp_path, "while True: print('again and again')")


def test_a_program_that_takes_too_long_is_stopped_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(ProcessFailed) as caught:
        run(tmp_path, code, timeout=1)
    assert (caught.value.reason, caught.value.status) == ("took longer than 1 seconds", None)
    assert time.monotonic() - started < 10
    assert not is_running(int(caught.value.output))


def test_what_a_program_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\nprint(child.pid)"
    )
    started = time.monotonic()
    child = int(run(tmp_path, code))
    assert time.monotonic() - started < 10
    assert not is_running(child)


def test_it_is_stopped_when_nobody_wants_it_any_more(tmp_path: Path) -> None:
    stop = Event()
    timer = Timer(0.3, stop.set)
    timer.start()
    with pytest.raises(ProcessFailed, match="was interrupted"):
        run(tmp_path, "import time; time.sleep(60)", stop=stop)
    timer.join()


def test_its_end_is_heard_of_where_the_system_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert run(tmp_path, "print(1)") == "1\n"
    with pytest.raises(ProcessFailed, match="took longer than"):
        run(tmp_path, "import time; time.sleep(60)", timeout=0.3)
