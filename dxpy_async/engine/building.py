"""Building what is not a wheel: its metadata, and a wheel of it in the store.

    static metadata?  ──►  yes: done, nothing is run
    built before?     ──►  yes: done (`built`)
    build requirements resolved, their environment made or found (`build_environments`)
    backend asked what else it requires; if anything, the environment of both
    backend asked for the metadata or the wheel; its answer checked, and kept

A build requirement may have to be built itself. Whoever builds hands a builder of its own to that, which knows what is
being built already; all of them together know who waits for whom, so that a circle is found and never waited for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Protocol, Self, TypeVar

from anyio import CapacityLimiter
from blake3 import blake3

from dxpy_async.builds.backends import EDITABLE, SDIST, WHEEL, Kind
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import Selection
from dxpy_async.core.settings import Settings
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.wheel_names import parse_wheel_name, tag_rank
from dxpy_async.engine.build_environments import discard, environment_place, is_ready, is_whole
from dxpy_async.engine.build_jobs import DOCUMENT_NAME, BuildPlace, Job
from dxpy_async.engine.built import BuiltWheels, metadata_of, wheel_metadata
from dxpy_async.engine.events import (
    Building,
    Built,
    DownloadFinished,
    DownloadStarted,
    Event,
    Listener,
    Waiting,
    Warned,
)
from dxpy_async.engine.holding import held
from dxpy_async.engine.syncing import reading_lock
from dxpy_async.engine.workers import WorkerPool
from dxpy_async.errors import BuildCycle, BuildFailed, BuildRefused, FormatError, InvalidMetadata, InvalidSource
from dxpy_async.formats.source_documents import parse_source_document
from dxpy_async.formats.source_metadata import static_pkg_info, static_project_metadata
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.sharing import SharedWork
from dxpy_async.python.environments import VirtualEnvironment, open_environment
from dxpy_async.python.interpreters import Interpreter
from dxpy_async.store.adding import add_wheel
from dxpy_async.store.store import Store, StoredWheel

T = TypeVar("T")

_SMALL_WHEEL = 1024**2
"""Wheels of at most so many bytes are unpacked at once; to start a process for that would take longer."""
_CHUNK = 1024**2


class Provisions(Protocol):
    """What resolves build requirements and installs them."""

    async def select_for_build(
        self, requirements: Sequence[Requirement], interpreter: Interpreter, builder: Builder, on_event: Listener
    ) -> Selection:
        """What an environment with `requirements` consists of; `builder` builds what of it is no wheel."""
        ...

    async def install_for_build(
        self, root: Path, interpreter: Interpreter, selection: Selection, builder: Builder, on_event: Listener
    ) -> VirtualEnvironment:
        """Make an environment at `root` that has `selection`, unless somebody else has, and mark it as ready."""
        ...


class _Waits:
    """Who waits for whom to be built, by the identities of source trees; `labels` are what messages call them."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.edges: dict[str, list[str]] = {}

    def path(self, start: str, end: str) -> list[str] | None:
        """The labels from `start` to `end`, if `start` waits for `end` in however many steps."""
        pending, seen = [[start]], {start}
        while pending:
            path = pending.pop()
            if path[-1] == end:
                return [self.labels[each] for each in path]
            for following in self.edges.get(path[-1], ()):
                if following not in seen:
                    seen.add(following)
                    pending.append([*path, following])
        return None


