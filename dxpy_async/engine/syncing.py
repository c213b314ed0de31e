"""Deciding what a sync does, and the parts of doing it that wait for nothing: what the engine and `warm` share."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.environments import TargetEnvironment, describe_markers
from dxpy_async.core.locked_parts import SeenLock
from dxpy_async.core.manifests import ManifestFile
from dxpy_async.core.names import ProjectName
from dxpy_async.core.pins import WantedPin, pins_of
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.selection import LockView, Selected, Selection, environment_mismatch, select
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.locating import FindBuilt, located, nothing_built
from dxpy_async.engine.locking import LockOptions, read_lock
from dxpy_async.engine.origins import direct_url
from dxpy_async.engine.own_project import with_itself
from dxpy_async.engine.sync_options import LockMode, SyncOptions
from dxpy_async.engine.targets import working_environment
from dxpy_async.engine.watching import Held, StateWatch
from dxpy_async.errors import InstallError, InvalidEnvironment, WrongEnvironment
from dxpy_async.installer.conflicts import check_conflicts
from dxpy_async.installer.folding import Fold, fold, sites_files
from dxpy_async.installer.installed import InstalledDistribution, read_installed, site_directories
from dxpy_async.installer.plan import InstallPlan, Wanted, plan_sync, same_version
from dxpy_async.installer.symlinks import has_links, is_linked, leads_to
from dxpy_async.installer.transaction import Arrival, Transaction
from dxpy_async.project.locked_roots import roots_of
from dxpy_async.project.pyproject import Project
from dxpy_async.python.environments import (
    LOCK_FILE,
    VirtualEnvironment,
    create_environment,
)
from dxpy_async.python.interpreters import Interpreter
from dxpy_async.store.bytecode import read_bytecode
from dxpy_async.store.locks import FileLock
from dxpy_async.store.root_files import root_place
from dxpy_async.store.store import Store, StoredWheel

_NOTHING: Mapping[ProjectName, StoredWheel] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """A decided sync: what changes in the environment, and which wheels for it the store has not got."""

    selection: Selection
    wanted: Mapping[ProjectName, Wanted]
    changes: InstallPlan
    stored: Mapping[ProjectName, StoredWheel] = field(default_factory=dict)
    missing: tuple[Selected, ...] = ()
    folds: Mapping[ProjectName, Fold] = field(default_factory=dict)
    """How wheels become symbolic links, all of the selection; empty while one of them is missing."""
    bytecode: Mapping[ProjectName, tuple[ManifestFile, ...]] = field(default_factory=dict)
    """What the store has of those that come."""
    needed: frozenset[str] = frozenset()
    """The keys of the entries that symbolic links lead to, once the plan is carried out."""
    is_exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOutcome:
    """What a sync did, or would do: names and versions, sorted by name. `kept` counts what was there already.

    `environment` is None when a dry run found none and made none.
    """

    environment: Path | None
    installed: tuple[tuple[ProjectName, str], ...] = ()
    removed: tuple[tuple[ProjectName, str], ...] = ()
    kept: int = 0
    dry_run: bool = False
    seconds: float = 0.0
    """The time that changing the environment took once everything was in the store."""

    @property
    def changed(self) -> bool:
        return bool(self.installed or self.removed)


def record_sync(
    watch: StateWatch,
    environment: VirtualEnvironment,
    facts: Mapping[str, str],
    count: int,
    *,
    exact: bool,
    held: Held | None,
    outcome: SyncOutcome,
    cache_dir: Path,
) -> None:
    """Say for the next run that `environment` holds what its project wants, `count` distributions.

    `held` is what it held before the sync that came to `outcome`. One that links to the store holds it for as long as
    its root there is as it is now: whoever removes what it needs writes to that.
    """
    root = root_place(str(cache_dir), str(environment.root))
    more = (root,) if has_links(environment.scheme) else ()
    sites = site_directories(environment.scheme)
    still = held.after(bool(outcome.installed), bool(outcome.removed)) if held is not None else None
    watch.record(environment, sites, facts, count, held=still, exact=exact, more=more)


def locking_for(project: Project, options: SyncOptions) -> LockOptions:
    """How a sync with these options locks before."""
    pins: tuple[WantedPin, ...] = ()
    if options.pins_from is not None and not project.lock.exists():
        there = read_lock(options.pins_from)
        pins = tuple(WantedPin(name, version) for name, version in pins_of(there).items()) if there is not None else ()
    return LockOptions(
        check=options.lock_mode is LockMode.LOCKED,
        dry_run=options.dry_run,
        pins=pins,
        upgrade=options.upgrade,
        upgrade_projects=options.upgrade_projects,
    )


def find_environment(project: Project, interpreter: Interpreter, settings: Settings) -> VirtualEnvironment | None:
    """The project's environment, if there is one that works and has `interpreter`."""
    existing = working_environment(project, settings)
    return existing if existing is not None and _same(existing.interpreter, interpreter) else None


