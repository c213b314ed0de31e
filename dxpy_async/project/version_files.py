"""Reading and writing files that pin a Python, in the words of errors. Of several requests the first counts."""

from __future__ import annotations

import os

from dxpy_async.errors import UsageError
from dxpy_async.project.pin_files import requests_in
from dxpy_async.project.replacing import replace_file

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Iterable


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
        return requests_in(path)
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read: {error.strerror}") from error


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