class Workshop:
    """What all builds of an engine share: the store, what makes environments, and how many backends run at once."""

    def __init__(
        self,
        store: Store,
        workers: WorkerPool,
        settings: Settings,
        provisions: Provisions,
        *,
        environ: Mapping[str, str],
        processors: int,
    ) -> None:
        self.store, self.workers, self.settings, self.provisions = store, workers, settings, provisions
        self.environ = environ
        self.slots = CapacityLimiter(settings.builds.concurrent or processors)
        self.waits = _Waits()
        self.metadata: SharedWork[str, CoreMetadata] = SharedWork()
        self.wheels: SharedWork[str, StoredWheel] = SharedWork()
        self.environments: SharedWork[Path, VirtualEnvironment] = SharedWork()
        self.built_now: set[str] = set()
        """The keys of what was built by this engine: that is not refreshed once more."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(self.metadata)
            await exits.enter_async_context(self.wheels)
            await exits.enter_async_context(self.environments)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()


class Builder:
    """Builds for one interpreter, or remembers what was built.

    `environment` is the one that builds without isolation run in; None leaves these to the bare interpreter. `within`
    is the identity of the source tree for whose build this builder works, empty for what the user asks for.
    """

    def __init__(
        self,
        workshop: Workshop,
        interpreter: Interpreter,
        *,
        environment: VirtualEnvironment | None = None,
        within: str = "",
    ) -> None:
        self._shop, self._interpreter = workshop, interpreter
        self._environment, self._within = environment, within
        self._settings = workshop.settings.builds

    @property
    def within_label(self) -> str:
        """What messages call the source tree for whose build this builder works."""
        return self._shop.waits.labels.get(self._within, "")

    # What is asked of it

    def built(self, tree: SourceTree, *, editable: bool = False) -> StoredWheel | None:
        """The wheel of `tree`, if it was built before; `tree.root` need not be on disk."""
        known = self._known(tree)
        is_fresh = tree.name is None or not self._shop.settings.network.refreshes(tree.name)
        if not is_fresh and known.key(tree, editable=editable) not in self._shop.built_now:
            return None
        return known.wheel(tree, editable=editable)

    def keep(self, tree: SourceTree, stored: StoredWheel, *, editable: bool = False) -> None:
        """Find `stored` for `tree` from now on: what a build left in a directory makes no other wheel of it."""
        is_static = static_metadata(tree) is not None
        self._known(tree).keep_wheel(tree, stored, editable=editable, is_static=is_static)

    async def metadata(self, tree: SourceTree, *, editable: bool = False, on_event: Listener) -> CoreMetadata:
        """What `tree` says of itself: without building where it says so statically, else by its build backend.

        Raises BuildError leaves, and InvalidMetadata when it is not what `tree` should be.
        """
        if (static := static_metadata(tree)) is not None:
            return static
        known = self._known(tree)
        if (found := known.metadata(tree, editable=editable)) is not None:
            return found
        self._refuse(tree, editable=editable)
        key = known.key(tree, editable=editable)
        return await self._once(
            self._shop.metadata, key, tree, lambda: self._find_metadata(tree, editable=editable, on_event=on_event)
        )

    async def wheel(self, tree: SourceTree, *, editable: bool = False, on_event: Listener) -> StoredWheel:
        """The wheel of `tree` in the store, built unless it was before. Raises BuildError leaves and StoreError."""
        if (found := self.built(tree, editable=editable)) is not None:
            return found
        self._refuse(tree, editable=editable)
        key = self._known(tree).key(tree, editable=editable)
        return await self._once(
            self._shop.wheels, key, tree, lambda: self._find_wheel(tree, editable=editable, on_event=on_event)
        )

    async def requirements(
        self, tree: SourceTree, *, editable: bool = False, on_event: Listener
    ) -> tuple[Requirement, ...]:
        """What building `tree` requires: what it says, what settings add, and what its build backend asks for.

        Nothing without isolation, when nothing is installed for a build. Raises BuildError leaves.
        """
        self._refuse(tree, editable=editable)
        if not self._settings.isolates(tree.name):
            return ()
        async with self._job(tree, EDITABLE if editable else WHEEL, on_event) as job:
            return job.required

    async def distribution(self, tree: SourceTree, kind: Kind, into: Path, *, on_event: Listener) -> Path:
        """Build a wheel or sdist of `tree` as a file in the directory `into`, replacing one of the same name.

        Nothing of it is kept in the store. Raises BuildError leaves and OSError.
        """
        async with self._job(tree, kind, on_event) as job:
            built = await job.build()
            into.mkdir(parents=True, exist_ok=True)
            beside = into / f"{built.name}.{os.getpid()}.new"
            try:
                await in_thread(shutil.copyfile, built, beside)
                os.replace(beside, into / built.name)
            finally:
                beside.unlink(missing_ok=True)
            return into / built.name

    # How it goes about it

    def _known(self, tree: SourceTree) -> BuiltWheels:
        shared = None
        if not self._settings.isolates(tree.name):
            shared = self._environment.root if self._environment is not None else self._interpreter.prefix
        return BuiltWheels(self._shop.store, self._settings, self._interpreter, shared_environment=shared)

    def _refuse(self, tree: SourceTree, *, editable: bool) -> None:
        """Raise BuildRefused where the settings say so; who installs a directory as editable works on it."""
        if not editable and not self._settings.allows_building(tree.name):
            raise BuildRefused(tree.label, "no-build" if self._settings.no_build else "no-build-package")

    async def _once(self, work: SharedWork[str, T], key: str, tree: SourceTree, make: Callable[[], Awaitable[T]]) -> T:
        """The result of `make`, shared with all who ask for `key` at the time. Raises BuildCycle instead of waiting."""
        waits = self._shop.waits
        waits.labels[tree.identity] = tree.label
        if self._within and (path := waits.path(tree.identity, self._within)) is not None:
            raise BuildCycle([*path, tree.label])
        waiting = waits.edges.setdefault(self._within, [])
        waiting.append(tree.identity)
        try:
            return await work.run(key, make)
        finally:
            waiting.remove(tree.identity)

    async def _find_metadata(self, tree: SourceTree, *, editable: bool, on_event: Listener) -> CoreMetadata:
        known = self._known(tree)
        async with self._job(tree, EDITABLE if editable else WHEEL, on_event) as job:
            data = await job.metadata()
            if data is not None:
                found = _checked(tree, lambda: metadata_of(data, tree))
                known.keep_metadata(tree, data, editable=editable)
                return found
            stored = await self._store(tree, await job.build(), editable=editable)
            return wheel_metadata(stored, tree)

    async def _find_wheel(self, tree: SourceTree, *, editable: bool, on_event: Listener) -> StoredWheel:
        async with self._job(tree, EDITABLE if editable else WHEEL, on_event) as job:
            if (found := self.built(tree, editable=editable)) is not None:
                return found  # another process has built it while this one waited
            return await self._store(tree, await job.build(), editable=editable)

    async def _store(self, tree: SourceTree, built: Path, *, editable: bool) -> StoredWheel:
        """Bring a wheel that was built into the store, once it is found to be what was asked for."""
        target = self._interpreter.target
        try:
            parse_wheel_name(built.name)
        except ValueError as error:
            raise BuildFailed(tree.label, f"its backend made a wheel with an invalid name: {error}") from error
        if tag_rank(built.name, target.tag_ranks) is None:
            raise BuildFailed(tree.label, f"its backend made `{built.name}`, which is not for {target.describe()}")
        sha256, key, size = await in_thread(_digests, built)
        try:
            if size <= _SMALL_WHEEL:
                stored = await in_thread(
                    add_wheel, self._shop.store, built, built.name, sha256=sha256, blake3=key, size=size
                )
            else:
                stored = await self._shop.workers.unpack(
                    self._shop.store, built, built.name, sha256=sha256, blake3=key, size=size
                )
        except FormatError as error:
            raise BuildFailed(tree.label, f"its backend made a wheel that is not one: {error}") from error
        found = _checked(tree, lambda: wheel_metadata(stored, tree))
        static = static_metadata(tree)
        if static is not None and (static.name, static.version) != (found.name, found.version):
            raise BuildFailed(
                tree.label,
                f"its backend made a wheel of `{found.name}` {found.version}, "
                f"but the source says that it is `{static.name}` {static.version}",
            )
        known = self._known(tree)
        known.keep_wheel(tree, stored, editable=editable, is_static=static is not None)
        self._shop.built_now.add(known.key(tree, editable=editable))
        return stored

    @asynccontextmanager
    async def _job(self, tree: SourceTree, kind: Kind, on_event: Listener) -> AsyncIterator[Job]:
        """One build, ready to be gone about: its environment is there, and nobody else builds the same."""
        shop, settings = self._shop, self._settings
        cleaning = held(reading_lock(shop.store), f"another process that is cleaning `{shop.store.root}`", on_event)
        with shop.store.staging_directory() as staging:
            async with cleaning:
                job = await Job.begin(
                    tree,
                    kind,
                    staging,
                    settings=settings,
                    environ=shop.environ,
                    slots=shop.slots,
                    on_event=on_event,
                )
                needed = (*job.system.requires, *settings.extra_requires_of(tree.name))
                job.place = await self._place(needed, tree, on_event)
                on_event(Building(tree.label))
                started = time.perf_counter()
                asked = await self._asked(job, kind, on_event)
                job.required = tuple(dict.fromkeys((*needed, *asked)))
                if not set(asked) <= set(needed):
                    job.place = await self._place(job.required, tree, on_event)
                async with self._alone(tree, kind, on_event):
                    yield job
                on_event(Built(tree.label, time.perf_counter() - started))

    async def _asked(self, job: Job, kind: Kind, on_event: Listener) -> tuple[Requirement, ...]:
        """What the backend requires beyond what the tree says, asked once."""
        known, tree, editable = self._known(job.tree), job.tree, kind is EDITABLE
        found = known.requires(tree, editable=editable) if kind is not SDIST else None
        if found is None:
            async with self._alone(tree, kind, on_event):
                found = await job.requires()
            if kind is not SDIST:
                known.keep_requires(tree, found, editable=editable)
        return found

    def _alone(self, tree: SourceTree, kind: Kind, on_event: Listener) -> AbstractAsyncContextManager[None]:
        """Nobody else builds `tree` meanwhile."""
        lock = self._known(tree).lock(tree, editable=kind is EDITABLE)
        return held(lock, f"another process that is building `{tree.label}`", on_event)

    async def _place(self, requirements: tuple[Requirement, ...], tree: SourceTree, on_event: Listener) -> BuildPlace:
        """Where `tree` is built: an environment with `requirements`, or what is there when builds are not isolated."""
        if not self._settings.isolates(tree.name):
            if self._environment is not None:
                return BuildPlace(self._environment.python, self._environment.root)
            return BuildPlace(self._interpreter.executable, self._interpreter.prefix)
        shop = self._shop
        inner = Builder(shop, self._interpreter, environment=self._environment, within=tree.identity)
        news = only_news(on_event)
        selection = await shop.provisions.select_for_build(requirements, self._interpreter, inner, news)
        root = environment_place(shop.store.root, self._interpreter, selection)

        async def make() -> VirtualEnvironment:
            if is_ready(root):
                found = open_environment(root, cache_dir=shop.store.root)
                if found is not None and is_whole(found):
                    return found
                discard(root)
            return await shop.provisions.install_for_build(root, self._interpreter, selection, inner, news)

        environment = await shop.environments.run(root, make)
        return BuildPlace(environment.python, environment.root, environment)


def static_metadata(tree: SourceTree) -> CoreMetadata | None:
    """What `tree` says of itself without being built; None when that has to be asked of its build backend.

    Raises InvalidSource for a pyproject.toml that does not parse, and InvalidMetadata when it is of another project.
    """
    found = None
    if (content := _content(tree, DOCUMENT_NAME)) is not None:
        found = static_project_metadata(parse_source_document(content, origin=tree.label))
    if found is None and tree.is_sdist and (content := _content(tree, "PKG-INFO")) is not None:
        found = static_pkg_info(content, origin=tree.label)
    if found is not None and tree.name not in (None, found.name):
        raise InvalidMetadata(tree.label, f"is of `{found.name}`, not of `{tree.name}`")
    if found is not None and tree.version not in (None, found.version):
        raise InvalidMetadata(tree.label, f"is of version {found.version}, not {tree.version}")
    return found


def _content(tree: SourceTree, name: str) -> bytes | None:
    try:
        return (tree.root / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidSource(tree.label, f"its {name} cannot be read: {error.strerror}") from error


def _checked(tree: SourceTree, read: Callable[[], CoreMetadata]) -> CoreMetadata:
    """Metadata that a backend made. Raises BuildFailed when they are not those of `tree`."""
    try:
        return read()
    except InvalidMetadata as error:
        raise BuildFailed(tree.label, f"what its backend made {error.reason}") from error


def only_news(on_event: Listener) -> Listener:
    """A listener that hears of a build environment what concerns people, not how it is resolved and linked."""

    def hear(event: Event) -> None:
        if isinstance(event, (Building, Built, DownloadStarted, DownloadFinished, Waiting, Warned)):
            on_event(event)

    return hear


def _digests(path: Path) -> tuple[str, str, int]:
    """The SHA-256 and the BLAKE3 of a file, and its size."""
    sha256, key, size = hashlib.sha256(), blake3(), 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            sha256.update(chunk)
            key.update(chunk)
            size += len(chunk)
    return sha256.hexdigest(), key.hexdigest(), size
