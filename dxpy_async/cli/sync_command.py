"""`dxpy sync`: make the project's environment hold what its lock says."""

from __future__ import annotations

import argparse
import os
import time

from dxpy_async.cli.context import listener, request_text, run_engine, settings_of, sync_options, watched_project
from dxpy_async.cli.output import Output, count, duration
from dxpy_async.cli.quick import state_facts
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.events import Listener
from dxpy_async.engine.syncing import StateWatch, SyncOptions, SyncOutcome
from dxpy_async.engine.warm import sync_from_store
from dxpy_async.installer.state import unchanged
from dxpy_async.project.pyproject import Project


def run(arguments: argparse.Namespace, output: Output) -> int:
    started = time.perf_counter()
    project, watch = watched_project(arguments)
    options = sync_options(arguments)
    facts = state_facts(request_text(arguments), os.environ)
    if not options.dry_run and options.exact:
        known = unchanged(str(project.root / ENVIRONMENT_NAME), facts)
        if known is not None:
            output.say(f"Checked {count(known)} in {duration(time.perf_counter() - started)}")
            return 0
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:
        outcome = sync(project, watch, settings, options, facts, on_event)
    report(outcome, output)
    return 0


def sync(
    project: Project,
    watch: StateWatch,
    settings: Settings,
    options: SyncOptions,
    facts: dict[str, str],
    on_event: Listener,
) -> SyncOutcome:
    """Sync without an event loop when there is nothing to wait for, else with the engine."""
    outcome = sync_from_store(project, settings, options, watch=watch, state_facts=facts, on_event=on_event)
    if outcome is not None:
        return outcome

    async def work(engine: Engine) -> SyncOutcome:
        return await engine.sync(project.root, options=options, state_facts=facts, on_event=on_event)

    return run_engine(settings, work)


def report(outcome: SyncOutcome, output: Output) -> None:
    """The summary: what came, what went, or that nothing had to."""
    took = duration(outcome.seconds)
    done = ("Would check", "Would remove", "Would install") if outcome.dry_run else ("Checked", "Removed", "Installed")
    if not outcome.changed:
        output.say(f"{done[0]} {count(outcome.kept)} in {took}")
    if outcome.removed:
        output.say(f"{done[1]} {count(len(outcome.removed))} in {took}")
    if outcome.installed:
        output.say(f"{done[2]} {count(len(outcome.installed))} in {took}")
    changes = [(name, 0, "-", version) for name, version in outcome.removed]
    changes += [(name, 1, "+", version) for name, version in outcome.installed]
    output.changes((sign, name, version) for name, _, sign, version in sorted(changes))
