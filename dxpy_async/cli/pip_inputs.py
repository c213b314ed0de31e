"""What files and words ask for, for the actions of `dxpy pip` that read files of requirements."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core import limits
from dxpy_async.core.names import ProjectName, is_valid_name, normalize, normalize_extra, normalize_group
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import ProjectError, UsageError
from dxpy_async.formats.requirements_file import NamedFile, RequirementEntry, parse_requirements_file
from dxpy_async.project.pyproject import Project, ProjectFile, read_project
from dxpy_async.project.requirements_files import FoundRequirements, WantedFile, read_requirements

STDIN = "-"
_PROJECT_NAME = "pyproject.toml"
_DOWNLOAD = ("download it first",)


class Asked(NamedTuple):
    """What is asked for, and who asks for it, as comments name that; empty for what was given on stdin."""

    entry: RequirementEntry
    origin: str


def read_inputs(sources: Sequence[str]) -> tuple[list[Asked], FoundRequirements]:
    """What files of requirements (`-` for stdin) ask for, and all else that they say.

    Raises UsageError and InvalidRequirementsFile.
    """
    given: list[RequirementEntry] = []
    files = [source for source in sources if source != STDIN]
    if STDIN in sources:
        content = sys.stdin.buffer.read(limits.REQUIREMENTS_BYTES + 1)
        for line in parse_requirements_file(content, file="stdin", environ=os.environ):
            match line:
                case RequirementEntry():
                    given.append(line)
                case NamedFile(_, path, False):
                    files.append(path)
                case _:
                    raise UsageError("on stdin there can be requirements and `-r FILE` alone")
    found = read_requirements(files, directory=Path.cwd(), environ=os.environ, fetched={})
    if isinstance(found, WantedFile):
        raise UsageError(f"`{found.url}` is an address, and files on this machine are compiled", hints=_DOWNLOAD)
    asked = [Asked(entry, "") for entry in given]
    return [*asked, *(Asked(entry, f"-r {file_of(entry.origin)}") for entry in found.entries)], found


def file_of(origin: str) -> str:
    """The file of an origin like `requirements.in:3`."""
    return origin.rpartition(":")[0]


def is_project_file(source: str) -> bool:
    return os.path.basename(source) == _PROJECT_NAME


def project_requirements(
    project: Project, source: str, extras: Iterable[str], groups: Iterable[str], *, all_extras: bool
) -> list[Asked]:
    """What a project asks for, with these of its extras and groups. Raises ProjectError for one that it has not."""
    label = f"{project.name} ({source})" if project.name else source
    found = [Asked(_entry(each), label) for each in project.dependencies]
    wanted = list(project.optional_dependencies) if all_extras else [normalize_extra(each) for each in extras]
    for extra in wanted:
        if extra not in project.optional_dependencies:
            raise ProjectError(f"`{source}` has no extra `{extra}`", hints=_there(project.optional_dependencies))
        found += [Asked(_entry(each), label) for each in project.optional_dependencies[extra]]
    return found + group_requirements(project, source, groups)


def group_requirements(project: Project, source: str, groups: Iterable[str]) -> list[Asked]:
    """What groups of a project ask for."""
    found: list[Asked] = []
    for group in map(normalize_group, groups):
        if group not in project.dependency_groups:
            raise ProjectError(f"`{source}` has no dependency group `{group}`", hints=_there(project.dependency_groups))
        label = f"{project.name} ({source}:{group})" if project.name else f"{source}:{group}"
        found += [Asked(_entry(each), label) for each in project.dependency_groups[group]]
    return found


def _entry(requirement: Requirement) -> RequirementEntry:
    return RequirementEntry(text=str(requirement), origin="", requirement=requirement)


def project_at(source: str) -> Project:
    return read_project(Path(os.path.abspath(source)).parent)


def groups_at(source: str) -> Project:
    """The same for whoever wants dependency groups alone: a [project] table need not be there."""
    root = Path(os.path.abspath(source)).parent
    return ProjectFile.read(root).with_groups(root)


def _there(known: Iterable[str]) -> tuple[str, ...]:
    names = ", ".join(f"`{each}`" for each in known)
    return (f"there is {names}",) if names else ("it has none",)


def settle_flags(
    flags: argparse.Namespace, found: FoundRequirements, *, wheels: Sequence[str], sources: Sequence[str]
) -> None:
    """Add the options in files to `flags`, under the names that settings have; a flag with one value counts first.

    `wheels` and `sources` are what `--only-binary` and `--no-binary` are. Raises UsageError.
    """
    given = vars(flags)
    for option, texts, switch, names in (
        ("only-binary", wheels, "no_build", "no_build_package"),
        ("no-binary", sources, "no_binary", "no_binary_package"),
    ):
        everything, projects = _chosen([*texts, *found.values(option)], option)
        given[switch] = given.get(switch, False) or everything
        given[names] = sorted(projects)
    given["index_url"] = given["index_url"] or next(reversed(found.values("index-url")), None)
    for option, name in (
        ("extra-index-url", "extra_index_url"),
        ("find-links", "find_links"),
        ("trusted-host", "allow_insecure_host"),
    ):
        given[name] = [*(given.get(name) or ()), *found.values(option)] or None
    given["no_index"] = given["no_index"] or found.has("no-index")
    given["prerelease"] = given["prerelease"] or ("allow" if found.has("pre") else None)


def _chosen(texts: Sequence[str], flag: str) -> tuple[bool, set[ProjectName]]:
    """Whether all projects are meant, and which besides, by values like `a,b`, each after the other."""
    everything, projects = False, set[ProjectName]()
    for name in (each.strip() for text in texts for each in text.split(",")):
        if name in (":all:", ":none:"):
            everything = name == ":all:"
            projects = set()
        elif is_valid_name(name):
            projects.add(normalize(name))
        elif name:
            raise UsageError(f"--{flag} is `{name}`; it can be `:all:`, `:none:` or names of projects")
    return everything, projects
