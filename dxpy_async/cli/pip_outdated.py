"""`dxpy pip list --outdated`: what indexes have of what is installed."""

from __future__ import annotations

import argparse

from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.pip_command import pip_settings
from dxpy_async.core.names import ProjectName
from dxpy_async.engine.newest import NewestRelease
from dxpy_async.installer.inventory import Inventory
from dxpy_async.python.environments import VirtualEnvironment


def newest(
    inventory: Inventory, environment: VirtualEnvironment, arguments: argparse.Namespace
) -> dict[ProjectName, NewestRelease]:
    """The newest releases of what is installed, as indexes have them."""
    target, prereleases = environment.interpreter.target, arguments.pre
    flags = argparse.Namespace(**{**vars(arguments), "python": None})
    with pip_settings(flags) as settings:
        return run_engine(
            settings, lambda engine: engine.newest_releases(inventory, target=target, prereleases=prereleases)
        )
