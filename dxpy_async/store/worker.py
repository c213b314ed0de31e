"""A process that unpacks wheels for an engine: unpacking holds the interpreter's lock, so threads do not help much.

It reads jobs from its standard input and answers each on its standard output (`worker_protocol`). It ends when its
input does, which is also what happens when its parent is killed. Ctrl-C is for the parent to judge; SIGTERM ends the
process at once, but not without removing what it was writing.
"""

from __future__ import annotations

import os
import signal
import sys
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints must not get between the answers
    try:
        os.write(answers, READY)
        for line in sys.stdin.buffer:
            os.write(answers, _answer(decode_job(line)))
    except BrokenPipeError:
        return 0
    return 0


def _answer(job: UnpackJob) -> bytes:
    try:
        add_wheel(
            Store(Path(job.root)),
            Path(job.archive),
            job.filename,
            sha256=job.sha256,
            blake3=job.blake3,
            size=job.size,
        )
    except DxpyError as error:
        return encode_failure(error)
    return encode_done()


def _leave(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the cleaning up
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
