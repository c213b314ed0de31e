"""Compiling sources with an interpreter that is not the one dxpy runs in."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from dxpy_async.core.limits import BYTECODE_BYTES
from dxpy_async.errors import InterpreterError, UsageError
from dxpy_async.python.probing import Interpreter

COMPILE_SECONDS = 600.0
"""How long an interpreter may take to compile one distribution."""

_TAG = re.compile(r"(cp|pp)(3)([0-9]{1,2})")
_NAMES = {"cp": "cpython", "pp": "pypy"}
_SCRIPT = Path(__file__).with_name("compile_script.py")


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
        _run(interpreter, down, up, environ)
        up.seek(0)
        return _answers(paths, up, interpreter)


def _run(interpreter: Interpreter, down: BinaryIO, up: BinaryIO, environ: Mapping[str, str]) -> None:
    command = [str(interpreter.executable), "-s", "-S", "-c", _SCRIPT.read_text(encoding="utf-8")]
    # Sets of constants are written in the order of their hashes, which must not be random.
    variables = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    try:
        ended = subprocess.run(
            command,
            stdin=down,
            stdout=up,
            stderr=subprocess.PIPE,
            env={**variables, "PYTHONHASHSEED": "0"},
            timeout=COMPILE_SECONDS,
            check=False,
            cwd=os.path.dirname(interpreter.executable),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InterpreterError(f"`{interpreter.executable}` cannot compile: {error}") from error
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise InterpreterError(
            f"`{interpreter.executable}` ended with status {ended.returncode} while compiling: {said[:200]}"
        )


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
