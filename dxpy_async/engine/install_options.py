"""What an installation into an environment is asked for, beside its requirements, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.names import ProjectName
from dxpy_async.core.selection import Selected
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.installer.inventory import InventoryItem
from dxpy_async.store.store import StoredWheel

Hashes = Mapping[ProjectName, Mapping[str, frozenset[str]]]
"""Of projects the digests that their files may have, by kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallOptions:
    """How to install.

    With `upgrade` what is asked for by name gets the newest version that fits, with `eager` all that it requires, too;
    otherwise what is installed and fits stays. `reinstall` installs again what is there already. Without `dependencies`
    nothing is installed but what is asked for.
    """

    upgrade: bool = False
    eager: bool = False
    reinstall: bool = False
    dependencies: bool = True
    exact: bool = False
    """Remove what is not asked for, but for what new environments may have."""
    hashes: Hashes = field(default_factory=dict)
    requires_hashes: bool = False
    """Nothing is installed of which `hashes` does not say what it has to be."""
    target: TargetEnvironment | None = None
    """Instead of the environment's own interpreter and machine."""
    dry_run: bool = False
    with_wheels: bool = False
    """Whether the outcome has the wheels, which a dry run would not need."""

    @property
    def checks_hashes(self) -> bool:
        return self.requires_hashes or bool(self.hashes)


DEFAULT_INSTALL = InstallOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One distribution that came or would come; `stored` is None where nobody asked for it."""

    selected: Selected
    requested: bool
    stored: StoredWheel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallOutcome:
    """What an installation came to: the changes, and what was asked for and is there already."""

    changes: SyncOutcome
    arrivals: tuple[Arrival, ...] = ()
    satisfied: tuple[InventoryItem, ...] = ()
