"""`dxpy tool run` when all that it takes is in the cache."""

from __future__ import annotations

import argparse

from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.run_warm import syncing_from_store
from dxpy_async.cli.running import SyncRequest
from dxpy_async.cli.tool_running import Brought, Means, run_tool
from dxpy_async.core.settings import Settings
from dxpy_async.engine.recalled_locking import lock_from_memory
from dxpy_async.engine.tool_environments import ANSWER_ALONE, AS_LOCKED, with_lock
from dxpy_async.engine.watching import StateWatch
from dxpy_async.installer.state import unchanged
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import Interpreter


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    on_event, sync = EventPrinter(output), syncing_from_store(output)

    def bring(question: Project, interpreter: Interpreter, settings: Settings) -> Brought | None:
        found = lock_from_memory(question, interpreter.target, settings, ANSWER_ALONE, on_event=on_event)
        if found is None:
            return None
        project, facts = with_lock(question, found.lock, interpreter, settings), state_facts("", {})
        if unchanged(str(project.environment), facts) is not None:
            return Brought(project.environment, None)
        outcome = sync(
            SyncRequest(project, StateWatch.of_lock(project.places).without_lock(), settings, AS_LOCKED, facts, None)
        )
        return Brought(project.environment, outcome) if outcome is not None else None

    if arguments.action != "run":
        return None
    return run_tool(Means(lambda given, settings: None, bring), arguments, output)
