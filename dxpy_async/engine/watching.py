"""The files that an answer depends on, as they were when it was found, for the record of it (`installer.state`)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.places import ENVIRONMENT_NAME, LOCK_NAME
from dxpy_async.installer.state import lock_record, record_environment, take_stamps, write_record
from dxpy_async.project.document import keep_document
from dxpy_async.project.pyproject import FILE_NAME
from dxpy_async.project.version_files import project_pins
from dxpy_async.python.environments import CONFIGURATION, VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces, searched_places
from dxpy_async.python.probing import environment_python


@dataclass(frozen=True, slots=True)
class StateWatch:
    """The project's files as they were before a sync read them: an edit made meanwhile is not taken for synced."""

    stamps: Mapping[str, str]

    @classmethod
    def begin(cls, root: Path, environ: Mapping[str, str]) -> StateWatch:
        return cls(take_stamps([*_project_files(root), *project_pins(str(root), environ)], time.time_ns()))

    def without_lock(self, root: Path) -> StateWatch:
        """For a sync that writes the lock itself: the lock counts as it is at the end."""
        return StateWatch({path: stamp for path, stamp in self.stamps.items() if path != str(root / LOCK_NAME)})

    def of_target(self, root: Path, request: str | None, search: SearchPlaces) -> StateWatch:
        """Watches too what decides which interpreter the project in `root` is locked for; `request` is what is wanted.

        To be taken before that interpreter is looked for.
        """
        environment = root / ENVIRONMENT_NAME
        own = (environment / CONFIGURATION, environment / "bin/python", environment_python(environment))
        places = [str(place or environment / "bin") for place in own]
        stamps = take_stamps([*places, *searched_places(request, search)], time.time_ns())
        return StateWatch({**self.stamps, **stamps})

    def record_lock(self, root: Path, cache_dir: Path, facts: Mapping[str, str], count: int) -> None:
        """Say for the next run that the lock of the project in `root` is up to date, and holds `count` packages."""
        write_record(lock_record(str(cache_dir), str(root)), dict(facts), dict(self.stamps), count)

    def record(
        self,
        environment: VirtualEnvironment,
        sites: Sequence[str],
        root: Path,
        facts: Mapping[str, str],
        count: int,
    ) -> None:
        """Say for the next run that `environment` holds what the project wants, which is `count` distributions.

        `sites` are the directories that distributions lie in.
        """
        keep_document(root / FILE_NAME)
        files = list(dict.fromkeys([*_project_files(root), *self.stamps]))
        env_dir, python = str(environment.root), str(environment.python)
        record_environment(env_dir, dict(facts), files, python, list(sites), count, dict(self.stamps))


def _project_files(root: Path) -> list[str]:
    return [str(root / FILE_NAME), str(root / LOCK_NAME)]
