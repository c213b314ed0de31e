"""A process that has imported all of `dxpy` and forks for each command line, which saves most of a command's time.

What the fork is like is what a process started anew is like: arguments, directory, variables and output are those that
were asked for, it may become another program or be killed, and nothing of it stays. Only the imports were made before,
so what says which modules a command loads, and when, has to start its own.

Run as a program this is the server; `ForkServer` is its counterpart in the process of the tests.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dxpy_async.cli
from dxpy_async import __main__ as program

_STARTING = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "TMPDIR")
"""What begins the names of variables that are read when an interpreter starts, or once."""


class ForkServer:
    """Forks for one command line at a time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._replies = self._socket.makefile("r")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let the server end."""
        self._replies.close()
        self._socket.close()
        self._process.wait(10)

    def serves(self, environ: Mapping[str, str]) -> bool:
        """Whether an interpreter that is started with these variables would be as the server is."""
        return _of_starting(environ) == _of_starting(self._environ)

    def run(
        self, words: Sequence[str], *, cwd: Path, environ: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """What `subprocess.run` gives for `python -m dxpy_async`, with all that it says and nothing to read."""
        request = json.dumps({"words": list(words), "cwd": str(cwd), "environ": dict(environ)}).encode()
        with self._lock:
            out, their_out = os.pipe()
            err, their_err = os.pipe()
            try:
                socket.send_fds(self._socket, [b"%10d" % len(request)], [their_out, their_err])
                self._socket.sendall(request)
                pid = int(self._replies.readline())
            finally:
                os.close(their_out)
                os.close(their_err)
            try:
                said = _read_all((out, err), time.monotonic() + timeout)
            except TimeoutError as error:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(words), timeout) from error
            finally:
                os.close(out)
                os.close(err)
                code = int(self._replies.readline())
        return subprocess.CompletedProcess(list(words), code, *said)


@functools.cache
def fork_server() -> ForkServer:
    """The server of this process, until that ends."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    server = ForkServer({**environ, "LC_ALL": "C.UTF-8"})
    atexit.register(server.close)
    return server


def _of_starting(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_STARTING)}


def _read_all(pipes: tuple[int, int], deadline: float) -> list[str]:
    """What comes out of both until nobody holds their other ends, line ends as a text file gives them."""
    said = {pipe: bytearray() for pipe in pipes}
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            if not (ready := selector.select(deadline - time.monotonic())):
                raise TimeoutError
            for key, _ in ready:
                if not (data := os.read(key.fd, 65536)):
                    selector.unregister(key.fd)
                said[key.fd] += data
    return [io.TextIOWrapper(io.BytesIO(said[pipe]), "utf-8").read() for pipe in pipes]


def _serve(connection: socket.socket) -> None:
    """Answer requests until nobody asks any more; returns in each fork, which then is what was asked for."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the tests, which then ask no more
    while True:
        head, descriptors, *_ = socket.recv_fds(connection, 10, 2)
        if not head:
            os._exit(0)
        request = json.loads(_read_exactly(connection, int(head)))
        pid = os.fork()
        if not pid:
            connection.close()
            signal.signal(signal.SIGINT, interrupt)
            _become(request, descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(f"{pid}\n".encode())
        connection.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())


def _read_exactly(connection: socket.socket, length: int) -> bytes:
    read = b""
    while len(read) < length:
        read += connection.recv(length - len(read))
    return read


def _become(request: dict[str, Any], descriptors: Sequence[int]) -> None:
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv = [str(program.__file__), *request["words"]]
    sys.path[0] = request["cwd"]


def _import_all() -> None:
    """All that commands load, except what is slow and rarely needed: numba and all that stands on it."""
    for module in pkgutil.iter_modules(dxpy_async.cli.__path__, "dxpy_async.cli."):
        importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _import_all()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    sys.exit(dxpy_async.cli.main())
