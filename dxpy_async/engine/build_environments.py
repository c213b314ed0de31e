"""Environments that builds run in: made once for each set of build requirements and interpreter, and kept.

    build-environments-v1/<key>/              an environment whose files are symbolic links into the store
    build-environments-v1/<key>/dxpy-ready    what is in it; there once it is whole, and written to when it is used

Any number of builds use one at the same time; nothing is changed in it, and one that a build has written into is made
anew. Who uses one holds the store's lock shared, so that it is not removed meanwhile.
"""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from dxpy_async.builds.fingerprints import fingerprint
from dxpy_async.core.locked_sources import directory_of_source
from dxpy_async.core.selection import Selected, Selection
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import Interpreter
from dxpy_async.store.build_places import BUILD_ENVIRONMENTS, READY

_KEY_DIGITS = 32


def environment_place(cache_dir: Path, interpreter: Interpreter, selection: Selection) -> Path:
    """Where the environment of `interpreter` with just `selection` is, or will be."""
    rows = [str(interpreter.executable), interpreter.version, *map(_row, selection.packages)]
    return cache_dir / BUILD_ENVIRONMENTS / sha256("\n".join(rows).encode()).hexdigest()[:_KEY_DIGITS]


def _row(item: Selected) -> str:
    """What tells this release from others, for people as well."""
    return f"{item.package.name}=={item.package.version} {item.sha256 or item.package.source.url}{_state(item)}"


def _state(item: Selected) -> str:
    """What tells a directory that the release is built from what it was before; empty for what does not change."""
    directory = directory_of_source(item.package.source)
    return f" {fingerprint(Path(directory.path, directory.subdirectory))}" if directory is not None else ""


def is_ready(root: Path) -> bool:
    """Whether the environment is whole; then it counts as used now."""
    try:
        os.utime(root / READY)
    except FileNotFoundError:
        return False
    except OSError:
        return (root / READY).is_file()  # in a cache that may only be read
    return True


def mark_ready(root: Path, selection: Selection) -> None:
    """Say that the environment is whole."""
    (root / READY).write_text("".join(f"{_row(item)}\n" for item in selection.packages), encoding="utf-8")


def discard(root: Path) -> None:
    """Have the environment made anew by the next who needs it."""
    with suppress(FileNotFoundError):
        (root / READY).unlink()


def is_whole(environment: VirtualEnvironment) -> bool:
    """Whether all that the environment links to is in the store still."""
    with os.scandir(environment.scheme.purelib) as entries:
        return all(os.path.exists(entry.path) for entry in entries)


def stamp(environment: VirtualEnvironment) -> tuple[int, ...]:
    """What changes when something is put directly into the environment."""
    scheme = environment.scheme
    return tuple(
        os.stat(place).st_mtime_ns for place in (scheme.purelib, scheme.platlib, scheme.scripts) if place.is_dir()
    )
