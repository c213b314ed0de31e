"""Files that pin a Python: `.python-version`, as pyenv, uv and others write it, and `.python-versions`, a list of them.

One request a line; what follows a `#` is a comment, and of several the first counts where one is wanted. What only
pyenv understands (`system`, the name of an environment of its own) is passed over.

What links without the full program asks too, so this imports next to nothing.
"""

from __future__ import annotations

import os

from dxpy_async.errors import UsageError
from dxpy_async.project.config_places import user_dir
from dxpy_async.project.replacing import replace_file

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = ".python-version"
NAMES = (NAME, ".python-versions")

_BYTES = 64 * 1024
_STARTS = ("cpython", "pypy", "graalpy", "python", "cp3", "pp3")


def project_pins(root: str, environ: Mapping[str, str]) -> list[str]:
    """Where a pin for the project in `root` can stand: there, or user-wide, which is the last."""
    return [*_in(root), user_wide_pin(environ)]


def pins_around(directory: str, environ: Mapping[str, str]) -> list[str]:
    """The same for a directory (absolute) that is in no project: there, in those above it, or user-wide."""
    places: list[str] = []
    parent = directory
    while not places or parent != directory:
        directory = parent
        places += _in(directory)
        parent = os.path.dirname(directory)
    return [*places, user_wide_pin(environ)]


def user_wide_pin(environ: Mapping[str, str]) -> str:
    """The file for what the user wants wherever nothing else is said."""
    return os.path.join(user_dir(environ), "dxpy", NAME)


def _in(directory: str) -> list[str]:
    return [os.path.join(directory, name) for name in NAMES]


def first_pin(paths: Iterable[str]) -> tuple[str, str] | None:
    """The first request in the first of these files that has one, and that file; None when there is none."""
    for path in paths:
        if requests := read_requests(path):
            return requests[0], path
    return None


def read_requests(path: str) -> list[str]:
    """The requests in a file, none when it is not there. Paths in it mean the directory that it lies in.

    Raises UsageError for one that is there and cannot be read.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(_BYTES).decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read: {error.strerror}") from error
    lines = [line.partition("#")[0].strip() for line in text.removeprefix("\ufeff").splitlines()]
    return [_placed(line, path) for line in lines if _is_request(line)]


def write_pin(path: str, request: str) -> None:
    """Make `request` what the file says. Raises UsageError when it cannot be written."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        replace_file(path, f"{request}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise UsageError(f"`{path}` cannot be written: {error.strerror}") from error


def remove_pin(path: str) -> bool:
    """Remove the file; False when there is none. Raises UsageError when it cannot be removed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(f"`{path}` cannot be removed: {error.strerror}") from error
    return True


def _is_request(line: str) -> bool:
    return bool(line) and (line[0] in "0123456789<>=!~" or os.sep in line or line.lower().startswith(_STARTS))


def _placed(line: str, path: str) -> str:
    return os.path.join(os.path.dirname(path), line) if os.sep in line and line[0] not in "0123456789<>=!~" else line
