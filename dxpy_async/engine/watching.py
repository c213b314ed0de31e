"""The files that an answer depends on, as they were when it was found, for the record of it (`installer.state`)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.installer.state import lock_record, record_environment, take_stamps, write_record
from dxpy_async.project.document import keep_document
from dxpy_async.project.pyproject import ProjectPlaces
from dxpy_async.python.environments import CONFIGURATION, VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces, searched_places
from dxpy_async.python.probing import environment_python


@dataclass(frozen=True, slots=True)
class StateWatch:
    """The project's files as they were before a sync read them: an edit made meanwhile is not taken for synced."""

    places: ProjectPlaces
    stamps: Mapping[str, str]
    watches_file: bool = True
    """Whether the project's file counts too. Not when the facts of the record say all that it says."""

    @classmethod
    def begin(cls, places: ProjectPlaces) -> StateWatch:
        return cls(places, take_stamps([str(places.file), str(places.lock)], time.time_ns()))

    @classmethod
    def of_lock(cls, places: ProjectPlaces) -> StateWatch:
        return cls(places, take_stamps([str(places.lock)], time.time_ns()), watches_file=False)

    def without_lock(self) -> StateWatch:
        """For a sync that writes the lock itself: the lock counts as it is at the end."""
        lock = str(self.places.lock)
        return replace(self, stamps={path: stamp for path, stamp in self.stamps.items() if path != lock})

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
        self, environment: VirtualEnvironment, sites: Sequence[str], facts: Mapping[str, str], count: int
    ) -> None:
        """Say for the next run that `environment` holds what the project wants, which is `count` distributions.

        `sites` are the directories that distributions lie in.
        """
        files = [str(self.places.lock)]
        if self.watches_file:
            keep_document(self.places.file)
            files = [str(self.places.file), *files]
        env_dir, python = str(environment.root), str(environment.python)
        record_environment(env_dir, dict(facts), files, python, list(sites), count, dict(self.stamps))
