"""`dxpy add`, `remove` and `version` when all that a resolution needs is in the cache, and when none is wanted."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.editing import bounds_of, conclude, draft_lock, draft_of, unnamed
from dxpy_async.cli.lines import event_printer
from dxpy_async.cli.locking import expect_no_garbage
from dxpy_async.cli.output import Output
from dxpy_async.cli.script_editing import edit_script
from dxpy_async.core.settings import Settings
from dxpy_async.core.target_platforms import HERE
from dxpy_async.engine.cached_locking import lock_from_cache
from dxpy_async.engine.drafts import save_draft
from dxpy_async.engine.locking import LockOptions, LockOutcome
from dxpy_async.engine.targets import target_for
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    expect_no_garbage()
    if getattr(arguments, "script", None) is not None:
        return edit_script(arguments, output, partial(_lock, draft_lock(arguments)))
    if unnamed(arguments):
        return None
    draft = draft_of(arguments)
    if arguments.frozen:
        draft.save(None)
        return conclude(arguments, draft, draft, output)
    with settings_of(arguments, draft.project) as settings:
        locked = _lock(draft_lock(arguments), draft.project, settings, output)
        if locked is None:
            return None
        outcome = save_draft(draft, bounds_of(arguments), locked, settings)
    return conclude(arguments, draft, outcome, output)


def _lock(options: LockOptions, project: Project, settings: Settings, output: Output) -> LockOutcome | None:
    target = target_for(HERE, project, settings, SearchPlaces.from_environ(os.environ, sys.executable))
    return lock_from_cache(project, target, settings, options, on_event=event_printer(output))
