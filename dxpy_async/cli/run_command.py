"""`dxpy run` with the engine: bring the environment up to date, then become the command."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from dxpy_async.cli.context import listener
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.running import run_with
from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.engine.watching import StateWatch
from dxpy_async.project.pyproject import Project


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    def sync(
        project: Project,
        watch: StateWatch,
        settings: Settings,
        options: SyncOptions,
        *,
        state_facts: Mapping[str, str],
        blueprint_key: str | None,
    ) -> SyncOutcome:
        with listener(arguments, output) as on_event:

            async def work(engine: Engine) -> SyncOutcome:
                return await engine.sync_project(
                    project, watch, options=options, state_facts=state_facts, on_event=on_event
                )

            return run_engine(settings, work)

    return run_with(sync, arguments, output)
