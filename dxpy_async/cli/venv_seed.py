"""`dxpy venv --seed`, once the environment is there: pip comes from the index."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, project_around, settings_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.venv_command import path_of, report_venv
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.engine.venvs import seeds
from dxpy_async.errors import InvalidEnvironment
from dxpy_async.python.environments import open_environment

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_around(arguments)
    path, _ = path_of(arguments, project)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:
        environment = open_environment(path, cache_dir=settings.cache_dir)
        if environment is None:
            raise InvalidEnvironment(f"the environment `{path}` went away while it was made")

        async def work(engine: Engine) -> SyncOutcome:
            return await engine.install(seeds(environment.interpreter), environment=environment, on_event=on_event)

        outcome = run_engine(settings, work)
    output.changes(("+", name, version) for name, version in outcome.installed)
    report_venv(environment, output, created=arguments.created, seeded=outcome.installed)
    return 0
