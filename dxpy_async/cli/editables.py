"""Directories of projects, named by a flag, as requirements."""

from __future__ import annotations

import os
from pathlib import Path

from dxpy_async.core.requirements import Requirement
from dxpy_async.core.source_urls import DirectoryUrl
from dxpy_async.errors import UsageError
from dxpy_async.project.source_names import name_of_directory


def editable(path: str) -> Requirement:
    """The project in the directory `path`, to be run from where it is. Raises UsageError."""
    place = Path(os.path.abspath(path))
    name = name_of_directory(place) if place.is_dir() else None
    if name is None:
        what = "does not say what it is called" if place.is_dir() else "is not a directory"
        raise UsageError(f"`{path}` {what}", hints=("name the directory of a project",))
    return Requirement(name=name, url=str(DirectoryUrl(place.as_posix(), is_editable=True)))
