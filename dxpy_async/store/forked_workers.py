"""Unpack workers that are forked, which takes a tenth of the time of starting them, and shares what is imported.

For whoever has neither threads nor an event loop yet. A worker waits on its connection, and ends when that does, so
also with its parent.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from dxpy_async.store.worker import serve


class ForkedWorker:
    """A forked worker, seen from its parent. `connection` takes jobs and gives answers."""

    def __init__(self, process: int, connection: socket.socket) -> None:
        self.process, self.connection = process, connection
        self._status: int | None = None

    @classmethod
    def fork(cls, siblings: Sequence[Self] = ()) -> Self:
        """Fork one. It lets go of the connections of its `siblings`, which would not end otherwise. Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            process = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if not process:
            for connection in (ours, *(each.connection for each in siblings)):
                connection.close()
            _be_worker(theirs)
        theirs.close()
        return cls(process, ours)

    @property
    def returncode(self) -> int | None:
        """What it ended with, a signal as a negative number; None while it runs."""
        if self._status is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            if process:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def terminate(self) -> None:
        """Tell it to end, which it does after removing what it was writing."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def end(self) -> None:
        """Make sure that it is gone."""
        self.connection.close()
        self.terminate()
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def _send(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.process, number)


def fork_workers(count: int) -> list[ForkedWorker]:
    """Fork so many, or fewer where the system allows no more; the engine starts what it lacks, or does without."""
    workers: list[ForkedWorker] = []
    with suppress(OSError):
        while len(workers) < count:
            workers.append(ForkedWorker.fork(workers))
    return workers


def _be_worker(connection: socket.socket) -> None:
    """All that the child ever does. It never returns, so that nothing of its parent's is done or flushed twice."""
    status = 1
    try:
        gc.freeze()  # what is there is the parent's: looking through it would only copy it
        os.setsid()  # Ctrl-C reaches the parent alone
        os.dup2(2, 1)  # whatever prints must not get between what the parent prints
        with connection.makefile("rb") as jobs:
            serve(jobs, connection.fileno())
        status = 0
    except Exception:
        sys.excepthook(*sys.exc_info())  # a bug: show where, before the parent says that there was no answer
    finally:
        os._exit(status)
