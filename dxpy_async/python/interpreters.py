"""Python interpreters: what they are, as they tell it themselves, and how the one that is asked for is found.

An interpreter is asked once, with `probe_script.py`, and the answer kept in the cache under its path, size and time of
change and the kernel it was asked on; whatever is wrong with a kept answer, the interpreter is asked again.

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

import json
import os
import re
import stat
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer, get_ident
from typing import Any, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.platform_tags import TagFacts, supported_tags
from dxpy_async.errors import InterpreterError, InterpreterNotFound, UsageError

CACHE_BUCKET = "interpreters-v1"

PROBE_SECONDS = 30.0
"""How long an interpreter may take to tell about itself; a cold one on a network disk needs a few seconds."""

PROBE_BYTES = 1024 * 1024
"""How much it may say; the answer has two thousand bytes."""

_MARK = b"dxpy-facts:"
"""What the answer begins with; the same word stands in `probe_script.py`."""

_OLDEST = (3, 8)
"""The oldest Python that the probe script runs on."""

_NOT_WHOLE = (KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What taking an answer apart raises when something is missing in it or of the wrong kind."""

_MARKER_NAMES = frozenset(
    {
        "implementation_name",
        "implementation_version",
        "os_name",
        "platform_machine",
        "platform_python_implementation",
        "platform_release",
        "platform_system",
        "platform_version",
        "python_full_version",
        "python_version",
        "sys_platform",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One installed Python, never a virtual environment's: that is always traced back to what it was made from.

    `executable` is its real path. `purelib`, `platlib` and `scripts` are where an environment made with it has these
    parts, relative to the environment's root.
    """

    executable: Path
    version: str
    target: TargetEnvironment
    prefix: Path
    base_prefix: Path
    cache_tag: str
    free_threaded: bool
    is_64bit: bool
    purelib: str
    platlib: str
    scripts: str

    @property
    def implementation(self) -> str:
        """`cpython`, `pypy`, … as the markers call it."""
        return self.target.markers["implementation_name"]

    @property
    def is_windows(self) -> bool:
        """Whether its environments are laid out as on Windows."""
        return self.target.markers["os_name"] == "nt"

    def describe(self) -> str:
        """For people: `CPython 3.12.1`."""
        threads = " (free-threaded)" if self.free_threaded else ""
        return f"{self.target.markers['platform_python_implementation']} {self.version}{threads}"


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


# --- asking one interpreter -------------------------------------------------------------------------------------------


def probe(executable: Path, *, cache_dir: Path, timeout: float = PROBE_SECONDS) -> Interpreter:
    """Ask the interpreter at `executable` (an environment's is traced back to what it was made from) what it is.

    Raises InterpreterError when there is none, or it does not answer sensibly within `timeout` seconds.
    """
    path, shown = os.path.realpath(executable), str(executable)
    answer = _answer(path, shown, cache_dir, timeout)
    base = os.path.realpath(answer.base_executable)
    return answer.interpreter if base == path else _answer(base, shown, cache_dir, timeout).interpreter


class _Answer(NamedTuple):
    """What an executable says: the interpreter it is, and the one it was made from if it is an environment's."""

    interpreter: Interpreter
    base_executable: str


def _answer(path: str, shown: str, cache_dir: Path, timeout: float) -> _Answer:
    try:
        status = os.stat(path)
    except OSError as error:
        raise InterpreterError(f"there is no interpreter at `{shown}`: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or not os.access(path, os.X_OK):
        raise InterpreterError(f"`{shown}` is not an executable file")
    # the kernel's version is among the markers, and a new kernel usually comes with a new C library
    kernel = " ".join(os.uname()[2:4]) if hasattr(os, "uname") else ""
    entry = cache_dir / CACHE_BUCKET / f"{zlib.crc32(os.fsencode(path)):08x}-{status.st_size:x}-{status.st_mtime_ns:x}"
    kept = _read_kept(entry, path, kernel)
    if kept is not None:
        return kept
    facts = _ask(path, shown, timeout)
    try:
        answer = _understand(path, facts)
    except _NOT_WHOLE as error:
        raise InterpreterError(f"the interpreter `{shown}` tells nonsense about itself: {error!r}") from error
    _keep(entry, path, kernel, facts)
    return answer


def _read_kept(entry: Path, path: str, kernel: str) -> _Answer | None:
    """The kept answer; None for none, for one of another interpreter or kernel, and for garbage."""
    try:
        with open(entry, "rb") as file:
            kept = json.loads(file.read(PROBE_BYTES))
        if kept["path"] != path or kept["kernel"] != kernel:
            return None
        return _understand(path, kept["facts"])
    except (OSError, RecursionError, *_NOT_WHOLE):
        return None


def _keep(entry: Path, path: str, kernel: str, facts: dict[str, Any]) -> None:
    """Keep an answer for next time. A cache that cannot be written costs the time of asking again, nothing more."""
    beside = entry.with_name(f".{entry.name}.{os.getpid()}-{get_ident()}")
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(json.dumps({"path": path, "kernel": kernel, "facts": facts}), "utf-8")
            os.replace(beside, entry)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError:
        return


def _ask(path: str, shown: str, timeout: float) -> dict[str, Any]:
    script = Path(__file__).with_name("probe_script.py").read_text("utf-8")
    output, timed_out = _run([path, "-I", "-S", "-c", script], shown, timeout)
    if timed_out:
        raise InterpreterError(f"the interpreter `{shown}` did not answer within {timeout:g} seconds")
    _, mark, answer = output.rpartition(_MARK)
    if not mark:
        lines = output.decode("utf-8", "replace").strip().splitlines()
        what = f": {lines[-1][:200]}" if lines else ", it said nothing"
        raise InterpreterError(
            f"`{shown}` is not a working Python interpreter{what}",
            hints=(f"dxpy works with Python {_OLDEST[0]}.{_OLDEST[1]} and later",),
        )
    try:
        facts: dict[str, Any] = json.loads(answer)
    except ValueError as error:
        raise InterpreterError(f"the interpreter `{shown}` was cut short while it told about itself") from error
    return facts


def _run(command: list[str], shown: str, timeout: float) -> tuple[bytes, bool]:
    """The output of a command, both streams as one and no more than PROBE_BYTES, and whether it had to be killed."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts can be killed with it
        )
    except (OSError, ValueError) as error:
        raise InterpreterError(f"`{shown}` cannot be run: {error}") from error
    timed_out = False

    def give_up() -> None:
        nonlocal timed_out
        timed_out = True
        _kill(process)

    watch = Timer(timeout, give_up)
    watch.start()
    try:
        with process:
            assert process.stdout is not None
            try:
                return process.stdout.read(PROBE_BYTES), timed_out
            finally:
                _kill(process)
    finally:
        watch.cancel()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process that has nothing more to say, and all that it started."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, 9)
        except (ProcessLookupError, PermissionError):
            return
    else:
        process.kill()


def _understand(path: str, facts: Mapping[str, Any]) -> _Answer:
    """Make the value of an answer. Raises one of `_NOT_WHOLE` for one that does not hold everything."""
    markers: dict[str, str] = facts["markers"]
    if set(markers) != _MARKER_NAMES or not all(isinstance(value, str) for value in markers.values()):
        raise ValueError("the marker values are not the eleven of the specification")
    said = facts["tags"]
    tags = TagFacts(
        implementation=str(said["implementation"]),
        version=_pair(said["version"]),
        version_nodot=str(said["version_nodot"]),
        extension_suffix=str(said["extension_suffix"]),
        debug=bool(said["debug"]),
        free_threaded=bool(said["free_threaded"]),
        system=str(said["system"]),
        platform=str(said["platform"]),
        bits=int(said["bits"]),
        libc=str(said["libc"]),
        libc_version=_pair(said["libc_version"]),
        refused_glibc=frozenset(int(minor) for minor in said["refused_glibc"]),
        elf=None if said["elf"] is None else (int(said["elf"][0]), int(said["elf"][1]), int(said["elf"][2])),
        mac_version=_pair(said["mac_version"]),
        mac_machine=str(said["mac_machine"]),
    )
    if tags.version < _OLDEST:
        raise ValueError(f"Python {tags.version[0]}.{tags.version[1]} is too old")
    paths = facts["paths"]
    interpreter = Interpreter(
        executable=Path(path),
        version=markers["python_full_version"],
        target=TargetEnvironment(markers, supported_tags(tags)),
        prefix=Path(facts["prefix"]),
        base_prefix=Path(facts["base_prefix"]),
        cache_tag=str(facts["cache_tag"]),
        free_threaded=tags.free_threaded,
        is_64bit=tags.bits == 64,
        purelib=str(paths["purelib"]),
        platlib=str(paths["platlib"]),
        scripts=str(paths["scripts"]),
    )
    return _Answer(interpreter, os.fspath(facts["base_executable"]))


def _pair(numbers: Iterable[Any]) -> tuple[int, int]:
    first, second = numbers
    return int(first), int(second)


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
        return _Request(implementation=implementation, specifier=str(SpecifierSet(text)))
    except InvalidSpecifier as error:
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
        return specifier.contains(version, prereleases=True) and required.contains(version, prereleases=True)

    for interpreter in _working(_candidates(wanted, search, fits), cache_dir):
        if _fits(interpreter, wanted, required):
            return interpreter
    everything = _working(_candidates(_Request(), search, lambda _: True), cache_dir)
    raise _not_found(request, requires_python, everything)


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


def _fits(interpreter: Interpreter, wanted: _Request, required: SpecifierSet) -> bool:
    return (
        wanted.implementation in (None, interpreter.implementation)
        and wanted.free_threaded in (None, interpreter.free_threaded)
        and _specifier(wanted.specifier).contains(interpreter.version, prereleases=True)
        and required.contains(interpreter.version, prereleases=True)
    )


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier as error:
        raise UsageError(f"`{text}` is not a range of Python versions") from error


def _held_against(interpreter: Interpreter, required: SpecifierSet, request: str) -> Interpreter:
    if required.contains(interpreter.version, prereleases=True):
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


def environment_python(root: Path) -> Path | None:
    """The interpreter of the environment or installation at `root`, None when there is none."""
    names = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe", "bin/pypy3")
    return next((root / name for name in names if os.path.lexists(root / name)), None)


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
    for directory in search.path:
        if _is_shims(directory):
            for place in _behind_shims(directory, search, fits):
                yield from _executables(place, wanted)
        else:
            yield from _executables(directory, wanted)
    if search.pyenv_root:
        for place in _installations(os.path.join(search.pyenv_root, "versions"), search.pyenv_versions, fits):
            yield from _executables(place, wanted)
    if search.fallback:
        yield search.fallback


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
        if (match := re.fullmatch(_MINOR_NAME, name)) and (version := (int(match[1]), int(match[2]))) >= _OLDEST:
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
        if plain is None or (_as_numbers(name) >= _OLDEST and fits(name)):
            yield os.path.join(versions, name, "bin")


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
