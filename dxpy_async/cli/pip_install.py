"""`dxpy pip install`.

What scripts look for is on standard output, in pip's words; what dxpy says besides goes to standard error.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dxpy_async.cli import load
from dxpy_async.cli.context import listener
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_command import chosen_environment, environment_request
from dxpy_async.cli.pip_requests import PipRequest, read_now, require_wheels, settings_for, target_of
from dxpy_async.core.dataclass import replace
from dxpy_async.core.requirements import MarkerAnswers
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.core.source_urls import public_url
from dxpy_async.engine.environment_choice import require_unmanaged, users_instead, visible_sites
from dxpy_async.engine.events import Listener
from dxpy_async.engine.install_options import InstallOptions, InstallOutcome
from dxpy_async.engine.satisfaction import satisfied_by
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.errors import InstallError, UsageError
from dxpy_async.installer.inventory import take_inventory
from dxpy_async.python.environments import VirtualEnvironment


def run(arguments: argparse.Namespace, output: Output) -> int:
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
        if not arguments.python_version and not arguments.platform:
            _say_of_passed_over(request, environment, output)
        outcome = _nothing_to_do(request, environment, settings, arguments)
        if outcome is None:
            outcome = _installed(request, environment, settings, _options(request, environment, arguments), on_event)
    _say(outcome, environment, arguments, output)
    return 0


def _nothing_to_do(
    request: PipRequest, environment: VirtualEnvironment, settings: Settings, arguments: argparse.Namespace
) -> InstallOutcome | None:
    """What is there already, if that is all that is asked for: then no index is asked, and no engine loaded."""
    wants_more = (arguments.upgrade, arguments.force_reinstall, arguments.ignore_installed, arguments.report)
    for_others = (arguments.platform, arguments.python_version, arguments.implementation, arguments.abi)
    if any((*wants_more, *for_others)) or any(entry.location for entry in request.entries):
        return None
    amendments = settings.resolution.amendments
    there = satisfied_by(
        take_inventory(visible_sites(environment)),
        amendments.amend(tuple(entry.requirement for entry in request.entries)),
        amendments,
        environment.interpreter.target.markers,
        dependencies=not arguments.no_deps,
    )
    if there is None:
        return None
    return InstallOutcome(changes=SyncOutcome(environment=environment.root, kept=len(there)), satisfied=there)


def _installed(
    request: PipRequest,
    environment: VirtualEnvironment,
    settings: Settings,
    options: InstallOptions,
    on_event: Listener,
) -> InstallOutcome:
    """What was done, without waiting where that is possible."""
    settings = _settings_of_place(settings, environment)
    outcome: InstallOutcome | None = load("pip_cached").install(request, environment, settings, options, on_event)
    if outcome is None:
        outcome = load("pip_installing").install(request, environment, settings, options, on_event)
    assert outcome is not None, "the engine does not give up"
    return outcome


def _options(request: PipRequest, environment: VirtualEnvironment, arguments: argparse.Namespace) -> InstallOptions:
    """How to install, but for the hashes."""
    return InstallOptions(
        upgrade=arguments.upgrade,
        eager=arguments.upgrade and arguments.upgrade_strategy == "eager",
        reinstall=arguments.force_reinstall or arguments.ignore_installed,
        dependencies=not arguments.no_deps,
        requires_hashes=request.requires_hashes,
        target=target_of(arguments, environment.interpreter),
        dry_run=arguments.dry_run,
        with_wheels=arguments.report is not None,
    )


def _settings_of_place(settings: Settings, environment: VirtualEnvironment) -> Settings:
    """Only virtual environments are kept by links into the store: other places are packed, moved, or outlive it."""
    if environment.is_virtual or settings.link_mode is not LinkMode.SYMLINK:
        return settings
    return replace(settings, link_mode=LinkMode.HARDLINK)


def _say_of_passed_over(request: PipRequest, environment: VirtualEnvironment, output: Output) -> None:
    """Say what is asked for only where other markers hold: all may look well, and nothing be installed."""
    answers = MarkerAnswers(environment.interpreter.target.markers)
    for entry in request.entries:
        requirement = entry.requirement
        if not answers.apply(requirement, ""):
            name = requirement.name or public_url(entry.location)
            output.say(f"Ignoring {name}: markers '{requirement.marker}' don't match your environment")


def _check_target(arguments: argparse.Namespace) -> None:
    """Raise UsageError where other interpreters are meant and what comes could not run there, or would run here."""
    flag = require_wheels(arguments)
    if flag is not None and not arguments.target and not arguments.dry_run:
        raise UsageError(f"{flag} is for another Python than this one", hints=("say where to, with `--target DIR`",))


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
        text = load("pip_report").report_text(outcome, environment)
        if arguments.report == "-":
            output.data(text)
        else:
            Path(arguments.report).write_text(text, "utf-8")