def make_environment(project: Project, interpreter: Interpreter, settings: Settings) -> VirtualEnvironment:
    """The project's environment with `interpreter`: the one that is there if it fits, else a new one in its place."""
    existing = find_environment(project, interpreter, settings)
    if existing is not None:
        return existing
    return create_environment(project.environment, interpreter, prompt=project.name, clear=True)


def open_store(settings: Settings) -> Store:
    """The store of these settings, which looks once more at what was published before the machine last started."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    running = time.clock_gettime_ns(clock) if clock is not None else time.monotonic_ns()
    return Store(settings.cache_dir, booted_at_ns=time.time_ns() - running, clock_ns=time.time_ns)


def reading_lock(store: Store) -> FileLock | None:
    """What keeps others from cleaning the store while it is read; None where nothing could be cleaned anyway."""
    if store.root.is_dir() and not os.access(store.root, os.W_OK):
        return None
    return store.lock(shared=True)


def environment_lock(root: Path) -> FileLock:
    """What processes hold while they change the environment at `root`."""
    if os.path.lexists(root) and not root.is_dir():
        raise InvalidEnvironment(f"`{root}` is in the way: an environment is a directory", hints=("remove it",))
    return FileLock(root / LOCK_FILE)


def place_lock(environment: VirtualEnvironment) -> FileLock:
    """The same for an environment of any kind: one that is not virtual is not given a file, its directory is locked."""
    if environment.is_virtual:
        return environment_lock(environment.root)
    return FileLock(environment.scheme.purelib, is_directory=True)


def _same(one: Interpreter, other: Interpreter) -> bool:
    """Whether two ways to an interpreter end at the same installation and version."""
    return one.executable == other.executable and one.version == other.version


def select_packages(
    lock: LockView, project: Project, target: TargetEnvironment, options: SyncOptions, settings: Settings
) -> Selection:
    """What of the lock, and itself, the project wants in an environment like `target`; source trees are located."""
    roots = options.roots(project, lock.roots)
    selection = select(
        SeenLock(lock, roots),
        target,
        extras=options.selected_extras(roots.optional),
        groups=options.selected_groups(project, roots.groups),
        builds=settings.builds,
    )
    if not options.only_groups and any(each.root == project.root for each in options.meant(project)):
        selection = with_itself(selection, project)
    left_out = options.left_out(project)
    if options.without_local:
        left_out |= {item.package.name for item in selection.packages if item.package.source.is_local}
    if left_out:
        kept = tuple(item for item in selection.packages if item.package.name not in left_out)
        selection = Selection(kept, selection.requested - left_out)
    return located(selection, project.root, settings.cache_dir)


def selected_requirements(project: Project, options: SyncOptions, settings: Settings) -> tuple[Requirement, ...]:
    """What the project asks for where `options` choose; an extra or a group that it does not have asks for nothing."""
    roots = options.roots(project, roots_of(project, settings.resolution.amendments))
    asked = [*roots.requirements]
    for extra in options.selected_extras(roots.optional):
        asked += roots.optional.get(extra, ())
    for group in options.selected_groups(project, roots.groups):
        asked += roots.groups.get(group, ())
    return tuple(asked)


def plan_changes(
    selection: Selection,
    environment: VirtualEnvironment | None,
    store: Store,
    *,
    built: FindBuilt = nothing_built,
    brought: Mapping[ProjectName, StoredWheel] = _NOTHING,
    link_mode: LinkMode,
    exact: bool = True,
    allow_overwrites: bool = False,
    renew: Collection[ProjectName] = (),
    spare: Collection[ProjectName] = (),
) -> SyncPlan:
    """Hold what is wanted against what is installed (None: nothing), and look into the store for what must come.

    What is in `renew` is installed again, whatever is there; what is in `spare` stays, whether it is wanted or not.
    `built` finds what was built of source trees before; what is in `brought` is in the store, and not looked for.
    Without `allow_overwrites` raises FileConflict for what the wheels in the store show to be in each other's place.
    With symbolic links all wheels of the selection have to be in the store, for they share directories.
    """
    wanted = {item.package.name: _wanted(item, selection) for item in selection.packages}
    installed = read_installed(environment.scheme) if environment else {}
    found: dict[ProjectName, StoredWheel] = {}
    folds: Mapping[ProjectName, Fold] = {}
    relink: Collection[ProjectName] = ()
    if link_mode is LinkMode.SYMLINK:
        found = {
            item.package.name: there
            for item in selection.packages
            if (there := brought.get(item.package.name) or _find(item, store, built)) is not None
        }
        if len(found) == len(selection.packages):
            folds, relink = _fold_all(found, installed, environment)
    elif environment is not None and has_links(environment.scheme):
        relink = [name for name, there in installed.items() if is_linked(there)]
    changes = plan_sync(wanted, installed, exact=exact, relink=relink, renew=renew, spare=spare)
    coming = {item.name for item in changes.coming}
    stored: dict[ProjectName, StoredWheel] = {}
    missing: list[Selected] = []
    for item in selection.packages:
        name = item.package.name
        if name in coming or (link_mode is LinkMode.SYMLINK and name not in found):
            known = found.get(name) or brought.get(name) or _find(item, store, built)
            if known is None:
                missing.append(item)
            elif name in coming:
                stored[name] = check_identity(item, known)
    if environment is not None and stored and not allow_overwrites:
        known_wheels = [each.manifest for each in {**found, **stored}.values()]
        check_conflicts(known_wheels, environment.scheme, leaving=changes.leaving, staying=changes.keep)
    return SyncPlan(
        selection=selection,
        wanted=wanted,
        changes=changes,
        stored=stored,
        missing=tuple(missing),
        folds=folds,
        bytecode=_known_bytecode(stored, environment),
        needed=frozenset(each.manifest.blake3 for each in found.values()),
        is_exact=exact,
    )


def _find(item: Selected, store: Store, built: FindBuilt) -> StoredWheel | None:
    if item.is_built:
        return built(item)
    return store.find(item.sha256) if item.sha256 else None


def _fold_all(
    found: Mapping[ProjectName, StoredWheel],
    installed: Mapping[ProjectName, InstalledDistribution],
    environment: VirtualEnvironment | None,
) -> tuple[dict[ProjectName, Fold], list[ProjectName]]:
    """How these wheels are linked, and which of them are installed, but linked in another way."""
    site = str(environment.scheme.purelib) if environment is not None else ""
    linked_before = environment is not None and has_links(environment.scheme)

    def is_foreign(directory: str) -> bool:
        path = f"{site}/{directory}"
        return linked_before and os.path.isdir(path) and not os.path.islink(path)

    folds = fold({name: sites_files(stored.manifest) for name, stored in found.items()}, is_foreign)
    relink = [
        name
        for name, stored in found.items()
        if name in installed and not leads_to(folds[name], site, str(stored.directory))
    ]
    return folds, relink


def _known_bytecode(
    stored: Mapping[ProjectName, StoredWheel], environment: VirtualEnvironment | None
) -> dict[ProjectName, tuple[ManifestFile, ...]]:
    if environment is None:
        return {}
    tag = environment.interpreter.cache_tag
    read = {name: read_bytecode(str(each.directory), tag) for name, each in stored.items()}
    return {name: files for name, files in read.items() if files is not None}


def check_identity(item: Selected, stored: StoredWheel) -> StoredWheel:
    """`stored`, if the wheel inside is the release that the lock says: an edited lock can promise another's hash.

    The version of a source tree is whatever it has become.
    """
    manifest = stored.manifest
    if item.file is None:
        return stored
    if manifest.name != item.package.name or not same_version(manifest.version, item.package.version):
        raise InstallError(
            f"the lock says that `{item.file.filename}` is `{item.package.name}` {item.package.version}, "
            f"but the file with that hash is `{manifest.name}` {manifest.version}",
            hints=("make the lock anew with `dxpy lock --upgrade`",),
        )
    return stored


def _wanted(item: Selected, selection: Selection) -> Wanted:
    return Wanted(
        name=item.package.name,
        version=item.package.version,
        requested=item.package.name in selection.requested,
        direct_url=direct_url(item),
        is_any_version=item.package.source.kind.is_tree,
    )


def outcome_of(
    plan: SyncPlan,
    environment: VirtualEnvironment | None,
    *,
    built: Mapping[ProjectName, StoredWheel] | None = None,
    dry_run: bool = False,
    seconds: float = 0.0,
) -> SyncOutcome:
    """What carrying out `plan` comes to. The versions of source trees are those of the wheels `built` of them."""
    there = {**plan.stored, **(built or {})}

    def version(item: Wanted) -> str:
        known = item.is_any_version and item.name in there
        return there[item.name].manifest.version if known else item.version

    return SyncOutcome(
        environment=environment.root if environment else None,
        installed=tuple((item.name, version(item)) for item in plan.changes.coming),
        removed=tuple((item.name, item.version) for item in plan.changes.leaving),
        kept=len(plan.changes.keep),
        dry_run=dry_run,
        seconds=seconds,
    )


def require_match(lock: LockView, target: TargetEnvironment, path: Path) -> None:
    """Raise WrongEnvironment when a lock that is used unchecked was made for other environments than `target`."""
    if mismatch := environment_mismatch(lock, target):
        raise WrongEnvironment(str(path), mismatch, made_for=describe_markers(lock.environment))


def stage(transaction: Transaction, plan: SyncPlan, item: Selected, stored: StoredWheel) -> None:
    """Link one distribution of `plan`, `item` as it is now; it stays invisible until the transaction commits."""
    arrival = _arrival(plan, stored)._replace(direct_url=direct_url(item))
    transaction.stage(**arrival._asdict())


def stage_all(transaction: Transaction, plan: SyncPlan) -> None:
    """Link all of `plan` that the store has, in forked processes where this one can fork."""
    transaction.stage_all([_arrival(plan, stored) for stored in plan.stored.values()])


def _arrival(plan: SyncPlan, stored: StoredWheel) -> Arrival:
    wanted = plan.wanted[stored.manifest.name]
    return Arrival(
        stored,
        requested=wanted.requested,
        direct_url=wanted.direct_url,
        fold=plan.folds.get(stored.manifest.name),
        bytecode=plan.bytecode.get(stored.manifest.name, ()),
    )


def finish(transaction: Transaction, plan: SyncPlan) -> None:
    """Take away what leaves, and make all that was staged visible."""
    for installed in plan.changes.leaving:
        transaction.remove(installed)
    transaction.commit()
