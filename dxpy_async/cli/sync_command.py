"""`dxpy sync` with the engine: lock, fetch, unpack and link."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, settings_of, sync_options, watched_project
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.summary import conclude_check, report
from dxpy_async.cli.sync_requests import blueprint_key, sync_facts
from dxpy_async.engine.sync_options import LockMode
from dxpy_async.engine.syncing import SyncOutcome

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    outcome = sync(arguments, output)
    report(outcome, output)
    return conclude_check(outcome, output) if vars(arguments).get("check") else 0


def sync(arguments: argparse.Namespace, output: Output) -> SyncOutcome:
    """Sync the project that the flags mean, as they say."""
    project, watch = watched_project(arguments)
    options = sync_options(arguments)
    facts = sync_facts(arguments, project)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> SyncOutcome:
            return await engine.sync_project(
                project,
                watch,
                options=options,
                state_facts=facts,
                blueprint_key=partial(blueprint_key, arguments, project),
                on_event=on_event,
            )

        return run_engine(
            settings,
            work,
            unpacks=not options.dry_run,
            asks_pages=options.lock_mode is not LockMode.FROZEN,
        )
