"""Where pins of a Python can stand, and the requests in such a file.

`.python-version` is as pyenv, uv and others write it, `.python-versions` a list of them. One request a line; what
follows a `#` is a comment. What only pyenv understands (`system`, the name of an environment of its own) is passed
over.

What makes an environment again asks, so this imports next to nothing; `version_files` words what goes wrong.
"""

from __future__ import annotations

import os

from dxpy_async.project.config_places import user_dir

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


def first_request(paths: Iterable[str]) -> str | None:
    """The first request in the first of these files that has one; None when there is none. Raises OSError."""
    return next((requests[0] for path in paths if (requests := requests_in(path))), None)


def requests_in(path: str) -> list[str]:
    """The requests in a file, none when it is not there. Paths in it mean the directory that it lies in.

    Raises OSError for one that is there and cannot be read.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(_BYTES).decode("utf-8", "surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return []
    lines = [line.partition("#")[0].strip() for line in text.removeprefix("\ufeff").splitlines()]
    return [_placed(line, path) for line in lines if _is_request(line)]


def _is_request(line: str) -> bool:
    return bool(line) and (line[0] in "0123456789<>=!~" or os.sep in line or line.lower().startswith(_STARTS))


def _placed(line: str, path: str) -> str:
    return os.path.join(os.path.dirname(path), line) if os.sep in line and line[0] not in "0123456789<>=!~" else line
