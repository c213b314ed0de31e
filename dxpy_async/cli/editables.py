"""What flags name besides requirements: directories of projects, other places, and scripts that say what they need."""

from __future__ import annotations

import os
from pathlib import Path

from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.source_urls import DirectoryUrl
from dxpy_async.engine.given_requirements import Use, read_given
from dxpy_async.errors import UsageError
from dxpy_async.project.script_blocks import find_block, read_script_content
from dxpy_async.project.scripts import project_of_script
from dxpy_async.project.source_names import name_of_directory
from dxpy_async.project.source_reader import is_packaged

_RUNNING = Use("dxpy run --with", "the environment of this run")


def editable(path: str) -> Requirement:
    """The project in the directory `path`, to be run from where it is. Raises UsageError."""
    return Requirement(
        name=_name(path), url=str(DirectoryUrl(Path(os.path.abspath(path)).as_posix(), is_editable=True))
    )


def placed(text: str) -> Requirement:
    """What is in the directory, archive, repository or at the address that `text` names. Raises UsageError."""
    given = read_given(text, _RUNNING)
    if given.url is None:
        return given.requirement
    name = given.requirement.name
    url = given.url
    if isinstance(url, DirectoryUrl):
        name = name or _name(url.path)
        url = url._replace(is_virtual=is_packaged(Path(url.path)) is False)
    if not name:
        raise UsageError(f"`{text}` does not say what it is called", hints=(f"say it: `--with 'NAME @ {text}'`",))
    return given.requirement._replace(name=name, url=str(url))


def asked_by_script(file: str) -> tuple[Requirement, ...]:
    """What a script says that it needs. Raises UsageError for one that says nothing, and InvalidScript."""
    place = Path(os.path.abspath(file))
    if not place.is_file():
        raise UsageError(f"there is no script `{file}`")
    content = read_script_content(place)
    if find_block(content, str(place)) is None:
        raise UsageError(
            f"`{file}` does not say what it needs: it has no block of metadata",
            hints=(f"begin one: `dxpy init --script {file}`",),
        )
    return project_of_script(content, place).dependencies


def _name(path: str) -> ProjectName:
    """What the project in a directory is called."""
    place = Path(os.path.abspath(path))
    name = name_of_directory(place) if place.is_dir() else None
    if name is None:
        what = "does not say what it is called" if place.is_dir() else "is not a directory"
        raise UsageError(f"`{path}` {what}", hints=("name the directory of a project",))
    return name
