"""`dxpy run` when the environment is up to date, or everything that it needs is in the store."""

from __future__ import annotations

import argparse
import os
import sys

from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.cli.running import Sync, SyncRequest, run_with
from dxpy_async.engine.recalled_locking import lock_from_memory
from dxpy_async.engine.syncing import SyncOutcome, locking_for
from dxpy_async.engine.targets import interpreter_for
from dxpy_async.engine.warm import sync_from_store
from dxpy_async.python.interpreters import SearchPlaces


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    return run_with(syncing_from_store(output), arguments, output)


def syncing_from_store(output: Output) -> Sync:
    """Brings environments up to date from what is in the cache."""
    on_event = EventPrinter(output)

    def sync(request: SyncRequest) -> SyncOutcome | None:
        project, settings, options = request.project, request.settings, request.options
        if not project.lock.exists():
            search = SearchPlaces.from_environ(os.environ, sys.executable)
            target = interpreter_for(project, settings, search).target
            if lock_from_memory(project, target, settings, locking_for(project, options), on_event=on_event) is None:
                return None
        return sync_from_store(
            project,
            settings,
            options,
            watch=request.watch,
            state_facts=request.state_facts,
            blueprint_key=request.blueprint_key,
            on_event=on_event,
        )

    return sync
