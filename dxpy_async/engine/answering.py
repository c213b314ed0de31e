"""What satisfies requirements: an answer that is remembered and still holds, else what the solver finds.

Requirements become a question (`resolver.question`), which has all that an answer depends on. A resolution that came to
an end is made a lock, in which every file that would be installed has a digest, and is remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.kernels import Kernels
from dxpy_async.core.locks import Lock, LockedPackage, LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.settings import Settings
from dxpy_async.core.wheel_names import best_wheel
from dxpy_async.engine.events import Listener, Resolved, Warned
from dxpy_async.engine.facts import IndexFacts
from dxpy_async.engine.fetching import Fetcher
from dxpy_async.engine.locking import (
    LockOptions,
    assemble_lock,
    lock_question,
    locked_packages,
    project_question,
    resolution_options,
    root_requirements,
)
from dxpy_async.engine.remembering import (
    Found,
    Remembering,
    found_lock,
    found_resolution,
    recalled_lock,
    recalled_resolution,
)
from dxpy_async.engine.resolving import Watcher, look_away, resolve
from dxpy_async.engine.suggestions import close_names
from dxpy_async.engine.trees import SourceShelf, Trees
from dxpy_async.errors import NoSolution
from dxpy_async.index.client import IndexClient
from dxpy_async.project.pyproject import Project
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.question import Question
from dxpy_async.resolver.resolution import Resolution
from dxpy_async.resolver.solver import Solver

T = TypeVar("T")

WHAT_IS_ASKED = "what you ask for"
"""What messages call requirements that no project has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Answers with what an engine has, as `settings` say. All methods raise NoSolution with the reasons in words."""

    settings: Settings
    client: IndexClient
    fetcher: Fetcher
    shelf: SourceShelf
    kernels: Kernels
    remembering: Remembering

    async def resolution(
        self,
        requirements: tuple[Requirement, ...],
        target: TargetEnvironment,
        trees: Trees,
        on_event: Listener,
        *,
        requires_python: str,
        preferences: Mapping[ProjectName, Version],
    ) -> Resolution:
        """The releases that satisfy `requirements` in an environment like `target`."""
        options = resolution_options(self.settings, now=time.time(), preferences=preferences)
        roots = LockedRoots(requirements=requirements)
        question = self._question("resolution", roots, target, options, requires_python=requires_python)

        async def find(facts: IndexFacts) -> Found[Resolution]:
            return found_resolution(
                await self.solve(requirements, facts, target, options, on_event, requires_python=requires_python)
            )

        return (await self._remembered(question, recalled_resolution, find, trees, on_event)).value

    async def lock_of(
        self,
        roots: LockedRoots,
        target: TargetEnvironment,
        trees: Trees,
        on_event: Listener,
        *,
        preferences: Mapping[ProjectName, Version],
        root_name: str = WHAT_IS_ASKED,
    ) -> Lock:
        """The lock of `roots` for `target`; `preferences` win where they fit."""
        options = resolution_options(self.settings, now=time.time(), preferences=preferences)

        async def find(facts: IndexFacts) -> Found[Lock]:
            resolution = await self.solve(roots.requirements, facts, target, options, on_event, root_name=root_name)
            lock = await self.installable(resolution, facts, roots, target, options, on_event)
            return found_lock(lock, resolution.warnings)

        question = self._question("install", roots, target, options)
        return (await self._remembered(question, recalled_lock, find, trees, on_event)).value

    async def lock_of_project(
        self,
        project: Project,
        target: TargetEnvironment,
        options: LockOptions,
        trees: Trees,
        on_event: Listener,
        watcher: Watcher = look_away,
        *,
        preferences: Mapping[ProjectName, Version],
    ) -> Found[Lock]:
        """The lock of `project` for `target`; `preferences` win where they fit."""
        question = project_question(
            project,
            target,
            self.settings,
            options,
            preferences,
            now=time.time(),
            directories=self.client.state_of_directories(),
        )

        async def find(facts: IndexFacts) -> Found[Lock]:
            asked, own = question.options, root_requirements(question.roots)
            resolution = await self.solve(
                own,
                facts,
                target,
                asked,
                on_event,
                watcher,
                requires_python=project.requires_python,
                root_name=project.label,
            )
            lock = assemble_lock(
                resolution, facts.pages, project=project, target=target, settings=self.settings, cutoffs=asked.cutoffs
            )
            return found_lock(await self._with_hashes(lock, target, on_event), resolution.warnings)

        return await self._remembered(question, recalled_lock, find, trees, on_event)

    async def solve(
        self,
        requirements: Sequence[Requirement],
        facts: IndexFacts,
        target: TargetEnvironment,
        options: ResolutionOptions,
        on_event: Listener,
        watcher: Watcher = look_away,
        *,
        requires_python: str = "",
        root_name: str = WHAT_IS_ASKED,
    ) -> Resolution:
        """The releases that satisfy `requirements`, by `facts` and no memory."""
        started = time.perf_counter()
        solver = Solver(
            requirements,
            target=target,
            requires_python=requires_python,
            options=options,
            root_name=root_name,
            kernels=self.kernels,
        )
        try:
            resolution = await resolve(solver, facts, on_event, watcher)
        except NoSolution as error:
            raise await self._with_close_names(error, requirements, facts) from None
        on_event(Resolved(len(resolution.pins), time.perf_counter() - started))
        for warning in resolution.warnings:
            on_event(Warned(warning))
        return resolution

    async def installable(
        self,
        resolution: Resolution,
        facts: IndexFacts,
        roots: LockedRoots,
        target: TargetEnvironment,
        options: ResolutionOptions,
        on_event: Listener,
    ) -> Lock:
        """`resolution` of `roots` as a lock, with a digest for each file that `target` would install."""
        packages = locked_packages(resolution, facts.pages, options.cutoffs)
        lock = Lock(roots=roots, environment=dict(target.markers), packages=packages)
        return await self._with_hashes(lock, target, on_event)

    def _question(
        self,
        kind: str,
        roots: LockedRoots,
        target: TargetEnvironment,
        options: ResolutionOptions,
        *,
        requires_python: str = "",
    ) -> Question:
        return lock_question(
            kind,
            roots,
            target,
            options,
            settings=self.settings,
            directories=self.client.state_of_directories(),
            requires_python=requires_python,
        )

    async def _remembered(
        self,
        question: Question,
        recall: Callable[[bytes, tuple[str, ...]], Found[T]],
        find: Callable[[IndexFacts], Awaitable[Found[T]]],
        trees: Trees,
        on_event: Listener,
    ) -> Found[T]:
        """The answer to `question` from memory, if one holds, else what `find` finds, which is remembered."""
        started = time.perf_counter()
        found = await self.remembering.answer(question, recall)
        if found is not None:
            on_event(Resolved(found.count, time.perf_counter() - started, remembered=True))
            for warning in found.warnings:
                on_event(Warned(warning))
            return found
        facts = IndexFacts(self.client, self.fetcher, trees, on_event)
        async with self.remembering.fetching_early(question):
            found = await find(facts)
        await self.remembering.keep(question, found, facts)
        return found

    async def _with_close_names(
        self, error: NoSolution, requirements: Sequence[Requirement], facts: IndexFacts
    ) -> NoSolution:
        """`error`, with a hint for each project that was asked for by a name that no index has."""
        hints = [*error.hints()]
        for name in sorted({requirement.name for requirement in requirements} & facts.unknown):
            if names := await close_names(self.client, name, facts.pages):
                meant = " or ".join(f"`{each}`" for each in names)
                hints.append(f"there is no `{name}`, but there is {meant}")
        return NoSolution(str(error), derivation=error.derivation, hints=hints)

    async def _with_hashes(self, lock: Lock, target: TargetEnvironment, on_event: Listener) -> Lock:
        """`lock` with a sha256 for every file that `target` would install; what the index lacks is computed."""

        async def completed(package: LockedPackage) -> LockedPackage:
            wheel = best_wheel(package.wheels, target.tag_ranks)
            if wheel is None and package.sdist is not None and "sha256" not in package.sdist.hashes:
                found = await self.shelf.sdist(package.sdist, on_event)
                hashes = {**package.sdist.hashes, "sha256": found.sha256}
                return replace(package, sdist=replace(package.sdist, hashes=hashes, size=found.size))
            if wheel is None or "sha256" in wheel.hashes:
                return package
            stored = await self.fetcher.fetch(wheel, on_event=on_event)
            hashed = replace(
                wheel, hashes={**wheel.hashes, "sha256": stored.manifest.sha256}, size=stored.manifest.size
            )
            return replace(package, wheels=tuple(hashed if each is wheel else each for each in package.wheels))

        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(completed(package)) for package in lock.packages]
        return replace(lock, packages=tuple(task.result() for task in running))
