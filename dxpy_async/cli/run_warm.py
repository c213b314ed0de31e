"""`dxpy run` when the environment is up to date, or everything that it needs is in the store."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping

from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.cli.running import run_with
from dxpy_async.core.settings import Settings
from dxpy_async.engine.recalled_locking import lock_from_memory
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.engine.syncing import SyncOutcome, locking_for
from dxpy_async.engine.targets import interpreter_for
from dxpy_async.engine.warm import sync_from_store
from dxpy_async.engine.watching import StateWatch
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    def sync(
        project: Project,
        watch: StateWatch,
        settings: Settings,
        options: SyncOptions,
        *,
        state_facts: Mapping[str, str],
        blueprint_key: str | None,
    ) -> SyncOutcome | None:
        if not project.lock.exists():
            search = SearchPlaces.from_environ(os.environ, sys.executable)
            target = interpreter_for(project, settings, search).target
            if lock_from_memory(project, target, settings, locking_for(project, options), on_event=on_event) is None:
                return None
        return sync_from_store(
            project,
            settings,
            options,
            watch=watch,
            state_facts=state_facts,
            blueprint_key=blueprint_key,
            on_event=on_event,
        )

    on_event = EventPrinter(output)
    return run_with(sync, arguments, output)
