"""What the rungs of `dxpy add` and `dxpy remove` share: from flags to a draft of the project, and what follows."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from dxpy_async.cli import COMMANDS, load
from dxpy_async.cli.context import project_root
from dxpy_async.cli.output import Output
from dxpy_async.core import parsers
from dxpy_async.core.names import ExtraName, ProjectName, is_valid_name, normalize, normalize_extra
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.engine.drafts import Bounds, Draft, EditOutcome, draft_addition, draft_removal
from dxpy_async.errors import UsageError
from dxpy_async.project.editing import DEPENDENCIES, DependencyList, ListKind
from dxpy_async.project.statements import read_statements
from dxpy_async.project.workspaces import open_project


def draft_of(arguments: argparse.Namespace) -> Draft:
    """The project as the command line would have it."""
    root, where = project_root(arguments), _where(arguments)
    if arguments.command == "add":
        return draft_addition(root, where, _wanted(arguments))
    return draft_removal(root, where, _unwanted(arguments.packages))


def bounds_of(arguments: argparse.Namespace) -> Bounds:
    """What is to be written for a requirement without a version."""
    return Bounds.NONE if arguments.command == "remove" or arguments.raw else Bounds(arguments.bounds)


def conclude(arguments: argparse.Namespace, draft: Draft, outcome: Draft | EditOutcome, output: Output) -> int:
    """Say what is new or another in the project, and sync, unless the flags forbid it."""
    for requirement in outcome.new:
        output.say(f"Added `{requirement}` to {draft.where}")
    for requirement in outcome.changed:
        output.say(f"Changed `{requirement}` in {draft.where}")
    return 0 if arguments.no_sync or arguments.frozen else _sync(arguments, draft.where, output)


def _where(arguments: argparse.Namespace) -> DependencyList:
    if arguments.dev:
        return DependencyList(ListKind.GROUP, "dev")
    if arguments.to_group is not None:
        return DependencyList(ListKind.GROUP, _list_name(arguments.to_group, "a dependency group"))
    if arguments.optional is not None:
        return DependencyList(ListKind.EXTRA, _list_name(arguments.optional, "an extra"))
    return DEPENDENCIES


def _list_name(name: str, kind: str) -> str:
    if not is_valid_name(name):
        raise UsageError(
            f"`{name}` cannot be the name of {kind}", hints=("letters, digits, `-`, `_` and `.` are fine",)
        )
    return name


def _wanted(arguments: argparse.Namespace) -> tuple[Requirement, ...]:
    """The requirements on the command line and in the files it names, with what the flags say of each."""
    wanted = [_requirement(text) for text in arguments.packages]
    wanted += [each.requirement for each in read_statements(arguments.requirements, "requirements", Path.cwd())]
    if not wanted:
        raise UsageError("there is nothing to add", hints=("name packages, or files of requirements with `-r FILE`",))
    extras = tuple(map(normalize_extra, arguments.with_extra))
    return tuple(_with_flags(each, extras, arguments.marker) for each in wanted)


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


def _requirement(text: str) -> Requirement:
    try:
        return parse_requirement(text)
    except parsers.requirements.InvalidRequirement as error:
        hints: tuple[str, ...] = ("quote what the shell would read otherwise: `dxpy add 'flask>=3'`",)
        if os.path.exists(text) or "://" in text:
            hints = ("only projects of an index, and archives by `NAME @ URL`, can be added so far",)
        raise UsageError(f"`{text}` is not a requirement: {str(error).partition(chr(10))[0]}", hints=hints) from error


def _unwanted(names: Sequence[str]) -> list[ProjectName]:
    for name in names:
        if not is_valid_name(name):
            raise UsageError(f"`{name}` is not the name of a project", hints=("`dxpy remove` takes names alone",))
    return [normalize(name) for name in names]


def _sync(arguments: argparse.Namespace, where: DependencyList, output: Output) -> int:
    """Sync as `dxpy sync` would, with the extra or group that was changed if it is still there."""
    project = open_project(project_root(arguments)).meant
    if where.kind is ListKind.GROUP and normalize(where.name) in map(str, project.dependency_groups):
        arguments.group = [where.name]
    if where.kind is ListKind.EXTRA and normalize(where.name) in map(str, project.optional_dependencies):
        arguments.extra = [where.name]
    for rung in COMMANDS["sync"]:
        code: int | None = load(rung).run(arguments, output)
        if code is not None:
            return code
    raise AssertionError("no rung of `sync` gave an answer")
