"""What is installed by its place: a directory, an archive or a repository, and what that is called."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dxpy_async.core.dataclass import replace
from dxpy_async.core.locks import LockedPackage, Source, SourceKind
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.source_urls import (
    ArchiveUrl,
    DirectoryUrl,
    GitUrl,
    SourceUrl,
    file_url,
    is_archive_name,
    parse_source_url,
    path_of_file_url,
    public_url,
)
from dxpy_async.engine.locating import directory_tree
from dxpy_async.errors import UsageError
from dxpy_async.formats.requirements_file import RequirementEntry
from dxpy_async.project.source_names import name_of_archive, name_of_directory

_EGG = re.compile(r"[#&]egg=([^&\[]+)")


def place_of(entry: RequirementEntry, directory: Path) -> SourceUrl:
    """Where `entry` leads, seen from `directory`. Raises UsageError for what is not there or leads nowhere."""
    url = entry.location
    if "://" not in url and not url.startswith(("git+", "file:")):
        return _local(os.path.abspath(directory / os.path.expanduser(url)), entry)
    try:
        found = parse_source_url(url)
        if isinstance(found, DirectoryUrl):
            path = os.path.join(directory, path_of_file_url(url), found.subdirectory)
            return _local(os.path.abspath(path), entry)
    except ValueError as error:
        raise UsageError(f"{_named(entry)} leads to nothing that can be installed: {error}") from error
    return found


def told_name(entry: RequirementEntry, place: SourceUrl) -> ProjectName | None:
    """What is at `place` is called, as far as that can be told by looking; None where it has to be asked."""
    if (egg := _EGG.search(entry.location)) is not None and is_valid_name(egg[1]):
        return normalize(egg[1])
    match place:
        case DirectoryUrl():
            return name_of_directory(Path(place.path) / place.subdirectory)
        case ArchiveUrl():
            return name_of_archive(place)
        case GitUrl():
            return None


def nameless(entry: RequirementEntry) -> UsageError:
    """The error for what does not say what it is called."""
    return UsageError(f"{_named(entry)} does not say what it is called", hints=(f"say it: `NAME @ {entry.location}`",))


def unknown_tree(place: DirectoryUrl, directory: Path, label: str) -> SourceTree:
    """The tree at `place` while nobody knows what it is called."""
    package = LockedPackage(name=ProjectName(""), version="", source=Source(SourceKind.TREE, str(place)))
    return replace(directory_tree(place, directory, package), name=None, label=label)


def _local(path: str, entry: RequirementEntry) -> DirectoryUrl | ArchiveUrl:
    if os.path.isdir(path):
        if not any(os.path.isfile(os.path.join(path, name)) for name in ("pyproject.toml", "setup.py", "setup.cfg")):
            raise UsageError(
                f"{_named(entry)} is a directory with nothing to install: it has neither pyproject.toml nor setup.py"
            )
        return DirectoryUrl(Path(path).as_posix(), is_editable=entry.is_editable)
    if not os.path.exists(path):
        raise UsageError(f"{_named(entry)}: there is nothing at `{path}`")
    if not is_archive_name(path):
        hints = (f"read requirements from a file with `-r {entry.location}`",) if path.endswith(".txt") else ()
        raise UsageError(f"{_named(entry)} is neither a directory nor a wheel or source distribution", hints=hints)
    if entry.is_editable:
        raise UsageError(f"{_named(entry)} is a file, and only directories of source are editable")
    return ArchiveUrl(file_url(Path(path).as_posix()))


def _named(entry: RequirementEntry) -> str:
    """How to call `entry` in a message."""
    return f"`{public_url(entry.location)}` ({entry.origin})" if entry.origin else f"`{public_url(entry.location)}`"
