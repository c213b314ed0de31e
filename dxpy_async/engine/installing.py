"""What of an installation is decided without waiting: what stays, what is asked for, and what is left to do."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.dataclass import replace
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import Selection
from dxpy_async.engine.hash_checking import checked
from dxpy_async.engine.install_options import InstallOptions
from dxpy_async.engine.installed_releases import InstallView, is_installed, usable
from dxpy_async.engine.satisfaction import satisfied_by
from dxpy_async.installer.inventory import Inventory, InventoryItem
from dxpy_async.python.environments import VirtualEnvironment

SEEDS = frozenset(map(ProjectName, ("pip", "setuptools", "wheel")))
"""What new environments may have; all indexes have these, so they need not be told of."""


def nothing_to_install(
    requirements: tuple[Requirement, ...],
    inventory: Inventory,
    environment: VirtualEnvironment,
    amendments: Amendments,
    options: InstallOptions,
) -> tuple[InventoryItem, ...] | None:
    """What is asked for, if all of it is there and nobody wants it anew; None if there is something to find out."""
    if options.upgrade or options.eager or options.reinstall or options.exact:
        return None
    target = options.target or environment.interpreter.target
    return satisfied_by(inventory, requirements, amendments, target.markers, dependencies=options.dependencies)


def is_plain(inventory: Inventory, options: InstallOptions) -> bool:
    """Whether what is installed and what is asked for say nothing that the indexes do not say, too."""
    seeds_alone = options.reinstall or (
        inventory.keys() <= SEEDS and all(item.distribution.problem is None for item in inventory.values())
    )
    return seeds_alone and options.dependencies and options.target is None and not options.checks_hashes


def preferred(inventory: Inventory, roots: LockedRoots, options: InstallOptions) -> dict[ProjectName, Version]:
    """The versions that stay where they fit."""
    if options.eager or options.reinstall:
        return {}
    renewed = {each.name for each in roots.requirements} if options.upgrade else frozenset[ProjectName]()
    pins = {}
    for name, item in inventory.items():
        if name not in renewed and item.distribution.problem is None:
            try:
                pins[name] = Version(item.version)
            except InvalidVersion:
                continue
    return pins


def view_of(inventory: Inventory, options: InstallOptions) -> InstallView:
    """How the solver sees the indexes, where what is installed and what is asked for say more than they do."""
    return InstallView(
        installed=usable(inventory) if not options.reinstall else {},
        hashes=options.hashes,
        dependencies=options.dependencies,
    )


def to_install(selection: Selection, options: InstallOptions) -> Selection:
    """`selection` without what is there already, its hashes checked where that is asked for. Raises HashesMissing."""
    coming = [item for item in selection.packages if not is_installed(item.file)]
    if options.checks_hashes:
        coming = checked(coming, options.hashes)
    return replace(selection, packages=tuple(coming))


def requested_names(roots: LockedRoots) -> list[ProjectName]:
    """What is asked for by name, each once, in that order."""
    return list(dict.fromkeys(each.name for each in roots.requirements))
