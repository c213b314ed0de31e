"""Environments for tools that are run without being installed, in the cache: one for each answer of a resolution.

The part that waits for nothing, shared with the command line. Nothing of a project around counts, neither its settings
nor its pin of a Python: a tool is the user's.
"""

from __future__ import annotations

from collections.abc import Mapping

from dxpy_async.core.dataclass import replace
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import Settings
from dxpy_async.engine.kept_environments import tool_environment
from dxpy_async.engine.locking import LockOptions
from dxpy_async.engine.sync_options import LockMode, SyncOptions
from dxpy_async.errors import ToolError
from dxpy_async.formats.dpl_builder import build_dpl
from dxpy_async.installer.commands import commands_of_all
from dxpy_async.project.pin_files import user_wide_pin
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.version_files import first_pin
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import Interpreter

ANSWER_ALONE = LockOptions(anew=True, dry_run=True)
"""How a question is locked that has no lock of its own."""
AS_LOCKED = SyncOptions(lock_mode=LockMode.FROZEN)

MOST_LISTED = 8


def without_local_pins(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Settings as tools have them: of all files that pin a Python only the user-wide one counts."""
    if settings.python_file is None or settings.python_is_default:
        return settings
    pinned = first_pin([user_wide_pin(environ)])
    return replace(settings, python=pinned[0] if pinned else None, python_file=None)


def with_lock(question: Project, lock: Lock, interpreter: Interpreter, settings: Settings) -> Project:
    """The project that has the environment for this answer, with the lock written that it is made from."""
    content = build_dpl(lock)
    project = tool_environment(question, content, interpreter, settings)
    project.environment.parent.mkdir(parents=True, exist_ok=True)
    replace_file(project.lock, content)
    return project


def missing_command(command: str, name: ProjectName, environment: VirtualEnvironment) -> ToolError:
    """The error for a command that a tool has not got; it says which there are."""
    found = commands_of_all(environment.scheme)
    if not (own := found.get(name, ())):
        return without_commands(name, environment, "dxpy tool run --from {0} {1}")
    hints = (f"it has {_listed(own)}", f"run one with `dxpy tool run --from {name} {own[0]}`")
    return ToolError(f"`{name}` has no command `{command}`", hints=hints)


def without_commands(name: ProjectName, environment: VirtualEnvironment, way: str) -> ToolError:
    """The error for a package without commands; `way` is how to get at those of `{0}`, which has `{1}`."""
    found = list(commands_of_all(environment.scheme).items())[:MOST_LISTED]
    hints = [
        f"`{other}`, which comes with it, has {_listed(commands)}: `{way.format(other, commands[0])}`"
        for other, commands in found
    ]
    none = ("it is a library: use it in a project with `dxpy add`",)
    return ToolError(f"`{name}` has no commands", hints=hints or none)


def _listed(commands: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{each}`" for each in commands[:MOST_LISTED])
    return shown if len(commands) <= MOST_LISTED else f"{shown} and {len(commands) - MOST_LISTED} more"
