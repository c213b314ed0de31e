"""`dxpy run CMD …`: bring the environment up to date, then become the command."""

from __future__ import annotations

import argparse
import os

from dxpy_async.cli.context import listener, request_text, settings_of, sync_options, watched_project
from dxpy_async.cli.launch import launch
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.sync_command import report, sync
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.errors import InvalidEnvironment, UsageError
from dxpy_async.installer.state import unchanged


def run(arguments: argparse.Namespace, output: Output) -> int:
    command = [word for place, word in enumerate(arguments.arguments) if place or word != "--"]
    if not command:
        raise UsageError("nothing to run", hints=("give a command: `dxpy run python`",))
    project, watch = watched_project(arguments)
    environment = project.root / ENVIRONMENT_NAME
    facts = state_facts(request_text(arguments), os.environ)
    if arguments.no_sync:
        if not environment.is_dir():
            raise InvalidEnvironment(f"there is no environment at `{environment}`", hints=("make it with `dxpy sync`",))
    elif unchanged(str(environment), facts) is None:
        with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:
            outcome = sync(project, watch, settings, sync_options(arguments), facts, on_event)
        if outcome.changed:
            report(outcome, output)
    code = launch(str(environment), command, os.environ)
    if code is None:
        raise UsageError(
            f"there is no command `{command[0]}` in the environment or on PATH",
            hints=("if a package provides it, add that package to the project's dependencies",),
        )
    return code
