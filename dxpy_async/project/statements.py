"""Constraints and overrides from the files that people name, and from those that such files name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dxpy_async.core import limits
from dxpy_async.core.amendments import Statement
from dxpy_async.errors import InvalidRequirementsFile, UsageError
from dxpy_async.formats.requirement_lines import RequirementLine, parse_requirement_lines


def read_statements(files: Sequence[str], what: str, directory: Path | None) -> tuple[Statement, ...]:
    """All requirements in `files` and in the files they name, each file once; `what` is what they hold, for messages.

    Relative paths are held against `directory`, those in a file against that file. Raises UsageError for a file that is
    not there, and InvalidRequirementsFile.
    """
    found: list[Statement] = []
    seen: set[str] = set()
    ahead = [(file, os.path.join(directory or "", file), "") for file in reversed(files)]
    while ahead:
        name, path, named_by = ahead.pop()
        place = os.path.realpath(path)
        if place in seen:
            continue
        seen.add(place)
        if len(seen) > limits.REQUIREMENTS_FILES:
            raise UsageError(f"there are more than {limits.REQUIREMENTS_FILES} files of {what}, one naming the next")
        further = []
        for entry in parse_requirement_lines(_read(path, name, what, named_by), file=name):
            origin = f"{name}:{entry.line}"
            if isinstance(entry, RequirementLine):
                found.append(Statement(entry.requirement, origin))
            else:
                further.append((_beside(name, entry.path), _beside(path, entry.path), origin))
        ahead += reversed(further)
    return tuple(found)


def _beside(file: str, path: str) -> str:
    """`path` as the content of `file` means it."""
    return path if "://" in path else os.path.normpath(os.path.join(os.path.dirname(file), path))


def _read(path: str, name: str, what: str, named_by: str) -> bytes:
    if "://" in name:
        raise UsageError(f"`{name}` is an address, and {what} are read from files only", hints=("download it first",))
    try:
        with open(path, "rb") as file:
            return file.read(limits.REQUIREMENTS_BYTES + 1)
    except FileNotFoundError as error:
        asked = f", which `{named_by}` names" if named_by else ""
        raise UsageError(f"there is no file of {what} `{name}`{asked}") from error
    except OSError as error:
        raise InvalidRequirementsFile(name, f"cannot be read: {error.strerror or error}") from error
