"""`dxpy bundle`: collect what the lock needs in a directory, for installing where there is no network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener, project_of, settings_of, sync_options, wanted_target
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output, count
from dxpy_async.core.quantities import readable_size
from dxpy_async.engine.bundling import BundleOptions, BundleOutcome
from dxpy_async.formats.bundle_manifest import BUILD

if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import BundleDocument
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_of(arguments)
    output.warn_all(project.warnings)
    options = BundleOptions(
        sync=sync_options(arguments),
        target=wanted_target(arguments),
        with_build_requirements=not arguments.no_build_requirements,
    )
    into = Path(arguments.output_dir)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> BundleOutcome:
            return await engine.bundle_project(project, into, options=options, on_event=on_event)

        outcome = run_engine(settings, work)
    _report(outcome, into, output)
    if output.is_json:
        output.document(_document(outcome))
    return 0


def _document(outcome: BundleOutcome) -> BundleDocument:
    return {
        "schema": "dxpy/bundle/1",
        "directory": str(outcome.directory),
        "files": [
            {
                "name": file.project,
                "version": file.version,
                "filename": file.filename,
                "sha256": file.sha256,
                "bytes": file.size,
                "purpose": "build" if file.purpose == BUILD else "install",
                "is_new": file.filename in outcome.added,
            }
            for file in outcome.files
        ],
        "removed": list(outcome.removed),
        "left_out": list(outcome.directories),
    }


def _report(outcome: BundleOutcome, into: Path, output: Output) -> None:
    there = f"{len(outcome.added)} new" if outcome.added else "all there already"
    output.say(f"Bundled {count(len(outcome.files), 'file')} ({readable_size(outcome.size)}, {there}) in `{into}`")
    if outcome.removed:
        output.say(f"Removed {count(len(outcome.removed), 'file')} that the bundle needs no more")
    if outcome.directories:
        named = ", ".join(f"`{name}`" for name in outcome.directories)
        output.say(f"Take the directories of source along, they are not in the bundle: {named}")
