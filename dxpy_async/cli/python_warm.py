"""`dxpy python` as far as nothing is fetched: `dir`, `find`, `pin`, and `list` of what is there."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from dxpy_async.cli.context import project_around, settings_of
from dxpy_async.cli.output import Output
from dxpy_async.cli.python_listing import say_listing
from dxpy_async.core.settings import Settings
from dxpy_async.core.user_places import bin_dir, python_dir
from dxpy_async.engine.targets import chosen_interpreter, requested_python, working_environment
from dxpy_async.errors import InterpreterNotFound, UsageError
from dxpy_async.project.pin_files import NAME, NAMES, pins_around, project_pins, user_wide_pin
from dxpy_async.project.pyproject import Project
from dxpy_async.project.version_files import first_pin, read_requests, remove_pin, write_pin
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, find_interpreter, satisfies
from dxpy_async.python.requests import contradicts, parse_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import PythonFindDocument, PythonPinDocument


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    match arguments.action:
        case "dir":
            output.path(bin_dir(os.environ, "DXPY_PYTHON_BIN_DIR") if arguments.bin else python_dir(os.environ))
        case "find":
            _find(arguments, output)
        case "pin":
            _pin(arguments, output)
        case "list":
            return _list(arguments, output)
        case _:
            return None
    return 0


def _find(arguments: argparse.Namespace, output: Output) -> None:
    project = None if arguments.no_project else project_around(arguments)
    arguments.python = arguments.request
    with settings_of(arguments, project) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        own = working_environment(project, settings) if project is not None and not arguments.system else None
        if own is not None and project is not None:
            request = requested_python(project, settings)
            if satisfies(own.interpreter, request, project.requires_python):
                _say_found(own.interpreter, str(own.python), arguments, output)
                return
        search = search._replace(environment=None) if arguments.system else search
        wanted = project if arguments.request is None else None  # what is asked for by name is found in any case
        found = chosen_interpreter(wanted, settings, search)
        if project is not None and not satisfies(found, None, project.requires_python):
            output.warn(f"Python {found.version} is not what the project requires, `{project.requires_python}`")
        _say_found(found, str(found.executable), arguments, output)


def _say_found(found: Interpreter, path: str, arguments: argparse.Namespace, output: Output) -> None:
    output.data(found.version if arguments.show_version else path)
    document: PythonFindDocument = {
        "schema": "dxpy/python-find/1",
        "path": path,
        "version": found.version,
        "implementation": found.implementation,
    }
    output.document(document)


def _pin(arguments: argparse.Namespace, output: Output) -> None:
    project = None if arguments.no_project or arguments.user_wide else project_around(arguments)
    directory = str(project.root) if project is not None else os.getcwd()
    file = user_wide_pin(os.environ) if arguments.user_wide else os.path.join(directory, NAME)
    shown = file if arguments.user_wide else os.path.relpath(file)
    before = read_requests(file)
    if arguments.rm:
        if not remove_pin(file):
            raise UsageError(f"there is no pin to be removed: `{file}` does not exist")
        output.say(f"Removed {shown}")
        _document_pin(file, [], before, output)
    elif arguments.request is None:
        _show_pins(arguments, project, file, output)
    else:
        with settings_of(arguments, project) as settings:
            request = _checked(arguments.request, arguments, project, settings, output)
        write_pin(file, request)
        done = f"Updated {shown} from `{before[0]}`" if before and before[0] != request else f"Pinned {shown}"
        output.say(f"{done} to `{request}`")
        _document_pin(file, [request], before, output)


def _document_pin(file: str, now: Sequence[str], before: Sequence[str], output: Output) -> None:
    document: PythonPinDocument = {
        "schema": "dxpy/python-pin/1",
        "file": os.path.abspath(file),
        "pins": list(now),
        "before": list(before),
    }
    output.document(document)


def _show_pins(arguments: argparse.Namespace, project: Project | None, file: str, output: Output) -> None:
    places = project_pins(str(project.root), os.environ) if project else pins_around(os.getcwd(), os.environ)
    pinned = first_pin([file] if arguments.user_wide else places)
    if pinned is None:
        raise UsageError(
            f"no Python is pinned: there is no `{'` or `'.join(NAMES)}`",
            hints=("pin one with `dxpy python pin VERSION`",),
        )
    requests = read_requests(pinned[1])
    output.data("\n".join(requests))
    _document_pin(pinned[1], requests, requests, output)


def _checked(
    request: str, arguments: argparse.Namespace, project: Project | None, settings: Settings, output: Output
) -> str:
    """What to write. Raises UsageError for a request that is none, or that the project does not allow."""
    wanted = parse_request(request)
    if project is not None and contradicts(request, project.requires_python):
        raise UsageError(
            f"`{request}` is not a Python that `{project.file}` allows: it requires `{project.requires_python}`",
            hints=("change `requires-python` first, or pin without regard to it by `--no-project`",),
        )
    search = SearchPlaces.from_environ(os.environ, sys.executable)
    try:
        found = find_interpreter(
            request,
            search=search,
            requires_python=project.requires_python if project is not None else "",
            cache_dir=settings.cache_dir,
            preference=settings.python_preference,
        )
    except InterpreterNotFound as error:
        if arguments.resolved or not wanted.is_version:
            raise
        output.warn(f"{error}; it is pinned all the same")
        return request
    if arguments.resolved:
        return str(found.executable)
    return os.path.abspath(request) if wanted.path is not None else request


def _list(arguments: argparse.Namespace, output: Output) -> int | None:
    project = project_around(arguments)
    with settings_of(arguments, project) as settings:
        if not arguments.only_installed and settings.python_mirror is not None:
            return None
        if arguments.only_downloads:
            return None  # which says what is missing
        say_listing(arguments, settings, (), output)
    return 0
