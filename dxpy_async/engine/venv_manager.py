"""Virtual environments for programs: made, opened, seeded, removed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.engine.events import Finished, Listener, ignore
from dxpy_async.engine.holding import held
from dxpy_async.engine.pythons import PythonManager
from dxpy_async.engine.syncing import environment_lock
from dxpy_async.engine.venvs import DEFAULT_OPTIONS, VenvOptions, VenvOutcome, make_venv, seeds
from dxpy_async.errors import InvalidEnvironment
from dxpy_async.index.finishing import in_thread
from dxpy_async.project.settings import load_settings
from dxpy_async.python.environments import CONFIGURATION, VirtualEnvironment, open_environment
from dxpy_async.python.interpreters import Interpreter, SearchPlaces
from dxpy_async.store.trees import remove_tree


class VenvManager:
    """Makes and removes virtual environments. Safe for any number of tasks at once, and beside other processes.

        venvs = VenvManager(settings)
        outcome = await venvs.create(Path(".venv"), python=">=3.12", seed=True)
        outcome.environment.python

    Without `settings` those of the environment variables and defaults hold. All methods raise `DxpyError` leaves.
    """

    def __init__(self, settings: Settings | None = None, *, search: SearchPlaces | None = None) -> None:
        self._settings = settings or load_settings({}, os.environ, None, directory=Path.cwd())
        self._search = search or SearchPlaces.from_environ(os.environ, sys.executable)

    async def create(
        self,
        path: Path,
        *,
        python: str | Interpreter | None = None,
        options: VenvOptions = DEFAULT_OPTIONS,
        seed: bool = False,
        on_event: Listener = ignore,
    ) -> VenvOutcome:
        """The environment at `path`, made unless it is there and what is asked for; with `seed` it has pip.

        `python` is a request, found or installed as `PythonManager.ensure` does, or an interpreter. Raises
        InvalidEnvironment for something else that is there.
        """
        root = Path(os.path.abspath(path))
        try:
            if not isinstance(python, Interpreter):
                python = await PythonManager(self._settings, search=self._search).ensure(python, on_event=on_event)
            outcome = await in_thread(make_venv, root, python, options=options, cache_dir=self._settings.cache_dir)
            if seed:
                await self.seed(outcome.environment, on_event=on_event)
            return outcome
        finally:
            on_event(Finished())

    async def open(self, path: Path) -> VirtualEnvironment | None:
        """The environment at `path`, whoever made it; None when there is none.

        Raises InvalidEnvironment for something else, and for one that does not work any more.
        """
        return await in_thread(open_environment, Path(os.path.abspath(path)), cache_dir=self._settings.cache_dir)

    async def seed(self, environment: VirtualEnvironment, *, on_event: Listener = ignore) -> None:
        """Install pip into `environment` (before Python 3.12 also setuptools and wheel), if it is not there."""
        async with Engine(self._settings, search=self._search) as engine:
            await engine.install(seeds(environment.interpreter), environment=environment, on_event=on_event)

    async def remove(self, path: Path, *, on_event: Listener = ignore) -> None:
        """Remove the environment at `path`, working or not. Raises InvalidEnvironment when it is anything else."""
        root = Path(os.path.abspath(path))
        if not (root / CONFIGURATION).is_file():
            raise InvalidEnvironment(f"`{root}` is not a virtual environment: it has no {CONFIGURATION}")
        async with held(environment_lock(root), f"another process that is changing `{root}`", on_event):
            try:
                await in_thread(remove_tree, str(root))
            except OSError as error:
                raise InvalidEnvironment(f"`{root}` cannot be removed: {error.strerror}") from error
