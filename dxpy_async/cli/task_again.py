"""`dxpy run NAME` where NAME may be a task, when nothing has changed: the pyproject.dx in the environment tells.

A task that is one command takes the place of this process; all others, and every doubt, are the full program's.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dxpy_async.cli.launch import launch
from dxpy_async.cli.quick import project_root, state_facts, synced_place
from dxpy_async.core.places import ENVIRONMENT_NAME, PROJECT_NAME
from dxpy_async.errors import DxpyError
from dxpy_async.installer.state import unchanged
from dxpy_async.project.document import kept_document, read_content

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from typing import Any

_PLAIN = frozenset({"cmd", "cwd", "env", "help"})
"""What a table may have that is one command and nothing more."""
_SHELL_CHARACTERS = "'\"\\"


def answer(words: list[str]) -> int | None:
    """Run the words after `run`; None when more thought is needed."""
    root, place = project_root(), synced_place()
    if root is None or place != (f"{root}/{ENVIRONMENT_NAME}", "") or os.environ.get("DXPY_ENV_FILE"):
        return None  # a member of a workspace has tasks in two files
    if unchanged(place[0], state_facts("", os.environ), exact=False) is None:
        return None
    tasks = kept_tasks(root)
    if tasks is None:
        return None
    command, variables, directory = words, {}, os.curdir
    if words[0] in tasks:
        task = tasks[words[0]]
        table = task if isinstance(task, dict) else {"cmd": task}
        own = _words(table.get("cmd")) if _PLAIN.issuperset(table) else None
        if own is None:
            return None
        command, variables, directory = own + words[1:], table.get("env", {}), f"{root}/{table.get('cwd', '')}"
    before = os.getcwd()
    with suppress(OSError):  # the full program says in words why it does not start
        os.chdir(directory)
        return launch(place[0], command, {**os.environ, **variables})
    os.chdir(before)
    return None


def kept_tasks(root: str) -> dict[str, Any] | None:
    """The table of tasks of the project in `root`, without reading TOML; None when that cannot be."""
    file = Path(root, PROJECT_NAME)
    try:
        document = kept_document(file, read_content(file))
    except (DxpyError, FileNotFoundError):
        return None
    tasks: dict[str, Any] | None = None
    if document is not None:
        tasks = document.get("tool", {}).get("dxpy", {}).get("scripts", {})
    return tasks


def _words(command: object) -> list[str] | None:
    """The words of a command that needs no thought to split. It was read before, so it is right."""
    if isinstance(command, list):
        return [*command]
    if isinstance(command, str) and not any(character in command for character in _SHELL_CHARACTERS):
        return command.split()
    return None
