"""`dxpy pip uninstall`."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from dxpy_async.cli.context import listener
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_command import chosen_environment, environment_request, pip_settings
from dxpy_async.cli.pip_requests import fetching, given_entry
from dxpy_async.core.names import ProjectName
from dxpy_async.engine.environment_choice import require_unmanaged
from dxpy_async.engine.environment_manager import EnvironmentManager, Uninstalled
from dxpy_async.errors import InstallError
from dxpy_async.installer.installed import InstalledDistribution
from dxpy_async.project.requirements_files import read_requirements


def run(arguments: argparse.Namespace, output: Output) -> int:
    names = _names(arguments, output)
    if not names:
        raise InstallError("there is nothing to uninstall", hints=("name packages, or files of them with `-r FILE`",))
    with pip_settings(arguments) as settings, listener(arguments, output) as on_event:
        environment = chosen_environment(arguments, settings, output)
        require_unmanaged(environment, environment_request(arguments))
        manager = EnvironmentManager(settings)

        def uninstall(*, dry_run: bool) -> Uninstalled:
            return run_loop(lambda: manager.uninstall(environment, names, dry_run=dry_run, on_event=on_event))

        planned = uninstall(dry_run=True)
        for name in planned.missing:
            output.warn(f"Skipping {name} as it is not installed.")
        if not planned.removed:
            return 0
        if arguments.dry_run or not (arguments.yes or _agreed(planned.removed)):
            output.data(f"Would uninstall {' '.join(map(_pin, planned.removed))}")
            return 0
        done = uninstall(dry_run=False)
    for distribution in done.removed if output.verbosity >= 0 else ():
        output.data(f"Successfully uninstalled {_pin(distribution)}")
    return 0


def _names(arguments: argparse.Namespace, output: Output) -> list[ProjectName]:
    """What words and files name; what has no name is passed over with a warning, as pip does it."""
    entries = [given_entry(text) for text in arguments.packages]
    if arguments.requirement:
        read = partial(read_requirements, arguments.requirement, directory=Path.cwd(), environ=os.environ)
        entries += fetching(lambda fetched: read(fetched=fetched), arguments).entries
    for entry in entries:
        if not entry.requirement.name:
            where = f" ({entry.origin})" if entry.origin else ""
            output.warn(f"`{entry.text}`{where} is passed over: only what has a name can be uninstalled")
    return [name for entry in entries if (name := entry.requirement.name)]


def _agreed(removed: tuple[InstalledDistribution, ...]) -> bool:
    """Whether a person at the terminal wants that; where nobody is, it was meant."""
    if not sys.stdin.isatty():
        return True
    for distribution in removed:
        sys.stderr.write(f"Found existing installation: {_pin(distribution).replace('-', ' ')}\n")
    sys.stderr.write("Proceed (Y/n)? ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def _pin(distribution: InstalledDistribution) -> str:
    return f"{distribution.name}-{distribution.version}"
