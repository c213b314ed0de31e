"""Finding the interpreter that is asked for.

What a request can be:

    3  3.12  3.12.1  3.13t          that version; `t` for the free-threaded build
    >=3.11,<3.13                    a version within those bounds
    cpython@3.12  pypy@3.10  pypy   that implementation, of that version
    python3.12  python              the executable of that name on PATH
    ./bin/python  .venv  /opt/py    an executable, or the directory of an environment or installation

Where is looked: the active environment, PATH from front to back, pyenv's versions, the interpreter dxpy runs with. A
directory of shims (pyenv, asdf, mise) stands for the installations its programs would start; no shim is ever run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.specifiers import allows, normal_specifier
from dxpy_async.errors import InterpreterError, InterpreterNotFound, UsageError
from dxpy_async.python.probing import OLDEST, Interpreter, environment_python, probe

__all__ = ["Interpreter", "SearchPlaces", "find_interpreter", "probe", "satisfies"]


class SearchPlaces(NamedTuple):
    """Where interpreters may be found: facts of the surroundings, gathered by the caller.

    `path` are the directories of PATH in order; `environment` is the active virtual environment; `pyenv_root` is set
    where pyenv is, and `pyenv_versions` are the versions it is told to use, empty when it is told nothing; `fallback`
    is an interpreter known to exist.
    """

    path: tuple[str, ...] = ()
    environment: str | None = None
    pyenv_root: str | None = None
    pyenv_versions: tuple[str, ...] = ()
    fallback: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], executable: str | None = None) -> SearchPlaces:
        """The places that the variables PATH, VIRTUAL_ENV, PYENV_ROOT and PYENV_VERSION name, then `executable`."""
        return cls(
            path=tuple(entry for entry in environ.get("PATH", "").split(os.pathsep) if entry),
            environment=environ.get("VIRTUAL_ENV") or None,
            pyenv_root=environ.get("PYENV_ROOT") or None,
            pyenv_versions=tuple(name for name in environ.get("PYENV_VERSION", "").split(":") if name),
            fallback=executable or None,
        )


# --- what is asked for ------------------------------------------------------------------------------------------------


class _Request(NamedTuple):
    """A request taken apart: `path`, or `name` on PATH, or a version (specifier text) of an implementation."""

    path: str | None = None
    name: str | None = None
    implementation: str | None = None
    specifier: str = ""
    minor: tuple[int, int] | None = None
    """Major and minor, when the request names them: the executable `python3.12` is then worth a first look."""
    free_threaded: bool | None = False
    """None: either will do."""


# Texts, compiled by `re` when they are first used, which in most runs is never.
_VERSION = r"(?P<version>[0-9]+(?:\.[0-9]+){0,2}(?:(?:a|b|rc)[0-9]+)?)(?P<threads>t?)"
_IMPLEMENTATION = r"(?i:(?P<name>cpython|pypy|graalpy)(?:(?:@|-)?(?P<rest>[0-9<>=!~].*))?)"
_MINOR_NAME = r"python([0-9]{1,4})\.([0-9]{1,4})t?(?:\.exe)?"


def _parse_request(text: str) -> _Request:
    """Raises UsageError for a version or range that does not parse."""
    request = text.strip()
    if not request:
        raise UsageError("the requested Python is empty", hints=("name a version like `3.12`, or a path",))
    if match := re.fullmatch(_IMPLEMENTATION, request):
        return _version_request(match["rest"] or "", match["name"].lower())
    if request[0] in "0123456789<>=!~" and os.sep not in request:
        return _version_request(request, None)
    named_directory = os.path.isdir(request) and environment_python(Path(request)) is not None
    if os.sep in request or (os.altsep and os.altsep in request) or named_directory:
        return _Request(path=request, free_threaded=None)
    return _Request(name=request, free_threaded=None)


def _version_request(text: str, implementation: str | None) -> _Request:
    if not text:
        return _Request(implementation=implementation, free_threaded=None)
    if match := re.fullmatch(_VERSION, text):
        version, free_threaded = match["version"], bool(match["threads"])
        whole = version.count(".") == 2 or not version.replace(".", "").isdigit()
        parts = re.findall(r"\d+", version)
        return _Request(
            implementation=implementation,
            specifier=f"=={version}" if whole else f"=={version}.*",
            minor=(int(parts[0]), int(parts[1])) if len(parts) > 1 else None,
            free_threaded=free_threaded,
        )
    try:
        return _Request(implementation=implementation, specifier=normal_specifier(text))
    except parsers.specifiers.InvalidSpecifier as error:
        raise UsageError(
            f"`{text}` is neither a Python version nor a range of versions",
            hints=("name a version like `3.12`, a range like `>=3.11,<3.13`, or a path",),
        ) from error


# --- finding ----------------------------------------------------------------------------------------------------------


def find_interpreter(
    request: str | None, *, search: SearchPlaces, requires_python: str = "", cache_dir: Path
) -> Interpreter:
    """The first interpreter, in the order of the module's text, that fits `request` and `requires_python`.

    Raises InterpreterNotFound, which names what was found instead, InterpreterError when the very interpreter that is
    asked for is broken, and UsageError for a request or specifier that does not parse.
    """
    wanted = _parse_request(request) if request is not None else _Request()
    required = _specifier(requires_python)
    if wanted.path is not None:
        return _held_against(_probe_path(wanted.path, cache_dir), required, request or "")
    if wanted.name is not None:
        return _held_against(_probe_name(wanted.name, search, cache_dir), required, request or "")
    specifier = _specifier(wanted.specifier)

    def fits(version: str) -> bool:
        return _is_within(version, specifier) and _is_within(version, required)

    for interpreter in _working(_candidates(wanted, search, fits), cache_dir):
        if _fits(interpreter, wanted, required):
            return interpreter
    everything = _working(_candidates(_Request(), search, lambda _: True), cache_dir)
    raise _not_found(request, requires_python, everything)


def searched_places(request: str | None, search: SearchPlaces) -> list[str]:
    """The files and directories that decide what a search for `request` finds: while none changes, neither does that.

    What is missing counts too. Raises UsageError for a request that does not parse.
    """
    wanted = _parse_request(request) if request is not None else _Request()
    places = [*search.path]
    for root in [os.path.dirname(os.path.normpath(path)) for path in search.path if _is_shims(path)]:
        places += [f"{root}/version", f"{root}/versions", f"{root}/installs/python"]
    if search.pyenv_root:
        places.append(os.path.join(search.pyenv_root, "versions"))
    places += _directories(search, lambda _: True)
    places += _candidates(_Request(), search, lambda _: True)
    if wanted.implementation is not None or wanted.minor is not None:  # else they are the same
        places += _candidates(wanted, search, lambda _: True)
    if wanted.name is not None:
        places += [os.path.join(place, wanted.name) for place in _directories(search, lambda _: True)]
    for given in (search.environment, wanted.path):
        if given:
            places += [given, f"{given}/pyvenv.cfg", f"{given}/bin/python"]
    return list(dict.fromkeys(places))


def _working(candidates: Iterable[str], cache_dir: Path) -> Iterator[Interpreter]:
    """The interpreters among the candidates, each once; what is broken is passed over, another may do."""
    asked = set()
    for path in candidates:
        real = os.path.realpath(path)
        if real not in asked:
            asked.add(real)
            try:
                yield probe(Path(path), cache_dir=cache_dir)
            except InterpreterError:
                continue


def satisfies(interpreter: Interpreter, request: str | None, requires_python: str = "") -> bool:
    """Whether an interpreter already at hand is what a search for `request` could end with.

    Of a path the real paths are compared, of a name on PATH the last part. Raises UsageError as `find_interpreter`.
    """
    wanted = _parse_request(request) if request is not None else _Request(free_threaded=None)
    if wanted.path is not None:
        python = environment_python(Path(wanted.path)) if os.path.isdir(wanted.path) else Path(wanted.path)
        if python is None or os.path.realpath(python) != str(interpreter.executable):
            return False
    elif wanted.name is not None and wanted.name not in ("python", "python3", interpreter.executable.name):
        return False
    return _fits(interpreter, wanted, _specifier(requires_python))


def _fits(interpreter: Interpreter, wanted: _Request, required: str) -> bool:
    return (
        wanted.implementation in (None, interpreter.implementation)
        and wanted.free_threaded in (None, interpreter.free_threaded)
        and _is_within(interpreter.version, _specifier(wanted.specifier))
        and _is_within(interpreter.version, required)
    )


def _is_within(version: str, specifier: str) -> bool:
    try:
        return allows(specifier, Version(version))
    except InvalidVersion:  # what that means is a matter of the operator
        return parsers.specifiers.SpecifierSet(specifier).contains(version, prereleases=True)


def _specifier(text: str) -> str:
    """`text` in its normal form. Raises UsageError for one that is no specifier."""
    try:
        return normal_specifier(text)
    except parsers.specifiers.InvalidSpecifier as error:
        raise UsageError(f"`{text}` is not a range of Python versions") from error


def _held_against(interpreter: Interpreter, required: str, request: str) -> Interpreter:
    if _is_within(interpreter.version, required):
        return interpreter
    raise InterpreterNotFound(
        f"`{request}` is {interpreter.describe()}, but the project requires Python {required}",
        hints=("ask for another Python, or change `requires-python` in pyproject.toml",),
    )


def _not_found(request: str | None, requires_python: str, there: Iterable[Interpreter]) -> InterpreterNotFound:
    asked = f" `{request}`" if request is not None else ""
    needed = f" with the version that the project requires (`{requires_python}`)" if requires_python else ""
    found = sorted(there, key=lambda interpreter: (interpreter.target.python_version, interpreter.describe()))
    names = ", ".join(dict.fromkeys(interpreter.describe() for interpreter in found))
    instead = f"there are {names}" if names else "there is no working one in the active environment or on PATH"
    return InterpreterNotFound(
        f"found no Python{asked}{needed}; {instead}",
        hints=("install one that fits, or name one with `--python PATH`",),
    )


def _probe_path(path: str, cache_dir: Path) -> Interpreter:
    if not os.path.isdir(path):
        return probe(Path(path), cache_dir=cache_dir)
    python = environment_python(Path(path))
    if python is None:
        raise InterpreterNotFound(
            f"the directory `{path}` holds no Python: there is no `bin/python` in it",
            hints=("name an executable, an environment's directory, or a version like `3.12`",),
        )
    return probe(python, cache_dir=cache_dir)


def _probe_name(name: str, search: SearchPlaces, cache_dir: Path) -> Interpreter:
    for directory in search.path:
        for place in _behind_shims(directory, search, lambda _: True) if _is_shims(directory) else (directory,):
            for path in (os.path.join(place, name), os.path.join(place, f"{name}.exe")):
                if os.path.isfile(path) and os.access(path, os.X_OK):
                    return probe(Path(path), cache_dir=cache_dir)
    raise InterpreterNotFound(
        f"there is no `{name}` on PATH",
        hints=("name a version like `3.12`, or a path like `./bin/python`",),
    )


def _candidates(wanted: _Request, search: SearchPlaces, fits: Callable[[str], bool]) -> Iterator[str]:
    """Executables to ask, most wanted first; `fits` judges versions that the name of an installation gives away."""
    if search.environment:
        python = environment_python(Path(search.environment))
        if python is not None:
            yield str(python)
    for directory in _directories(search, fits):
        yield from _executables(directory, wanted)
    if search.fallback:
        yield search.fallback


def _directories(search: SearchPlaces, fits: Callable[[str], bool]) -> Iterator[str]:
    """The directories in which executables are looked for, in order."""
    for directory in search.path:
        if _is_shims(directory):
            yield from _behind_shims(directory, search, fits)
        else:
            yield directory
    if search.pyenv_root:
        yield from _installations(os.path.join(search.pyenv_root, "versions"), search.pyenv_versions, fits)


def _executables(directory: str, wanted: _Request) -> Iterator[str]:
    """The interpreters of a directory: the wanted version's name, the plain names, then the others."""
    suffix = ".exe" if os.name == "nt" else ""
    implementation = wanted.implementation or "cpython"
    stem = "python" if implementation == "cpython" else implementation
    names = [f"{stem}3", stem]
    if wanted.minor is not None:
        threads = "t" if wanted.free_threaded else ""
        names.insert(0, f"{stem}{wanted.minor[0]}.{wanted.minor[1]}{threads}")
    for name in names:
        path = os.path.join(directory, name + suffix)
        if os.access(path, os.X_OK):
            yield path
    if wanted.minor is not None:
        return
    versioned = {}
    try:
        listed = os.listdir(directory)
    except OSError:
        return
    for name in listed:
        if not name.startswith("python"):  # there are thousands
            continue
        if (match := re.fullmatch(_MINOR_NAME, name)) and (version := (int(match[1]), int(match[2]))) >= OLDEST:
            versioned[name] = version
    for name in sorted(versioned, key=lambda name: (versioned[name], name), reverse=True):
        yield os.path.join(directory, name)


