"""What a project is locked and synced for: the interpreter of its environment, or one that is found, or another."""

from __future__ import annotations

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.settings import Settings
from dxpy_async.core.target_platforms import WantedTarget, moved, platform_of, target_environment
from dxpy_async.errors import InvalidEnvironment, UsageError
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import VirtualEnvironment, open_environment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, find_interpreter, satisfies
from dxpy_async.python.requests import contradicts


def interpreter_for(project: Project, settings: Settings, search: SearchPlaces) -> Interpreter:
    """The interpreter that the project is locked and synced for: its environment's while that fits, else a new one.

    Raises InterpreterNotFound when nothing on the machine fits what the settings and the project ask for.
    """
    existing = working_environment(project, settings)
    request = requested_python(project, settings)
    if (
        existing is not None
        and satisfies(existing.interpreter, request, project.requires_python)
        and search.allows(existing.interpreter, settings.python_preference)
    ):
        return existing.interpreter
    return chosen_interpreter(project, settings, search)


def chosen_interpreter(project: Project | None, settings: Settings, search: SearchPlaces) -> Interpreter:
    """The interpreter that settings and project ask for, whatever environment is there.

    Raises InterpreterNotFound as `interpreter_for`.
    """
    return find_interpreter(
        requested_python(project, settings),
        search=search,
        requires_python=project.requires_python if project is not None else "",
        cache_dir=settings.cache_dir,
        preference=settings.python_preference,
    )


def requested_python(project: Project | None, settings: Settings) -> str | None:
    """What is asked for beyond `requires-python`. A user-wide pin that the project does not allow is not.

    Raises UsageError for a pin of the project's own that contradicts it.
    """
    request, file = settings.python, settings.python_file
    if request is None or file is None or project is None or not contradicts(request, project.requires_python):
        return request
    if settings.python_is_default:
        return None
    raise UsageError(
        f"`{file}` asks for Python {request}, but `{project.file}` requires `{project.requires_python}`",
        hints=("change the pin with `dxpy python pin VERSION`, or change `requires-python`",),
    )


def target_for(wanted: WantedTarget, project: Project, settings: Settings, search: SearchPlaces) -> TargetEnvironment:
    """The environment that the project is locked for: `wanted`, and where that leaves something open, what is here.

    Raises InterpreterNotFound as `interpreter_for` does, but of an interpreter that only tells of the machine nothing
    is demanded.
    """
    if wanted.python is not None and wanted.platform is not None:
        return target_environment(wanted.python, wanted.platform)
    if wanted.python is not None:
        anyone = find_interpreter(
            None, search=search, cache_dir=settings.cache_dir, preference=settings.python_preference
        )
        return target_environment(wanted.python, platform_of(anyone.target))
    here = interpreter_for(project, settings, search).target
    return moved(here, wanted.platform) if wanted.platform is not None else here


def working_environment(project: Project, settings: Settings) -> VirtualEnvironment | None:
    """The project's environment, if there is one that works."""
    try:
        return open_environment(project.environment, cache_dir=settings.cache_dir)
    except InvalidEnvironment:
        return None  # making it anew is the sync's to do, and to refuse where something of value is in the way
