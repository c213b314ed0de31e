"""Turning the projects of other tools into ones of dxpy, for programs.

Apart from the engine, which would import all that reads those tools' files for every command.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dxpy_async.engine.drafts import DRAFT_LOCK
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.events import Listener, ignore
from dxpy_async.engine.locking import LockOutcome
from dxpy_async.formats.dpl import build_dpl
from dxpy_async.project.importing import ImportPlan, plan_import


class Imported(NamedTuple):
    """The plan, and the lock that was made by it; None when there was nothing to do."""

    plan: ImportPlan
    lock: LockOutcome | None


class ProjectImporter:
    """Imports projects with the locks that `engine` makes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def import_project(
        self, directory: Path, files: Sequence[Path] = (), *, dry_run: bool = False, on_event: Listener = ignore
    ) -> Imported:
        """Turn the project of another tool in `directory` into one of dxpy, with a lock that keeps its pins.

        `files` say what to read of it, instead of all that is known there. pyproject.toml and the lock are written
        both or neither; other files are left alone.
        """
        plan = await asyncio.to_thread(plan_import, Path(os.path.abspath(directory)), files)
        return await self.carry_out(plan, dry_run=dry_run, on_event=on_event)

    async def carry_out(self, plan: ImportPlan, *, dry_run: bool = False, on_event: Listener = ignore) -> Imported:
        """The same of a plan that was made before."""
        if plan.is_done:
            return Imported(plan, None)
        options = replace(DRAFT_LOCK, pins=plan.wanted_pins)
        outcome = await self._engine.lock_project(plan.project, options=options, on_event=on_event)
        if not dry_run:
            await asyncio.to_thread(plan.save, build_dpl(outcome.lock))
        return Imported(plan, outcome)
