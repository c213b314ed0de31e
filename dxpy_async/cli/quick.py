"""The command lines that are answered from a few `stat`s: `dxpy sync` and `dxpy run CMD` when nothing has changed.

Imports only what a bare interpreter has loaded already, or nearly: everything else would cost more than the answer.
A command line that is anything but the plain form, and any doubt, goes to the full program.
"""

from __future__ import annotations

import os
import sys
import time

from dxpy_async._version import __version__
from dxpy_async.cli.launch import launch
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.installer.state import unchanged

_IRRELEVANT = ("DXPY_CACHE_DIR", "DXPY_NO_PROGRESS", "DXPY_OFFLINE")
"""Variables that cannot change what an environment should hold."""
_IRRELEVANT_PREFIX = "DXPY_HTTP_"


def answer(arguments: list[str]) -> int | None:
    """Carry out `arguments` if that takes no thought, and give the exit code; None when the full program must."""
    if arguments in (["--version"], ["-V"]):
        print(f"dxpy {__version__}")
        return 0
    if arguments == ["sync"]:
        return _sync()
    if len(arguments) > 1 and arguments[0] == "run" and not arguments[1].startswith("-"):
        return _run(arguments[1:])
    return None


def state_facts(request: str, environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """What a sync depended on besides the files it read: the options, as text, the variables and our own version."""
    variables = sorted(
        f"{name}={without_credentials(value)}"
        for name, value in environ.items()
        if name.startswith("DXPY_") and name not in _IRRELEVANT and not name.startswith(_IRRELEVANT_PREFIX)
    )
    return {"request": request, "variables": "\0".join(variables), "version": __version__}


def without_credentials(text: str) -> str:
    """`text` with the user and password left out of every URL in it: they change nothing, and must not reach a disk."""
    first, *rest = text.split("://")
    for after in rest:
        end = len(after) - len(after.partition("/")[2])
        first += "://" + after[:end].rpartition("@")[2] + after[end:]
    return first


def _sync() -> int | None:
    started = time.perf_counter()
    environment = _environment()
    count = unchanged(environment, state_facts("", os.environ)) if environment else None
    if count is None:
        return None
    took = (time.perf_counter() - started) * 1000
    sys.stderr.write(f"Checked {count} package{'' if count == 1 else 's'} in {took:.0f}ms\n")
    return 0


def _run(command: list[str]) -> int | None:
    environment = _environment()
    if environment is None or unchanged(environment, state_facts("", os.environ)) is None:
        return None
    return launch(environment, command, os.environ)


def _environment() -> str | None:
    """The environment of the nearest project above the working directory."""
    directory = os.getcwd()
    while not os.path.isfile(f"{directory}/pyproject.toml"):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return f"{directory}/{ENVIRONMENT_NAME}"
