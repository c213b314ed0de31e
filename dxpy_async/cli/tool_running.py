"""`dxpy tool run`, whichever rung brings the environment: which tool it is, where it is, and starting it.

An installed tool is used where it is what is asked for. Everything else runs in an environment in the cache, which is
that of an answer of a resolution; whether there is a newer version is asked once a day, or when somebody says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from dxpy_async.cli.children import run_child
from dxpy_async.cli.context import kept_settings, settings_of
from dxpy_async.cli.launch import become
from dxpy_async.cli.output import Output
from dxpy_async.cli.replay import describe_request
from dxpy_async.cli.running import requirements_besides, variables_of_files
from dxpy_async.cli.summary import report
from dxpy_async.cli.tool_again import name_of, prepared, recorded, remember_tool
from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import RECEIPT_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import NetworkSettings, Settings
from dxpy_async.core.tool_requests import parse_tool_request, python_asked_for
from dxpy_async.core.user_places import tool_dir
from dxpy_async.engine.given_requirements import GivenRequirement, Use, read_given, with_name, with_own_name
from dxpy_async.engine.installed_tools import fitting, read_tool, tool_names
from dxpy_async.engine.kept_environments import tool_question
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.engine.targets import chosen_interpreter
from dxpy_async.engine.tool_environments import missing_command, without_local_pins
from dxpy_async.errors import IndexUnavailable, InvalidEnvironment, NoSolution, UsageError
from dxpy_async.installer.commands import commands_of_all
from dxpy_async.installer.state import take_stamps
from dxpy_async.project.config_places import pip_files, settings_files
from dxpy_async.project.pin_files import user_wide_pin
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import open_environment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces

RUNNING = Use("dxpy tool run --from", "the cache")


class Brought(NamedTuple):
    """The environment that a question came to, and what became of it, None when it was there."""

    environment: Path
    outcome: SyncOutcome | None


class Means(NamedTuple):
    """What a rung can do: say what a source is called, and bring the environment. None when that takes more."""

    name: Callable[[GivenRequirement, Settings], ProjectName | None]
    bring: Callable[[Project, Interpreter, Settings], Brought | None]


class _Asked(NamedTuple):
    """The tool that is meant: what to install for it (None: an interpreter alone), and which command to run."""

    requirement: GivenRequirement | None
    command: str
    words: Sequence[str]
    newest: bool = False
    python: str = ""


class _Place(NamedTuple):
    environment: str
    is_installed: bool


def run_tool(means: Means, arguments: argparse.Namespace, output: Output) -> int | None:
    """Carry out `dxpy tool run`; None when `means` do not suffice, and then nothing was run."""
    if not arguments.arguments:
        return _list(output)
    began_ns = time.time_ns()
    asked = _asked(arguments)
    variables = {**variables_of_files(arguments), **os.environ}
    with settings_of(arguments, None) as loaded:
        settings = without_local_pins(loaded, os.environ)
        if asked.python:
            settings = replace(settings, python=asked.python, python_file=None)
        requirements = requirements_besides(arguments)
        if asked.requirement is not None:
            given = with_own_name(asked.requirement, RUNNING)
            if not given.requirement.name:
                name = means.name(given, settings)
                if name is None:
                    return None
                given = with_name(given, name)
            url = str(given.url) if given.url is not None else None
            own = given.requirement._replace(url=url)
            asked = asked._replace(command=asked.command or own.name)
            requirements = [own, *requirements]
        place = _place(means, asked, requirements, arguments, settings, output)
        if place is None:
            return None
        _check(asked, requirements, place, settings, output)
        if _is_plain(arguments):
            tool = requirements[0].name if asked.requirement is not None else None
            _remember(arguments, asked, tool, place, settings, began_ns)
        program = prepared(place.environment, asked.command, asked.words, variables)
        try:
            return run_child(*program) if arguments.no_cache else become(*program)
        except OSError as error:
            raise UsageError(f"`{asked.command}` cannot be started: {error.strerror}") from error


def _list(output: Output) -> int:
    names = tool_names(Path(tool_dir(os.environ)))
    if names:
        output.data("\n".join(["Installed tools:", *(f"  {name}" for name in names)]))
    output.say("Run a tool, installed or not, with `dxpy tool run NAME`")
    return 0


# Which tool


def _asked(arguments: argparse.Namespace) -> _Asked:
    first, *words = arguments.arguments[1:] if arguments.arguments[0] == "--" else arguments.arguments
    python = python_asked_for(first)
    if arguments.tool_package is not None:
        request = parse_tool_request(arguments.tool_package)
        if python is None and parse_tool_request(first).package != first:
            version = first.partition("@")[2]
            hint = f"the version goes with `--from`: `--from 'NAME=={version}'`"
            raise UsageError(f"`{first}` is not a command", hints=(hint,))
        return _Asked(read_given(request.package, RUNNING), first, words, request.newest)
    if python is not None:
        if python and arguments.python:
            raise UsageError(f"`{first}` and `--python {arguments.python}` both say which Python")
        return _Asked(None, "python", words, python=python)
    if first.endswith(".py") and os.path.isfile(first):
        raise UsageError(f"`{first}` is a script, not a tool", hints=(f"run it with `dxpy run {first}`",))
    request = parse_tool_request(first)
    given = read_given(request.package, RUNNING)
    plain = first.partition("@")[0]
    command = plain if given.url is None and plain.replace("-", "").replace("_", "").isalnum() else ""
    return _Asked(given, command, words, request.newest)


# Where it is


def _place(
    means: Means,
    asked: _Asked,
    requirements: Sequence[Requirement],
    arguments: argparse.Namespace,
    settings: Settings,
    output: Output,
) -> _Place | None:
    anew = asked.newest or arguments.upgrade or arguments.refresh or bool(arguments.refresh_package)
    if asked.requirement is not None and not (anew or arguments.isolated):
        tool = read_tool(Path(tool_dir(os.environ)), requirements[0].name, cache_dir=settings.cache_dir)
        if tool is not None and tool.problem is not None:
            output.warn(f"the installed `{tool.name}` is not used: {tool.problem}")
        elif tool is not None and fitting(tool, requirements, settings.python, cache_dir=settings.cache_dir):
            return _Place(str(tool.environment), is_installed=True)
    if anew:
        settings = replace(settings, network=_asking(settings.network, arguments, requirements[:1]))
    question = tool_question(requirements, settings)
    interpreter = chosen_interpreter(None, settings, SearchPlaces.from_environ(os.environ, sys.executable))
    kept = kept_settings(arguments, question, replace(settings, python=str(interpreter.executable)))
    try:
        brought = means.bring(question, interpreter, kept)
    except NoSolution as error:
        raise _with_installed_names(error, requirements) from None
    except IndexUnavailable as error:
        earlier = None if anew else recorded(_name(arguments), str(settings.cache_dir), os.environ)
        if earlier is None or not os.path.isdir(earlier[0]):
            raise
        output.warn(f"{error}; what was run last time is run again")
        return _Place(earlier[0], is_installed=False)
    if brought is None:
        return None
    if brought.outcome is not None and brought.outcome.changed:
        report(brought.outcome, output)
    return _Place(str(brought.environment), is_installed=False)


def _with_installed_names(error: NoSolution, requirements: Sequence[Requirement]) -> NoSolution:
    """`error`, with a hint where an installed tool is called nearly like the one that is asked for."""
    names = tool_names(Path(tool_dir(os.environ)))
    close = get_close_matches(requirements[0].name, names, 1) if requirements else []
    hints = (f"`{close[0]}` is installed: `dxpy tool run {close[0]}`",) if close else ()
    return NoSolution(str(error), derivation=error.derivation, hints=(*error.hints(), *hints))


def _asking(network: NetworkSettings, arguments: argparse.Namespace, tool: Sequence[Requirement]) -> NetworkSettings:
    """`network`, with everything asked for again, or with `TOOL@latest` the tool itself."""
    if arguments.upgrade or not tool:
        return replace(network, refresh=True)
    return replace(network, refresh_projects=network.refresh_projects | {tool[0].name})


def _check(
    asked: _Asked, requirements: Sequence[Requirement], place: _Place, settings: Settings, output: Output
) -> None:
    """Raise ToolError unless the environment has the command; tell when it is that of another package."""
    environment = open_environment(Path(os.path.realpath(place.environment)), cache_dir=settings.cache_dir)
    if environment is None:
        raise InvalidEnvironment(f"there is no environment at `{place.environment}`")
    if asked.requirement is None or not os.path.basename(asked.command):
        return
    name, commands = requirements[0].name, commands_of_all(environment.scheme)
    if asked.command in commands.get(name, ()) or asked.command.startswith("python"):
        return
    others = [other for other, theirs in commands.items() if asked.command in theirs]
    if not others:
        raise missing_command(asked.command, name, environment)
    if not any(other in (each.name for each in requirements) for other in others):
        output.warn(f"`{name}` has no command `{asked.command}`; that of `{others[0]}`, which comes with it, is run")


# Being quicker next time


def _is_plain(arguments: argparse.Namespace) -> bool:
    """Whether the tool is asked for by words that the record of it has, and how fresh it shall be."""
    given = {**vars(arguments), "python": None}
    flags = (given["no_cache"], given["cache_dir"], given["offline"], given["isolated"], given["with_requirements"])
    return not (any(flags) or given["with_editable"] or describe_request(given))


def _name(arguments: argparse.Namespace) -> str:
    first = arguments.arguments[0]
    given = arguments.tool_package if arguments.tool_package is not None else first
    package = given.removesuffix("@latest")
    if arguments.tool_package is not None:
        return name_of(package, arguments.python, arguments.with_packages, first)
    return name_of(None, arguments.python, arguments.with_packages, package)


def _remember(
    arguments: argparse.Namespace,
    asked: _Asked,
    tool: ProjectName | None,
    place: _Place,
    settings: Settings,
    began_ns: int,
) -> None:
    watched = [*settings_files(None, os.environ), *pip_files(os.environ, None), user_wide_pin(os.environ)]
    if tool is not None:
        watched.append(os.path.join(tool_dir(os.environ), tool, RECEIPT_NAME))
    stamps = take_stamps(watched, began_ns)
    cache_dir, is_installed = str(settings.cache_dir), place.is_installed
    remember_tool(_name(arguments), place.environment, asked.command, stamps, cache_dir, is_installed=is_installed)
