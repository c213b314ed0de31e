"""Running the command `dxpy` as a person would: a process of its own, in a directory of its own, seen from outside."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from fork_server import fork_server

from dxpy_async.cli import main

PYTHON = os.path.realpath(sys.executable)
UV = shutil.which("uv", path=f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ.get('PATH', '')}")
"""The tool that dxpy is held against, where it is installed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command ended with and said."""

    code: int
    out: str
    err: str


def clean_environ(**more: str) -> dict[str, str]:
    """The surroundings without what would steer dxpy or Python."""
    prefixes = ("DXPY_", "PYTHON", "UV_", "PIP_", "VIRTUAL_ENV", "PYENV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return {**kept, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **more}


def _told(ended: subprocess.CompletedProcess[str]) -> Result:
    assert "Traceback" not in ended.stdout + ended.stderr, ended.stderr
    return Result(ended.returncode, ended.stdout, ended.stderr)


class Command:
    """`dxpy`, with a cache and an index of its own."""

    def __init__(self, cache: Path, index_url: str) -> None:
        self.environ = clean_environ(
            DXPY_CACHE_DIR=str(cache),
            DXPY_DEFAULT_INDEX=index_url,
            DXPY_PYTHON=PYTHON,
            DXPY_HTTP_RETRIES="1",
            DXPY_HTTP_TIMEOUT="5",
            PIP_CONFIG_FILE=os.devnull,
            DXPY_COMPILE_BYTECODE="0",  # with symbolic links a process would do that which outlives the test
        )

    def __call__(
        self,
        arguments: Sequence[str] | str,
        cwd: Path,
        *,
        environ: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Result:
        """Run it to its end, in a fork if that makes no difference. Whatever happens, no traceback may be seen."""
        words = arguments.split() if isinstance(arguments, str) else list(arguments)
        environ = {**self.environ, **(environ or {})}
        if not (server := fork_server()).serves(environ):
            return self.in_new_process(words, cwd, environ=environ, timeout=timeout)
        return _told(server.run(words, cwd=cwd, environ=environ, timeout=timeout))

    def in_new_process(
        self,
        arguments: Sequence[str] | str,
        cwd: Path,
        *,
        environ: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Result:
        """Run it to its end as a shell would, from an interpreter that has loaded nothing."""
        words = arguments.split() if isinstance(arguments, str) else list(arguments)
        ended = subprocess.run(
            [sys.executable, "-m", "dxpy_async", *words],
            cwd=cwd,
            env={**self.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return _told(ended)

    def start(self, arguments: str, cwd: Path) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [sys.executable, "-m", "dxpy_async", *arguments.split()],
            cwd=cwd,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


class Told:
    """`dxpy` in this process, which saves starting one: for commands that do not become another program."""

    def __init__(self, command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._command, self._monkeypatch, self._capsys = command, monkeypatch, capsys

    def __call__(self, arguments: str, cwd: Path) -> Result:
        """Run it to its end, with the variables that the command has now."""
        environ = self._command.environ
        self._monkeypatch.chdir(cwd)
        for name in set(os.environ) - set(environ):
            self._monkeypatch.delenv(name)
        for name, value in environ.items():
            self._monkeypatch.setenv(name, value)
        handler = signal.getsignal(signal.SIGTERM)
        try:
            code = main(arguments.split())
        finally:
            signal.signal(signal.SIGTERM, handler)
        said = self._capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Result(code, said.out, said.err)


def write_project(root: Path, *dependencies: str, more: str = "", name: str = "webapp") -> Path:
    """A pyproject.toml with these dependencies, and no build system."""
    root.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{each}"' for each in dependencies)
    (root / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0.1"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n{more}'
    )
    return root


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def without_times(text: str) -> str:
    """`text` with every duration replaced by `T`, so that it can be compared."""
    return re.sub(r"\bin (\d+m \d+s|[\d.]+m?s)", "in T", text)
