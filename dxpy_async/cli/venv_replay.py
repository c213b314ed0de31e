"""`dxpy venv` where nothing is yet, when the interpreter was chosen before under the same circumstances.

Answers `-q`, `--prompt`, `--python` and a path; any other flag is for the full program.

What is kept, as a state record in the cache, is which interpreter that was and what an environment's files depend on.
Python's own start is two thirds of the time that this may take, so it loads no hash, no lock and no errors.
"""

from __future__ import annotations

import os
import sys
import time

from dxpy_async.cli.output import Output, wants_color
from dxpy_async.cli.quick import SEARCHED, chosen_environment, project_root, state_facts
from dxpy_async.core.places import ENVIRONMENT_NAME, PROJECT_NAME
from dxpy_async.installer.state import facts_since, script_record, write_record
from dxpy_async.project.cache_place import absolute_cache_dir
from dxpy_async.project.pin_files import first_request, pins_around, project_pins
from dxpy_async.python.skeletons import can_be_at, default_prompt, make_skeleton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.core.schemes import SkeletonFacts

_FRESH_SECONDS = 24 * 3600
"""How long nobody looks whether another interpreter would be chosen now, if nothing else says so."""
_KEPT = ("executable", "implementation", "python", "site", "scripts", "names", "lib64", "message", "until")


def answer(arguments: list[str]) -> int | None:
    """Carry out a command line of `venv`; None when the full program must."""
    given, cache_dir, root = _given(arguments), absolute_cache_dir(os.environ), project_root()
    if given is None or cache_dir is None:
        return None
    named, prompt, python, quiet = given
    if not named and chosen_environment():
        return None
    path = os.path.abspath(named or f"{root or os.getcwd()}/{ENVIRONMENT_NAME}")
    if os.path.lexists(path) or not can_be_at(path):
        return None
    known = _recorded(cache_dir, root, python)
    if known is None:
        return None
    skeleton, message = known
    try:
        make_skeleton(path, skeleton, prompt or default_prompt(path))
    except OSError:
        return None  # the full program says what is wrong; what was begun is known as unfinished
    output = Output(verbosity=-quiet, color=wants_color("auto", sys.stderr, dict(os.environ)))
    output.say(message)
    say_created(output, named or ENVIRONMENT_NAME, path)
    return 0


def _given(arguments: list[str]) -> tuple[str, str, str, int] | None:
    """The path, the prompt and the interpreter asked for, each empty when not said, and how often to be quiet.

    None for a command line that is not understood here.
    """
    values, quiet = {"--prompt": "", "--python": ""}, 0
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        flag = "--python" if flag == "-p" and not equals else flag
        if argument in ("-q", "--quiet"):
            quiet += 1
        elif flag in values and words:
            value = value if equals else next(rest, "")
            if not value or value.startswith("-"):
                return None
            values[flag] = value
        elif argument.startswith("-") or not argument:
            return None
        else:
            words.append(argument)
    if words[:1] != ["venv"] or len(words) > 2:
        return None
    return words[1] if len(words) == 2 else "", values["--prompt"], values["--python"], quiet


def say_created(output: Output, shown: str, path: str) -> None:
    """What is said of a new environment."""
    output.say(f"Created a virtual environment at {shown}")
    output.say(f"Activate it with: source {_quoted(f'{os.path.relpath(path)}/bin/activate')}")


def _quoted(path: str) -> str:
    """`path` as a shell reads it; `shlex`, for the same, loads what takes longer than making an environment."""
    plain = all(character.isalnum() or character in "/._-+@:" for character in path)
    return path if plain else "'" + path.replace("'", "'\\''") + "'"


def _recorded(cache_dir: str, root: str | None, python: str) -> tuple[SkeletonFacts, str] | None:
    """The skeleton and the words that were kept for this, if nothing has changed since and they are of today."""
    asked = _facts_of(root, python)
    known = facts_since(script_record(cache_dir, "\0".join(asked.values()))) if asked is not None else None
    if known is None:
        return None
    executable, implementation, version, site, scripts, names, lib64, message, until = (
        known.pop(name, "") for name in _KEPT
    )
    if known != asked or not until or time.time() > float(until):
        return None
    starting = tuple(names.split("\0") if names else ())
    return (executable, implementation, version, site, scripts, starting, bool(lib64)), message


def keep(
    cache_dir: str, root: str | None, python: str, skeleton: SkeletonFacts, stamps: dict[str, str], message: str
) -> None:
    """Keep the choice of an interpreter, and the words for it, for the next `dxpy venv` that asks for the same."""
    asked = _facts_of(root, python)
    if asked is None or not hasattr(os, "uname"):
        return
    *texts, names, lib64 = skeleton
    until = f"{time.time() + _FRESH_SECONDS:.0f}"
    kept = zip(_KEPT, (*texts, "\0".join(names), "yes" if lib64 else "", message, until), strict=True)
    write_record(script_record(cache_dir, "\0".join(asked.values())), {**asked, **dict(kept)}, stamps, 0)


def _facts_of(root: str | None, python: str) -> dict[str, str] | None:
    """What `dxpy venv` hangs on besides the interpreters, within the project at `root`, or within none.

    `python` is what the flag asks for, empty without it. None when it says something of the working directory, or when
    a file cannot be read.
    """
    if not os.path.isabs(python) and (os.sep in python or os.path.isdir(python)):
        return None
    environ = os.environ
    pins = project_pins(root, environ) if root is not None else pins_around(os.getcwd(), environ)
    try:
        pin = "" if python else first_request(pins) or ""
        project = _content(f"{root}/{PROJECT_NAME}") if root is not None else ""
    except OSError:
        return None
    machine = " ".join(os.uname()[2:]) if hasattr(os, "uname") else ""
    surroundings = [sys.executable, machine, *(environ.get(name, "") for name in SEARCHED)]
    facts = state_facts("\0".join(("venv", python, pin)), environ)
    return {**facts, "surroundings": "\0".join(surroundings), "project": project}


def _content(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().decode("utf-8", "surrogateescape")
