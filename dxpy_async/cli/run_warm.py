"""`dxpy run CMD …` when the environment is up to date, or everything that it needs is in the store."""

from __future__ import annotations

import argparse
import os

from dxpy_async.cli.context import settings_of, sync_options, watched_project
from dxpy_async.cli.launch import start
from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.summary import report
from dxpy_async.cli.sync_requests import blueprint_key, request_text
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.engine.warm import sync_from_store
from dxpy_async.errors import InvalidEnvironment
from dxpy_async.installer.state import unchanged


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    project, watch = watched_project(arguments)
    environment = project.root / ENVIRONMENT_NAME
    facts = state_facts(request_text(arguments, project), os.environ)
    if arguments.no_sync:
        if not environment.is_dir():
            raise InvalidEnvironment(f"there is no environment at `{environment}`", hints=("make it with `dxpy sync`",))
        return start(str(environment), arguments.arguments, os.environ)
    options = sync_options(arguments)
    if unchanged(str(environment), facts, exact=options.exact) is None:
        with settings_of(arguments, project) as settings:
            on_event = EventPrinter(output)
            key = blueprint_key(arguments, project)
            outcome = sync_from_store(
                project, settings, options, watch=watch, state_facts=facts, blueprint_key=key, on_event=on_event
            )
        if outcome is None:
            return None
        if outcome.changed:
            report(outcome, output)
    return start(str(environment), arguments.arguments, os.environ)
