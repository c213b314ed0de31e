"""`dxpy init`: begin a project or a script."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output
from dxpy_async.core.settings import Settings
from dxpy_async.engine.initializing import (
    AuthorSource,
    Initialized,
    InitOptions,
    VersionControl,
    initialize_project,
    initialize_script,
)
from dxpy_async.errors import UsageError
from dxpy_async.project.new_files import SHORT_NAMES, Backend, ProjectKind
from dxpy_async.python.interpreters import SearchPlaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import InitDocument

_VARIABLE = "DXPY_INIT_BUILD_BACKEND"
_OF_PROJECTS = ("lib", "name", "package", "description", "build_backend", "vcs", "no_readme", "no_pin_python")
"""The flags that make no sense for a script."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    start = Path(os.path.abspath(arguments.project)) if arguments.project else Path.cwd()
    place = Path(os.path.normpath(start / (arguments.path or "")))
    with settings_of(arguments, None) as settings:
        if arguments.is_script:
            _begin_script(arguments, place, settings)
            output.say(f"Initialized script at `{arguments.path}`")
            output.document(_document(place))
            return 0
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        options = _options(arguments)
        begun = initialize_project(place, options, settings=settings, search=search, environ=os.environ)
    where = f" at `{place}`" if arguments.path else ""
    output.say(f"Initialized project `{begun.project.name}`{where}")
    if begun.workspace is not None:
        output.say(f"It is a member of the workspace `{begun.workspace}`")
    output.document(_document(place, begun))
    return 0


def _document(place: Path, begun: Initialized | None = None) -> InitDocument:
    """`begun` is None for a script."""
    workspace = begun.workspace if begun is not None else None
    return {
        "schema": "dxpy/init/1",
        "path": str(place),
        "name": begun.project.name if begun is not None else None,
        "workspace": str(workspace) if workspace is not None else None,
    }


def _begin_script(arguments: argparse.Namespace, file: Path, settings: Settings) -> None:
    if not arguments.path:
        raise UsageError("a script needs a name", hints=("`dxpy init --script hello.py`",))
    for flag in _OF_PROJECTS:
        if getattr(arguments, flag) not in (None, False):
            raise UsageError(f"`--{flag.replace('_', '-')}` is for projects, and a script is none")
    if file.is_dir():
        raise UsageError(f"`{arguments.path}` is a directory, not a script")
    search = SearchPlaces.from_environ(os.environ, sys.executable)
    initialize_script(file, settings=settings, search=search, bare=arguments.bare)


def _options(arguments: argparse.Namespace) -> InitOptions:
    if arguments.package is False and arguments.build_backend:
        raise UsageError("`--no-package` leaves nothing to build, and goes with no `--build-backend`")
    return InitOptions(
        name=arguments.name,
        kind=ProjectKind.LIB if arguments.lib else ProjectKind.APP,
        package=arguments.package,
        backend=_backend(arguments),
        description=arguments.description,
        readme=not arguments.no_readme,
        bare=arguments.bare,
        pin=not arguments.no_pin_python,
        version_control=VersionControl(arguments.vcs or VersionControl.AUTO),
        author_from=AuthorSource(arguments.author_from),
        join_workspace=not arguments.no_workspace,
    )


def _backend(arguments: argparse.Namespace) -> Backend | None:
    """The build backend that is asked for. A variable says which, and not that there is to be one."""
    named = arguments.build_backend
    if not named and (arguments.lib or arguments.package):
        named = os.environ.get(_VARIABLE)
    if not named:
        return None
    if named not in SHORT_NAMES and named not in tuple(Backend):
        raise UsageError(f"the variable {_VARIABLE} is `{named}`; it can be {', '.join(Backend)}")
    return SHORT_NAMES.get(named) or Backend(named)
