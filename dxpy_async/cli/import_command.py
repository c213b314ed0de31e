"""`dxpy import`: turn the project of another tool into one of dxpy."""

from __future__ import annotations

import argparse
import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, settings_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.locking import lock_part
from dxpy_async.cli.output import Output, count
from dxpy_async.cli.pin_words import say_what_was_kept, say_without_pins
from dxpy_async.core.places import LOCK_NAME, PROJECT_NAME
from dxpy_async.engine.importing import Imported, ProjectImporter
from dxpy_async.errors import UsageError
from dxpy_async.project.importing import ImportPlan, plan_import

if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import ImportDocument
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    root, files = _place(arguments)
    plan = plan_import(root, files)
    if plan.is_done:
        output.say(f"There is nothing to do: `{PROJECT_NAME}` says all of it already")
        _document(Imported(plan, None), arguments, output)
        return 0
    imported = Imported(plan, None)
    if arguments.frozen:
        _carry_over(plan, output)
        if not arguments.dry_run:
            plan.save(None)
    else:
        with settings_of(arguments, plan.project) as settings, listener(arguments, output) as on_event:

            async def work(engine: Engine) -> Imported:
                return await ProjectImporter(engine).carry_out(plan, dry_run=arguments.dry_run, on_event=on_event)

            imported = run_engine(settings, work)
        assert imported.lock is not None
        _carry_over(plan, output)
        if plan.pins_file is not None:
            say_without_pins(plan.pins_file, plan.pins, output)
            say_what_was_kept(plan.pins_file, plan.wanted_pins, imported.lock.lock, output)
    if arguments.dry_run:
        output.data(_difference(plan))
    else:
        _say_what_was_written(plan, output, locked=not arguments.frozen)
    _document(imported, arguments, output)
    return 0


def _place(arguments: argparse.Namespace) -> tuple[Path, list[Path]]:
    """The project's directory, and the files to import from, absolute."""
    start = Path(os.path.abspath(arguments.project)) if arguments.project else Path.cwd()
    place = Path(os.path.normpath(start / (arguments.path or "")))
    files = [Path(os.path.abspath(each)) for each in arguments.sources]
    if place.is_file() and place.name != PROJECT_NAME:
        return place.parent, [place, *files]
    if place.name == PROJECT_NAME and not place.is_dir():
        place = place.parent
    if not place.is_dir():
        raise UsageError(f"there is no directory `{place}` to import")
    return place, files


def _carry_over(plan: ImportPlan, output: Output) -> None:
    """Tell what becomes of what the old files say."""
    project = plan.project.meant
    if plan.files:
        parts = [count(len(project.dependencies), "requirement")]
        for number, kind in ((len(project.optional_dependencies), "extra"), (len(project.dependency_groups), "group")):
            parts += [f"{number} {kind}{'s' if number != 1 else ''}"] if number else []
        files = ", ".join(f"`{each}`" for each in dict.fromkeys(plan.files))
        output.say(f"Imported {', '.join(parts)} of `{project.name}` from {files}")
    for text in plan.left_out:
        output.warn(f"not carried over: {text}")


def _document(imported: Imported, arguments: argparse.Namespace, output: Output) -> None:
    if not output.is_json:
        return
    plan = imported.plan
    document: ImportDocument = {
        "schema": "dxpy/import/1",
        "file": str(plan.root / PROJECT_NAME),
        "dry_run": arguments.dry_run,
        "changed": plan.changes_project,
        "difference": _difference(plan),
        "files": list(dict.fromkeys(plan.files)),
        "left_out": list(plan.left_out),
        "pins": plan.pins_file,
        "lock": lock_part(imported.lock) if imported.lock is not None else None,
    }
    output.document(document)


def _difference(plan: ImportPlan) -> str:
    before = (plan.before or b"").decode("utf-8-sig").splitlines(keepends=True)
    after = plan.after.decode("utf-8-sig").splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, PROJECT_NAME, PROJECT_NAME, n=3))


def _say_what_was_written(plan: ImportPlan, output: Output, *, locked: bool) -> None:
    written = [f"`{PROJECT_NAME}`"] * plan.changes_project + [f"`{LOCK_NAME}`"] * locked
    if written:
        output.say(f"Wrote {' and '.join(written)}")
    old = [each for each in dict.fromkeys((*plan.files, plan.pins_file)) if each not in (None, PROJECT_NAME)]
    if old:
        names = ", ".join(f"`{each}`" for each in old)
        output.say(f"{names} {'is' if len(old) == 1 else 'are'} as before, and not read by dxpy: remove when you like")
    if not locked and plan.pins_file is not None:
        output.say(f"To lock with its pins: `dxpy lock --from {plan.pins_file}`")
