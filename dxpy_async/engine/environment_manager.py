"""Environments for programs, whoever made them: what is installed there, whether it fits, and taking things away."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.settings import LinkMode, Settings
from dxpy_async.engine.consistency import BrokenRequirement, broken_requirements
from dxpy_async.engine.environment_choice import ANY_ENVIRONMENT, EnvironmentRequest, choose_environment, visible_sites
from dxpy_async.engine.events import Finished, Listener, ignore
from dxpy_async.engine.holding import held
from dxpy_async.engine.syncing import place_lock
from dxpy_async.errors import CannotUninstall
from dxpy_async.index.finishing import in_thread
from dxpy_async.installer.installed import InstalledDistribution, site_directories
from dxpy_async.installer.inventory import Inventory, take_inventory
from dxpy_async.installer.transaction import Transaction
from dxpy_async.project.settings import load_settings
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Uninstalled:
    """What was removed, and what of the names that were given is not installed."""

    removed: tuple[InstalledDistribution, ...]
    missing: tuple[ProjectName, ...]


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

    async def check(self, environment: VirtualEnvironment) -> tuple[BrokenRequirement, ...]:
        """The requirements of what is installed that are not met."""
        inventory = await self.inventory(environment)
        return await in_thread(lambda: tuple(broken_requirements(inventory, environment.interpreter.target.markers)))

    async def uninstall(
        self,
        environment: VirtualEnvironment,
        names: Iterable[str],
        *,
        dry_run: bool = False,
        on_event: Listener = ignore,
    ) -> Uninstalled:
        """Remove what is installed of `names` from `environment`, all of it or nothing.

        Raises CannotUninstall for what lies outside of it, and for what does not say which files are its own.
        """
        try:
            projects = list(dict.fromkeys(normalize(name) for name in names))
            inventory = await self.inventory(environment)
            there = [inventory[name].distribution for name in projects if name in inventory]
            missing = tuple(name for name in projects if name not in inventory)
            for distribution in there:
                _check_removable(distribution, environment)
            if there and not dry_run:
                what = f"another process that is changing `{environment.root}`"
                async with held(place_lock(environment), what, on_event):
                    await in_thread(_remove, there, environment, self._settings.link_mode)
            return Uninstalled(removed=tuple(there), missing=missing)
        finally:
            on_event(Finished())


def _check_removable(distribution: InstalledDistribution, environment: VirtualEnvironment) -> None:
    own = {os.path.realpath(site) for site in site_directories(environment.scheme)}
    if os.path.realpath(distribution.directory.parent) not in own:
        raise CannotUninstall(
            f"`{distribution.name}` {distribution.version} is in `{distribution.directory.parent}`, "
            f"outside of the environment `{environment.root}`",
            hints=("name the environment that it is in with `--python`",),
        )
    if distribution.directory.suffix == ".egg-info" or not (distribution.directory / "RECORD").is_file():
        raise CannotUninstall(
            f"`{distribution.name}` {distribution.version} does not say which files are its own: it has no RECORD",
            hints=(
                f"install it again first: `dxpy pip install --force-reinstall --no-deps {distribution.name}`",
                "what another package manager has installed, that one removes",
            ),
        )


def _remove(distributions: Sequence[InstalledDistribution], environment: VirtualEnvironment, mode: LinkMode) -> None:
    with Transaction(environment.scheme, link_mode=mode, on_fallback=lambda _: None) as transaction:
        transaction.recover()
        for distribution in distributions:
            transaction.remove(distribution)
        transaction.commit()
