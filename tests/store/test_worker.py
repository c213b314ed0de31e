"""The worker process: a line in, a line out, errors that arrive as they were raised, and an end when its input ends."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3
from wheels import build_wheel

from dxpy_async.errors import (
    DamagedEntry,
    DxpyError,
    FormatError,
    HashMismatch,
    InvalidProject,
    InvalidWheel,
    SizeMismatch,
    StoreError,
)
from dxpy_async.store.store import Store
from dxpy_async.store.worker_protocol import (
    READY,
    UnpackJob,
    decode_answer,
    decode_job,
    encode_done,
    encode_failure,
    encode_job,
)


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "dxpy_async.store.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == READY
    yield process
    if process.returncode is None:
        process.kill()
        process.communicate()


def ask(worker: subprocess.Popen[bytes], job: UnpackJob) -> DxpyError | None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(encode_job(job))
    worker.stdin.flush()
    return decode_answer(worker.stdout.readline())


def job_for(wheel: Path, root: Path) -> UnpackJob:
    data = wheel.read_bytes()
    return UnpackJob(
        str(root), str(wheel), wheel.name, hashlib.sha256(data).hexdigest(), blake3(data).hexdigest(), len(data)
    )


def test_jobs_are_done_one_after_the_other(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    jobs = [job_for(build_wheel(tmp_path, name, "1.0"), tmp_path / "cache") for name in ("one", "two")]
    assert [ask(worker, job) for job in jobs] == [None, None]
    assert all(Store(tmp_path / "cache").find(job.sha256) for job in jobs)


def test_a_refused_wheel_is_answered_and_the_next_job_is_done(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    good = job_for(build_wheel(tmp_path, "good", "1.0"), tmp_path / "cache")
    bad = tmp_path / "bad-1.0-py3-none-any.whl"
    bad.write_bytes(b"this is not a wheel at all, whatever its name says")
    error = ask(worker, job_for(bad, tmp_path / "cache"))
    assert type(error) is InvalidWheel
    assert error.file == bad.name
    assert ask(worker, good) is None


def test_it_ends_when_its_input_ends(worker: subprocess.Popen[bytes]) -> None:
    worker.communicate(timeout=10)
    assert worker.returncode == 0


def test_it_leaves_ctrl_c_to_its_parent(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    worker.send_signal(signal.SIGINT)
    assert ask(worker, job_for(build_wheel(tmp_path, "one", "1.0"), tmp_path / "cache")) is None


def test_told_to_end_it_removes_what_it_was_writing(worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "big", "1.0", files={f"big/d{n % 50}/{n}.py": f"x = {n}\n" for n in range(3000)})
    assert worker.stdin is not None
    worker.stdin.write(encode_job(job_for(wheel, tmp_path / "cache")))
    worker.stdin.flush()
    staging = tmp_path / "cache" / "tmp-v1"
    while not staging.exists() or not list(staging.iterdir()):
        assert worker.poll() is None
    worker.terminate()
    worker.communicate(timeout=10)
    assert worker.returncode == 0
    assert [path.name for path in staging.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    "error",
    [
        StoreError("cannot write", hints=("free some space",)),
        InvalidWheel("demo.whl", "is broken", offset=12),
        FormatError("m", "is damaged"),
        SizeMismatch("demo.whl", expected=1, actual=2, origin="`x`"),
        HashMismatch("demo.whl", algorithm="sha256", expected="a", actual="b", origin="`x`"),
        InvalidProject("pyproject.toml", "no name", line=3, hints=("add one",)),
        DamagedEntry("demo.whl", key="k", file="f", reason="is gone"),
    ],
    ids=lambda error: error.code,
)
def test_an_error_arrives_as_it_was_raised(error: DxpyError) -> None:
    arrived = decode_answer(encode_failure(error))
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
    assert tuple(arrived.hints()) == tuple(error.hints())


def test_jobs_arrive_as_they_were_sent() -> None:
    job = UnpackJob("/root dir", "/a\nb.whl", "démo.whl", "a" * 64, "b" * 64, 2**40)
    assert encode_job(job).count(b"\n") == 1
    assert decode_job(encode_job(job)) == job


def test_done_is_no_error() -> None:
    assert decode_answer(encode_done()) is None


@pytest.mark.parametrize("line", [b"", b"{", b"\xff\n", b'{"code": "no-such-code"}\n', b'{"message": 1}\n'])
def test_what_is_no_answer_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode_answer(line)
