"""Starting a command inside an environment, in place of this process where the platform can."""

from __future__ import annotations

import os
import sys

from dxpy_async.errors import UsageError

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping


def launch(environment: str, command: list[str], environ: Mapping[str, str]) -> int | None:
    """Become `command`, with the scripts of `environment` first on PATH; a `.py` file is run by its interpreter.

    Does not return where a process can replace itself. Elsewhere gives the child's exit code. None: no such command.
    """
    scripts = os.path.join(environment, "Scripts" if os.name == "nt" else "bin")
    child = {name: value for name, value in environ.items() if name != "PYTHONHOME"}
    child["VIRTUAL_ENV"] = environment
    child["PATH"] = scripts + os.pathsep + environ.get("PATH", os.defpath)
    if command[0].endswith(".py") and os.path.isfile(command[0]):
        command = ["python", *command]
    program = _find(command[0], child["PATH"])
    if program is None:
        return None
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(program, command, child)
    return os.spawnve(os.P_WAIT, program, command, child)


def start(environment: str, words: list[str], environ: Mapping[str, str]) -> int:
    """The same for the words after `run`, which must name a command. Raises UsageError when they do not."""
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise UsageError("nothing to run", hints=("give a command: `dxpy run python`",))
    code = launch(environment, command, environ)
    if code is None:
        raise UsageError(
            f"there is no command `{command[0]}` in the environment or on PATH",
            hints=("if a package provides it, add that package to the project's dependencies",),
        )
    return code


def _find(name: str, path: str) -> str | None:
    if os.path.dirname(name):
        return name if os.access(name, os.X_OK) else None
    endings = ("", ".exe", ".cmd", ".bat") if os.name == "nt" else ("",)
    for directory in path.split(os.pathsep):
        for ending in endings:
            candidate = os.path.join(directory or os.curdir, name + ending)
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
    return None
