"""The engine: one awaitable method per operation, safe to run many at once in one event loop.

Every operation is one task group; cancelling it at any await leaves locks released, no half-written file, and the
environment as it was or as it should be. Blocking file work goes to threads, unpacking to worker processes.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from copy import copy
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from anyio import CapacityLimiter
from packaging.version import Version

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.dataclass import replace
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.kernels import Kernels
from dxpy_async.core.lock_merging import LockSides, merged_pins
from dxpy_async.core.locks import Lock, LockedFile, LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.pins import WantedPin
from dxpy_async.core.releases import Unavailable
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.resolution_settings import ResolutionSettings
from dxpy_async.core.selection import Selected, Selection, select
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.core.source_urls import ArchiveUrl, DirectoryUrl, GitUrl, parse_source_url, public_url
from dxpy_async.core.target_platforms import HERE, WantedTarget
from dxpy_async.engine.answering import WHAT_IS_ASKED, Answering
from dxpy_async.engine.build_environments import is_ready, mark_ready
from dxpy_async.engine.building import Builder, Workshop, only_news
from dxpy_async.engine.bundling import BundleOptions, BundleOutcome, Bundling, take_built
from dxpy_async.engine.changing import Changing, Sketching, sketch_nothing
from dxpy_async.engine.collecting import Collected, Collector, collect_selection
from dxpy_async.engine.distributing import (
    BuildOptions,
    BuiltDistribution,
    Distributing,
    DistributionPlan,
    plan_distributions,
)
from dxpy_async.engine.drafts import (
    DRAFT_LOCK,
    Bounds,
    Draft,
    EditOutcome,
    draft_addition,
    draft_removal,
    draft_version,
    save_draft,
)
from dxpy_async.engine.environment_choice import visible_sites
from dxpy_async.engine.events import (
    Finished,
    Listener,
    Resolved,
    Waiting,
    Warned,
    ignore,
)
from dxpy_async.engine.fetching import ByteBudget, Fetcher, download
from dxpy_async.engine.fetching_ahead import FetchingAhead
from dxpy_async.engine.first_errors import first_of_group
from dxpy_async.engine.hash_checking import require_pins
from dxpy_async.engine.holding import held
from dxpy_async.engine.initializing import Initialized, InitOptions, initialize_project
from dxpy_async.engine.install_facts import InstallFacts
from dxpy_async.engine.install_options import DEFAULT_INSTALL, Arrival, InstallOptions, InstallOutcome
from dxpy_async.engine.installing import (
    SEEDS,
    is_plain,
    nothing_to_install,
    preferred,
    requested_names,
    to_install,
    view_of,
)
from dxpy_async.engine.locating import located
from dxpy_async.engine.locking import (
    LockOptions,
    LockOutcome,
    begin_lock,
    finish_lock,
    merged_project,
    read_lock,
    resolution_options,
    with_earlier_versions,
)
from dxpy_async.engine.naming import nameless, place_of, told_name, unknown_tree
from dxpy_async.engine.newest import NewestRelease, newest_releases, newest_versions, versions_on
from dxpy_async.engine.own_project import is_recordable, project_tree, with_metadata
from dxpy_async.engine.recalling import Recollection
from dxpy_async.engine.remembering import (
    Remembering,
)
from dxpy_async.engine.replaying import Sketch, sketch_of
from dxpy_async.engine.resolving import Watcher, look_away
from dxpy_async.engine.store_links import processors
from dxpy_async.engine.suggestions import close_names
from dxpy_async.engine.sync_options import LockMode, SyncOptions
from dxpy_async.engine.syncing import (
    SyncOutcome,
    SyncPlan,
    environment_lock,
    find_environment,
    locking_for,
    make_environment,
    open_store,
    outcome_of,
    place_lock,
    plan_changes,
    reading_lock,
    record_sync,
    require_match,
    select_packages,
    selected_requirements,
)
from dxpy_async.engine.targets import interpreter_for, target_for, working_environment
from dxpy_async.engine.trees import BuildsTrees, SourceShelf, Trees, built_wheel
from dxpy_async.engine.watching import Held, StateWatch
from dxpy_async.engine.workers import WorkerPool
from dxpy_async.errors import LockNotFound, ProjectError, UnknownProject
from dxpy_async.formats.dpl import build_dpl
from dxpy_async.formats.requirements_file import RequirementEntry
from dxpy_async.index.client import IndexClient
from dxpy_async.index.credentials import Credentials
from dxpy_async.index.finishing import in_limited_thread
from dxpy_async.index.page_worker import PageWorker
from dxpy_async.installer.inventory import Inventory, take_inventory
from dxpy_async.project.editing import DEPENDENCIES, DependencyList
from dxpy_async.project.pyproject import Project, ProjectPlaces
from dxpy_async.project.settings import load_settings, watched_paths
from dxpy_async.project.source_editing import SourceEntry
from dxpy_async.project.source_names import name_of_directory
from dxpy_async.project.source_tables import Surroundings
from dxpy_async.project.workspaces import open_project
from dxpy_async.python.environments import VirtualEnvironment, create_environment, open_environment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, find_interpreter
from dxpy_async.resolver.resolution import Resolution
from dxpy_async.sources.git import GitRepositories
from dxpy_async.store.forked_workers import ForkedWorker
from dxpy_async.store.locks import FileLock
from dxpy_async.store.worker_protocol import UNPACK_WORKERS

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_SYNC = SyncOptions()

KERNELS_BUCKET = "kernels-v1"
FILE_THREADS = 4


DEFAULT_LOCK = LockOptions()
DEFAULT_INIT = InitOptions()
DEFAULT_BUILD = BuildOptions()
DEFAULT_BUNDLE = BundleOptions()


class Engine:
    """Resolves, locks, syncs and installs. Made once, used for any number of operations, also at the same time.

        async with Engine() as engine:
            outcome = await engine.sync(Path("my-project"))

    Without `settings` those of the environment variables and defaults hold; `load_settings` makes others, also with
    what a project's [tool.dxpy] says.

    A `page_worker`, forked before there are threads or a loop, takes pages of indexes apart beside them, and
    `unpackers`, forked likewise, unpack the first wheels; others are started when there are none.

    `credentials` know the logins for indexes; without them those that `settings` leads to are used.

    All methods take `on_event`, called with typed progress (see `engine.events`; an `EventStream` makes an async
    iterator of it), raise `DxpyError` leaves, never exception groups, and can be cancelled at any await.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        search: SearchPlaces | None = None,
        page_worker: PageWorker | None = None,
        unpackers: Sequence[ForkedWorker] = (),
        credentials: Credentials | None = None,
    ) -> None:
        self._page_worker, self._unpackers = page_worker, unpackers
        self._settings = settings or load_settings({}, os.environ, None, directory=Path.cwd())
        self._credentials = credentials or Credentials(self._settings.credentials, self._settings.indexes)
        self._search = search or SearchPlaces.from_environ(os.environ, sys.executable)
        self._exits = AsyncExitStack()
        self._listeners: list[Listener] = []
        """Those of the operations under way."""
        self._builder: Builder | None = None
        """What builds for this engine when it makes an environment for a build."""

    async def __aenter__(self) -> Self:
        settings = self._settings
        async with AsyncExitStack() as exits:
            self._store = open_store(settings)
            self._kernels = Kernels(settings.kernels, cache_dir=settings.cache_dir / KERNELS_BUCKET)
            self._threads = CapacityLimiter(FILE_THREADS)
            await self._in_thread(self._store.sweep_staging, time.time())
            self._client = await exits.enter_async_context(
                IndexClient(
                    indexes=settings.indexes,
                    network=settings.network,
                    cache_dir=settings.cache_dir,
                    now=time.time,
                    base_directory=Path.cwd(),
                    credentials=self._credentials,
                    page_worker=self._page_worker,
                    tell=self._warn,
                    bundle=settings.bundle,
                )
            )
            workers = await exits.enter_async_context(WorkerPool(UNPACK_WORKERS, self._unpackers))
            budget = ByteBudget(settings.network.bytes_in_flight)
            self._fetcher = await exits.enter_async_context(Fetcher(self._client, self._store, workers, budget))
            remembering = Remembering(Recollection(settings), self._client, now=time.time, in_thread=self._in_thread)
            self._remembering = await exits.enter_async_context(remembering)
            repositories = GitRepositories(
                settings.cache_dir,
                lock=FileLock,
                environ=os.environ,
                offline=settings.network.offline,
                known_login=self._credentials.known,
            )
            self._shelf = await exits.enter_async_context(SourceShelf(self._client, self._store, repositories))
            self._workshop = await exits.enter_async_context(
                Workshop(self._store, workers, settings, self, environ=os.environ, processors=processors())
            )
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    # Resolving and locking

    async def resolve(
        self,
        requirements: Sequence[str | Requirement],
        *,
        target: TargetEnvironment,
        requires_python: str = "",
        preferences: Mapping[ProjectName, Version] | None = None,
        on_event: Listener = ignore,
    ) -> Resolution:
        """The releases that satisfy `requirements` in an environment like `target`; `preferences` win where they fit.

        Raises NoSolution with the reasons in words.
        """
        async with self._operation(on_event):
            trees = self._trees(Surroundings(str(Path.cwd())), self._any_interpreter)
            return await self._answering.resolution(
                _parsed(requirements),
                target,
                trees,
                on_event,
                requires_python=requires_python,
                preferences=preferences or {},
            )

    @property
    def _answering(self) -> Answering:
        return Answering(
            settings=self._settings,
            client=self._client,
            fetcher=self._fetcher,
            shelf=self._shelf,
            kernels=self._kernels,
            remembering=self._remembering,
        )

    async def lock(
        self,
        directory: Path,
        *,
        options: LockOptions = DEFAULT_LOCK,
        environment: Path | None = None,
        on_event: Listener = ignore,
    ) -> LockOutcome:
        """Bring the lock of the project in `directory` up to date; with `check`, raise StaleLock instead.

        Pins of an earlier lock stay where they still fit. A lock that is up to date is not touched and asks no index.
        `environment` is as in `sync`.
        """
        project = open_project(Path(os.path.abspath(directory))).with_environment(environment)
        return await self.lock_project(project, options=options, on_event=on_event)

    async def lock_project(
        self, project: Project, *, options: LockOptions = DEFAULT_LOCK, on_event: Listener = ignore
    ) -> LockOutcome:
        """As `lock`, of a project that need not be in a pyproject.toml."""
        async with self._operation(on_event):
            target = await self._in_thread(target_for, options.target, project, self._settings, self._search)
            if project.is_told_by_backend:
                project = await self._told(project, await self._in_thread(self._interpreter_of, project), on_event)
            return await self._lock(project, target, options, on_event)

    def _learn(self, project: Project) -> None:
        """Remember the credentials in addresses that `project` and members of its workspace name: locks have none."""
        projects = (project, *(member.project for member in project.members))
        for requirement in (each for one in projects for each in one.requirements):
            if requirement.url is None or public_url(requirement.url) == requirement.url:
                continue
            with suppress(ValueError):  # whoever resolves it will tell
                found = parse_source_url(requirement.url)
                if isinstance(found, GitUrl):
                    self._shelf.repositories.learn(found)
                elif isinstance(found, ArchiveUrl):
                    self._client.learn(found.url)

    async def _told(self, project: Project, interpreter: Interpreter, on_event: Listener) -> Project:
        """`project` with what only its build backend knows of it, where that matters for its lock."""
        if not project.is_told_by_backend:
            return project
        tree = project_tree(project)
        metadata = await self.builder(interpreter).metadata(tree, editable=True, on_event=on_event)
        return with_metadata(project, metadata)

    async def _lock(
        self,
        project: Project,
        target: TargetEnvironment,
        options: LockOptions,
        on_event: Listener,
        watcher: Watcher = look_away,
    ) -> LockOutcome:
        started = time.perf_counter()
        self._learn(project)
        ahead = begin_lock(project, target, self._settings, options)
        if isinstance(ahead, LockOutcome):
            on_event(Resolved(len(ahead.lock.packages), time.perf_counter() - started))
            return ahead
        trees = self._trees(project.surroundings, partial(self._interpreter_of, project), commits=ahead.commits)
        found = await self._answering.lock_of_project(
            project, target, options, trees, on_event, watcher, preferences=ahead.preferences
        )
        lock = with_earlier_versions(found.value, ahead.earlier, project.root)
        data = found.data if lock is found.value or options.dry_run else build_dpl(lock)
        return finish_lock(ahead, lock, data, found.warnings, options)

    async def newest_versions(
        self, projects: Iterable[ProjectName], *, on_event: Listener = ignore
    ) -> dict[ProjectName, str]:
        """The newest version of each of `projects` on the indexes; those that no index has are left out."""
        async with self._operation(on_event):
            cutoffs = self._settings.resolution.upload_limits.cutoffs(time.time())
            return await newest_versions(self._client, projects, cutoffs)

    async def pin(
        self,
        requirements: Sequence[str | Requirement],
        *,
        directory: Path | None = None,
        label: str = "",
        pins: Sequence[WantedPin] = (),
        target: WantedTarget = HERE,
        on_event: Listener = ignore,
    ) -> Lock:
        """The lock of what `requirements` come to for `target`; nothing is written. `pins` are kept where they fit.

        Relative paths mean `directory`, whose environment tells the interpreter. Messages call it all `label`.
        """
        root = Path(os.path.abspath(directory or Path.cwd()))
        places = replace(ProjectPlaces.within(root), file=Path(label or "what you ask for"))
        project = Project(root=root, name=ProjectName(""), dependencies=_parsed(requirements), elsewhere=places)
        options = LockOptions(anew=True, dry_run=True, pins=tuple(pins), target=target)
        return (await self.lock_project(project, options=options, on_event=on_event)).lock

    async def newest_releases(
        self,
        projects: Iterable[ProjectName],
        *,
        target: TargetEnvironment,
        prereleases: bool = False,
        on_event: Listener = ignore,
    ) -> dict[ProjectName, NewestRelease]:
        """The newest release of each of `projects` for `target`; those that no index has for it are left out."""
        async with self._operation(on_event):
            cutoffs = self._settings.resolution.upload_limits.cutoffs(time.time())
            return await newest_releases(self._client, projects, cutoffs, target=target, prereleases=prereleases)

    async def versions(
        self,
        project: ProjectName,
        *,
        target: TargetEnvironment | None = None,
        prereleases: bool = False,
        on_event: Listener = ignore,
    ) -> tuple[Version, ...]:
        """The versions of `project` that can be installed in an environment like `target` (None: any), newest first.

        Pre-releases are among them when there is nothing else, or with `prereleases`. Raises UnknownProject.
        """
        async with self._operation(on_event):
            page = await self._client.project_page(project)
            if isinstance(page, Unavailable):
                names = await close_names(self._client, project, {})
                hints = [f"did you mean {' or '.join(f'`{each}`' for each in names)}?"] if names else []
                url = self._settings.indexes.index_url
                raise UnknownProject(f"`{project}` {page.reason}", url=public_url(url), hints=hints)
            cutoff = self._settings.resolution.upload_limits.cutoffs(time.time()).of(project)
            return versions_on(page, cutoff, target=target, prereleases=prereleases)

    async def init(
        self, directory: Path, *, options: InitOptions = DEFAULT_INIT, on_event: Listener = ignore
    ) -> Initialized:
        """Begin a project in `directory`: all of its files that are not there, or none."""
        async with self._operation(on_event):
            place = Path(os.path.abspath(directory))
            begin = partial(initialize_project, settings=self._settings, search=self._search, environ=os.environ)
            return await self._in_thread(begin, place, options)

    async def add(
        self,
        directory: Path,
        requirements: Sequence[str | Requirement],
        *,
        where: DependencyList = DEPENDENCIES,
        bounds: Bounds = Bounds.LOWER,
        sources: Mapping[ProjectName, SourceEntry] | None = None,
        on_event: Listener = ignore,
    ) -> EditOutcome:
        """Add `requirements` to the project in `directory`, and lock; on failure both files are as they were.

        One that is there already keeps its place and what the new one does not say. Those that are new and name no
        version get `bounds` around the one that was picked. `sources` are entries for its sources table, like
        `{"path": "libs/tool", "editable": True}`.
        """
        draft = draft_addition(Path(os.path.abspath(directory)), where, _parsed(requirements), sources=sources)
        return await self.lock_draft(draft, bounds=bounds, on_event=on_event)

    async def remove(
        self,
        directory: Path,
        names: Sequence[ProjectName],
        *,
        where: DependencyList = DEPENDENCIES,
        on_event: Listener = ignore,
    ) -> EditOutcome:
        """Remove all requirements on `names` from a list of the project in `directory`, and lock, both or neither."""
        draft = draft_removal(Path(os.path.abspath(directory)), where, names)
        return await self.lock_draft(draft, on_event=on_event)

    async def set_version(self, directory: Path, version: Version | str, *, on_event: Listener = ignore) -> EditOutcome:
        """Write `version` as that of the project in `directory`, and lock, both or neither."""
        draft = draft_version(Path(os.path.abspath(directory)), Version(str(version)))
        return await self.lock_draft(draft, on_event=on_event)

    async def project_name(self, url: str, *, on_event: Listener = ignore) -> ProjectName:
        """What the project in the git repository at `url` is called, as its files say without being built.

        Raises SourceUnavailable, and ProjectError when they do not say it.
        """
        async with self._operation(on_event):
            git = parse_source_url(url)
            if not isinstance(git, GitUrl):
                raise ProjectError(f"`{url}` is not a git repository")
            repositories = self._shelf.repositories

            def wait(repository: str) -> None:
                on_event(Waiting(f"another process that reads the git repository `{repository}`"))

            commit = await repositories.commit_of(git, on_wait=wait)
            place = await repositories.checkout(git._replace(revision=commit), on_wait=wait)
            name = await self._in_thread(name_of_directory, place / git.subdirectory)
            if name is None:
                raise ProjectError(
                    f"`{url}` does not say what it is called", hints=(f"say it: `dxpy add 'NAME @ {url}'`",)
                )
            return name

    async def lock_draft(
        self,
        draft: Draft,
        *,
        bounds: Bounds = Bounds.NONE,
        options: LockOptions = DRAFT_LOCK,
        on_event: Listener = ignore,
    ) -> EditOutcome:
        """Lock the project as `draft` would have it, then write both; see `add`. `options` are of a dry run."""
        async with self._operation(on_event):
            target = await self._in_thread(target_for, HERE, draft.project, self._settings, self._search)
            outcome = await self._lock(draft.project, target, options, on_event)
            return save_draft(draft, bounds, outcome, self._settings)

    async def merge_locks(self, directory: Path, sides: LockSides, *, on_event: Listener = ignore) -> Lock:
        """The lock of what the project in `directory` asks for on two branches together; nothing is written.

        What that is comes from the locks: while git merges, pyproject.toml is still that of one branch.
        """
        async with self._operation(on_event):
            project = merged_project(sides, directory)
            interpreter = await self._in_thread(interpreter_for, project, self._settings, self._search)
            found = await self._answering.lock_of_project(
                project,
                interpreter.target,
                DEFAULT_LOCK,
                self._trees(project.surroundings, partial(self._interpreter_of, project)),
                on_event,
                preferences=merged_pins(sides),
            )
            return found.value

    def _interpreter_of(self, project: Project) -> Interpreter:
        return interpreter_for(project, self._settings, self._search)

    def _any_interpreter(self, requires_python: str = "") -> Interpreter:
        return find_interpreter(
            self._settings.python,
            search=self._search,
            requires_python=requires_python,
            cache_dir=self._settings.cache_dir,
        )

    def _trees(
        self,
        surroundings: Surroundings,
        interpreter: Callable[[], Interpreter],
        *,
        commits: Mapping[str, str] | None = None,
    ) -> Trees:
        """What a resolution may have to build, for what `interpreter` gives; paths are held against `surroundings`."""

        def builder() -> BuildsTrees:
            return self._builder if self._builder is not None else self.builder(interpreter())

        return Trees(self._shelf, builder, surroundings, commits=commits)

    # Syncing and installing

    async def sync(
        self,
        directory: Path,
        *,
        options: SyncOptions = DEFAULT_SYNC,
        environment: Path | None = None,
        state_facts: Mapping[str, str] | None = None,
        blueprint_key: Callable[[], str | None] | None = None,
        on_event: Listener = ignore,
    ) -> SyncOutcome:
        """Make the environment of the project in `directory` hold what its lock says, locking first where needed.

        The environment is `.venv` in the project, or `environment`, a path from there.

        With `state_facts`, they and the project's files are recorded in the environment, by which a later caller with
        the same facts finds that nothing has changed (`installer.state`). With a `blueprint_key`, asked for when the
        lock is written, a sync that fills a new environment is kept as a blueprint (`installer.blueprints`).
        """
        async with self._operation(on_event):
            root = Path(os.path.abspath(directory))
            began, watch = time.time_ns(), StateWatch.begin(ProjectPlaces.within(root))
            project = open_project(root).with_environment(environment)
            watch = watch.of_project(project, watched_paths(project, os.environ, Path.cwd()), began)
            return await self._sync(project, watch, options, state_facts, blueprint_key, on_event)

    async def sync_project(
        self,
        project: Project,
        watch: StateWatch,
        *,
        options: SyncOptions = DEFAULT_SYNC,
        state_facts: Mapping[str, str] | None = None,
        blueprint_key: Callable[[], str | None] | None = None,
        on_event: Listener = ignore,
    ) -> SyncOutcome:
        """As `sync`, of a project that need not be in a pyproject.toml. `watch` was begun before it was read."""
        async with self._operation(on_event):
            return await self._sync(project, watch, options, state_facts, blueprint_key, on_event)

    async def _sync(
        self,
        project: Project,
        watch: StateWatch,
        options: SyncOptions,
        state_facts: Mapping[str, str] | None,
        blueprint_key: Callable[[], str | None] | None,
        on_event: Listener,
    ) -> SyncOutcome:
        interpreter = await self._in_thread(self._interpreter_of, project)
        project = await self._told(project, interpreter, on_event)
        self._learn(project)
        wanted = selected_requirements(project, options, self._settings)
        async with FetchingAhead(self._fetcher, self._store, wanted) as ahead:
            lock, written = await self._lock_for_sync(project, interpreter.target, options, ahead, on_event)
            watch = watch.of_trees(project, lock)
            selecting = partial(select_packages, lock, project, interpreter.target, options, self._settings)
            selection = await self._in_thread(selecting)
            if options.dry_run:
                return await self._in_thread(self._dry_run, project, interpreter, selection, options)
            listener = ahead.settle(selection, on_event)

            def sketched(plan: SyncPlan, environment: VirtualEnvironment) -> Sketch | None:
                key = blueprint_key() if blueprint_key is not None and options.exact else None
                if key is None:
                    return None
                checked, locked = options.lock_mode is not LockMode.FROZEN, len(lock.packages)
                where = (project, self._settings, self._search)
                return sketch_of(plan, environment, *where, key=key, checked=checked, locked=locked)

            async with self._holding(project.environment, on_event):
                environment = await self._in_thread(make_environment, project, interpreter, self._settings)
                if (bundle := self._client.bundle) is not None:
                    builder = self.builder(interpreter, environment=environment)
                    await take_built(bundle, selection, interpreter.target, builder, self._fetcher, on_event)
                held = await self._in_thread(Held.by, environment, state_facts)
                renew = options.renewed(item.package.name for item in selection.packages)
                outcome = await self._change(
                    environment, selection, options.exact, project.root, listener, sketched, renew
                )
                if state_facts is not None and is_recordable(selection):
                    watch = watch.without_lock() if written else watch
                    record = partial(
                        record_sync, exact=options.exact, held=held, outcome=outcome, cache_dir=self._settings.cache_dir
                    )
                    count = len(selection.packages)
                    await self._in_thread(record, watch, environment, state_facts, count)
        return outcome

    def _dry_run(
        self, project: Project, interpreter: Interpreter, selection: Selection, options: SyncOptions
    ) -> SyncOutcome:
        environment = find_environment(project, interpreter, self._settings)
        builder = self.builder(interpreter, environment=environment)
        renew = options.renewed(item.package.name for item in selection.packages)
        plan = self._plan(selection, environment, builder, exact=options.exact, renew=renew)
        return outcome_of(plan, environment, dry_run=True)

    def _plan(
        self,
        selection: Selection,
        environment: VirtualEnvironment | None,
        builder: Builder,
        *,
        exact: bool,
        renew: Collection[ProjectName] = (),
        spare: Collection[ProjectName] = (),
    ) -> SyncPlan:
        return plan_changes(
            selection,
            environment,
            self._store,
            built=partial(built_wheel, builder),
            link_mode=self._settings.link_mode,
            exact=exact,
            allow_overwrites=self._settings.allow_overwrites,
            renew=renew,
            spare=spare,
        )

    async def _lock_for_sync(
        self,
        project: Project,
        target: TargetEnvironment,
        options: SyncOptions,
        ahead: FetchingAhead,
        on_event: Listener,
    ) -> tuple[Lock, bool]:
        """The lock to sync from, and whether it was written just now; `ahead` fetches while one is made."""
        if options.lock_mode is LockMode.FROZEN:
            return _frozen_lock(project, target, on_event), False
        is_final = options.lock_mode is LockMode.UPDATE and not options.dry_run
        look = ahead.look if is_final else look_away
        outcome = await self._lock(project, target, locking_for(project, options), on_event, look)
        return outcome.lock, outcome.changed

    async def install(
        self,
        requirements: Sequence[str | Requirement],
        *,
        environment: VirtualEnvironment,
        on_event: Listener = ignore,
    ) -> SyncOutcome:
        """Resolve `requirements` for `environment` and install what is missing there; nothing else is removed.

        What is installed already keeps its version where that fits.
        """
        return (await self.install_with(requirements, environment=environment, on_event=on_event)).changes

    async def install_with(
        self,
        requirements: Sequence[str | Requirement],
        *,
        environment: VirtualEnvironment,
        options: InstallOptions = DEFAULT_INSTALL,
        on_event: Listener = ignore,
    ) -> InstallOutcome:
        """As `install`, as `options` say; `environment` can be any place for packages (`python.places`)."""
        async with self._operation(on_event), self._holding_place(environment, options, on_event):
            inventory = await self._in_thread(take_inventory, visible_sites(environment))
            return await self._install(_parsed(requirements), environment, inventory, options, on_event)

    async def sync_requirements(
        self,
        requirements: Sequence[str | Requirement],
        *,
        environment: VirtualEnvironment,
        options: InstallOptions = DEFAULT_INSTALL,
        on_event: Listener = ignore,
    ) -> SyncOutcome:
        """Make `environment` hold what `requirements` ask for by name, and nothing else, whatever these require.

        pip, setuptools and wheel stay where they are. On failure it is as before.
        """
        exactly = replace(options, exact=True, dependencies=False)
        async with self._operation(on_event), self._holding_place(environment, options, on_event):
            return (await self._install(_parsed(requirements), environment, {}, exactly, on_event)).changes

    async def download(
        self,
        requirements: Sequence[str | Requirement],
        into: Path,
        *,
        environment: VirtualEnvironment,
        options: InstallOptions = DEFAULT_INSTALL,
        as_wheels: bool = False,
        on_event: Listener = ignore,
    ) -> tuple[Collected, ...]:
        """Collect the archives that installing `requirements` anew would take in the directory `into`, by name.

        They are for `environment`, which stays as it is, or the target of `options`. What comes from a git repository
        is built; with `as_wheels` all is that is no wheel. Otherwise directories of source are left where they are.
        """
        async with self._operation(on_event):
            amendments = self._settings.resolution.amendments
            roots = LockedRoots(requirements=amendments.amend(_parsed(requirements)))
            if options.checks_hashes:
                require_pins(roots.requirements, amendments.constraints)
            anew = replace(options, reinstall=True)
            lock = await self._lock_for_install(roots, environment, {}, anew, on_event)
            target = options.target or environment.interpreter.target
            selection = located(select(lock, target, builds=self._settings.builds), Path.cwd(), self._store.root)
            builder = self.builder(environment.interpreter, environment=environment)
            trees = Trees(self._shelf, lambda: builder, Surroundings(str(Path.cwd())))
            collector = Collector(self._client, self._shelf, Path(os.path.abspath(into)), on_event)
            return await collect_selection(to_install(selection, options), collector, trees, as_wheels=as_wheels)

    async def fetch_file(self, url: str, *, on_event: Listener = ignore) -> bytes:
        """What a small file at `url` has: one of requirements or constraints. Raises IndexFailure leaves."""
        async with self._operation(on_event):
            with self._store.staging_directory() as staging:
                file = LockedFile(filename=url.rpartition("/")[2] or "file", url=url)
                await download(self._client, file, staging / "file", ignore)
                return await self._in_thread((staging / "file").read_bytes)

    async def named(
        self, entry: RequirementEntry, interpreter: Interpreter, *, on_event: Listener = ignore
    ) -> Requirement:
        """What `entry` asks for, with the name that what is at its place says; built for `interpreter` if need be."""
        if not entry.location:
            return entry.requirement
        place = await self._in_thread(place_of, entry, Path.cwd())
        name = await self._in_thread(told_name, entry, place)
        if name is None and isinstance(place, GitUrl):
            name = await self.project_name(str(place), on_event=on_event)
        if name is None and isinstance(place, DirectoryUrl):
            async with self._operation(on_event):
                tree = await self._in_thread(unknown_tree, place, Path.cwd(), entry.location)
                metadata = await self.builder(interpreter).metadata(tree, editable=place.is_editable, on_event=on_event)
                name = metadata.name
        if name is None:
            raise nameless(entry)
        return entry.requirement._replace(name=name, url=str(place))

    async def named_for(self, entry: RequirementEntry, directory: Path, *, on_event: Listener = ignore) -> Requirement:
        """As `named`, built for the interpreter of the environment in `directory`, or of one there would be."""
        if not entry.location:
            return entry.requirement
        project = Project(root=directory, name=ProjectName(""))
        return await self.named(entry, await self._in_thread(self._interpreter_of, project), on_event=on_event)

    async def _install(
        self,
        requirements: tuple[Requirement, ...],
        environment: VirtualEnvironment,
        inventory: Inventory,
        options: InstallOptions,
        on_event: Listener,
    ) -> InstallOutcome:
        amendments = self._settings.resolution.amendments
        roots = LockedRoots(requirements=amendments.amend(requirements))
        there = nothing_to_install(roots.requirements, inventory, environment, amendments, options)
        if there is not None:
            return InstallOutcome(changes=SyncOutcome(environment=environment.root, kept=len(there)), satisfied=there)
        if options.checks_hashes:
            require_pins(roots.requirements, amendments.constraints)
        lock = await self._lock_for_install(roots, environment, inventory, options, on_event)
        target = options.target or environment.interpreter.target
        root = Path.cwd()
        selection = located(select(lock, target, builds=self._settings.builds), root, self._store.root)
        selection = to_install(selection, options)
        renew = [item.package.name for item in selection.packages] if options.reinstall else []
        builder = self.builder(environment.interpreter, environment=environment)
        if options.dry_run:
            planning = partial(
                self._plan, selection, environment, builder, exact=options.exact, renew=renew, spare=SEEDS
            )
            changes = outcome_of(await self._in_thread(planning), environment, dry_run=True)
        else:
            changes = await self._change(
                environment, selection, options.exact, root, on_event, renew=renew, spare=SEEDS
            )
        came = {name for name, _ in changes.installed}
        trees = Trees(self._shelf, lambda: builder, Surroundings(str(root)))

        async def arrival(item: Selected) -> Arrival:
            requested = item.package.name in selection.requested
            if not options.with_wheels:
                return Arrival(selected=item, requested=requested)
            stored = await (
                trees.wheel(item, on_event) if item.is_built else self._fetcher.fetch(_file_of(item), on_event=on_event)
            )
            return Arrival(selected=item, requested=requested, stored=stored)

        return InstallOutcome(
            changes=changes,
            arrivals=tuple([await arrival(item) for item in selection.packages if item.package.name in came]),
            satisfied=tuple(
                inventory[name] for name in requested_names(roots) if name in inventory and name not in came
            ),
        )

    async def _lock_for_install(
        self,
        roots: LockedRoots,
        environment: VirtualEnvironment,
        inventory: Inventory,
        options: InstallOptions,
        on_event: Listener,
    ) -> Lock:
        """What is to be in `environment`, with what is there already and stays (`installed_releases`)."""
        pins = preferred(inventory, roots, options)
        if is_plain(inventory, options):  # then the answer may be remembered
            return await self._lock_of(roots, environment.interpreter, on_event, preferences=pins)
        asked = resolution_options(self._settings, now=time.time(), preferences=pins)
        target = options.target or environment.interpreter.target
        builder = self.builder(environment.interpreter, environment=environment)
        facts = InstallFacts(
            self._client,
            self._fetcher,
            Trees(self._shelf, lambda: builder, Surroundings(str(Path.cwd()))),
            on_event,
            view_of(inventory, options),
        )
        resolution = await self._answering.solve(roots.requirements, facts, target, asked, on_event)
        return await self._answering.installable(resolution, facts, roots, target, asked, on_event)

    @asynccontextmanager
    async def _holding_place(
        self, environment: VirtualEnvironment, options: InstallOptions, on_event: Listener
    ) -> AsyncIterator[None]:
        """As `_holding`, of an environment of any kind, which a dry run does not even touch."""
        async with AsyncExitStack() as stack:
            if not options.dry_run:
                what = f"another process that is changing `{environment.root}`"
                await stack.enter_async_context(held(place_lock(environment), what, on_event))
            what = f"another process that is cleaning `{self._store.root}`"
            await stack.enter_async_context(held(reading_lock(self._store), what, on_event))
            yield

    # Collecting archives

    async def bundle(
        self, directory: Path, into: Path, *, options: BundleOptions = DEFAULT_BUNDLE, on_event: Listener = ignore
    ) -> BundleOutcome:
        """Collect what the project in `directory` needs in the directory `into`, for installing without a network.

        The lock is brought up to date first, as `options.sync` says. What is there already is kept; files that the
        bundle had and needs no more are removed, others are left alone. An engine whose settings name the bundle
        installs from it, as pip does with `--find-links`.
        """
        project = open_project(Path(os.path.abspath(directory)))
        return await self.bundle_project(project, into, options=options, on_event=on_event)

    async def bundle_project(
        self, project: Project, into: Path, *, options: BundleOptions = DEFAULT_BUNDLE, on_event: Listener = ignore
    ) -> BundleOutcome:
        """As `bundle`, of a project that need not be in a pyproject.toml."""
        async with self._operation(on_event):
            interpreter = await self._in_thread(self._interpreter_of, project)
            project = await self._told(project, interpreter, on_event)
            target = await self._in_thread(target_for, options.target, project, self._settings, self._search)
            lock = await self._lock_for_target(project, target, options, on_event)
            choosing = partial(select_packages, lock, project, target, options.sync, self._settings)
            selection = await self._in_thread(choosing)
            builder = self.builder(interpreter)

            async def select_for_build(requirements: tuple[Requirement, ...]) -> Selection:
                return await self._select_for_build(requirements, interpreter, target, builder, only_news(on_event))

            collector = Collector(self._client, self._shelf, Path(os.path.abspath(into)), on_event)
            trees = Trees(self._shelf, lambda: builder, Surroundings(str(project.root)))
            bundling = Bundling(collector, trees, select_for_build, target, on_event)
            return await bundling.make(selection, with_build_requirements=options.with_build_requirements)

    async def _lock_for_target(
        self, project: Project, target: TargetEnvironment, options: BundleOptions, on_event: Listener
    ) -> Lock:
        if options.sync.lock_mode is LockMode.FROZEN:
            return _frozen_lock(project, target, on_event)
        locking = LockOptions(check=options.sync.lock_mode is LockMode.LOCKED, target=options.target)
        return (await self._lock(project, target, locking, on_event)).lock

    # Building

    async def build(
        self, source: Path, *, options: BuildOptions = DEFAULT_BUILD, on_event: Listener = ignore
    ) -> tuple[BuiltDistribution, ...]:
        """Build distributions of `source`, the directory of a project or an sdist: all that `options` say, or none.

        Raises BuildError leaves, UsageError for what makes no sense, and OSError when they cannot be written.
        """
        plan = await self._in_thread(plan_distributions, Path(os.path.abspath(source)), options)
        return await self.build_distributions(plan, options=options, on_event=on_event)

    async def build_distributions(
        self, plan: DistributionPlan, *, options: BuildOptions = DEFAULT_BUILD, on_event: Listener = ignore
    ) -> tuple[BuiltDistribution, ...]:
        """As `build`, of what was planned before."""
        async with self._operation(on_event):
            return await Distributing(self._store, self._builder_for, on_event).build(plan, options)

    async def _builder_for(self, project: Project | None, requires_python: str) -> Builder:
        if project is None:
            return self.builder(await self._in_thread(self._any_interpreter, requires_python))
        environment = await self._in_thread(working_environment, project, self._settings)
        return self.builder(await self._in_thread(self._interpreter_of, project), environment=environment)

    def builder(self, interpreter: Interpreter, *, environment: VirtualEnvironment | None = None) -> Builder:
        """What builds wheels for `interpreter`; builds without isolation run in `environment`."""
        return Builder(self._workshop, interpreter, environment=environment)

    async def select_for_build(
        self, requirements: Sequence[Requirement], interpreter: Interpreter, builder: Builder, on_event: Listener
    ) -> Selection:
        """What an environment with `requirements` consists of; `builder` builds what of it is no wheel."""
        return await self._select_for_build(requirements, interpreter, interpreter.target, builder, on_event)

    async def _select_for_build(
        self,
        requirements: Sequence[Requirement],
        interpreter: Interpreter,
        target: TargetEnvironment,
        builder: Builder,
        on_event: Listener,
    ) -> Selection:
        engine = self._for_builds(builder)
        with first_of_group():
            roots = LockedRoots(requirements=tuple(requirements))
            name = f"what building `{builder.within_label}` requires" if builder.within_label else "what builds require"
            lock = await engine._lock_of(roots, interpreter, on_event, root_name=name, target=target)
            selection = select(lock, target, builds=self._settings.builds)
            return located(selection, Path.cwd(), self._store.root)

    async def install_for_build(
        self, root: Path, interpreter: Interpreter, selection: Selection, builder: Builder, on_event: Listener
    ) -> VirtualEnvironment:
        """Make an environment at `root` that has `selection`, unless somebody else has, and mark it as ready."""
        engine = self._for_builds(builder)
        with first_of_group():
            async with engine._holding(root, on_event):
                if is_ready(root) and (there := open_environment(root, cache_dir=self._store.root)) is not None:
                    return there
                environment = await self._in_thread(create_environment, root, interpreter, clear=True)
                await engine._change(environment, selection, True, Path.cwd(), on_event)
                mark_ready(root, selection)
                return environment

    def _for_builds(self, builder: Builder) -> Engine:
        """This engine with the settings of build environments, which nobody edits and nobody's choices are about."""
        asked = self._settings.resolution
        twin = copy(self)
        twin._settings = replace(
            self._settings,
            link_mode=LinkMode.SYMLINK,
            resolution=ResolutionSettings(
                amendments=Amendments(constraints=self._settings.builds.constraints), upload_limits=asked.upload_limits
            ),
        )
        twin._builder = builder
        return twin

    # Shared by installing and building

    async def _lock_of(
        self,
        roots: LockedRoots,
        interpreter: Interpreter,
        on_event: Listener,
        *,
        preferences: Mapping[ProjectName, Version] | None = None,
        root_name: str = WHAT_IS_ASKED,
        target: TargetEnvironment | None = None,
    ) -> Lock:
        """The lock of `roots` for `target`, which is what `interpreter` is unless another is named."""
        return await self._answering.lock_of(
            roots,
            target or interpreter.target,
            self._trees(Surroundings(str(Path.cwd())), lambda: interpreter),
            on_event,
            preferences=preferences or {},
            root_name=root_name,
        )

    async def _change(
        self,
        environment: VirtualEnvironment,
        selection: Selection,
        exact: bool,
        root: Path,
        on_event: Listener,
        sketched: Sketching = sketch_nothing,
        renew: Collection[ProjectName] = (),
        spare: Collection[ProjectName] = (),
    ) -> SyncOutcome:
        """Bring `environment`, whose lock is held, to hold `selection`; on failure it is as before.

        `root` is the directory of the lock; `sketched` gives what to keep of that as a blueprint.
        """
        builder = self._builder or self.builder(environment.interpreter, environment=environment)
        changing = Changing(
            environment,
            settings=self._settings,
            store=self._store,
            fetcher=self._fetcher,
            trees=Trees(self._shelf, lambda: builder, Surroundings(str(root))),
            in_thread=self._in_thread,
            on_event=on_event,
        )
        return await changing.bring(
            selection, exact=exact, built=partial(built_wheel, builder), sketched=sketched, renew=renew, spare=spare
        )

    # Shared by all operations

    @asynccontextmanager
    async def _operation(self, on_event: Listener) -> AsyncIterator[None]:
        """One operation: its failures come out as the first error itself, and `Finished` is told in any case."""
        self._listeners.append(on_event)
        try:
            with first_of_group():
                yield
        finally:
            self._listeners.remove(on_event)
            on_event(Finished())

    def _warn(self, message: str) -> None:
        """Tell everybody who listens something that concerns no operation alone."""
        for listener in dict.fromkeys(self._listeners):
            listener(Warned(message))

    @asynccontextmanager
    async def _holding(self, root: Path, on_event: Listener) -> AsyncIterator[None]:
        """The environment at `root` and the store: nobody else changes the one or cleans the other meanwhile."""
        async with (
            held(environment_lock(root), f"another process that is changing `{root}`", on_event),
            held(reading_lock(self._store), f"another process that is cleaning `{self._store.root}`", on_event),
        ):
            yield

    async def _in_thread(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await in_limited_thread(self._threads, function, *args, **kwargs)


def _frozen_lock(project: Project, target: TargetEnvironment, on_event: Listener) -> Lock:
    """The lock as it is. Raises LockNotFound, and WrongEnvironment when it does not serve `target`."""
    started = time.perf_counter()
    if (lock := read_lock(project.lock)) is None:
        raise LockNotFound(str(project.lock))
    require_match(lock, target, project.lock)
    on_event(Resolved(len(lock.packages), time.perf_counter() - started))
    return lock


def _parsed(requirements: Sequence[str | Requirement]) -> tuple[Requirement, ...]:
    return tuple(parse_requirement(each) if isinstance(each, str) else each for each in requirements)


def _file_of(item: Selected) -> LockedFile:
    assert item.file is not None, "a wheel is a file"
    return item.file
