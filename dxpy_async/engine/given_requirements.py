"""What people give as a requirement, besides requirements: directories, archives, repositories and addresses.

    flask   'flask[async]>=3'                       a project of an index
    ./libs/tool   ../x-1.0-py3-none-any.whl         a directory or an archive on this machine
    git+https://host/x   'x @ git+ssh://…@v1'       a git repository
    https://host/x-1.0.tar.gz                       an archive

Relative paths mean the working directory. A `Use` says what it is given for, so that messages can say how to go on.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from dxpy_async.core import parsers
from dxpy_async.core.names import ExtraName, ProjectName, normalize_extra
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.source_urls import (
    ArchiveUrl,
    DirectoryUrl,
    SourceUrl,
    file_url,
    is_archive_name,
    parse_source_url,
)
from dxpy_async.errors import ProjectError, UsageError
from dxpy_async.project.source_names import name_of_archive, name_of_directory

_WITH_EXTRAS = re.compile(r"(?P<path>.+)\[(?P<extras>[\w\s,.-]+)\]")


class Use(NamedTuple):
    """What a requirement is given for: the command in front of it, and what it will be written into."""

    command: str
    kept_in: str


ADDING = Use("dxpy add", "pyproject.toml")


class GivenRequirement(NamedTuple):
    """One thing that was given. The name of `requirement` is empty while only the source at `url` knows it."""

    text: str
    requirement: Requirement
    url: SourceUrl | None = None


def read_given(text: str, use: Use) -> GivenRequirement:
    """What `text` means, as far as it can be told by looking. Raises UsageError."""
    if text.startswith(("git+", "file:")) or "://" in text.partition("@")[0]:
        return GivenRequirement(text, Requirement(ProjectName("")), given_url(text, use))
    if text.startswith((".", "~")) or os.sep in text.partition("@")[0] or _is_local_archive(text):
        found = _WITH_EXTRAS.fullmatch(text) if not os.path.lexists(text) else None
        extras = _extras(found["extras"]) if found is not None else ()
        place = found["path"] if found is not None else text
        return GivenRequirement(text, Requirement(ProjectName(""), extras), given_path(place))
    return of_requirement(text, named_requirement(text, use), use)


def _is_local_archive(text: str) -> bool:
    return is_archive_name(text) and os.path.isfile(text)


def _extras(text: str) -> tuple[ExtraName, ...]:
    return tuple(sorted({normalize_extra(each.strip()) for each in text.split(",") if each.strip()}))


def of_requirement(text: str, requirement: Requirement, use: Use) -> GivenRequirement:
    """`requirement`, with the place that it names apart. Raises UsageError."""
    if requirement.url is None:
        return GivenRequirement(text, requirement)
    return GivenRequirement(text, requirement._replace(url=None), given_url(requirement.url, use))


def named_requirement(text: str, use: Use) -> Requirement:
    """The requirement that `text` is. Raises UsageError."""
    try:
        return parse_requirement(text)
    except parsers.requirements.InvalidRequirement as error:
        hint = f"quote what the shell would read otherwise: `{use.command} 'flask>=3'`"
        if os.path.exists(text):
            hint = f"a directory or file is given by its path: `{use.command} ./{text}`"
        raise UsageError(f"`{text}` is not a requirement: {str(error).partition(chr(10))[0]}", hints=(hint,)) from error


def given_url(text: str, use: Use) -> SourceUrl:
    """Where `text`, the address of a repository or archive, leads. Raises UsageError."""
    parts = urlsplit(text.removeprefix("git+"))
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        host = parts.netloc.rpartition("@")[2]
        shown = text.replace(f"{parts.netloc.rpartition('@')[0]}@", "")
        hint = "leave it out, and let a credential helper of git know it"
        if not text.startswith("git+"):
            hint = f"leave it out, and log in with `dxpy auth login {parts.scheme}://{host}`"
        raise UsageError(
            f"the address of `{shown}` has a password or token, which everybody who reads {use.kept_in} would see",
            hints=(hint,),
        )
    try:
        url = parse_source_url(text)
    except ValueError as error:
        hint = "a repository is named by `git+https://…`, an archive by the address of a wheel or sdist"
        raise UsageError(f"`{text}` leads to nothing that can be installed: {error}", hints=(hint,)) from error
    if isinstance(url, DirectoryUrl):
        return given_path(url.path)._replace(subdirectory=url.subdirectory)
    return url


def given_path(text: str) -> DirectoryUrl | ArchiveUrl:
    """A directory or archive on this machine, by its absolute path. Raises UsageError when it is not there."""
    place = os.path.abspath(os.path.expanduser(text))
    if os.path.isdir(place):
        return DirectoryUrl(Path(place).as_posix())
    if not os.path.exists(place):
        raise UsageError(f"there is nothing at `{text}`")
    if not is_archive_name(place):
        raise UsageError(f"`{text}` is neither a directory nor a wheel or source distribution")
    return ArchiveUrl(file_url(Path(place).as_posix()))


def with_own_name(given: GivenRequirement, use: Use) -> GivenRequirement:
    """`given` with the name that its source says without being fetched or built."""
    if given.requirement.name:
        return given
    url, name = given.url, None
    if isinstance(url, DirectoryUrl):
        name = name_of_directory(Path(url.path) / url.subdirectory)
        if name is None:
            raise ProjectError(
                f"the directory `{given.text}` does not say what it is called",
                hints=(
                    f"say it: `{use.command} 'NAME @ {url}'`",
                    f"or add a pyproject.toml to it: `dxpy init {url.path}`",
                ),
            )
    elif isinstance(url, ArchiveUrl):
        name = name_of_archive(url)
        if name is None:
            hint = f"say what it is called: `{use.command} 'NAME @ {url}'`"
            raise UsageError(f"`{url.filename}` is not the name of a wheel or source distribution", hints=(hint,))
    return with_name(given, name) if name is not None else given


def with_name(given: GivenRequirement, name: ProjectName) -> GivenRequirement:
    """`given` once its name is known."""
    return given._replace(requirement=given.requirement._replace(name=name))
