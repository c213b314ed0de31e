"""One build while it is under way: a source tree, the environment it is built in, and what its backend is asked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

from anyio import CapacityLimiter

from dxpy_async.builds.backends import LOG_NAME, Backend, Kind, surroundings
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.engine.build_environments import discard, stamp
from dxpy_async.engine.events import Listener, Warned
from dxpy_async.errors import BuildFailed, InvalidSource
from dxpy_async.formats.source_documents import parse_source_document
from dxpy_async.formats.source_metadata import BuildSystem, build_system
from dxpy_async.index.finishing import in_stoppable_thread, in_thread
from dxpy_async.python.environments import VirtualEnvironment

T = TypeVar("T")

DOCUMENT_NAME = "pyproject.toml"
_COPY = "tree"
_OURS = frozenset({_COPY, LOG_NAME})
"""What there is, beside what is built, in the directory that is made for a build."""


class BuildPlace(NamedTuple):
    """Where a backend runs. `isolated` is the environment when it is for builds alone."""

    python: Path
    prefix: Path
    isolated: VirtualEnvironment | None = None


def read_build_system(tree: SourceTree) -> BuildSystem:
    """How `tree` wants to be built. Raises InvalidSource when there is no telling."""
    try:
        content = (tree.root / DOCUMENT_NAME).read_bytes()
    except FileNotFoundError:
        if not (tree.root / "setup.py").is_file():
            raise _no_source(tree) from None
        return build_system({}, origin=tree.label)
    except OSError as error:
        raise InvalidSource(tree.label, f"its {DOCUMENT_NAME} cannot be read: {error.strerror}") from error
    return build_system(parse_source_document(content, origin=tree.label), origin=tree.label)


def _no_source(tree: SourceTree) -> InvalidSource:
    if not tree.root.is_dir():
        return InvalidSource(tree.label, f"there is no directory `{tree.root}`")
    hints = ["a project that is to be built needs a pyproject.toml with a [build-system]"]
    below = sorted(path.parent.name for path in tree.root.glob("*/pyproject.toml"))[:3] if tree.root.is_dir() else []
    if below:
        hints.insert(0, f"name one of its subdirectories: {', '.join(f'`{name}`' for name in below)}")
    return InvalidSource(tree.label, f"it has neither a {DOCUMENT_NAME} nor a setup.py", hints=hints)


class Job:
    """One build. `place` has to be set before the backend is asked anything."""

    def __init__(
        self,
        tree: SourceTree,
        kind: Kind,
        *,
        system: BuildSystem,
        root: Path,
        staging: Path,
        settings: BuildSettings,
        environ: Mapping[str, str],
        slots: CapacityLimiter,
        on_event: Listener,
    ) -> None:
        self.tree, self.system = tree, system
        self.place: BuildPlace | None = None
        self.required: tuple[Requirement, ...] = ()
        """All that the build requires, once the backend was asked."""
        self._kind, self._root, self._staging, self._settings = kind, root, staging, settings
        self._environ, self._slots, self._on_event = environ, slots, on_event
        self._made: set[str] = set()

    @classmethod
    async def begin(
        cls,
        tree: SourceTree,
        kind: Kind,
        staging: Path,
        *,
        settings: BuildSettings,
        environ: Mapping[str, str],
        slots: CapacityLimiter,
        on_event: Listener,
    ) -> Job:
        """A build of `tree` that keeps its files in the empty directory `staging`. Raises InvalidSource.

        Directories of the user's are built in place, and so is what nobody else needs as it is; others are copied.
        """
        system = read_build_system(tree)
        root = tree.root
        if not tree.is_local and not tree.is_disposable:
            top = tree.top or tree.root
            try:
                await in_thread(shutil.copytree, top, staging / _COPY, symlinks=True)
            except (OSError, shutil.Error) as error:
                raise InvalidSource(tree.label, f"it cannot be copied: {error}") from error
            root = staging / _COPY / tree.root.relative_to(top)
        return cls(
            tree,
            kind,
            system=system,
            root=root,
            staging=staging,
            settings=settings,
            environ=environ,
            slots=slots,
            on_event=on_event,
        )

    async def requires(self) -> tuple[Requirement, ...]:
        """What the backend requires beyond what the tree says. Raises BuildFailed, as all that is asked here does."""
        return await self._ask(lambda backend: backend.requires(self._kind))

    async def metadata(self) -> bytes | None:
        """METADATA as the backend prepares it; None when it has to build for that."""
        into = self._new_directory()
        return await self._ask(lambda backend: backend.metadata(self._kind, into))

    async def build(self) -> Path:
        """What the backend builds; the file is there as long as the directory that the job was begun with."""
        into = self._new_directory()
        return await self._ask(lambda backend: backend.build(self._kind, into))

    async def _ask(self, question: Callable[[Backend], T]) -> T:
        assert self.place is not None, "a job has its place before its backend is asked"
        place, environment = self.place, self.place.isolated
        runs_in = surroundings(place.python, place.prefix, self._environ)
        runs_in = runs_in._replace(is_isolated=environment is not None)

        def ask(stop: Event) -> T:
            backend = Backend(
                self.system,
                root=self._root,
                label=self.tree.label,
                work=self._staging,
                runs_in=runs_in,
                config=self._settings.config_for(self.tree.name),
                timeout=self._settings.timeout,
                stop=stop,
            )
            return question(backend)

        before = stamp(environment) if environment is not None else ()
        answer = await in_stoppable_thread(self._slots, ask)
        if environment is not None and stamp(environment) != before:
            discard(environment.root)
            self._on_event(
                Warned(f"building `{self.tree.label}` wrote into its build environment, which is made anew next time")
            )
        self._check_staging()
        return answer

    def _new_directory(self) -> Path:
        path = Path(tempfile.mkdtemp(prefix="out-", dir=self._staging))
        self._made.add(path.name)
        return path

    def _check_staging(self) -> None:
        strays = sorted(set(os.listdir(self._staging)) - self._made - _OURS)
        if strays and not self.tree.is_disposable:
            raise BuildFailed(
                self.tree.label, f"its backend wrote `{strays[0]}` outside of the directories that it was given"
            )
