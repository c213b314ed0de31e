"""Compiling sources with an interpreter that is not the one dxpy runs in."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, NamedTuple

from dxpy_async.core.limits import BYTECODE_BYTES
from dxpy_async.errors import InterpreterError, UsageError
from dxpy_async.python.probing import Interpreter

COMPILE_SECONDS = 600.0
"""How long an interpreter may take to compile one distribution."""

_TAG = re.compile(r"(cp|pp)(3)([0-9]{1,2})")
_NAMES = {"cp": "cpython", "pp": "pypy"}
_SCRIPT = Path(__file__).with_name("compile_script.py")
_BESIDE_SCRIPT = Path(__file__).with_name("bytecode_script.py")


def request_of_tag(tag: str) -> str:
    """What to ask `find_interpreter` for, to get the interpreter of a tag: `cpython@3.11` for `cp311`."""
    match = _TAG.fullmatch(tag)
    if match is None:
        raise UsageError(
            f"`{tag}` is not the tag of an interpreter", hints=("a tag is like `cp311`, for CPython 3.11",)
        )
    return f"{_NAMES[match[1]]}@{match[2]}.{match[3]}"


def compile_sources(
    interpreter: Interpreter, sources: Iterable[tuple[str, bytes]], *, environ: Mapping[str, str]
) -> dict[str, bytes]:
    """The contents of a `.pyc` file for each source by path; none for those that this Python does not understand.

    The same sources give the same code. `environ` are the variables that the interpreter runs with, but Python's own.
    Raises InterpreterError when the interpreter does not do its work.
    """
    with tempfile.TemporaryFile() as down, tempfile.TemporaryFile() as up:
        paths = []
        for path, source in sources:
            paths.append(path)
            for block in (path.encode(), source):
                down.write(len(block).to_bytes(4, "little") + block)
        down.seek(0)
        _run(interpreter.executable, down, up, environ)
        up.seek(0)
        return _answers(paths, up, interpreter)


class Bytecode(NamedTuple):
    """A file of bytecode beside its source, with its size, its time of change (ns) and its SHA-256 (hex)."""

    source: str
    path: str
    size: int
    mtime_ns: int
    sha256: str


def add_bytecode(
    executable: Path, sources: Sequence[str], *, environ: Mapping[str, str], workers: int = 2
) -> list[Bytecode]:
    """Compile sources (absolute paths) with the interpreter at `executable`, into the `__pycache__` beside each.

    It is run in `workers` processes at a time. Sources that this Python does not understand are left out; what is there
    already is made anew. Raises InterpreterError when the interpreter does not do its work, which a directory that
    takes no file is a reason for.
    """
    down: BinaryIO
    up: BinaryIO
    said: BinaryIO
    with ExitStack() as stack:
        running: list[tuple[subprocess.Popen[bytes], BinaryIO, BinaryIO]] = []
        for number in range(min(workers, len(sources))):
            down, up, said = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(3))
            down.write(b"".join([os.fsencode(path) + b"\0" for path in sources[number::workers]]))
            down.seek(0)
            process = _start(executable, _BESIDE_SCRIPT, down, up, said, environ)
            stack.callback(_end, process)
            running.append((process, up, said))
        found: list[Bytecode] = []
        for process, up, said in running:
            _wait(executable, process, said)
            up.seek(0)
            texts = iter(os.fsdecode(up.read()).split("\0")[:-1])
            found += [
                Bytecode(source, next(texts), int(next(texts)), int(next(texts)), next(texts)) for source in texts
            ]
        return found


def _run(executable: Path, down: BinaryIO, up: BinaryIO, environ: Mapping[str, str]) -> None:
    with tempfile.TemporaryFile() as said:
        process = _start(executable, _SCRIPT, down, up, said, environ)
        try:
            _wait(executable, process, said)
        finally:
            _end(process)


def _start(
    executable: Path, script: Path, down: BinaryIO, up: BinaryIO, said: BinaryIO, environ: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [str(executable), "-s", "-S", "-c", script.read_text(encoding="utf-8")]
    # Sets of constants are written in the order of their hashes, which must not be random.
    variables = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    try:
        return subprocess.Popen(
            command,
            stdin=down,
            stdout=up,
            stderr=said,
            env={**variables, "PYTHONHASHSEED": "0"},
            cwd=os.path.dirname(executable),
        )
    except OSError as error:
        raise InterpreterError(f"`{executable}` cannot compile: {error}") from error


def _wait(executable: Path, process: subprocess.Popen[bytes], said: BinaryIO) -> None:
    try:
        status = process.wait(COMPILE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise InterpreterError(f"`{executable}` cannot compile: {error}") from error
    if status:
        said.seek(0)
        last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
        raise InterpreterError(f"`{executable}` ended with status {status} while compiling: {last[:200]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Make sure that a process is gone."""
    if process.poll() is None:
        process.kill()
        process.wait()


def _answers(paths: Iterable[str], up: BinaryIO, interpreter: Interpreter) -> dict[str, bytes]:
    compiled = {}
    for path in paths:
        size = int.from_bytes(up.read(4), "little")
        code = up.read(size) if size <= BYTECODE_BYTES else b""
        if len(code) != size:
            raise InterpreterError(f"`{interpreter.executable}` gave no proper answer while compiling `{path}`")
        if code:
            compiled[path] = code
    return compiled
