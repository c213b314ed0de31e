"""Which environment is meant by who does not say it, and what is asked for by who does.

    a directory, a prefix       for the interpreter that would be chosen otherwise
    an interpreter by name      its environment when it has one, else what it has of its own
    the system's                the first Python on PATH
    nothing                     the active environment, that of conda, `.venv` here or above, the first Python on PATH

A Python on PATH stands for the virtual environment that it belongs to, active or not, as it does for itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.core.settings import PythonPreference, Settings
from dxpy_async.core.user_places import user_base
from dxpy_async.errors import ExternallyManaged, InvalidEnvironment
from dxpy_async.python.environments import CONFIGURATION, VirtualEnvironment, open_environment
from dxpy_async.python.interpreters import SearchPlaces, find_interpreter, pythons_on_path
from dxpy_async.python.places import (
    directory_place,
    external_manager,
    own_place,
    prefix_place,
    user_place,
)
from dxpy_async.python.probing import Interpreter, environment_python, probe
from dxpy_async.python.requests import parse_request


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRequest:
    """Which environment is asked for. `python` is a request for an interpreter, or an environment's directory."""

    python: str | None = None
    system: bool = False
    user: bool = False
    target: Path | None = None
    prefix: Path | None = None
    break_system_packages: bool = False
    """Also one that another package manager looks after."""


ANY_ENVIRONMENT = EnvironmentRequest()


def choose_environment(
    request: EnvironmentRequest,
    *,
    settings: Settings,
    search: SearchPlaces,
    environ: Mapping[str, str],
    directory: Path,
) -> VirtualEnvironment:
    """The environment that `request` means in `directory`. Raises InvalidEnvironment and InterpreterNotFound."""
    found = _environment(request, settings, search, directory)
    if request.target is not None:
        return directory_place(Path(os.path.abspath(directory / request.target)), found.interpreter)
    if request.prefix is not None:
        return prefix_place(Path(os.path.abspath(directory / request.prefix)), found.interpreter)
    if not request.user:
        return found
    if found.is_virtual and not found.system_site_packages:
        raise InvalidEnvironment(
            f"what users install for themselves is not visible in the virtual environment `{found.root}`",
            hints=("install into the environment, without `--user`",),
        )
    return user_place(found.interpreter, Path(user_base(environ)))


def require_unmanaged(environment: VirtualEnvironment, request: EnvironmentRequest) -> None:
    """Raise ExternallyManaged when another package manager looks after `environment`, and nobody said to go on."""
    chosen = request.break_system_packages or request.target is not None or request.prefix is not None
    if environment.is_virtual or chosen:
        return
    if (said := external_manager(environment.interpreter)) is not None:
        raise ExternallyManaged(str(environment.interpreter.executable), said)


def users_instead(
    environment: VirtualEnvironment,
    request: EnvironmentRequest,
    environ: Mapping[str, str],
    *,
    can_write: Callable[[Path], bool] = lambda path: os.access(path, os.W_OK),
) -> VirtualEnvironment | None:
    """The user's own place, where nobody named another and an interpreter's own cannot be written to, as in pip."""
    if environment.is_virtual or request.user or request.target is not None or request.prefix is not None:
        return None
    site = environment.scheme.purelib
    nearest = next(path for path in (site, *site.parents) if path.is_dir())
    return None if can_write(nearest) else user_place(environment.interpreter, Path(user_base(environ)))


def visible_sites(environment: VirtualEnvironment, *, local: bool = False) -> Iterable[str]:
    """The directories that `environment` imports packages from, in its order; with `local` its own alone."""
    scheme, interpreter = environment.scheme, environment.interpreter
    own = [str(scheme.purelib), str(scheme.platlib)]
    if local:
        return own
    theirs = [str(user_place(interpreter, Path(user_base(os.environ))).scheme.purelib)]
    if environment.is_virtual:
        return [*own, *theirs, *interpreter.own_paths.sites] if environment.system_site_packages else own
    is_seen = str(scheme.purelib) in (*theirs, *interpreter.own_paths.sites)
    return [*theirs, *own, *interpreter.own_paths.sites] if is_seen else own


def _environment(
    request: EnvironmentRequest, settings: Settings, search: SearchPlaces, directory: Path
) -> VirtualEnvironment:
    near = _near(settings, search, directory) if not request.system else None
    if request.python is not None:
        return _named(request.python, near, settings, search, directory)
    if near is not None:
        return near
    for python in pythons_on_path(search):
        around = _root_of(python)
        if around is None:
            return own_place(probe(python, cache_dir=settings.cache_dir))
        if not request.system and (found := open_environment(around, cache_dir=settings.cache_dir)) is not None:
            return found
    return own_place(_any_interpreter(None, settings, search._replace(environment=None)))


def _near(settings: Settings, search: SearchPlaces, directory: Path) -> VirtualEnvironment | None:
    """The active environment, else `.venv` in `directory` or above."""
    if search.environment:
        return _active(Path(search.environment), settings)
    if search.conda:
        return _active(Path(search.conda), settings)
    places = (place / ENVIRONMENT_NAME for place in (directory, *directory.parents))
    root = next((place for place in places if (place / CONFIGURATION).is_file()), None)
    return open_environment(root, cache_dir=settings.cache_dir) if root is not None else None


def _named(
    text: str, near: VirtualEnvironment | None, settings: Settings, search: SearchPlaces, directory: Path
) -> VirtualEnvironment:
    wanted = parse_request(text)
    if wanted.path is not None:
        path = Path(os.path.abspath(directory / wanted.path))
        python = environment_python(path) if path.is_dir() else path
        root = _root_of(python) if python is not None else None
        if root is not None and (found := open_environment(root, cache_dir=settings.cache_dir)) is not None:
            return found
    elif near is not None and wanted.is_version and wanted.fits(near.interpreter):
        return near
    return own_place(_any_interpreter(text, settings, search))


def _any_interpreter(request: str | None, settings: Settings, search: SearchPlaces) -> Interpreter:
    return find_interpreter(request, search=search, cache_dir=settings.cache_dir, preference=PythonPreference.SYSTEM)


def _active(root: Path, settings: Settings) -> VirtualEnvironment:
    if (root / "conda-meta").is_dir() and not (root / CONFIGURATION).exists():
        python = environment_python(root)
        if python is None:
            raise InvalidEnvironment(f"the conda environment `{root}` has no Python", hints=("install one into it",))
        return own_place(probe(python, cache_dir=settings.cache_dir))
    found = open_environment(Path(os.path.abspath(root)), cache_dir=settings.cache_dir)
    if found is None:
        raise InvalidEnvironment(
            f"the active environment `{root}` does not exist", hints=("make it with `dxpy venv`, or deactivate it",)
        )
    return found


def _root_of(python: Path) -> Path | None:
    """The virtual environment that an executable belongs to."""
    places = (python.parent, python.parent.parent)
    return next((place for place in places if (place / CONFIGURATION).is_file()), None)
