"""What the rungs of `dxpy add` and `dxpy remove` share: from flags to a draft of the project, and what follows."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

from dxpy_async.cli import COMMANDS, load
from dxpy_async.cli.additions import additions_of, indexes_in, wanted_of, without_user
from dxpy_async.cli.context import member_root, passed_over, placed, upgraded_projects, wants_upgrade
from dxpy_async.cli.locking import lock_part
from dxpy_async.cli.output import Output, PartOutput
from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.version_bumps import bumped, parse_bump
from dxpy_async.engine.drafts import (
    DRAFT_LOCK,
    Bounds,
    Draft,
    EditOutcome,
    draft_addition,
    draft_removal,
    draft_version,
    require_static_version,
)
from dxpy_async.engine.given_requirements import GivenRequirement, with_name
from dxpy_async.engine.locking import LockOptions, LockOutcome
from dxpy_async.errors import UsageError
from dxpy_async.project.editing import DEPENDENCIES, DependencyList, ListKind
from dxpy_async.project.pyproject import FILE_NAME, Project
from dxpy_async.project.source_editing import SourceEntry
from dxpy_async.project.workspaces import open_project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import VersionDocument


def draft_of(arguments: argparse.Namespace) -> Draft:
    """The project as the command line would have it."""
    draft = _draft_in(member_root(arguments), arguments)
    return replace(draft, project=placed(draft.project, arguments))


def _draft_in(root: Path, arguments: argparse.Namespace) -> Draft:
    ignored = passed_over(arguments)
    if arguments.command == "version":
        return draft_version(
            root, new_version(arguments, open_project(root, passed_over=ignored).meant), passed_over=ignored
        )
    where = _where(arguments)
    if arguments.command == "remove":
        return draft_removal(root, where, _unwanted(arguments.packages), passed_over=ignored)
    project = open_project(root, passed_over=ignored)
    members = {each.name: each.root for each in (project, *(member.project for member in project.members)) if each.name}
    members = members if project.members else {}
    wanted = wanted_of(additions(arguments), _indexes(arguments), arguments, root, members)
    return draft_addition(
        root, where, wanted.requirements, sources=wanted.sources, indexes=wanted.indexes, passed_over=ignored
    )


def additions(arguments: argparse.Namespace) -> list[GivenRequirement]:
    """What is to be added; the names that were asked for are known by now (`arguments.names`)."""
    found = additions_of(arguments)
    names: Mapping[str, ProjectName] = getattr(arguments, "names", {})
    return [with_name(each, names[each.text]) if each.text in names else each for each in found]


def unnamed(arguments: argparse.Namespace) -> list[GivenRequirement]:
    """What is to be added from sources that have to be fetched to know what they are called."""
    return [each for each in additions(arguments) if not each.requirement.name] if arguments.command == "add" else []


def _indexes(arguments: argparse.Namespace) -> tuple[SourceEntry, ...]:
    """The indexes of `--index`, which count as the project file has them from now on, for the rungs to come too.

    Those with a secret, which stays out of the file, go on counting as they were given.
    """
    if not hasattr(arguments, "indexes"):
        given = arguments.extra_index_url or ()
        arguments.indexes = tuple(indexes_in(given))
        is_whole = len(arguments.indexes) == len(given) and all(without_user(text) == text for text in given)
        if is_whole and not arguments.raw:
            arguments.extra_index_url = None
    indexes: tuple[SourceEntry, ...] = arguments.indexes
    return indexes


def new_version(arguments: argparse.Namespace, project: Project) -> Version:
    """The version that the command line asks for."""
    if arguments.value is None:
        return bumped(require_static_version(project), [parse_bump(text) for text in arguments.bump])
    try:
        return Version(arguments.value)
    except InvalidVersion as error:
        raise UsageError(
            f"`{arguments.value}` is not a version", hints=("it is like `1.2.3`, `2.0rc1` or `1.0.post1`",)
        ) from error


def report_version(
    project: Project, version: str, before: str | None, arguments: argparse.Namespace, output: Output
) -> None:
    """Print the version; `before` is the one it takes the place of."""
    change = version if before is None else f"{before} => {version}"
    output.data(version if arguments.short else f"{project.name} {change}")
    document: VersionDocument = {
        "schema": "dxpy/version/1",
        "package_name": project.name,
        "version": version,
        "previous_version": before,
    }
    output.document(document)


def draft_lock(arguments: argparse.Namespace) -> LockOptions:
    """How what is edited is locked: nothing is written yet. Raises UsageError."""
    wants_upgrade(arguments)
    upgraded = upgraded_projects(arguments)
    return replace(DRAFT_LOCK, check=arguments.locked, upgrade=arguments.upgrade, upgrade_projects=upgraded)


def bounds_of(arguments: argparse.Namespace) -> Bounds:
    """What is to be written for a requirement without a version."""
    return Bounds(arguments.bounds) if arguments.command == "add" and not arguments.raw else Bounds.NONE


def conclude(arguments: argparse.Namespace, draft: Draft, outcome: Draft | EditOutcome, output: Output) -> int:
    """Say what is new or another in the project, and sync, unless the flags forbid it.

    When that fails, the project file and the lock are what they were.
    """
    for requirement in outcome.new:
        output.say(f"Added `{requirement}` to {draft.where}{_origin(draft, requirement.name)}")
    for requirement in outcome.changed:
        output.say(f"Changed `{requirement}` in {draft.where}{_origin(draft, requirement.name)}")
    told = {requirement.name for requirement in (*outcome.new, *outcome.changed)}
    for name in draft.sources.keys() - told:
        output.say(f"`{name}` comes{_origin(draft, name).removeprefix(',')} now")
    part = PartOutput(output)
    try:
        code = 0 if arguments.no_sync or arguments.frozen else _sync(arguments, draft.where, part)
    except BaseException:
        if draft.take_back(outcome.content if isinstance(outcome, EditOutcome) else draft.after):
            output.say(f"Put `{FILE_NAME}` and the lock back to what they were")
        raise
    if arguments.command == "version":
        before = open_project(draft.root, draft.before, passed_over=draft.passed_over).meant
        now = draft.project.meant
        report_version(now, str(now.version), str(before.version), arguments, output)
    elif output.is_json:
        locked = outcome.lock if isinstance(outcome, EditOutcome) else None
        file = draft.root / FILE_NAME
        output.document(edit_document(arguments, file, draft.where, outcome.new, outcome.changed, locked, part.part))
    return code


def edit_document(
    arguments: argparse.Namespace,
    file: Path,
    where: DependencyList,
    new: Iterable[Requirement],
    changed: Iterable[Requirement],
    locked: LockOutcome | None,
    synced: Mapping[str, object] | None,
) -> Mapping[str, object]:
    """What `add` or `remove` came to: an `AddDocument` or a `RemoveDocument`."""
    return {
        "schema": f"dxpy/{arguments.command}/1",
        "file": str(file),
        "list": str(where),
        "added": list(map(str, new)),
        "changed": list(map(str, changed)),
        "removed": list(map(normalize, arguments.packages)) if arguments.command == "remove" else [],
        "lock": None if locked is None else lock_part(locked),
        "sync": synced,
    }


def _origin(draft: Draft, name: ProjectName) -> str:
    source = draft.sources.get(name, {})
    if source.get("workspace"):
        return ", from the workspace"
    if "index" in source:
        return f", from the index `{source['index']}`"
    revision = next((f"@{source[kind]}" for kind in ("rev", "tag", "branch") if kind in source), "")
    place = source.get("git") or source.get("url") or source.get("path")
    editable = ", editable" if source.get("editable") else ""
    return f", from `{place}{revision}`{editable}" if place else ""


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


def _unwanted(names: Sequence[str]) -> list[ProjectName]:
    for name in names:
        if not is_valid_name(name):
            raise UsageError(f"`{name}` is not the name of a project", hints=("`dxpy remove` takes names alone",))
    return [normalize(name) for name in names]


def _sync(arguments: argparse.Namespace, where: DependencyList, output: Output) -> int:
    """Sync as `dxpy sync` would, with the extra or group that was changed if it is still there."""
    project = open_project(member_root(arguments), passed_over=passed_over(arguments)).meant
    arguments.upgrade, arguments.upgrade_package, arguments.upgrade_group = False, [], []  # that has been done
    if where.kind is ListKind.GROUP and normalize(where.name) in map(str, project.dependency_groups):
        arguments.group = [where.name]
    if where.kind is ListKind.EXTRA and normalize(where.name) in map(str, project.optional_dependencies):
        arguments.extra = [where.name]
    for rung in COMMANDS["sync"]:
        code: int | None = load(rung).run(arguments, output)
        if code is not None:
            return code
    raise AssertionError("no rung of `sync` gave an answer")
