"""`dxpy add`, `remove` and `version` with the engine: change pyproject.toml, lock, and sync."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, project_of, settings_of
from dxpy_async.cli.editing import bounds_of, conclude, draft_lock, draft_of, unnamed
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.script_editing import edit_script
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import Settings
from dxpy_async.engine.drafts import EditOutcome
from dxpy_async.engine.locking import LockOutcome
from dxpy_async.project.pyproject import Project

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    if getattr(arguments, "script", None) is not None:
        return _edit_script(arguments, output)
    _ask_for_names(arguments, output)
    draft, bounds, options = draft_of(arguments), bounds_of(arguments), draft_lock(arguments)

    if arguments.frozen:
        draft.save(None)
        return conclude(arguments, draft, draft, output)

    async def work(engine: Engine) -> EditOutcome:
        return await engine.lock_draft(draft, bounds=bounds, options=options, on_event=on_event)

    with settings_of(arguments, draft.project) as settings, listener(arguments, output) as on_event:
        outcome = run_engine(settings, work)
    return conclude(arguments, draft, outcome, output)


def _edit_script(arguments: argparse.Namespace, output: Output) -> int:
    def lock(project: Project, settings: Settings, output: Output) -> LockOutcome:
        with listener(arguments, output) as on_event:

            async def work(engine: Engine) -> LockOutcome:
                return await engine.lock_project(project, options=draft_lock(arguments), on_event=on_event)

            return run_engine(settings, work)

    code = edit_script(arguments, output, lock)
    assert code is not None
    return code


def _ask_for_names(arguments: argparse.Namespace, output: Output) -> None:
    """Note what sources that have to be fetched are called."""
    additions = unnamed(arguments)
    if not additions:
        return

    async def work(engine: Engine) -> dict[str, ProjectName]:
        return {each.text: await engine.project_name(str(each.url), on_event=on_event) for each in additions}

    with settings_of(arguments, project_of(arguments)) as settings, listener(arguments, output) as on_event:
        arguments.names = run_engine(settings, work)
