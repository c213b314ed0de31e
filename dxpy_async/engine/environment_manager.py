"""Environments for programs, whoever made them: what is installed there, whether it fits, and taking things away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from dxpy_async.core.settings import Settings
from dxpy_async.core.user_places import user_base
from dxpy_async.engine.environment_choice import ANY_ENVIRONMENT, EnvironmentRequest, choose_environment
from dxpy_async.index.finishing import in_thread
from dxpy_async.installer.inventory import Inventory, take_inventory
from dxpy_async.project.settings import load_settings
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces
from dxpy_async.python.places import user_place


class EnvironmentManager:
    """Looks at environments and changes them, as pip does: virtual ones, those of interpreters, any directory.

        environments = EnvironmentManager(settings)
        environment = await environments.choose()
        inventory = await environments.inventory(environment)

    Without `settings` those of the environment variables and defaults hold. All methods raise `DxpyError` leaves.
    """

    def __init__(self, settings: Settings | None = None, *, search: SearchPlaces | None = None) -> None:
        self._settings = settings or load_settings({}, os.environ, None, directory=Path.cwd())
        self._search = search or SearchPlaces.from_environ(os.environ, sys.executable)

    async def choose(self, request: EnvironmentRequest = ANY_ENVIRONMENT) -> VirtualEnvironment:
        """The environment that is meant; see `engine.environment_choice`."""
        return await in_thread(
            choose_environment,
            request,
            settings=self._settings,
            search=self._search,
            environ=os.environ,
            directory=Path.cwd(),
        )

    async def inventory(self, environment: VirtualEnvironment, *, local: bool = False) -> Inventory:
        """What programs in `environment` can import; with `local` only what is installed in it."""
        return await in_thread(take_inventory, visible_sites(environment, local=local))


def visible_sites(environment: VirtualEnvironment, *, local: bool = False) -> Iterable[str]:
    """The directories that `environment` imports packages from, in its order; with `local` its own alone."""
    scheme, interpreter = environment.scheme, environment.interpreter
    own = [str(scheme.purelib), str(scheme.platlib)]
    if local:
        return own
    theirs = [str(user_place(interpreter, Path(user_base(os.environ))).scheme.purelib)]
    if environment.is_virtual:
        return [*own, *theirs, *interpreter.own_paths.sites] if environment.system_site_packages else own
    is_own = str(scheme.purelib) in interpreter.own_paths.sites
    return [*theirs, *own, *interpreter.own_paths.sites] if is_own else own
