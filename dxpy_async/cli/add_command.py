"""`dxpy add` and `dxpy remove` with the engine: change pyproject.toml, lock, and sync."""

from __future__ import annotations

import argparse

from dxpy_async.cli.context import listener, settings_of
from dxpy_async.cli.editing import bounds_of, conclude, draft_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.engine.drafts import EditOutcome
from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    draft, bounds = draft_of(arguments), bounds_of(arguments)

    async def work(engine: Engine) -> EditOutcome:
        return await engine.lock_draft(draft, bounds=bounds, on_event=on_event)

    with settings_of(arguments, draft.project) as settings, listener(arguments, output) as on_event:
        outcome = run_engine(settings, work)
    return conclude(arguments, draft, outcome, output)
