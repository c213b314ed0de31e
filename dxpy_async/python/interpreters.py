"""Finding the interpreter that is asked for (`requests` says what that can be).

Where is looked: the active environment (a virtual one or conda's), the Pythons that dxpy has installed, PATH from front
to back, the versions of pyenv, asdf and mise, conda's base, on Windows what the launcher `py` knows, and last the
interpreter dxpy runs with. `PythonPreference` says whether dxpy's own come before the system's, after them, alone or
not at all. A directory of shims (pyenv, asdf, mise) stands for the installations its programs would start; no shim is
ever run.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.settings import PythonPreference
from dxpy_async.core.user_places import python_dir
from dxpy_async.errors import InterpreterError, InterpreterNotFound
from dxpy_async.python.builds import PythonKey
from dxpy_async.python.probing import OLDEST, Interpreter, environment_python, probe
from dxpy_async.python.requests import ANY, PythonRequest, is_within, parse_request, python_specifier

__all__ = [
    "Found",
    "Interpreter",
    "SearchPlaces",
    "all_interpreters",
    "find_interpreter",
    "managed_pythons",
    "probe",
    "pythons_on_path",
    "satisfies",
    "searched_places",
]

_MINOR_NAME = r"python([0-9]{1,4})\.([0-9]{1,4})t?(?:\.exe)?"
_LAUNCHER_SECONDS = 10


class SearchPlaces(NamedTuple):
    """Where interpreters may be found: facts of the surroundings, gathered by the caller.

    `path` are the directories of PATH in order; `environment` is the active virtual or conda environment, `conda` the
    base of conda when that is active; `managed` is where dxpy installs Pythons; `pyenv_root` is set where pyenv is, and
    `pyenv_versions` are the versions it is told to use, empty when it is told nothing; `installs` are the directories
    of other version managers; `launcher` is the `py` of Windows; `fallback` is an interpreter known to exist.
    """

    path: tuple[str, ...] = ()
    environment: str | None = None
    pyenv_root: str | None = None
    pyenv_versions: tuple[str, ...] = ()
    fallback: str | None = None
    managed: str | None = None
    conda: str | None = None
    installs: tuple[str, ...] = ()
    launcher: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], executable: str | None = None) -> SearchPlaces:
        """The places that variables name (PATH, VIRTUAL_ENV, CONDA_PREFIX, PYENV_ROOT, …), then `executable`."""
        path = tuple(entry for entry in environ.get("PATH", "").split(os.pathsep) if entry)
        conda = environ.get("CONDA_PREFIX") or None
        is_base = environ.get("CONDA_DEFAULT_ENV") in ("base", "root")
        launchers = (os.path.join(entry, "py.exe") for entry in path) if os.name == "nt" else ()
        return cls(
            path=path,
            environment=environ.get("VIRTUAL_ENV") or (None if is_base else conda),
            pyenv_root=environ.get("PYENV_ROOT") or None,
            pyenv_versions=tuple(name for name in environ.get("PYENV_VERSION", "").split(":") if name),
            fallback=executable or None,
            managed=python_dir(environ),
            conda=conda if is_base else None,
            installs=tuple(
                os.path.join(root, "installs", "python")
                for root in (environ.get("ASDF_DATA_DIR"), environ.get("MISE_DATA_DIR"))
                if root
            ),
            launcher=next((path for path in launchers if os.path.isfile(path)), None),
        )

    def is_managed(self, executable: Path) -> bool:
        """Whether that interpreter is one that dxpy has installed."""
        if self.managed is None:
            return False
        return str(executable).startswith(os.path.join(os.path.realpath(self.managed), ""))

    def allows(self, interpreter: Interpreter, preference: PythonPreference) -> bool:
        """Whether an interpreter may be used at all by a preference that knows only one kind."""
        if preference is PythonPreference.ONLY_MANAGED:
            return self.is_managed(interpreter.executable)
        return preference is not PythonPreference.ONLY_SYSTEM or not self.is_managed(interpreter.executable)


def find_interpreter(
    request: str | None,
    *,
    search: SearchPlaces,
    requires_python: str = "",
    cache_dir: Path,
    preference: PythonPreference = PythonPreference.MANAGED,
) -> Interpreter:
    """The first interpreter, in the order of the module's text, that fits `request` and `requires_python`.

    Raises InterpreterNotFound, which names what was found instead, InterpreterError when the very interpreter that is
    asked for is broken, and UsageError for a request or specifier that does not parse.
    """
    wanted = parse_request(request) if request is not None else ANY
    required = python_specifier(requires_python)
    if wanted.path is not None:
        return _held_against(_probe_path(wanted.path, cache_dir), required, request or "")
    if wanted.name is not None:
        return _held_against(_probe_name(wanted.name, search, cache_dir), required, request or "")
    if wanted.key is not None:
        return _held_against(_probe_key(wanted.key, search, cache_dir), required, request or "")

    def fits(version: str) -> bool:
        return is_within(version, wanted.specifier) and is_within(version, required)

    candidates = _candidates(wanted, search, preference, fits)
    for interpreter in _working(candidates, search, preference, cache_dir):
        if wanted.fits(interpreter) and is_within(interpreter.version, required):
            return interpreter
    everything = _working(_candidates(ANY, search, preference, lambda _: True), search, preference, cache_dir)
    raise _not_found(request, requires_python, everything)


class Found(NamedTuple):
    """An interpreter, and the path by which it was found, which may be a link to it or an environment's."""

    interpreter: Interpreter
    path: Path


