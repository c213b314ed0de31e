"""What a command costs: whole processes, from start to exit, with all their children."""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SAMPLE_SECONDS = 0.01
SETTLE_SECONDS = 600.0
"""How long what a command leaves running may take before the suite gives up."""
_RUN = "BENCHMARK_RUN"
"""The variable by which the processes of one command are known, also those that outlive it."""
SMALL = 32 * 1024
"""Emptying files up to this takes long and gains little: nine of ten installed ones, with a quarter of the bytes."""
_MAXRSS_PER_MIB = 1024**2 if sys.platform == "darwin" else 1024


class CommandFailed(Exception):
    """A timed command ended with a code that is not zero."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: seconds on the clock, seconds of all processors, MiB of its largest process.

    `tree_mib` is the largest sum over all its processes at one time, known only when that was watched; `disk_mib` what
    it left on the disk, known only where that is what is asked.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    tree_mib: float | None = None
    disk_mib: float | None = None

    def __add__(self, other: Cost) -> Cost:
        """The cost of one after the other."""
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_mib, other.peak_mib),
            max((tree for tree in (self.tree_mib, other.tree_mib) if tree is not None), default=None),
        )


def timed(command: Sequence[str], where: Path, environ: Mapping[str, str], *, watch: bool = False) -> Cost:
    """Run a command to its end in the directory `where`; its output lies beside. Raises CommandFailed.

    What it leaves running is waited for when the clock has stopped: the next command would be timed beside it.
    `watch` adds up the memory of all its processes a hundred times a second, which slows it down a little: the time of
    such a run should not count.
    """
    launcher = _launcher()
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    output = where.parent / f"{where.name}.out"
    run = f"{os.getpid()}-{time.monotonic_ns()}"
    marshal.dump((list(command), str(where), {**environ, _RUN: run}, str(output)), launcher.stdin)
    launcher.stdin.flush()
    process: int = marshal.load(launcher.stdout)
    memory = _SessionMemory(process) if watch else None
    try:
        status, seconds, user, system, peak = marshal.load(launcher.stdout)
    except BaseException:
        os.killpg(process, signal.SIGTERM)  # it is in a session of its own, which Ctrl-C does not reach
        raise
    tree = memory.finish() if memory else None
    _settle(f"{_RUN}={run}", command)
    if code := os.waitstatus_to_exitcode(status):
        said = output.read_text(errors="replace")[-4000:]
        raise CommandFailed(f"`{' '.join(command)}` in {where} ended with {code}:\n{said}")
    peak_mib = peak / _MAXRSS_PER_MIB
    return Cost(seconds, user + system, peak_mib, None if tree is None else max(tree, peak_mib))


@cache
def _launcher() -> subprocess.Popen[bytes]:
    """The process that starts all others; it ends when this one does."""
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py"))]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _settle(mark: str, command: Sequence[str]) -> None:
    """Wait until no process has the variable `mark`. Raises CommandFailed when that takes too long."""
    end = time.monotonic() + SETTLE_SECONDS
    while any(_is_marked(pid, mark.encode()) for pid in _processes()):
        if time.monotonic() > end:
            raise CommandFailed(f"what `{' '.join(command)}` left running does not end")
        time.sleep(5 * SAMPLE_SECONDS)


def _is_marked(pid: str, mark: bytes) -> bool:
    try:
        return mark in Path("/proc", pid, "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended, or is somebody else's


class _SessionMemory:
    """A thread that adds up what the processes of a session hold, until it is told to finish.

    Pages that several processes share count once (Linux's proportional set size), so that forked workers are not
    counted for what they never copied.
    """

    def __init__(self, session: int) -> None:
        self._session = session
        self._most: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def finish(self) -> float | None:
        """The largest sum seen, in MiB; None where the system does not tell."""
        self._over.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            held = [kib for pid in _processes_of(self._session) if (kib := _held_kib(pid)) is not None]
            if held:
                self._most = max(self._most or 0.0, sum(held) / 1024)


def _processes() -> list[str]:
    """The ids of all processes; none where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return []
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _processes_of(session: int) -> list[int]:
    return [int(pid) for pid in _processes() if _session_of(pid) == session]


def _session_of(pid: str) -> int | None:
    try:
        status = Path("/proc", pid, "stat").read_text()
    except OSError:
        return None  # it has ended
    # The second field is the program's name in parentheses, and may hold anything.
    return int(status.rpartition(")")[2].split()[3])


def _held_kib(pid: int) -> int | None:
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return None  # it has ended
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)


def disk_mib(directory: Path) -> float:
    """What a directory occupies, each file once however many names it has."""
    seen: set[tuple[int, int]] = set()
    blocks = 0
    for folder, _, files in os.walk(directory):
        for status in (os.lstat(os.path.join(folder, name)) for name in (".", *files)):
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                blocks += status.st_blocks
    return blocks * 512 / 1024**2


def hollow(directory: Path, *, linked: bool) -> None:
    """Empty the larger files below a directory, and leave them there: room for the next run, without a delete.

    ext4 makes new files slowly for minutes after many were deleted, but not after they were emptied. Files that have
    other names are emptied only when `linked` says that all names lie in directories that are done with.
    """
    folders = [directory]
    while folders:
        for entry in os.scandir(folders.pop()):
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                status = entry.stat(follow_symlinks=False)
                if status.st_size > SMALL and (linked or status.st_nlink == 1):
                    _empty(entry.path, status.st_mode)


def _empty(path: str, mode: int) -> None:
    if not mode & 0o200:
        os.chmod(path, mode | 0o200)
    os.truncate(path, 0)
