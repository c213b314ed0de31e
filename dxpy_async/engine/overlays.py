"""Laying one environment over another: what is in the upper one is found first, then what is in the lower one.

A `.pth` file in the upper one's site-packages adds those of the lower one behind it, with their own `.pth` files, so
nothing of the lower environment is copied or changed, and what changes there is seen at the next start.
"""

from __future__ import annotations

from collections.abc import Sequence

from dxpy_async.core.settings import Settings
from dxpy_async.engine.syncing import environment_lock, make_environment
from dxpy_async.errors import InvalidEnvironment
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.python.interpreters import Interpreter

_PATH_FILE = "_dxpy_overlay.pth"


def lay_over(above: Project, interpreter: Interpreter, sites: Sequence[str], settings: Settings) -> None:
    """Make the environment of `above`, if there is none, so that it lies over what is in the directories `sites`."""
    if not sites:
        return
    above.environment.parent.mkdir(parents=True, exist_ok=True)
    place = above.environment / interpreter.purelib / _PATH_FILE
    line = "".join(f"site.addsitedir({site!a}); " for site in sites).rstrip("; ")
    content = f"import site; {line}\n".encode()
    if place.is_file() and place.read_bytes() == content:
        return
    with environment_lock(above.environment):
        make_environment(above, interpreter, settings)
        try:
            replace_file(place, content)
        except OSError as error:
            raise InvalidEnvironment(f"`{place}` cannot be written: {error.strerror}") from error
