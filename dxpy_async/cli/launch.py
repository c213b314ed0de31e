"""Starting a command inside an environment, in place of this process where the platform can."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping

ASSUMED: set[str] = set()
"""Variables that this process has given itself, in place of other tools' ones, and that no command is to see."""

_HEAD_BYTES = 1024
_SOURCES = (".py", ".pyw")


def launch(environment: str, command: list[str], environ: Mapping[str, str]) -> int | None:
    """Become `command`, as `prepare` says. None: there is no such command. Raises OSError when it cannot be started."""
    prepared = prepare(environment, command, environ)
    return become(*prepared) if prepared is not None else None


def prepare(
    environment: str, command: list[str], environ: Mapping[str, str], *, over: str = "", python: str = ""
) -> tuple[str, list[str], dict[str, str]] | None:
    """The program, words and variables by which `command` runs in an environment; None when there is no such command.

    The environment's scripts come first on PATH, and its interpreter runs `.py` files. It may lie `over` another one,
    whose scripts come second, and are run by its interpreter too. When it is empty, `python` is the interpreter to use.
    Raises OSError.
    """
    scripts = [scripts_of(each) for each in (environment, over) if each] or [os.path.dirname(python)]
    child = {name: value for name, value in environ.items() if name != "PYTHONHOME" and name not in ASSUMED}
    if environment:
        child["VIRTUAL_ENV"] = environment
    child["PATH"] = os.pathsep.join([*scripts, environ.get("PATH", os.defpath)])
    if is_source(command[0]):
        command = ["python", *command]
    program = python if python and command[0] == "python" else _find(command[0], child["PATH"])
    if program is None:
        return None
    if over and os.path.dirname(program) == scripts_of(over):
        program, command = _lifted(program, command, environment)
    return program, command, child


def become(program: str, words: list[str], variables: dict[str, str]) -> int:
    """Let `program` take the place of this process; where that cannot be done, run it, and give its exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execve(program, words, variables)
    return os.spawnve(os.P_WAIT, program, words, variables)


def is_source(name: str) -> bool:
    """Whether a command is the name of a file that Python is to run."""
    return name.lower().endswith(_SOURCES) and os.path.isfile(name)


def scripts_of(environment: str) -> str:
    """The directory in which an environment has its executables."""
    return os.path.join(environment, "Scripts" if os.name == "nt" else "bin")


def _lifted(program: str, command: list[str], environment: str) -> tuple[str, list[str]]:
    """What runs a script of the lower environment so that it sees the upper one: its interpreter, not that of `#!`."""
    python = os.path.join(scripts_of(environment), "python")
    if os.path.basename(program).startswith("python"):
        return python, command
    with open(program, "rb") as file:
        head = file.read(_HEAD_BYTES)
    own = os.fsencode(os.path.join(os.path.dirname(program), "python"))
    return (python, ["python", program, *command[1:]]) if head.startswith(b"#!") and own in head else (program, command)


def _find(name: str, path: str) -> str | None:
    if os.path.dirname(name):
        return name if os.access(name, os.X_OK) and not os.path.isdir(name) else None
    endings = ("", ".exe", ".cmd", ".bat") if os.name == "nt" else ("",)
    for directory in path.split(os.pathsep):
        for ending in endings:
            candidate = os.path.join(directory or os.curdir, name + ending)
            if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
                return candidate
    return None
