"""One interpreter: what it is, as it tells it itself.

It is asked once, with `probe_script.py`, and the answer kept in the cache under its path, size and time of change and
the kernel it was asked on; whatever is wrong with a kept answer, the interpreter is asked again.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Timer, get_ident
from typing import Any, NamedTuple

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.platform_tags import TagFacts, supported_tags
from dxpy_async.core.schemes import InstallationPaths
from dxpy_async.errors import InterpreterError

CACHE_BUCKET = "interpreters-v2"

PROBE_SECONDS = 30.0
"""How long an interpreter may take to tell about itself; a cold one on a network disk needs a few seconds."""

PROBE_BYTES = 1024 * 1024
"""How much it may say; the answer has two thousand bytes."""

_MARK = b"dxpy-facts:"
"""What the answer begins with; the same word stands in `probe_script.py`."""

OLDEST = (3, 8)
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

_OWN_PATHS = ("purelib", "platlib", "scripts", "data", "stdlib", "user_purelib", "user_scripts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """One installed Python, never a virtual environment's: that is always traced back to what it was made from.

    `executable` is its real path. `purelib`, `platlib` and `scripts` are where an environment made with it has these
    parts, relative to the environment's root; `own_paths` are where it has packages itself.
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
    own_paths: InstallationPaths

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


def environment_python(root: Path) -> Path | None:
    """The interpreter of the environment or installation at `root`, None when there is none."""
    names = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe", "bin/pypy3")
    return next((root / name for name in names if os.path.lexists(root / name)), None)


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
            hints=(f"dxpy works with Python {OLDEST[0]}.{OLDEST[1]} and later",),
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
    if tags.version < OLDEST:
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
        own_paths=_own_paths(facts["own_paths"]),
    )
    return _Answer(interpreter, os.fspath(facts["base_executable"]))


def _own_paths(said: Mapping[str, Any]) -> InstallationPaths:
    return InstallationPaths(
        **{name: str(said[name]) for name in _OWN_PATHS}, sites=tuple(str(site) for site in said["sites"])
    )


def _pair(numbers: Iterable[Any]) -> tuple[int, int]:
    first, second = numbers
    return int(first), int(second)