def all_interpreters(
    *, search: SearchPlaces, cache_dir: Path, preference: PythonPreference = PythonPreference.MANAGED
) -> Iterator[Found]:
    """Every interpreter that works, once, under the first path it is found by."""
    seen = set()
    for path in _candidates(ANY, search, preference, lambda _: True):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        try:
            interpreter = probe(Path(path), cache_dir=cache_dir)
        except InterpreterError:
            continue
        if str(interpreter.executable) in seen - {real} or not search.allows(interpreter, preference):
            continue
        seen.add(str(interpreter.executable))
        yield Found(interpreter, Path(path))


def searched_places(request: str | None, search: SearchPlaces) -> list[str]:
    """The files and directories that decide what a search for `request` finds: while none changes, neither does that.

    What is missing counts too. Raises UsageError for a request that does not parse.
    """
    wanted = parse_request(request) if request is not None else ANY
    places = [*search.path, *search.installs]
    for root in [os.path.dirname(os.path.normpath(path)) for path in search.path if _is_shims(path)]:
        places += [f"{root}/version", f"{root}/versions", f"{root}/installs/python"]
    if search.pyenv_root:
        places.append(os.path.join(search.pyenv_root, "versions"))
    if search.managed:
        places.append(search.managed)
    places += _directories(search, lambda _: True)
    places += _candidates(ANY, search, PythonPreference.MANAGED, lambda _: True)
    if wanted.implementation is not None or wanted.minor is not None:  # else they are the same
        places += _candidates(wanted, search, PythonPreference.MANAGED, lambda _: True)
    if wanted.name is not None:
        places += [os.path.join(place, wanted.name) for place in _directories(search, lambda _: True)]
    for given in (search.environment, wanted.path):
        if given:
            places += [given, f"{given}/pyvenv.cfg", f"{given}/bin/python"]
    return list(dict.fromkeys(places))


def _working(
    candidates: Iterable[str], search: SearchPlaces, preference: PythonPreference, cache_dir: Path
) -> Iterator[Interpreter]:
    """The interpreters among the candidates, each once; what is broken is passed over, another may do."""
    asked = set()
    for path in candidates:
        real = os.path.realpath(path)
        if real not in asked:
            asked.add(real)
            try:
                interpreter = probe(Path(path), cache_dir=cache_dir)
            except InterpreterError:
                continue
            if search.allows(interpreter, preference):
                yield interpreter


def satisfies(interpreter: Interpreter, request: str | None, requires_python: str = "") -> bool:
    """Whether an interpreter already at hand is what a search for `request` could end with.

    Of a path the real paths are compared, of a name on PATH the last part. Raises UsageError as `find_interpreter`.
    """
    wanted = parse_request(request) if request is not None else PythonRequest(free_threaded=None)
    if wanted.path is not None:
        python = environment_python(Path(wanted.path)) if os.path.isdir(wanted.path) else Path(wanted.path)
        if python is None or os.path.realpath(python) != str(interpreter.executable):
            return False
    names = ("python", "python3", interpreter.executable.name)
    if wanted.name not in (None, *names) or wanted.key not in (None, *interpreter.executable.parts):
        return False
    return wanted.fits(interpreter) and is_within(interpreter.version, python_specifier(requires_python))


