"""`dxpy tool` with the engine."""

from __future__ import annotations

import argparse

from dxpy_async.cli.context import listener
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.tool_running import Brought, Means, run_tool
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.events import Listener
from dxpy_async.engine.given_requirements import GivenRequirement
from dxpy_async.engine.tool_environments import ANSWER_ALONE, AS_LOCKED, with_lock
from dxpy_async.engine.watching import StateWatch
from dxpy_async.installer.state import unchanged
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import Interpreter


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    return _run(arguments, output)


def _run(arguments: argparse.Namespace, output: Output) -> int | None:
    def name(given: GivenRequirement, settings: Settings) -> ProjectName:
        with listener(arguments, output) as on_event:
            return run_engine(settings, lambda engine: engine.project_name(str(given.url), on_event=on_event))

    def bring(question: Project, interpreter: Interpreter, settings: Settings) -> Brought:
        with listener(arguments, output) as on_event:
            return run_engine(
                settings, lambda engine: bring_tool(engine, question, interpreter, settings, on_event=on_event)
            )

    return run_tool(Means(name, bring), arguments, output)


async def bring_tool(
    engine: Engine, question: Project, interpreter: Interpreter, settings: Settings, *, on_event: Listener
) -> Brought:
    """Resolve `question`, and bring the environment of the answer to hold it."""
    found = await engine.lock_project(question, options=ANSWER_ALONE, on_event=on_event)
    project, facts = with_lock(question, found.lock, interpreter, settings), state_facts("", {})
    if unchanged(str(project.environment), facts) is not None:
        return Brought(project.environment, None)
    watch = StateWatch.of_lock(project.places).without_lock()
    outcome = await engine.sync_project(project, watch, options=AS_LOCKED, state_facts=facts, on_event=on_event)
    return Brought(project.environment, outcome)
