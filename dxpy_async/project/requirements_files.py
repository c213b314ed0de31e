"""Requirements, constraints and options from files and from those that they name, as pip reads them.

A path in a file is that of a file beside it for `-r`, `-c` and `--find-links`; what is to be installed is held against
the directory that one is in. Files at an address are fetched by who can: the reader says which it lacks.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core import limits
from dxpy_async.core.amendments import Statement
from dxpy_async.core.dataclass import dataclass
from dxpy_async.errors import InvalidRequirementsFile, UsageError
from dxpy_async.formats.requirements_file import FileOption, NamedFile, RequirementEntry, parse_requirements_file


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRequirements:
    """All that files say together: what is asked for, what narrows it, and the options, in their order."""

    entries: tuple[RequirementEntry, ...] = ()
    constraints: tuple[Statement, ...] = ()
    options: tuple[tuple[str, str], ...] = ()

    def values(self, option: str) -> list[str]:
        """The values of an option by its long name, like `extra-index-url`."""
        return [value for name, value in self.options if name == option]

    def has(self, switch: str) -> bool:
        return any(name == switch for name, _ in self.options)


@dataclass(frozen=True, slots=True)
class WantedFile:
    """The address of a file that has to be fetched before the rest can be told."""

    url: str


class _File(NamedTuple):
    name: str
    place: str
    is_constraints: bool
    named_by: str
    around: tuple[str, ...] = ()
    """The places of the files that lead to it."""

    @property
    def identity(self) -> str:
        return self.place if is_address(self.place) else os.path.realpath(self.place)


def read_requirements(
    files: Sequence[str],
    constraints: Sequence[str] = (),
    *,
    directory: Path,
    environ: Mapping[str, str],
    fetched: Mapping[str, bytes],
) -> FoundRequirements | WantedFile:
    """What `files` of requirements and of `constraints` say, each file once.

    `fetched` are the contents of files by their addresses. Raises UsageError for a file that is not there, and
    InvalidRequirementsFile.
    """
    entries: list[RequirementEntry] = []
    statements: list[Statement] = []
    options: list[tuple[str, str]] = []
    seen: set[tuple[str, bool]] = set()
    given = [(file, False) for file in files] + [(file, True) for file in constraints]
    ahead = [
        _File(name, _beside(os.path.join(directory, "x"), name), is_limit, "") for name, is_limit in reversed(given)
    ]
    while ahead:
        file = ahead.pop()
        key = (file.identity, file.is_constraints)
        if file.identity in file.around:
            raise _recursion(file)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > limits.REQUIREMENTS_FILES:
            raise UsageError(
                f"there are more than {limits.REQUIREMENTS_FILES} files of requirements, one naming the next"
            )
        if is_address(file.place) and file.place not in fetched:
            return WantedFile(file.place)
        further: list[_File] = []
        for line in parse_requirements_file(_content(file, fetched), file=file.name, environ=environ):
            match line:
                case NamedFile(number, path, is_constraints):
                    limits_only = is_constraints or file.is_constraints
                    origin = f"{file.name}:{number}"
                    around = (*file.around, file.identity)
                    named, place = _beside(file.name, path), _beside(file.place, path)
                    further.append(_File(named, place, limits_only, origin, around))
                case FileOption(_, "find-links", value) if not os.path.isabs(value) and not is_address(file.place):
                    near = os.path.join(os.path.dirname(file.place), value)
                    options.append(("find-links", near if os.path.exists(near) else value))
                case FileOption(_, name, value):
                    options.append((name, value))
                case RequirementEntry() if file.is_constraints:
                    statements.append(_statement(line))
                case RequirementEntry():
                    entries.append(line)
        ahead += reversed(further)
    return FoundRequirements(entries=tuple(entries), constraints=tuple(statements), options=tuple(options))


def is_address(name: str) -> bool:
    """Whether a file is not on this machine."""
    return name.startswith(("http://", "https://"))


def _recursion(file: _File) -> InvalidRequirementsFile:
    named_by, _, line = file.named_by.rpartition(":")
    whose = "itself" if file.name == named_by else f"`{file.name}`, which leads to it"
    return InvalidRequirementsFile(named_by, f"includes {whose}", line=int(line), hints=("take the line away",))


def _statement(entry: RequirementEntry) -> Statement:
    if entry.is_editable or not entry.requirement.name:
        file, _, line = entry.origin.rpartition(":")
        reason = f"has a constraint without a name, `{entry.text}`"
        hints = ("constraints are like `flask<3`, or `flask @ URL`",)
        raise InvalidRequirementsFile(file, reason, line=int(line), hints=hints)
    return Statement(entry.requirement, entry.origin)


def _beside(file: str, path: str) -> str:
    """`path` as the content of `file` means it."""
    if is_address(path):
        return path
    if path.startswith("file://"):
        path = path.removeprefix("file://")
    if is_address(file):
        return f"{file.rpartition('/')[0]}/{path}"
    return os.path.normpath(os.path.join(os.path.dirname(file), path))


def _content(file: _File, fetched: Mapping[str, bytes]) -> bytes:
    if is_address(file.place):
        return fetched[file.place]
    try:
        with open(file.place, "rb") as content:
            return content.read(limits.REQUIREMENTS_BYTES + 1)
    except FileNotFoundError as error:
        asked = f", which `{file.named_by}` names" if file.named_by else ""
        what = "constraints" if file.is_constraints else "requirements"
        raise UsageError(f"there is no file of {what} `{file.name}`{asked}") from error
    except OSError as error:
        raise InvalidRequirementsFile(file.name, f"cannot be read: {error.strerror or error}") from error
