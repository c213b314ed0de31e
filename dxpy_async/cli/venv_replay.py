"""`dxpy venv [PATH]` where nothing is yet, when the interpreter was chosen before under the same circumstances.

What is kept, as a blueprint without wheels, is which interpreter that was and what an environment's files depend on.
"""

from __future__ import annotations

import os
import sys

from dxpy_async.cli.circumstances import cache_place, circumstances, usable_blueprint
from dxpy_async.cli.output import Output, wants_color
from dxpy_async.cli.quick import project_root
from dxpy_async.core.places import ENVIRONMENT_NAME, PROJECT_NAME
from dxpy_async.installer.blueprints import Blueprint, Stamps, kernel_of
from dxpy_async.python.skeletons import can_be_at, default_prompt, make_skeleton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.core.schemes import SkeletonFacts


def answer(arguments: list[str]) -> int | None:
    """Carry out `venv` with these arguments; None when the full program must."""
    cache_dir, root = cache_place(os.environ), project_root()
    named = arguments[0] if arguments else None
    path = os.path.abspath(named or f"{root or os.getcwd()}/{ENVIRONMENT_NAME}")
    if len(arguments) > 1 or cache_dir is None or os.path.lexists(path) or not can_be_at(path):
        return None
    key = key_of(root)
    blueprint = usable_blueprint(cache_dir, key, frozen=True) if key is not None else None
    if blueprint is None:
        return None
    output = Output(color=wants_color("auto", sys.stderr, dict(os.environ)))
    try:
        make_skeleton(path, blueprint.skeleton, default_prompt(path))
    except OSError:
        return None  # the full program says what is wrong; what was begun is known as unfinished
    output.say(blueprint.message)
    say_created(output, named or ENVIRONMENT_NAME, path)
    return 0


def say_created(output: Output, shown: str, path: str) -> None:
    """What is said of a new environment."""
    output.say(f"Created a virtual environment at {shown}")
    output.say(f"Activate it with: source {os.path.relpath(path)}/bin/activate")


def key_of(root: str | None) -> str | None:
    """The key for a plain `dxpy venv` within the project at `root`, or within none; None when it cannot be read."""
    digest = circumstances("venv", os.environ)
    if root is not None:
        try:
            with open(f"{root}/{PROJECT_NAME}", "rb") as file:
                digest.update(file.read())
        except OSError:
            return None
    return digest.hexdigest()


def keep(cache_dir: str, root: str | None, skeleton: SkeletonFacts, stamps: Stamps, message: str) -> None:
    """Keep the choice of an interpreter, and the words for it, for the next plain `dxpy venv`."""
    key = key_of(root)
    if key is not None and hasattr(os, "uname"):
        blueprint = Blueprint(stamps, kernel_of(os.uname()), skeleton, "", True, False, 0, message, ())
        blueprint.write(cache_dir, key)
