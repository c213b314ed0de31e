"""What `dxpy add` is to add: requirements, and where their projects come from, as the command line has them.

What is not a project of an index (`engine.given_requirements`) becomes a name among the requirements, and an entry of
the sources table; `--raw` writes them as one.
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
    path_of_file_url,
)
from dxpy_async.engine.given_requirements import (
    ADDING,
    GivenRequirement,
    given_path,
    given_url,
    named_requirement,
    of_requirement,
    read_given,
    with_own_name,
)
from dxpy_async.errors import UsageError
from dxpy_async.project.source_editing import SourceEntry
from dxpy_async.project.statements import read_statements

_REVISIONS = ("rev", "tag", "branch")
_INDEX = re.compile(r"(?:(?P<name>[A-Za-z0-9][\w.-]*)=)?(?P<url>.+)", re.ASCII)


class Wanted(NamedTuple):
    """All that is to be written: requirements, the sources of some, and indexes."""

    requirements: tuple[Requirement, ...]
    sources: Mapping[ProjectName, SourceEntry]
    indexes: tuple[SourceEntry, ...]


def additions_of(arguments: argparse.Namespace) -> list[GivenRequirement]:
    """What the command line and the files it names ask for, as far as it can be told by looking. Raises UsageError."""
    by_flags = arguments.git or arguments.path
    found = list(_from_flags(arguments)) if by_flags else [read_given(each, ADDING) for each in arguments.packages]
    stated = read_statements(arguments.requirements, "requirements", Path.cwd())
    found += [of_requirement(str(each.requirement), each.requirement, ADDING) for each in stated]
    if not found:
        raise UsageError("there is nothing to add", hints=("name packages, or files of requirements with `-r FILE`",))
    return [with_own_name(_revised(each, arguments), ADDING) for each in found]


def wanted_of(
    additions: Sequence[GivenRequirement],
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


def _from_flags(arguments: argparse.Namespace) -> Iterator[GivenRequirement]:
    flag, place = ("--git", arguments.git) if arguments.git else ("--path", arguments.path)
    if len(arguments.packages) > 1:
        raise UsageError(f"`{flag}` says where one project comes from, and there are {len(arguments.packages)}")
    text = place if arguments.path or place.startswith("git+") else f"git+{place}"
    url = given_path(place) if arguments.path else given_url(text, ADDING)
    if not arguments.packages:
        yield GivenRequirement(text, Requirement(ProjectName("")), url)
        return
    requirement = named_requirement(arguments.packages[0], ADDING)
    if requirement.url is not None or requirement.specifier:
        raise UsageError(f"`{requirement}` says more than a name, and `{flag}` says which it is")
    yield GivenRequirement(text, requirement, url)


def _revised(addition: GivenRequirement, arguments: argparse.Namespace) -> GivenRequirement:
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


def _is_member(addition: GivenRequirement, name: ProjectName, members: Mapping[ProjectName, Path]) -> bool:
    """Whether what is added is a project of the workspace, given by its name or by its directory."""
    if isinstance(addition.url, DirectoryUrl):
        return not addition.url.subdirectory and members.get(name) == Path(addition.url.path)
    return addition.url is None and name in members


def _entry(addition: GivenRequirement, arguments: argparse.Namespace, root: Path) -> SourceEntry:
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
