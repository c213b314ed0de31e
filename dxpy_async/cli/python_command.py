"""`dxpy python` where a mirror is asked or installations change: `install`, `upgrade`, `uninstall`, `list`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.cli.context import listener, project_around, settings_of
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output
from dxpy_async.cli.python_listing import say_listing
from dxpy_async.core.settings import Settings
from dxpy_async.engine.events import Listener
from dxpy_async.engine.pythons import PythonInstallation, PythonManager
from dxpy_async.errors import InstallationFailed, UsageError
from dxpy_async.project.pin_files import NAMES
from dxpy_async.project.pyproject import Project
from dxpy_async.project.settings import version_file_places
from dxpy_async.project.version_files import read_requests
from dxpy_async.python.installations import ManagedPython

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import Python, PythonInstallDocument, PythonUninstallDocument


def run(arguments: argparse.Namespace, output: Output) -> int:
    project = project_around(arguments)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:
        pythons = PythonManager(settings)
        match arguments.action:
            case "list":
                _list(arguments, settings, pythons, output)
            case "uninstall":
                _uninstall(arguments, pythons, output, on_event)
            case "upgrade":
                _upgrade(arguments, pythons, output, on_event)
            case _:
                _install(arguments, project, pythons, output, on_event)
    return 0


def _list(arguments: argparse.Namespace, settings: Settings, pythons: PythonManager, output: Output) -> None:
    try:
        builds = run_loop(lambda: pythons.available(arguments.request, all_versions=arguments.all_versions))
    except InstallationFailed as error:
        if arguments.only_downloads:
            raise
        output.warn(f"{error}; only what is installed is listed")
        builds = []
    say_listing(arguments, settings, builds, output)


def _install(
    arguments: argparse.Namespace, project: Project | None, pythons: PythonManager, output: Output, on_event: Listener
) -> None:
    requests = arguments.requests or _pinned(arguments, project)
    outcomes = run_loop(
        lambda: pythons.install(
            requests,
            requires_python=project.requires_python if project is not None and not requests else "",
            reinstall=arguments.reinstall,
            bin_links=not arguments.no_bin,
            default=arguments.default,
            force=arguments.force,
            on_event=on_event,
        )
    )
    for outcome in outcomes:
        if not outcome.installed:
            output.say(f"{outcome.python.key} is installed already")
    if not arguments.no_bin:
        _say_of_path(pythons, output)
    _document_outcomes(outcomes, output)


def _document_outcomes(outcomes: Iterable[PythonInstallation], output: Output) -> None:
    document: PythonInstallDocument = {
        "schema": "dxpy/python-install/1",
        "pythons": [{**_as_json(outcome.python), "installed": outcome.installed} for outcome in outcomes],
    }
    output.document(document)


def _as_json(python: ManagedPython) -> Python:
    return {"key": str(python.key), "version": python.key.version, "path": str(python.executable)}


def _pinned(arguments: argparse.Namespace, project: Project | None) -> list[str]:
    """What the files say that count here; of both the longer list first."""
    if arguments.no_config:
        return []
    places = version_file_places(os.environ, project, Path.cwd())
    named = sorted(places[:-1], key=lambda place: (-len(os.path.dirname(place)), place.endswith(NAMES[0])))
    return next((requests for place in [*named, *places[-1:]] if (requests := read_requests(place))), [])


def _upgrade(arguments: argparse.Namespace, pythons: PythonManager, output: Output, on_event: Listener) -> None:
    minors = [python.key.minor_name.removeprefix("python") for python in pythons.installed()]
    requests = arguments.requests or list(dict.fromkeys(minors))
    if not requests:
        raise InstallationFailed(
            "there is nothing to upgrade: dxpy has installed no Python", hints=("`dxpy python install` installs one",)
        )
    outcomes = run_loop(
        lambda: pythons.install(requests, upgrade=True, bin_links=not arguments.no_bin, on_event=on_event)
    )
    for outcome in outcomes:
        if not outcome.installed:
            output.say(f"{outcome.python.key} is the newest there is")
    _document_outcomes(outcomes, output)


def _uninstall(arguments: argparse.Namespace, pythons: PythonManager, output: Output, on_event: Listener) -> None:
    if bool(arguments.requests) == arguments.all_versions:
        raise UsageError("say which Pythons to remove, or `--all`", hints=("see `dxpy python list --only-installed`",))
    removed = run_loop(
        lambda: pythons.uninstall(arguments.requests, all_versions=arguments.all_versions, on_event=on_event)
    )
    for python in removed:
        output.say(f"Uninstalled {python.key}")
    if not removed:
        output.say("There is nothing to remove: dxpy has installed no Python")
    document: PythonUninstallDocument = {"schema": "dxpy/python-uninstall/1", "removed": list(map(_as_json, removed))}
    output.document(document)


def _say_of_path(pythons: PythonManager, output: Output) -> None:
    place = str(pythons.bin_directory)
    entries = os.environ.get("PATH", "").split(os.pathsep)
    if place not in map(os.path.normpath, entries):
        output.warn(f"`{place}`, where `python3.12` and the like are put, is not on PATH")
