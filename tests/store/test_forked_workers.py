"""Forked workers do what started ones do, and are gone with their connection, their parent, or when told so."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from wheels import build_wheel

from dxpy_async.errors import InvalidWheel
from dxpy_async.store.forked_workers import ForkedWorker, fork_workers
from dxpy_async.store.store import Store
from dxpy_async.store.worker_protocol import READY, UnpackJob, decode_answer, encode_job

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


@pytest.fixture
def workers() -> Iterator[list[ForkedWorker]]:
    found = fork_workers(2)
    yield found
    for worker in found:
        worker.end()


def job_for(wheel: Path, root: Path) -> UnpackJob:
    data = wheel.read_bytes()
    digests = (hashlib.sha256(data).hexdigest(), blake3(data).hexdigest())
    return UnpackJob(str(root), str(wheel), wheel.name, *digests, len(data))


def until_ended(worker: ForkedWorker) -> int:
    deadline = time.monotonic() + 10
    while (status := worker.returncode) is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return status


def test_each_does_its_jobs_and_tells_errors(workers: list[ForkedWorker], tmp_path: Path) -> None:
    bad = tmp_path / "bad-1.0-py3-none-any.whl"
    bad.write_bytes(b"this is not a wheel at all, whatever its name says")
    for number, worker in enumerate(workers):
        job = job_for(build_wheel(tmp_path, f"p{number}", "1.0"), tmp_path / "cache")
        with worker.connection.makefile("rwb") as lines:
            assert lines.readline() == READY
            lines.write(encode_job(job) + encode_job(job_for(bad, tmp_path / "cache")))
            lines.flush()
            assert decode_answer(lines.readline()) is None
            assert isinstance(decode_answer(lines.readline()), InvalidWheel)
        assert Store(tmp_path / "cache").find(job.sha256)


def test_one_ends_with_its_connection_and_the_other_stays(workers: list[ForkedWorker]) -> None:
    workers[0].connection.close()
    assert until_ended(workers[0]) == 0
    assert workers[1].returncode is None


def test_ended_it_is_gone_and_ending_it_again_is_nothing(workers: list[ForkedWorker]) -> None:
    workers[0].end()
    workers[0].end()
    assert workers[0].returncode is not None
    with pytest.raises(ChildProcessError):
        os.waitpid(workers[0].process, os.WNOHANG)


def test_they_end_when_their_parent_is_killed() -> None:
    program = (
        "import os, signal; from dxpy_async.store.forked_workers import fork_workers\n"
        "workers = fork_workers(2)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # Its output ends when all who hold it have ended, the workers' standard error with it.
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stderr) == (-9, b"")


def test_where_no_more_processes_are_allowed_there_are_none() -> None:
    script = (
        "import os, resource\n"
        "from dxpy_async.index.page_worker import PageWorker\n"
        "from dxpy_async.store.forked_workers import fork_workers\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))\n"
        "os.getuid() or os.setuid(65534)\n"  # the administrator has no limit
        "print(fork_workers(2), PageWorker.fork())\n"
    )
    command = [sys.executable, "-W", "error", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.stdout, ended.stderr) == ("[] None\n", "")
