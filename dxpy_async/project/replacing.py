"""Putting a file of a project in its place in one step. Imports nothing that a bare interpreter has not loaded."""

from __future__ import annotations

import os

_MODE = 0o644
"""That of a new file, whatever the umask: locks and the like are shared like any source file."""


def replace_file(path: str | os.PathLike[str], data: bytes, *, mode: int | None = None) -> bool:
    """Make `path` hold `data` in one step: a reader or a crash sees the old bytes or the new. False: they agree.

    A file that is there keeps its permissions, unless `mode` says others, and a symbolic link stays one. Nobody else
    can read what is on its way.
    """
    place, there_mode = os.path.realpath(path), _MODE
    try:
        with open(place, "rb") as there:
            there_mode = os.fstat(there.fileno()).st_mode & 0o777
            if there.read() == data and mode in (None, there_mode):
                return False
    except FileNotFoundError:
        pass
    directory, name = os.path.split(place)
    beside = os.path.join(directory, f".{name}.{os.urandom(8).hex()}")
    file = open(beside, "xb", opener=_private)  # noqa: SIM115 - closed below, before it is renamed
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, there_mode if mode is None else mode)
        os.replace(beside, place)
    except BaseException:
        os.unlink(beside)
        raise
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
