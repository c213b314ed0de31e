"""`dxpy run` with the engine: bring the environment up to date, then become the command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.running import Sync, SyncRequest, run_with
from dxpy_async.engine.syncing import SyncOutcome

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    return run_with(syncing_with_engine(arguments, output), arguments, output)


def syncing_with_engine(arguments: argparse.Namespace, output: Output) -> Sync:
    """Brings environments up to date, whatever that takes."""

    def sync(request: SyncRequest) -> SyncOutcome:
        with listener(arguments, output) as on_event:

            async def work(engine: Engine) -> SyncOutcome:
                return await engine.sync_project(
                    request.project,
                    request.watch,
                    options=request.options,
                    state_facts=request.state_facts,
                    on_event=on_event,
                )

            return run_engine(request.settings, work)

    return sync
