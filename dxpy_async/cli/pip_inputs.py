"""What files and words ask for, for the actions of `dxpy pip` that read files of requirements."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core import limits
from dxpy_async.core.amendments import Statement
from dxpy_async.core.names import ProjectName, is_valid_name, normalize_extra, normalize_group
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import ProjectError, UsageError
from dxpy_async.formats.requirement_lines import RequirementLine, parse_requirement_lines
from dxpy_async.project.pyproject import Project, read_project
from dxpy_async.project.statements import read_statements

STDIN = "-"
_PROJECT_NAME = "pyproject.toml"


class Asked(NamedTuple):
    """A requirement, and who asks for it, as comments name that; empty for what was given on stdin."""

    requirement: Requirement
    origin: str


def requirements_in(source: str) -> list[Asked]:
    """What a file of requirements, or stdin, asks for, and those that it names. Raises InvalidRequirementsFile."""
    if source == STDIN:
        content = sys.stdin.buffer.read(limits.REQUIREMENTS_BYTES + 1)
        entries = list(parse_requirement_lines(content, file="stdin"))
        further = [entry.path for entry in entries if not isinstance(entry, RequirementLine)]
        here = [Asked(entry.requirement, "") for entry in entries if isinstance(entry, RequirementLine)]
        return [*here, *(asked for file in further for asked in requirements_in(file))]
    return [
        Asked(each.requirement, f"-r {file_of(each)}") for each in read_statements([source], "requirements", Path.cwd())
    ]


def file_of(statement: Statement) -> str:
    """The file that a statement stands in."""
    return statement.origin.rpartition(":")[0]


def is_project_file(source: str) -> bool:
    return os.path.basename(source) == _PROJECT_NAME


def project_requirements(
    project: Project, source: str, extras: Iterable[str], groups: Iterable[str], *, all_extras: bool
) -> list[Asked]:
    """What a project asks for, with these of its extras and groups. Raises ProjectError for one that it has not."""
    label = f"{project.name} ({source})" if project.name else source
    found = [Asked(each, label) for each in project.dependencies]
    wanted = list(project.optional_dependencies) if all_extras else [normalize_extra(each) for each in extras]
    for extra in wanted:
        if extra not in project.optional_dependencies:
            raise ProjectError(f"`{source}` has no extra `{extra}`", hints=_there(project.optional_dependencies))
        found += [Asked(each, label) for each in project.optional_dependencies[extra]]
    return found + group_requirements(project, source, groups)


def group_requirements(project: Project, source: str, groups: Iterable[str]) -> list[Asked]:
    """What groups of a project ask for."""
    found: list[Asked] = []
    for group in map(normalize_group, groups):
        if group not in project.dependency_groups:
            raise ProjectError(f"`{source}` has no dependency group `{group}`", hints=_there(project.dependency_groups))
        label = f"{project.name} ({source}:{group})" if project.name else f"{source}:{group}"
        found += [Asked(each, label) for each in project.dependency_groups[group]]
    return found


def project_at(source: str) -> Project:
    return read_project(Path(os.path.abspath(source)).parent)


def _there(known: Iterable[str]) -> tuple[str, ...]:
    names = ", ".join(f"`{each}`" for each in known)
    return (f"there is {names}",) if names else ("it has none",)


def settle_binary_flags(arguments: argparse.Namespace) -> None:
    """Say pip's `--only-binary` and `--no-binary` in dxpy's flags. Raises UsageError."""
    given = vars(arguments)
    for said, switch, names in (
        ("pip_only_binary", "no_build", "no_build_package"),
        ("pip_no_binary", "no_binary", "no_binary_package"),
    ):
        everything, projects = _chosen(given.get(said) or (), said[4:].replace("_", "-"))
        given[switch] = given.get(switch, False) or everything
        given[names] = sorted(projects)


def _chosen(texts: Sequence[str], flag: str) -> tuple[bool, set[ProjectName]]:
    everything, projects = False, set[ProjectName]()
    for name in (each.strip() for text in texts for each in text.split(",")):
        if name in (":all:", ":none:"):
            everything = name == ":all:"
            projects = set()
        elif is_valid_name(name):
            projects.add(ProjectName(name))
        else:
            raise UsageError(f"--{flag} is `{name}`; it can be `:all:`, `:none:` or names of projects")
    return everything, projects