def _held_against(interpreter: Interpreter, required: str, request: str) -> Interpreter:
    if is_within(interpreter.version, required):
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
    wanted = parse_request(request) if request is not None else ANY
    installing = f"by `dxpy python install {shlex.quote(request or requires_python or '3')}` or otherwise, "
    how = installing if wanted.implementation in (None, "cpython") else ""
    return InterpreterNotFound(
        f"found no Python{asked}{needed}; {instead}",
        hints=(f"install one that fits, {how}or name one with `--python PATH`",),
        wanted=(request, requires_python),
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


def _probe_key(key: str, search: SearchPlaces, cache_dir: Path) -> Interpreter:
    for found, directory in managed_pythons(search):
        if str(found) == key and (python := environment_python(Path(directory))) is not None:
            return probe(python, cache_dir=cache_dir)
    raise InterpreterNotFound(
        f"`{key}` is not installed",
        hints=(f"install it with `dxpy python install {key}`", "`dxpy python list` shows what there is"),
        wanted=(key, ""),
    )


def _candidates(
    wanted: PythonRequest, search: SearchPlaces, preference: PythonPreference, fits: Callable[[str], bool]
) -> Iterator[str]:
    """Executables to ask, most wanted first; `fits` judges versions that the name of an installation gives away."""
    if search.environment:
        python = environment_python(Path(search.environment))
        if python is not None:
            yield str(python)
    managed, system = _managed(search, fits), _of_system(wanted, search, fits)
    match preference:
        case PythonPreference.SYSTEM:
            yield from chain(system, managed)
        case PythonPreference.ONLY_MANAGED:
            yield from managed
        case PythonPreference.ONLY_SYSTEM:
            yield from system
        case PythonPreference.MANAGED:
            yield from chain(managed, system)


def _managed(search: SearchPlaces, fits: Callable[[str], bool]) -> Iterator[str]:
    for key, directory in managed_pythons(search):
        if fits(key.version) and (python := environment_python(Path(directory))) is not None:
            yield str(python)


def managed_pythons(search: SearchPlaces) -> list[tuple[PythonKey, str]]:
    """The Pythons that dxpy has installed, with their directories: newest first."""
    try:
        names = os.listdir(search.managed) if search.managed else []
    except OSError:
        return []
    found = [(key, os.path.join(search.managed or "", name)) for name in names if (key := PythonKey.parse(name))]
    return sorted(found, key=lambda each: each[0].order, reverse=True)


def _of_system(wanted: PythonRequest, search: SearchPlaces, fits: Callable[[str], bool]) -> Iterator[str]:
    for directory in _directories(search, fits):
        yield from _executables(directory, wanted)
    if search.launcher:
        yield from _known_to_launcher(search.launcher)
    if search.fallback:
        yield search.fallback


def _known_to_launcher(launcher: str) -> Iterator[str]:
    """What the launcher of Windows lists: lines that end in an executable's path. This has not been run."""
    try:
        listed = subprocess.run(
            [launcher, "--list-paths"], capture_output=True, text=True, timeout=_LAUNCHER_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in listed.splitlines():
        if match := re.search(r"[A-Za-z]:\\.*\.exe$", line.strip()):
            yield match[0]


def _directories(search: SearchPlaces, fits: Callable[[str], bool]) -> Iterator[str]:
    """The directories in which executables are looked for, in order."""
    for directory in search.path:
        if _is_shims(directory):
            yield from _behind_shims(directory, search, fits)
        else:
            yield directory
    if search.pyenv_root:
        yield from _installations(os.path.join(search.pyenv_root, "versions"), search.pyenv_versions, fits)
    for installs in search.installs:
        yield from _installations(installs, (), fits)
    if search.conda:
        yield os.path.join(search.conda, "bin") if os.name != "nt" else search.conda


def _executables(directory: str, wanted: PythonRequest) -> Iterator[str]:
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


def pythons_on_path(search: SearchPlaces) -> Iterator[Path]:
    """What the commands `python3` and `python` are, by PATH; shims stand for what they would start."""
    for directory in search.path:
        for place in _behind_shims(directory, search, lambda _: True) if _is_shims(directory) else (directory,):
            names = (os.path.join(place, name) for name in ("python3", "python", "python.exe"))
            if (found := next((path for path in names if os.access(path, os.X_OK)), None)) is not None:
                yield Path(found)


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
            yield os.path.join(versions, name, "bin") if os.name != "nt" else os.path.join(versions, name)


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
