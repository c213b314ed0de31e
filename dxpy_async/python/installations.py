"""Pythons that dxpy has installed, as directories: made fit for where they are, shown on PATH, removed.

    <data>/python/
      cpython-3.12.7-linux-x86_64-gnu/    one build, as its archive has it, and changed in three places (`settle`)
      .staging/                           what is being made or removed; whatever is in it can go
      .lock                               held by whoever changes anything here
    ~/.local/bin/python3.12               a link to the newest of its minor version, where that is wanted

A directory with a build's name is complete: it comes into being by one rename, and goes by one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dxpy_async.errors import InstallationFailed, InterpreterError
from dxpy_async.python.builds import PythonKey
from dxpy_async.python.probing import environment_python, probe

LOCK_NAME = ".lock"
STAGING_NAME = ".staging"

_MARKER = """\
[externally-managed]
Error=This Python was installed by dxpy and is shared by all its environments, so nothing is installed into it.
 Make an environment with it, by `dxpy venv`, and install there.
"""
"""Source: https://packaging.python.org/en/latest/specifications/externally-managed-environments/"""

_BUILD_PREFIX = re.compile(r"(?:(?<![\w/])|(?<=-[IL]))/install(?=[/'\"\s]|$)", re.MULTILINE)
"""Where these builds believe to be, in the files that tell how extension modules are built for them."""

_BUILD_TOOLS = re.compile(r"(?<![\w/.-])(?:/usr/bin/|/tools/\S*/bin/)?(clang\+\+|clang|llvm-ar)(?=['\"\s])")
_USUAL_TOOLS = {"clang": "cc", "clang++": "c++", "llvm-ar": "ar"}
"""What they were built with is rarely there; these are, wherever anything can be built."""


class ManagedPython(NamedTuple):
    """One installed build: what it is, and its directory."""

    key: PythonKey
    root: Path

    @property
    def executable(self) -> Path:
        python = environment_python(self.root)
        return python if python is not None else self.root / "bin" / "python3"


def settle(staged: Path, key: PythonKey, final: Path, cache_dir: Path) -> None:
    """Make the build unpacked at `staged` fit for `final`, and see that it is what it claims to be.

    Other installers are told not to install into it, and the build's own paths and compilers in `sysconfig` and
    pkg-config files become those of here. Raises InstallationFailed when it does not run, or is another version.
    """
    python = environment_python(staged)
    if python is None:
        raise InstallationFailed(f"the archive of `{key}` holds no Python: there is no `bin/python3` in it")
    for library in staged.glob("lib/python3.*") if key.machine.system != "windows" else [staged / "Lib"]:
        if library.is_dir():
            (library / "EXTERNALLY-MANAGED").write_text(_MARKER, "utf-8")
    for file in (*staged.glob("lib/python3.*/_sysconfigdata_*.py"), *staged.glob("lib/pkgconfig/*.pc")):
        if not file.is_symlink():
            _rewrite(file, str(final))
    try:
        interpreter = probe(python, cache_dir=cache_dir)
    except InterpreterError as error:
        raise InstallationFailed(f"the build `{key}` does not work here: {error}") from error
    found = (interpreter.implementation, interpreter.version, interpreter.free_threaded)
    if found != (key.implementation, key.version, key.free_threaded):
        raise InstallationFailed(f"the archive of `{key}` holds {interpreter.describe()}")


def _rewrite(file: Path, prefix: str) -> None:
    text = file.read_text("utf-8", "surrogateescape")
    placed = _BUILD_PREFIX.sub(lambda _: prefix, text)
    file.write_text(_BUILD_TOOLS.sub(lambda match: _USUAL_TOOLS[match[1]], placed), "utf-8", "surrogateescape")


def publish(staged: Path, final: Path, staging: Path) -> None:
    """Put what is ready in its place, in one step; what is there already makes room in another."""
    if final.exists():
        os.rename(final, staging / f"old-{os.urandom(4).hex()}")
    os.rename(staged, final)


def withdraw(python: ManagedPython, staging: Path) -> None:
    """Make an installation disappear, in one step; its files are then in `staging`."""
    os.makedirs(staging, exist_ok=True)
    os.rename(python.root, staging / f"old-{os.urandom(4).hex()}")


# --- links on PATH ----------------------------------------------------------------------------------------------------


class Linked(NamedTuple):
    """What became of the links for one installation: those made, and those not, because of somebody else's file."""

    made: tuple[Path, ...]
    refused: tuple[Path, ...]


def link_executables(
    python: ManagedPython, bin_dir: Path, *, managed: Path, default: bool = False, force: bool = False
) -> Linked:
    """Link `python3.12`, and with `default` `python` and `python3`, in `bin_dir` to an installation.

    A link to an older one of ours is moved, one to a newer one stays. Anything else is only replaced by `force`.
    Raises OSError.
    """
    os.makedirs(bin_dir, exist_ok=True)
    made, refused = [], []
    for name in (python.key.minor_name, *(("python3", "python") if default else ())):
        path = bin_dir / name
        there = _linked_key(path, managed)
        if there is None and os.path.lexists(path) and not force:
            refused.append(path)
        elif there is None or force or default or there.order <= python.key.order:
            beside = bin_dir / f".{name}.{os.urandom(4).hex()}"
            os.symlink(python.executable, beside)
            os.replace(beside, path)
            made.append(path)
    return Linked(tuple(made), tuple(refused))


def unlink_executables(pythons: Sequence[ManagedPython], bin_dir: Path, *, managed: Path) -> list[Path]:
    """Remove the links to these installations from `bin_dir`; those that were there."""
    gone = {str(python.key) for python in pythons}
    links = [path for path in _links(bin_dir) if str(_linked_key(path, managed)) in gone]
    for path in links:
        path.unlink()
    return links


def _links(bin_dir: Path) -> Iterator[Path]:
    try:
        names = os.listdir(bin_dir)
    except OSError:
        return
    yield from (bin_dir / name for name in sorted(names) if name.startswith("python"))


def _linked_key(path: Path, managed: Path) -> PythonKey | None:
    """Which of our installations `path` is a link to; None when it is anything else."""
    try:
        target = os.path.join(os.path.dirname(path), os.readlink(path))
    except OSError:
        return None
    relative = os.path.relpath(target, managed)
    return PythonKey.parse(relative.split(os.sep)[0])
