"""How to sync: what of a project goes into its environment, and what may be done about its lock."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ExtraName, GroupName
from dxpy_async.project.pyproject import Project


class LockMode(StrEnum):
    """What a sync may do about the lock."""

    UPDATE = "update"
    """Bring it up to date when it is not."""
    LOCKED = "locked"
    """Refuse to go on when it is not up to date."""
    FROZEN = "frozen"
    """Use it as it is, without looking whether it is up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What of the project goes into the environment, and how."""

    extras: tuple[ExtraName, ...] = ()
    all_extras: bool = False
    groups: tuple[GroupName, ...] = ()
    without_groups: tuple[GroupName, ...] = ()
    all_groups: bool = False
    exact: bool = True
    """Remove what the selection does not need."""
    lock_mode: LockMode = LockMode.UPDATE
    pins_from: Path | None = None
    """A lock whose versions are taken where they fit when there is no lock yet."""
    dry_run: bool = False

    def selected_extras(self, known: Iterable[ExtraName]) -> tuple[ExtraName, ...]:
        return tuple(known) if self.all_extras else self.extras

    def selected_groups(self, project: Project, known: Iterable[GroupName]) -> tuple[GroupName, ...]:
        asked = list(known) if self.all_groups else [*project.default_groups, *self.groups]
        return tuple(group for group in dict.fromkeys(asked) if group not in self.without_groups)
