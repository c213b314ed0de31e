"""`dxpy pip install` when something has to be found out or done, with the engine."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.pip_requests import PipRequest, named_requirements, target_of
from dxpy_async.core.dataclass import replace
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.events import Listener
from dxpy_async.engine.install_options import InstallOptions, InstallOutcome
from dxpy_async.python.environments import VirtualEnvironment

if TYPE_CHECKING:
    from dxpy_async.engine.engine import Engine


def install(
    request: PipRequest,
    environment: VirtualEnvironment,
    settings: Settings,
    arguments: argparse.Namespace,
    on_event: Listener,
) -> InstallOutcome:
    """Install what is asked for, as the flags say."""

    async def work(engine: Engine) -> InstallOutcome:
        return await _work(engine, request, environment, arguments, on_event)

    return run_engine(_settings_of_place(settings, environment), work)


async def _work(
    engine: Engine,
    request: PipRequest,
    environment: VirtualEnvironment,
    arguments: argparse.Namespace,
    on_event: Listener,
) -> InstallOutcome:
    requirements, hashes = await named_requirements(engine, request, environment.interpreter, on_event)
    options = InstallOptions(
        upgrade=arguments.upgrade,
        eager=arguments.upgrade and arguments.upgrade_strategy == "eager",
        reinstall=arguments.force_reinstall or arguments.ignore_installed,
        dependencies=not arguments.no_deps,
        hashes=hashes,
        requires_hashes=request.requires_hashes,
        target=target_of(arguments, environment.interpreter),
        dry_run=arguments.dry_run,
        with_wheels=arguments.report is not None,
    )
    return await engine.install_with(requirements, environment=environment, options=options, on_event=on_event)


def _settings_of_place(settings: Settings, environment: VirtualEnvironment) -> Settings:
    """Only virtual environments are kept by links into the store: other places are packed, moved, or outlive it."""
    if environment.is_virtual or settings.link_mode is not LinkMode.SYMLINK:
        return settings
    return replace(settings, link_mode=LinkMode.HARDLINK)
