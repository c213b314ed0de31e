"""`dxpy venv` where nothing is yet, when the interpreter was chosen before under the same circumstances.

Answers `-q`, `--prompt`, `--python` and a path; any other flag is for the full program.

What is kept, as a blueprint without wheels, is which interpreter that was and what an environment's files depend on.
"""

from __future__ import annotations

import os
import sys

from dxpy_async.cli.circumstances import cache_place, circumstances, usable_blueprint
from dxpy_async.cli.output import Output, wants_color
from dxpy_async.cli.quick import chosen_environment, project_root
from dxpy_async.core.places import ENVIRONMENT_NAME, PROJECT_NAME
from dxpy_async.errors import DxpyError
from dxpy_async.installer.blueprints import Blueprint, kernel_of
from dxpy_async.project.version_files import first_pin, pins_around, project_pins
from dxpy_async.python.skeletons import can_be_at, default_prompt, make_skeleton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.core.schemes import SkeletonFacts


def answer(arguments: list[str]) -> int | None:
    """Carry out a command line of `venv`; None when the full program must."""
    given, cache_dir, root = _given(arguments), cache_place(os.environ), project_root()
    if given is None or cache_dir is None:
        return None
    named, prompt, python, quiet = given
    if not named and chosen_environment():
        return None
    path = os.path.abspath(named or f"{root or os.getcwd()}/{ENVIRONMENT_NAME}")
    if os.path.lexists(path) or not can_be_at(path):
        return None
    key = key_of(root, python)
    blueprint = usable_blueprint(cache_dir, key, frozen=True) if key is not None else None
    if blueprint is None:
        return None
    output = Output(verbosity=-quiet, color=wants_color("auto", sys.stderr, dict(os.environ)))
    try:
        make_skeleton(path, blueprint.skeleton, prompt or default_prompt(path))
    except OSError:
        return None  # the full program says what is wrong; what was begun is known as unfinished
    output.say(blueprint.message)
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


def key_of(root: str | None, python: str) -> str | None:
    """The key for `dxpy venv` within the project at `root`, or within none; None when it cannot be read.

    `python` is what the flag asks for, empty without it. What it says of the working directory has no key.
    """
    if not os.path.isabs(python) and (os.sep in python or os.path.isdir(python)):
        return None
    digest = circumstances(f"venv {python}", os.environ)
    pins = project_pins(root, os.environ) if root is not None else pins_around(os.getcwd(), os.environ)
    try:
        if root is not None:
            with open(f"{root}/{PROJECT_NAME}", "rb") as file:
                digest.update(file.read())
        if not python and (pin := first_pin(pins)):
            digest.update(pin[0].encode("utf-8", "surrogateescape"))
    except (OSError, DxpyError):
        return None
    return digest.hexdigest()


def keep(
    cache_dir: str, root: str | None, python: str, skeleton: SkeletonFacts, stamps: dict[str, str], message: str
) -> None:
    """Keep the choice of an interpreter, and the words for it, for the next `dxpy venv` that asks for the same."""
    key = key_of(root, python)
    if key is not None and hasattr(os, "uname"):
        blueprint = Blueprint(stamps, kernel_of(os.uname()), skeleton, "", True, False, False, 0, message, ())
        blueprint.write(cache_dir, key)
