"""Running somebody else's program: bounded in time and output, and with everything that it started gone in the end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

OUTPUT_BYTES = 64 * 1024**2
"""How much a program may write before it is stopped."""

SHOWN_BYTES = 16 * 1024
"""How much of the end of it is kept."""

_LOOK_SECONDS = 0.1
"""How often it is looked whether the program is to be stopped."""
_END_SECONDS = 2.0
"""How long it may take to end when it is asked to, before it is killed."""
_GONE_SECONDS = 0.2
"""How long what was killed is waited for; where nobody asks how it ended, it seems to be there for ever."""


class ProcessFailed(Exception):
    """A program that did not end well. `reason` completes "it …"; `output` is the end of what it wrote.

    `status` is what it ended with; None when it was stopped.
    """

    def __init__(self, reason: str, output: str, status: int | None) -> None:
        super().__init__(reason)
        self.reason, self.output, self.status = reason, output, status


def run_program(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    log: Path,
    timeout: float | None,
    stop: Event,
) -> None:
    """Run `command` to its end, what it writes going to the file `log`.

    It leads a group of processes, of which none is left when this returns. Raises ProcessFailed when it ends with
    another status than 0, takes longer than `timeout` seconds, writes without end, or `stop` is set meanwhile; and
    OSError when it cannot be started.
    """
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    reason = None
    try:
        reason = _wait(process, log, timeout, stop)
    finally:
        _end_all(process)
    if reason is not None or process.returncode != 0:
        raise ProcessFailed(
            reason or _ending(process.returncode), _tail(log), process.returncode if reason is None else None
        )


def _wait(process: subprocess.Popen[bytes], log: Path, timeout: float | None, stop: Event) -> str | None:
    """Wait for the end of `process`; why it must not go on, if it must not."""
    deadline = None if timeout is None else time.monotonic() + timeout
    with _Ending(process) as ending:
        while not ending.comes_within(_LOOK_SECONDS):
            if stop.is_set():
                return "was interrupted"
            if deadline is not None and time.monotonic() >= deadline:
                return f"took longer than {timeout:g} seconds"
            if log.stat().st_size > OUTPUT_BYTES:
                return f"wrote more than {OUTPUT_BYTES} bytes"
    return None


class _Ending:
    """Waits for the end of a process, which is heard of at once where the system can tell."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._descriptor: int | None = None
        with suppress(AttributeError, OSError):  # not Linux, or an old one
            self._descriptor = os.pidfd_open(process.pid)

    def __enter__(self) -> _Ending:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def comes_within(self, seconds: float) -> bool:
        if self._descriptor is not None:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLIN)
            poll.poll(seconds * 1000)
            return self._process.poll() is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it has not, and whatever it started and left behind."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
    left = _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    deadline = time.monotonic() + _GONE_SECONDS
    while left and time.monotonic() < deadline:  # what is killed may still be writing for a moment
        time.sleep(0.002)
        left = _signal(process, 0)


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to all of the group (0: none); whether there was anybody left."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
            return True
        process.send_signal(number)
    except (ProcessLookupError, PermissionError):  # nobody is left, or only what has another owner now
        return False
    return False


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _tail(log: Path) -> str:
    """The end of a log, from the beginning of a line on."""
    with open(log, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - SHOWN_BYTES))
        text = file.read(SHOWN_BYTES).decode("utf-8", "replace")
    if size > SHOWN_BYTES:
        text = "…\n" + text.partition("\n")[2]
    return text.strip("\n")
