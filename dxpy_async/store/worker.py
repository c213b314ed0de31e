"""A process that unpacks wheels for an engine: unpacking holds the interpreter's lock, so threads do not help much.

It reads jobs from its standard input and answers each on its standard output, or both on a connection when it was
forked (`worker_protocol`, `forked_workers`). It ends when its input does, which is also what happens when its parent is
killed. Ctrl-C is for the parent to judge; SIGTERM ends the process at once, but not without removing what it was
writing.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from dxpy_async.errors import DxpyError
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.store import Store
from dxpy_async.store.worker_protocol import (
    READY,
    UnpackJob,
    decode_job,
    encode_done,
    encode_failure,
)


def main() -> int:
    """Work until the input ends. 0 then, and 0 too when nobody is left to hear an answer."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints must not get between the answers
    serve(sys.stdin.buffer, answers)
    return 0


def serve(jobs: Iterable[bytes], answers: int) -> None:
    """Answer each line of `jobs` on the descriptor `answers`, until there are no more or nobody hears the answers."""
    worker = _Worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.leave)
    try:
        os.write(answers, READY)
        for line in jobs:
            os.write(answers, worker.answer(decode_job(line)))
    except (BrokenPipeError, ConnectionResetError):
        return


class _Worker:
    """What a worker does with a job, and with SIGTERM."""

    def __init__(self) -> None:
        self._stores: dict[str, Store] = {}

    def answer(self, job: UnpackJob) -> bytes:
        store = self._stores.setdefault(job.root, Store(Path(job.root)))
        try:
            add_wheel(store, Path(job.archive), job.filename, sha256=job.sha256, blake3=job.blake3, size=job.size)
        except DxpyError as error:
            return encode_failure(error)
        return encode_done()

    def leave(self, _number: int, _frame: FrameType | None) -> None:
        """Clean up and end without returning to what was interrupted: an exception could be caught there, or lost."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for store in self._stores.values():
            store.abandon_staging()
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