def _is_shims(directory: str) -> bool:
    return os.path.basename(os.path.normpath(directory)) == "shims"


def _behind_shims(directory: str, search: SearchPlaces, fits: Callable[[str], bool]) -> Iterator[str]:
    """The `bin` directories that the shims of a version manager choose from, those it is told to use first."""
    root = os.path.dirname(os.path.normpath(directory))
    chosen = search.pyenv_versions or _global_versions(root)
    yield from _installations(os.path.join(root, "versions"), chosen, fits)
    yield from _installations(os.path.join(root, "installs", "python"), (), fits)


def _global_versions(root: str) -> tuple[str, ...]:
    """What `pyenv global` was set to."""
    try:
        with open(os.path.join(root, "version"), encoding="utf-8", errors="replace") as file:
            return tuple(file.read(4096).split())
    except OSError:
        return ()


def _installations(versions: str, chosen: tuple[str, ...], fits: Callable[[str], bool]) -> Iterator[str]:
    """The `bin` of each installation in a directory: chosen ones first, then by version, newest first."""
    try:
        names = os.listdir(versions)
    except OSError:
        return

    def order(name: str) -> tuple[int, tuple[int, ...]]:
        place = next((i for i, choice in enumerate(chosen) if f"{name}.".startswith(f"{choice}.")), len(chosen))
        numbers = tuple(int(number) for number in re.findall(r"\d{1,9}", name))
        return (-place, numbers if name[0].isdigit() else ())

    for name in sorted(names, key=lambda name: (order(name), name), reverse=True):
        plain = re.fullmatch(r"\d+\.\d+\.\d+", name)
        if plain is None or (_as_numbers(name) >= OLDEST and fits(name)):
            yield os.path.join(versions, name, "bin")


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
