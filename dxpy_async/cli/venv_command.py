"""`dxpy venv`: make a virtual environment."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output
from dxpy_async.cli.venv_replay import keep, say_created
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.engine.replaying import stamps_of_choice
from dxpy_async.errors import InvalidEnvironment, ProjectNotFound
from dxpy_async.project.pyproject import Project, find_project, read_project
from dxpy_async.python.environments import create_environment, open_environment, skeleton_facts
from dxpy_async.python.interpreters import SearchPlaces, find_interpreter


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = _project(arguments)
    path = Path(arguments.path) if arguments.path else (project.root if project else Path.cwd()) / ENVIRONMENT_NAME
    path = Path(os.path.abspath(path))
    with settings_of(arguments, project) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        interpreter = find_interpreter(
            settings.python,
            search=search,
            requires_python=project.requires_python if project else "",
            cache_dir=settings.cache_dir,
        )
        message = f"Using {interpreter.describe()} at {interpreter.executable}"
        output.say(message)
        if not arguments.clear and path.is_dir() and _keep(path, settings.cache_dir, arguments.allow_existing):
            output.say(f"Keeping the virtual environment at {arguments.path or ENVIRONMENT_NAME}")
            return 0
        create_environment(
            path,
            interpreter,
            prompt=arguments.prompt,
            clear=arguments.clear,
            system_site_packages=arguments.system_site_packages,
        )
        if _is_plain(arguments):
            root = str(project.root) if project else None
            stamps = stamps_of_choice(interpreter, settings, search)
            asked = arguments.python or ""
            keep(str(settings.cache_dir), root, asked, skeleton_facts(interpreter), stamps, message)
    say_created(output, arguments.path or ENVIRONMENT_NAME, str(path))
    return 0


def _is_plain(arguments: argparse.Namespace) -> bool:
    """Whether no flag but `--python` has a part in the choice of the interpreter."""
    names = ("project", "directory", "cache_dir", "no_cache", "no_config")
    return not any(getattr(arguments, name, None) for name in names)


def _project(arguments: argparse.Namespace) -> Project | None:
    """The project around, if there is one: its requires-python decides what fits."""
    try:
        return read_project(find_project(Path(arguments.project or Path.cwd())))
    except ProjectNotFound:
        if arguments.project:
            raise
        return None


def _keep(path: Path, cache_dir: Path, allowed: bool) -> bool:
    """Whether an environment is there and may stay. Raises InvalidEnvironment when it is there and nobody said so."""
    if open_environment(path, cache_dir=cache_dir) is None:
        return False
    if not allowed:
        raise InvalidEnvironment(
            f"there is a virtual environment at `{path}` already",
            hints=("replace it with `--clear`, or keep it with `--allow-existing`",),
        )
    return True
