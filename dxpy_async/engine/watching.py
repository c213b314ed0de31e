"""The files that an answer depends on, as they were when it was found, for the record of it (`installer.state`)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.locked_sources import directory_of_source, directory_path
from dxpy_async.core.places import BUILD_FILES
from dxpy_async.core.selection import LockView
from dxpy_async.installer.state import (
    NO_REQUEST,
    facts_with_held,
    held_requests,
    lock_record,
    record_environment,
    take_stamps,
    write_record,
)
from dxpy_async.project.document import keep_document
from dxpy_async.project.pyproject import Project, ProjectPlaces
from dxpy_async.python.environments import CONFIGURATION, VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces, searched_places
from dxpy_async.python.probing import environment_python


class Held(NamedTuple):
    """What an environment held before a sync, by its record (`installer.state.held_requests`)."""

    counts: dict[str, int]
    exact: str
    stamps: dict[str, str]

    @classmethod
    def by(cls, environment: VirtualEnvironment, facts: Mapping[str, str] | None) -> Held | None:
        """What is held now; None when that is not known. The environment's lock must be held."""
        found = held_requests(str(environment.root), dict(facts)) if facts is not None else None
        return cls(*found) if found is not None else None

    def after(self, installed: bool, removed: bool) -> Held | None:
        """What of it is still held once a sync has installed or removed something."""
        if removed:
            return None
        return self._replace(exact=NO_REQUEST) if installed else self


@dataclass(frozen=True, slots=True)
class StateWatch:
    """The project's files as they were before a sync read them: an edit made meanwhile is not taken for synced."""

    places: ProjectPlaces
    stamps: Mapping[str, str]
    watches_file: bool = True
    """Whether the project's file counts too. Not when another content of it means another environment."""

    @classmethod
    def begin(cls, places: ProjectPlaces) -> StateWatch:
        return cls(places, take_stamps([str(places.file), str(places.lock)], time.time_ns()))

    @classmethod
    def of_lock(cls, places: ProjectPlaces) -> StateWatch:
        return cls(places, take_stamps([str(places.lock)], time.time_ns()), watches_file=False)

    def of_project(self, project: Project, paths: Iterable[str], began_ns: int) -> StateWatch:
        """For `project`, which was found to be what the files belong to: a member's lock is that of its workspace.

        Watches `paths` too, none of which was read before the wall clock stood at `began_ns`.
        """
        stamps = {**take_stamps(list(paths), began_ns), **self.stamps}
        return replace(self, places=project.places, stamps=stamps)

    def without_lock(self) -> StateWatch:
        """For a sync that writes the lock itself: the lock counts as it is at the end."""
        lock = str(self.places.lock)
        return replace(self, stamps={path: stamp for path, stamp in self.stamps.items() if path != lock})

    def of_trees(self, project: Project, lock: LockView) -> StateWatch:
        """Watches too the files that say what the project itself and the directories in `lock` are and require.

        To be taken before these are read.
        """
        own = [str(project.root / name) for name in BUILD_FILES] if project.is_packaged else []
        paths = [path for path in (*own, *_files_of_trees(lock, project.root)) if path not in self.stamps]
        return replace(self, stamps={**self.stamps, **take_stamps(paths, time.time_ns())})

    def of_target(self, request: str | None, search: SearchPlaces) -> StateWatch:
        """Watches too what decides which interpreter the project is locked for; `request` is what is wanted.

        To be taken before that interpreter is looked for.
        """
        environment = self.places.environment
        own = (environment / CONFIGURATION, environment / "bin/python", environment_python(environment))
        places = [str(place or environment / "bin") for place in own]
        stamps = take_stamps([*places, *searched_places(request, search)], time.time_ns())
        return replace(self, stamps={**self.stamps, **stamps})

    def record_lock(self, root: Path, cache_dir: Path, facts: Mapping[str, str], count: int) -> None:
        """Say for the next run that the lock of the project in `root` is up to date, and holds `count` packages."""
        write_record(lock_record(str(cache_dir), str(root)), dict(facts), dict(self.stamps), count)

    def record(
        self,
        environment: VirtualEnvironment,
        sites: Sequence[str],
        facts: Mapping[str, str],
        count: int,
        *,
        held: Held | None = None,
        exact: bool = True,
        more: Sequence[str] = (),
    ) -> None:
        """Say for the next run that `environment` holds what the project wants, which is `count` distributions.

        `sites` are the directories that distributions lie in. `held` is what is held besides, which only who is not
        `exact` leaves. `more` are further files that all this hangs on, as they are now.
        """
        files = [str(self.places.lock)]
        if self.watches_file:
            keep_document(self.places.file)
            files = [str(self.places.file), *files]
        stamps, counts, request = dict(self.stamps), {}, facts.get("request", "")
        if held is not None:
            kept = {path: stamp for path, stamp in held.stamps.items() if path not in (*sites, *more)}
            stamps, counts = {**kept, **stamps}, {name: each for name, each in held.counts.items() if name != request}
        whole = request if exact else held.exact if held is not None else NO_REQUEST
        if not exact:
            counts[request] = count
            count = counts.pop(whole, count)
        recorded = facts_with_held({**facts, "request": whole}, counts)
        files = list(dict.fromkeys([*files, *stamps, *more]))
        env_dir, python = str(environment.root), str(environment.python)
        record_environment(env_dir, recorded, files, python, list(sites), count, stamps)


def _files_of_trees(lock: LockView, root: Path) -> list[str]:
    """The files that say what the directories in `lock` are and require, whether they are there or not."""
    found = []
    for package in lock.packages:
        if (url := directory_of_source(package.source)) is not None:
            found += [str(directory_path(url, root) / name) for name in BUILD_FILES]
    return found
