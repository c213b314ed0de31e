"""`dxpy lock` with the engine: resolve the project and write the lock."""

from __future__ import annotations

import argparse

from dxpy_async.cli.context import listener, project_of, settings_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import normalize
from dxpy_async.core.places import LOCK_NAME
from dxpy_async.engine.engine import Engine, LockOptions, LockOutcome
from dxpy_async.engine.locking import read_lock


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_of(arguments)
    options = LockOptions(
        upgrade=arguments.upgrade,
        upgrade_projects=tuple(map(normalize, arguments.upgrade_package)),
        check=arguments.check,
        dry_run=arguments.dry_run,
    )
    earlier = read_lock(project.root / LOCK_NAME)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> LockOutcome:
            return await engine.lock(project.root, options=options, on_event=on_event)

        outcome = run_engine(settings, work)
    _say_differences(earlier, outcome.lock, output)
    return 0


def _say_differences(earlier: Lock | None, now: Lock, output: Output) -> None:
    """What moved since the last lock; a first lock has nothing to tell that its summary line did not."""
    if earlier is None:
        return
    before = {package.name: package.version for package in earlier.packages}
    after = {package.name: package.version for package in now.packages}
    for name in sorted(before.keys() | after.keys()):
        match before.get(name), after.get(name):
            case None, str(added):
                output.say(f"Added {name} v{added}")
            case str(removed), None:
                output.say(f"Removed {name} v{removed}")
            case was, becomes if was != becomes:
                output.say(f"Updated {name} v{was} -> v{becomes}")
            case _:
                pass
