"""`dxpy pip install` and `uninstall`.

What scripts look for is on standard output, in pip's words; what dxpy says besides goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dxpy_async.cli.context import listener
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_command import chosen_environment, environment_request, pip_settings
from dxpy_async.cli.pip_report import report_text
from dxpy_async.cli.pip_requests import (
    PipRequest,
    named_requirements,
    read_now,
    require_wheels,
    settings_for,
    target_of,
)
from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.environment_choice import require_unmanaged, users_instead
from dxpy_async.engine.environment_manager import EnvironmentManager, Uninstalled
from dxpy_async.engine.events import Listener
from dxpy_async.engine.install_options import InstallOptions, InstallOutcome
from dxpy_async.errors import InstallError, UsageError
from dxpy_async.installer.installed import InstalledDistribution
from dxpy_async.project.requirements_files import FoundRequirements, read_requirements
from dxpy_async.python.environments import VirtualEnvironment


def run(arguments: argparse.Namespace, output: Output) -> int:
    return _uninstall(arguments, output) if arguments.action == "uninstall" else _install(arguments, output)


# install


def _install(arguments: argparse.Namespace, output: Output) -> int:
    if not (arguments.packages or arguments.editable or arguments.requirement or arguments.group):
        raise InstallError("there is nothing to install", hints=("name requirements, or files of them with `-r FILE`",))
    request = read_now(arguments)
    for entry in request.entries:
        if entry.is_editable and entry.location.startswith("git+"):
            output.warn(f"`{entry.text}` is installed as the repository has it, and cannot be edited in place")
    with settings_for(arguments, request) as settings, listener(arguments, output) as on_event:
        environment = chosen_environment(arguments, settings, output)
        require_unmanaged(environment, environment_request(arguments))
        _check_target(arguments)
        if (instead := users_instead(environment, environment_request(arguments), os.environ)) is not None:
            output.say(f"`{environment.scheme.purelib}` is not writable, so this goes to `{instead.scheme.purelib}`")
            environment = instead

        async def work(engine: Engine) -> InstallOutcome:
            return await _work(engine, request, environment, arguments, on_event)

        outcome = run_engine(_settings_of_place(settings, environment), work)
    _say(outcome, environment, arguments, output)
    return 0


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


def _check_target(arguments: argparse.Namespace) -> None:
    """Raise UsageError where other interpreters are meant and what comes could not run there, or would run here."""
    flag = require_wheels(arguments)
    if flag is not None and not arguments.target and not arguments.dry_run:
        raise UsageError(f"{flag} is for another Python than this one", hints=("say where to, with `--target DIR`",))


def _settings_of_place(settings: Settings, environment: VirtualEnvironment) -> Settings:
    """Only virtual environments are kept by links into the store: other places are packed, moved, or outlive it."""
    if environment.is_virtual or settings.link_mode is not LinkMode.SYMLINK:
        return settings
    return replace(settings, link_mode=LinkMode.HARDLINK)


def _say(
    outcome: InstallOutcome, environment: VirtualEnvironment, arguments: argparse.Namespace, output: Output
) -> None:
    changes = outcome.changes
    if output.verbosity >= 0 and arguments.report != "-":
        for item in outcome.satisfied:
            output.data(f"Requirement already satisfied: {item.name} in {item.site} ({item.version})")
        pins = " ".join(f"{name}-{version}" for name, version in changes.installed)
        if pins:
            output.data(f"{'Would install' if changes.dry_run else 'Successfully installed'} {pins}")
    if arguments.report is not None:
        text = report_text(outcome, environment)
        if arguments.report == "-":
            output.data(text)
        else:
            Path(arguments.report).write_text(text, "utf-8")


# uninstall


def _uninstall(arguments: argparse.Namespace, output: Output) -> int:
    names = [_name(text) for text in arguments.packages]
    if arguments.requirement:
        found = read_requirements(arguments.requirement, directory=Path.cwd(), environ=os.environ, fetched={})
        assert isinstance(found, FoundRequirements), "files at addresses are refused"
        names += [each.requirement.name for each in found.entries]
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
    for distribution in done.removed:
        output.data(f"Successfully uninstalled {_pin(distribution)}")
    return 0


def _name(text: str) -> str:
    if is_valid_name(text):
        return normalize(text)
    return parse_requirement(text).name


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
