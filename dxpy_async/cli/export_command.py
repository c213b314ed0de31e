"""`dxpy export` with the engine: bring the lock up to date first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, project_of, settings_of, upgraded_projects, wanted_target
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.export_warm import write
from dxpy_async.cli.output import Output
from dxpy_async.engine.locking import LockOptions, LockOutcome

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_of(arguments)
    options = LockOptions(
        check=arguments.locked,
        target=wanted_target(arguments),
        upgrade=arguments.upgrade,
        upgrade_projects=upgraded_projects(arguments),
    )
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> LockOutcome:
            return await engine.lock_project(project, options=options, on_event=on_event)

        outcome = run_engine(settings, work)
    write(outcome.lock, project, arguments, output)
    return 0
