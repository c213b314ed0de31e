"""What tells a directory from what it was when a wheel was built from it.

For a wheel it is all files of the directory but those that tools and builds leave there: a wheel may hold any of them.
An editable wheel only leads to the directory, so for it count the files that say how it is built, and which directories
there are at the top and in `src`, where packages are looked for.

Files are told apart by size and time of change, as make does. What is left out is what is known to be made by builds;
leaving out too little costs a build, leaving out too much would install what is not there any more.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from blake3 import blake3

from dxpy_async.core.limits import ARCHIVE_MEMBERS
from dxpy_async.core.places import BUILD_FILES
from dxpy_async.errors import InvalidSource

_LEFT_OUT = frozenset(
    {
        *(".git", ".hg", ".svn", ".bzr", ".idea", ".vscode", ".direnv"),
        *("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".eggs"),
        *("node_modules", ".venv", ".pdm-build", ".pdm-python"),
    }
)
_LEFT_OUT_ENDINGS = (".egg-info", ".dist-info", ".pyc", ".pyo", "~", ".swp")
_LEFT_OUT_AT_THE_TOP = frozenset({"dist", "target", ".coverage", "dxpy.lock", "uv.lock", "pyproject.dx"})
_BUILD_DIRECTORY, _BUILT_INTO = "build", ("lib", "temp", "bdist", "scripts", "wheel", "cp", "editable")
"""What is in `build` at the top is left out when it begins like what setuptools and meson put there."""


def fingerprint(root: Path) -> str:
    """A digest (hex) of the files below `root` that a wheel may be made of.

    Raises InvalidSource when there are too many of them to be a source tree, or they cannot be read.
    """
    try:
        return _digest(_rows(root))
    except OSError as error:
        raise InvalidSource(str(root), f"it cannot be read: {error.strerror} ({error.filename})") from error


def editable_fingerprint(root: Path) -> str:
    """A digest (hex) of what an editable wheel of `root` is made of. Raises InvalidSource."""
    files = [f"{name} {_state(root / name)}" for name in BUILD_FILES]
    try:
        places = [f"{place}/{name}" for place in ("", "src") for name in _packages(root, place)]
    except OSError as error:
        raise InvalidSource(str(root), f"it cannot be read: {error.strerror} ({error.filename})") from error
    return _digest([*files, *places])


def _digest(rows: Iterable[str]) -> str:
    digest = blake3()
    for row in rows:
        digest.update(row.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _state(path: Path) -> str:
    try:
        facts = os.stat(path)
    except OSError:
        return "-"
    return f"{facts.st_size} {facts.st_mtime_ns}"


def _packages(root: Path, place: str) -> list[str]:
    """The directories in `place` that may be import packages."""
    if not (root / place).is_dir():
        return []
    with os.scandir(root / place) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    return [name for name in names if name != _BUILD_DIRECTORY and not _is_left_out(name, place)]


def _rows(root: Path) -> Iterator[str]:
    """`path mode size time` of each file, and where links lead, in the order of their paths."""
    count = 0
    pending = [""]
    while pending:
        directory = pending.pop()
        with os.scandir(root / directory) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        if directory and any(entry.name == "pyvenv.cfg" for entry in found):
            continue
        below = []
        for entry in found:
            if _is_left_out(entry.name, directory):
                continue
            path = f"{directory}/{entry.name}" if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                below.append(path)
                continue
            facts = entry.stat(follow_symlinks=False)
            target = os.readlink(entry.path) if stat.S_ISLNK(facts.st_mode) else ""
            yield f"{path} {facts.st_mode:o} {facts.st_size} {facts.st_mtime_ns} {target}"
            count += 1
            if count > ARCHIVE_MEMBERS:
                raise InvalidSource(str(root), f"it has more than {ARCHIVE_MEMBERS} files")
        pending += reversed(below)


def _is_left_out(name: str, directory: str) -> bool:
    if name in _LEFT_OUT or name.endswith(_LEFT_OUT_ENDINGS):
        return True
    if directory == _BUILD_DIRECTORY:
        return name.startswith(_BUILT_INTO)
    return not directory and name in _LEFT_OUT_AT_THE_TOP
