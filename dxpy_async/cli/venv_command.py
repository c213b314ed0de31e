"""`dxpy venv`: make a virtual environment."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.cli.context import project_around, settings_of
from dxpy_async.cli.output import Output
from dxpy_async.cli.venv_replay import keep, say_created
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.engine.replaying import stamps_of_choice
from dxpy_async.engine.targets import chosen_interpreter
from dxpy_async.engine.venvs import VenvOptions, make_venv
from dxpy_async.errors import InvalidEnvironment
from dxpy_async.installer.state import take_stamps
from dxpy_async.project.config_places import settings_files
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import VirtualEnvironment, skeleton_facts
from dxpy_async.python.interpreters import SearchPlaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import VenvDocument


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    project = project_around(arguments)
    path, shown = path_of(arguments, project)
    options = VenvOptions(
        prompt=arguments.prompt,
        clear=arguments.clear,
        force=arguments.force,
        allow_existing=arguments.allow_existing,
        system_site_packages=arguments.system_site_packages,
        relocatable=arguments.relocatable,
    )
    if options.clear and options.force:
        _check_not_around(path)
    root = str(project.root) if project else None
    watched = take_stamps(_settings_of(root), time.time_ns())
    with settings_of(arguments, project) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        interpreter = chosen_interpreter(project, settings, search)
        message = f"Using {interpreter.describe()} at {interpreter.executable}"
        output.say(message)
        outcome = make_venv(path, interpreter, options=options, cache_dir=settings.cache_dir)
        if outcome.created and _is_plain(arguments):
            stamps = {**watched, **stamps_of_choice(interpreter, settings, search)}
            asked = arguments.python or ""
            keep(str(settings.cache_dir), root, asked, skeleton_facts(interpreter), stamps, message)
    if outcome.created:
        say_created(output, shown, str(path))
    else:
        output.say(f"Keeping the virtual environment at {shown}")
    arguments.created = outcome.created
    if not arguments.seed:
        report_venv(outcome.environment, output, created=outcome.created)
    return None if arguments.seed else 0


def _settings_of(root: str | None) -> list[str]:
    """The files whose settings may say which interpreter to take."""
    named = (os.environ.get("DXPY_CONFIG_FILE"), os.environ.get("UV_CONFIG_FILE"))
    return [*settings_files(root, os.environ), *(os.path.abspath(file) for file in named if file)]


def report_venv(
    environment: VirtualEnvironment, output: Output, *, created: bool, seeded: Iterable[tuple[str, str]] = ()
) -> None:
    """The environment for programs; people were told."""
    interpreter = environment.interpreter
    document: VenvDocument = {
        "schema": "dxpy/venv/1",
        "path": str(environment.root),
        "created": created,
        "python": str(environment.python),
        "base": str(interpreter.executable),
        "version": interpreter.version,
        "implementation": interpreter.implementation,
        "seeded": [{"name": name, "version": version} for name, version in seeded],
    }
    output.document(document)


def path_of(arguments: argparse.Namespace, project: Project | None) -> tuple[Path, str]:
    """Where the environment goes, and how that is called."""
    default = project.environment if project else Path.cwd() / ENVIRONMENT_NAME
    shown = str(default) if project is not None and project.placed is not None else ENVIRONMENT_NAME
    return Path(os.path.abspath(arguments.path or default)), arguments.path or shown


def _check_not_around(path: Path) -> None:
    """Nobody means to lose the directory they stand in, or their home."""
    for place in (Path.cwd(), Path.home()):
        if place.is_relative_to(path):
            raise InvalidEnvironment(
                f"`{path}` holds `{place}`, so it is not cleared", hints=("choose another directory",)
            )


def _is_plain(arguments: argparse.Namespace) -> bool:
    """Whether no flag but `--python` has a part in the choice of the interpreter."""
    names = ("project", "directory", "cache_dir", "no_cache", "no_config", "python_preference")
    return not any(getattr(arguments, name, None) for name in names)
