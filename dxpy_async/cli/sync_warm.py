"""`dxpy sync` when there is nothing to wait for: nothing changed, or everything is in the store."""

from __future__ import annotations

import argparse
import os
import time

from dxpy_async.cli.context import settings_of, sync_options, watched_project
from dxpy_async.cli.lines import event_printer
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.summary import conclude_check, report, report_unchanged
from dxpy_async.cli.sync_requests import blueprint_key, request_text, sync_facts
from dxpy_async.engine.warm import sync_from_store
from dxpy_async.installer.state import unchanged


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    started = time.perf_counter()
    bundle = vars(arguments).get("bundle")
    if bundle and not os.path.isdir(bundle):
        return None  # whoever would install from it says what is wrong with it
    project, watch = watched_project(arguments)
    options = sync_options(arguments)
    facts = sync_facts(arguments, project)
    output.warn_all(project.warnings)
    if not (options.dry_run or options.begins_anew):
        known = unchanged(str(project.environment), facts, exact=options.exact)
        if known is None and arguments.frozen:  # what holds of a lock that was looked at holds without looking
            checked = state_facts(request_text(arguments, project), os.environ)
            known = unchanged(str(project.environment), checked, exact=options.exact)
        if known is not None:
            report_unchanged(project.environment, known, output, seconds=time.perf_counter() - started)
            return 0
    with settings_of(arguments, project) as settings:
        on_event = event_printer(output)
        outcome = sync_from_store(
            project,
            settings,
            options,
            watch=watch,
            state_facts=facts,
            blueprint_key=blueprint_key(arguments, project),
            on_event=on_event,
        )
    if outcome is None:
        return None
    report(outcome, output)
    return conclude_check(outcome, output) if vars(arguments).get("check") else 0
