"""What `dxpy add` is to add: requirements, and where their projects come from, as the command line has them.

    flask   'flask[async]>=3'                       a project of an index
    ./libs/tool   ../x-1.0-py3-none-any.whl         a directory or an archive on this machine
    git+https://host/x   'x @ git+ssh://…@v1'       a git repository
    https://host/x-1.0.tar.gz                       an archive

All but the first become a name among the requirements, and an entry of the sources table; `--raw` writes them as one.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from dxpy_async.core import parsers
from dxpy_async.core.names import ExtraName, ProjectName, normalize_extra
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.source_urls import (
    ArchiveUrl,
    DirectoryUrl,
    GitUrl,
    SourceUrl,
    file_url,
    is_archive_name,
    parse_source_url,
    path_of_file_url,
)
from dxpy_async.errors import ProjectError, UsageError
from dxpy_async.project.source_editing import SourceEntry
from dxpy_async.project.source_names import name_of_archive, name_of_directory
from dxpy_async.project.statements import read_statements

_REVISIONS = ("rev", "tag", "branch")
_INDEX = re.compile(r"(?:(?P<name>[A-Za-z0-9][\w.-]*)=)?(?P<url>.+)", re.ASCII)
_WITH_EXTRAS = re.compile(r"(?P<path>.+)\[(?P<extras>[\w\s,.-]+)\]")


class Addition(NamedTuple):
    """One thing to add. The name of `requirement` is empty while only the source at `url` knows it."""

    text: str
    requirement: Requirement
    url: SourceUrl | None = None


class Wanted(NamedTuple):
    """All that is to be written: requirements, the sources of some, and indexes."""

    requirements: tuple[Requirement, ...]
    sources: Mapping[ProjectName, SourceEntry]
    indexes: tuple[SourceEntry, ...]


def additions_of(arguments: argparse.Namespace) -> list[Addition]:
    """What the command line and the files it names ask for, as far as it can be told by looking. Raises UsageError."""
    found = list(_from_flags(arguments) if arguments.git or arguments.path else map(_addition, arguments.packages))
    stated = read_statements(arguments.requirements, "requirements", Path.cwd())
    found += [_of_requirement(str(each.requirement), each.requirement) for each in stated]
    if not found:
        raise UsageError("there is nothing to add", hints=("name packages, or files of requirements with `-r FILE`",))
    return [_named(_revised(each, arguments)) for each in found]


def wanted_of(
    additions: Sequence[Addition],
    indexes: tuple[SourceEntry, ...],
    arguments: argparse.Namespace,
    root: Path,
    members: Mapping[ProjectName, Path],
) -> Wanted:
    """`additions`, which all have names, as they are to be written in the project in `root`; they come from `indexes`.

    `members` are the projects of its workspace. Raises UsageError.
    """
    if arguments.editable and not any(isinstance(each.url, DirectoryUrl) for each in additions):
        raise UsageError("`--editable` is for directories", hints=("name one: `dxpy add --editable ./libs/tool`",))
    extras = tuple(map(normalize_extra, arguments.with_extra))
    requirements = [_with_flags(each.requirement, extras, arguments.marker) for each in additions]
    located = list(zip(requirements, additions, strict=True))
    if arguments.raw:
        raw = [each._replace(url=str(added.url)) if added.url else each for each, added in located]
        return Wanted(tuple(raw), {}, ())
    sources: dict[ProjectName, SourceEntry] = {}
    for each, added in located:
        if _is_member(added, each.name, members):
            sources[each.name] = {"workspace": True}
        elif added.url is not None:
            sources[each.name] = _entry(added, arguments, root)
    named = [str(index["name"]) for index in indexes if "name" in index]
    unplaced = [each.name for each in requirements if each.name not in sources]
    if len(named) > 1 and unplaced:
        raise UsageError(
            f"`{unplaced[0]}` cannot come from {' and '.join(f'`{name}`' for name in named)}",
            hints=("add from one index at a time",),
        )
    pinned = {name: {"index": named[0]} for name in unplaced} if named else {}
    return Wanted(tuple(requirements), {**sources, **pinned}, indexes)


# What is given


def _from_flags(arguments: argparse.Namespace) -> Iterator[Addition]:
    flag, place = ("--git", arguments.git) if arguments.git else ("--path", arguments.path)
    if len(arguments.packages) > 1:
        raise UsageError(f"`{flag}` says where one project comes from, and there are {len(arguments.packages)}")
    text = place if arguments.path or place.startswith("git+") else f"git+{place}"
    url = _path(place) if arguments.path else _url(text)
    if not arguments.packages:
        yield Addition(text, Requirement(ProjectName("")), url)
        return
    requirement = _requirement(arguments.packages[0])
    if requirement.url is not None or requirement.specifier:
        raise UsageError(f"`{requirement}` says more than a name, and `{flag}` says which it is")
    yield Addition(text, requirement, url)


def _addition(text: str) -> Addition:
    if text.startswith(("git+", "file:")) or "://" in text.partition("@")[0]:
        return Addition(text, Requirement(ProjectName("")), _url(text))
    if text.startswith((".", "~")) or os.sep in text.partition("@")[0] or _is_local_archive(text):
        found = _WITH_EXTRAS.fullmatch(text) if not os.path.lexists(text) else None
        extras = _extras(found["extras"]) if found is not None else ()
        return Addition(text, Requirement(ProjectName(""), extras), _path(found["path"] if found else text))
    return _of_requirement(text, _requirement(text))


def _is_local_archive(text: str) -> bool:
    return is_archive_name(text) and os.path.isfile(text)


def _extras(text: str) -> tuple[ExtraName, ...]:
    return tuple(sorted({normalize_extra(each.strip()) for each in text.split(",") if each.strip()}))


def _of_requirement(text: str, requirement: Requirement) -> Addition:
    if requirement.url is None:
        return Addition(text, requirement)
    return Addition(text, requirement._replace(url=None), _url(requirement.url))


def _requirement(text: str) -> Requirement:
    try:
        return parse_requirement(text)
    except parsers.requirements.InvalidRequirement as error:
        hint = "quote what the shell would read otherwise: `dxpy add 'flask>=3'`"
        if os.path.exists(text):
            hint = f"a directory or file is added by its path: `dxpy add ./{text}`"
        raise UsageError(f"`{text}` is not a requirement: {str(error).partition(chr(10))[0]}", hints=(hint,)) from error


def _url(text: str) -> SourceUrl:
    parts = urlsplit(text.removeprefix("git+"))
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        shown = text.replace(f"{parts.netloc.rpartition('@')[0]}@", "")
        raise UsageError(
            f"the address of `{shown}` has a password or token, which everybody who reads pyproject.toml would see",
            hints=("leave it out, and let a credential helper of git know it",),
        )
    try:
        url = parse_source_url(text)
    except ValueError as error:
        hint = "a repository is added by `git+https://…`, an archive by the address of a wheel or sdist"
        raise UsageError(f"`{text}` leads to nothing that can be added: {error}", hints=(hint,)) from error
    if isinstance(url, DirectoryUrl):
        return _path(url.path)._replace(subdirectory=url.subdirectory)
    return url


def _path(text: str) -> DirectoryUrl | ArchiveUrl:
    """A directory or archive on this machine, by its absolute path. Raises UsageError when it is not there."""
    place = os.path.abspath(os.path.expanduser(text))
    if os.path.isdir(place):
        return DirectoryUrl(Path(place).as_posix())
    if not os.path.exists(place):
        raise UsageError(f"there is nothing at `{text}`")
    if not is_archive_name(place):
        raise UsageError(f"`{text}` is neither a directory nor a wheel or source distribution")
    return ArchiveUrl(file_url(Path(place).as_posix()))


def _revised(addition: Addition, arguments: argparse.Namespace) -> Addition:
    """`addition` with the revision that the flags name."""
    given = [(kind, value) for kind in _REVISIONS if (value := getattr(arguments, kind)) is not None]
    if not given:
        return addition
    (kind, revision) = given[0]
    if not isinstance(addition.url, GitUrl):
        raise UsageError(f"`--{kind}` is for git repositories, and `{addition.text}` is none")
    if addition.url.revision:
        raise UsageError(f"`{addition.text}` names a revision, and so does `--{kind}`")
    if not revision or revision.startswith("-"):
        raise UsageError(f"`{revision}` is no revision")
    return addition._replace(url=addition.url._replace(revision=revision))


# What it is called


def _named(addition: Addition) -> Addition:
    """`addition` with the name that its source says without being fetched or built."""
    if addition.requirement.name:
        return addition
    url, name = addition.url, None
    if isinstance(url, DirectoryUrl):
        name = name_of_directory(Path(url.path) / url.subdirectory)
        if name is None:
            raise ProjectError(
                f"the directory `{addition.text}` does not say what it is called",
                hints=(f"say it: `dxpy add 'NAME @ {url}'`", f"or add a pyproject.toml to it: `dxpy init {url.path}`"),
            )
    elif isinstance(url, ArchiveUrl):
        name = name_of_archive(url)
        if name is None:
            hint = f"say what it is called: `dxpy add 'NAME @ {url}'`"
            raise UsageError(f"`{url.filename}` is not the name of a wheel or source distribution", hints=(hint,))
    return with_name(addition, name) if name is not None else addition


def with_name(addition: Addition, name: ProjectName) -> Addition:
    return addition._replace(requirement=addition.requirement._replace(name=name))


# How it is written


def _with_flags(requirement: Requirement, extras: Sequence[ExtraName], marker: str | None) -> Requirement:
    if extras:
        requirement = requirement._replace(extras=tuple(sorted({*requirement.extras, *extras})))
    if marker is None:
        return requirement
    condition = f"({requirement.marker}) and ({marker})" if requirement.marker else marker
    try:
        return parse_requirement(str(requirement._replace(marker=condition)))
    except parsers.requirements.InvalidRequirement as error:
        raise UsageError(f"`{marker}` is not a marker: {str(error).partition(chr(10))[0]}") from error


def _is_member(addition: Addition, name: ProjectName, members: Mapping[ProjectName, Path]) -> bool:
    """Whether what is added is a project of the workspace, given by its name or by its directory."""
    if isinstance(addition.url, DirectoryUrl):
        return not addition.url.subdirectory and members.get(name) == Path(addition.url.path)
    return addition.url is None and name in members


def _entry(addition: Addition, arguments: argparse.Namespace, root: Path) -> SourceEntry:
    url = addition.url
    entry: dict[str, str | bool] = {}
    match url:
        case GitUrl(repository, revision, subdirectory):
            kind = next((kind for kind in _REVISIONS if getattr(arguments, kind) is not None), "rev")
            entry = {"git": repository, **({kind: revision} if revision else {})}
        case DirectoryUrl(path, _, _, subdirectory):
            if subdirectory:
                path, subdirectory = f"{path}/{subdirectory}", ""
            entry = {"path": _relative(path, addition.text, root), **({"editable": True} if arguments.editable else {})}
        case ArchiveUrl(address, _, subdirectory):
            if address.startswith("file:"):
                entry = {"path": _relative(path_of_file_url(address), addition.text, root)}
            else:
                entry = {"url": str(url._replace(subdirectory=""))}
        case _:
            raise AssertionError("only what has a source has an entry")
    return {**entry, **({"subdirectory": subdirectory} if subdirectory else {})}


def _relative(path: str, given: str, root: Path) -> str:
    """`path` as seen from the project, with `/`; one that was given as absolute stays that."""
    if os.path.isabs(os.path.expanduser(given)) or given.startswith("file:///"):
        return path
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:  # another drive
        return path


def indexes_in(texts: Iterable[str]) -> Iterator[SourceEntry]:
    """The indexes that `--index` names, without their secrets; what is wrong with them the settings' reader says."""
    for text in texts:
        found = _INDEX.fullmatch(text)
        if found is None or "://" not in found["url"]:
            return
        yield {**({"name": found["name"]} if found["name"] else {}), "url": without_user(found["url"])}


def without_user(url: str) -> str:
    """`url` without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else url
