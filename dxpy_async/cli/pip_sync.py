"""`dxpy pip sync`: let an environment hold what files of requirements say, and nothing else. Flags are uv's."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dxpy_async.cli.context import listener
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_command import chosen_environment, environment_request
from dxpy_async.cli.pip_requests import named_requirements, read_now, settings_for
from dxpy_async.cli.summary import report
from dxpy_async.engine.environment_choice import require_unmanaged
from dxpy_async.engine.install_options import InstallOptions
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.errors import UsageError

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    arguments.requirement, arguments.packages = [*arguments.requirement, *arguments.packages], []
    _check(arguments)
    request = read_now(arguments)
    if not request.entries and not arguments.allow_empty_requirements:
        raise UsageError(
            "the files ask for nothing, and so everything would be uninstalled",
            hints=("if that is meant, say `--allow-empty-requirements`",),
        )
    with settings_for(arguments, request) as settings, listener(arguments, output) as on_event:
        environment = chosen_environment(arguments, settings, output)
        require_unmanaged(environment, environment_request(arguments))

        async def work(engine: Engine) -> SyncOutcome:
            requirements, hashes = await named_requirements(engine, request, environment.interpreter, on_event)
            options = InstallOptions(
                reinstall=arguments.reinstall,
                hashes=hashes,
                requires_hashes=request.requires_hashes,
                dry_run=arguments.dry_run,
            )
            return await engine.sync_requirements(
                requirements, environment=environment, options=options, on_event=on_event
            )

        outcome = run_engine(settings, work)
    report(outcome, output)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if not arguments.requirement:
        raise UsageError("there is nothing to sync from", hints=("name files: `dxpy pip sync requirements.txt`",))
    for file in arguments.requirement:
        if file.endswith((".toml", ".lock")):
            raise UsageError(
                f"`{file}` is not a file of requirements",
                hints=("a project is synced by `dxpy sync`", f"take its pins with `dxpy lock --from {file}`"),
            )
