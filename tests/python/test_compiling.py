"""Sources are compiled by the interpreter that will run them, always to the same code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dxpy_async.errors import InterpreterError, UsageError
from dxpy_async.python.compiling import compile_sources, request_of_tag
from dxpy_async.python.probing import probe

SOURCES = [
    ("demo/__init__.py", b"x = 1 in {'a', 'b', 'c', 'd'}\nprint('compiled')\n"),
    ("demo/empty.py", b""),
    ("demo/old.py", b"print 'two'\n"),
    ("demo/zeros.py", b"\0\0"),
    ("demo/deep.py", b"(" * 5000),
]


def test_any_interpreter_compiles_to_what_it_imports(any_python: Path, tmp_path: Path) -> None:
    interpreter = probe(any_python, cache_dir=tmp_path / "cache")
    code = compile_sources(interpreter, SOURCES, environ=os.environ)
    assert sorted(code) == ["demo/__init__.py", "demo/empty.py"]
    assert compile_sources(interpreter, SOURCES, environ=os.environ) == code
    (tmp_path / "demo.pyc").write_bytes(code["demo/__init__.py"])
    said = subprocess.check_output([any_python, "-S", "-c", "import demo"], cwd=tmp_path, text=True)
    assert said == "compiled\n"


def test_a_tag_names_an_interpreter() -> None:
    assert request_of_tag("cp311") == "cpython@3.11"
    assert request_of_tag("pp310") == "pypy@3.10"
    for tag in ("", "311", "cp2", "py3", "cp27", "cp3111"):
        with pytest.raises(UsageError, match="is not the tag of an interpreter"):
            request_of_tag(tag)


def test_an_interpreter_that_fails_is_named(python311: Path, tmp_path: Path) -> None:
    interpreter = probe(python311, cache_dir=tmp_path / "cache")
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho oh no >&2\nexit 3\n")
    broken.chmod(0o755)
    object.__setattr__(interpreter, "executable", broken)
    with pytest.raises(InterpreterError, match=r"ended with status 3 while compiling: oh no"):
        compile_sources(interpreter, SOURCES, environ=os.environ)
