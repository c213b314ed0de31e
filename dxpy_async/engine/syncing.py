"""Deciding what a sync does, and the parts of doing it that wait for nothing. The engine and the command line share it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locks import Lock, LockedFile, SourceKind
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.selection import Selected, Selection, select
from dxpy_async.core.settings import Settings
from dxpy_async.errors import HashMismatch, InstallError, InvalidEnvironment
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.installer.installed import read_installed
from dxpy_async.installer.plan import InstallPlan, Wanted, plan_sync
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import VirtualEnvironment, create_environment, open_environment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, find_interpreter, satisfies
from dxpy_async.store.store import Store, StoredWheel


class LockMode(StrEnum):
    """What a sync may do about the lock."""

    UPDATE = "update"
    """Bring it up to date when it is not."""
    LOCKED = "locked"
    """Refuse to go on when it is not up to date."""
    FROZEN = "frozen"
    """Use it as it is, without looking whether it is up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What of the project goes into the environment, and how."""

    extras: tuple[ExtraName, ...] = ()
    all_extras: bool = False
    groups: tuple[GroupName, ...] = ()
    without_groups: tuple[GroupName, ...] = ()
    all_groups: bool = False
    exact: bool = True
    """Remove what the selection does not need."""
    lock_mode: LockMode = LockMode.UPDATE
    dry_run: bool = False

    def selected_extras(self, known: Iterable[ExtraName]) -> tuple[ExtraName, ...]:
        return tuple(known) if self.all_extras else self.extras

    def selected_groups(self, project: Project, known: Iterable[GroupName]) -> tuple[GroupName, ...]:
        asked = list(known) if self.all_groups else [*project.default_groups, *self.groups]
        return tuple(group for group in dict.fromkeys(asked) if group not in self.without_groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """A decided sync: what changes in the environment, and which wheels for it the store has not got."""

    selection: Selection
    changes: InstallPlan
    stored: Mapping[ProjectName, StoredWheel] = field(default_factory=dict)
    missing: tuple[Selected, ...] = ()


def interpreter_for(project: Project, settings: Settings, search: SearchPlaces) -> Interpreter:
    """The interpreter that the project is locked and synced for: its environment's, while that one fits, else a new one.

    Raises InterpreterNotFound when nothing on the machine fits what the settings and the project ask for.
    """
    try:
        existing = open_environment(project.root / ENVIRONMENT_NAME, cache_dir=settings.cache_dir)
    except InvalidEnvironment:
        existing = None  # it is made anew when it is synced
    if existing is not None and satisfies(existing.interpreter, settings.python, project.requires_python):
        return existing.interpreter
    return find_interpreter(
        settings.python, search=search, requires_python=project.requires_python, cache_dir=settings.cache_dir
    )


def environment_for(project: Project, interpreter: Interpreter, settings: Settings) -> VirtualEnvironment:
    """The project's environment with `interpreter`: the one that is there if it fits, else a new one in its place."""
    path = project.root / ENVIRONMENT_NAME
    try:
        existing = open_environment(path, cache_dir=settings.cache_dir)
    except InvalidEnvironment:
        existing = None
    if existing is not None and same_interpreter(existing.interpreter, interpreter):
        return existing
    prompt = project.name or project.root.name
    return create_environment(path, interpreter, prompt=prompt, clear=True)


def same_interpreter(one: Interpreter, other: Interpreter) -> bool:
    """Whether two ways to an interpreter end at the same installation and version."""
    return one.base_prefix == other.base_prefix and one.version == other.version


def select_packages(lock: Lock, project: Project, target: TargetEnvironment, options: SyncOptions) -> Selection:
    """The wheels of the lock that the project wants in an environment like `target`."""
    return select(
        lock,
        target,
        extras=options.selected_extras(lock.roots.optional),
        groups=options.selected_groups(project, lock.roots.groups),
    )


def plan_changes(
    selection: Selection, environment: VirtualEnvironment, store: Store, *, exact: bool = True
) -> SyncPlan:
    """Hold what is wanted against what is installed, and look into the store for what must come."""
    wanted = {item.package.name: _wanted(item, selection) for item in selection.packages}
    changes = plan_sync(wanted, read_installed(environment.scheme), exact=exact)
    coming = {item.name for item in changes.coming}
    stored: dict[ProjectName, StoredWheel] = {}
    missing: list[Selected] = []
    for item in selection.packages:
        if item.package.name not in coming:
            continue
        found = store.find(sha256) if (sha256 := item.wheel.hashes.get("sha256")) else None
        if found is None:
            missing.append(item)
        else:
            stored[item.package.name] = check_identity(item, found)
    return SyncPlan(selection=selection, changes=changes, stored=stored, missing=tuple(missing))


def check_identity(item: Selected, stored: StoredWheel) -> StoredWheel:
    """`stored`, if the wheel inside is the release that the lock says; a lock edited by hand can promise another's hash."""
    manifest = stored.manifest
    if manifest.name != item.package.name or not same_file_version(manifest.version, item.package.version):
        raise InstallError(
            f"the lock says that `{item.wheel.filename}` is `{item.package.name}` {item.package.version}, "
            f"but the file with that hash is `{manifest.name}` {manifest.version}",
            hints=("make the lock anew with `dxpy lock --upgrade`",),
        )
    return stored


def same_file_version(one: str, other: str) -> bool:
    """Whether two spellings name one version. Texts that agree need no parsing, and nearly all do."""
    return one == other or Version(one) == Version(other)


def _wanted(item: Selected, selection: Selection) -> Wanted:
    return Wanted(
        name=item.package.name,
        version=item.package.version,
        requested=item.package.name in selection.requested,
        direct_url=_direct_url(item.wheel) if item.package.source.kind is SourceKind.DIRECT else None,
    )


def _direct_url(wheel: LockedFile) -> str:
    """The text of `direct_url.json` for an archive that a direct reference named.

    Source: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    return json.dumps({"archive_info": {"hashes": dict(wheel.hashes)}, "url": wheel.url}, sort_keys=True)
