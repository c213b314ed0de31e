"""How to sync: what of a project goes into its environment, and what may be done about its lock."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locked_parts import seen_as_one
from dxpy_async.core.locks import LockedRoots
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.errors import ProjectError
from dxpy_async.project.pyproject import DEFAULT_GROUP, Project


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
    """What of the project goes into the environment, and how.

    Of a workspace that is the member that is meant (`Project.current`), `packages`, or `all_packages`. `only_groups`
    leaves out what the project needs by itself. `uninstalled` are not installed, though what they need is.
    """

    packages: tuple[ProjectName, ...] = ()
    all_packages: bool = False
    extras: tuple[ExtraName, ...] = ()
    without_extras: tuple[ExtraName, ...] = ()
    all_extras: bool = False
    groups: tuple[GroupName, ...] = ()
    without_groups: tuple[GroupName, ...] = ()
    all_groups: bool = False
    with_dev: bool = False
    """With the group `dev`, if there is one."""
    default_groups: bool = True
    only_groups: bool = False
    uninstalled: tuple[ProjectName, ...] = ()
    without_project: bool = False
    """Do not install the projects that are meant themselves."""
    without_workspace: bool = False
    """Do not install any member of the workspace."""
    without_local: bool = False
    """Do not install what lies on this machine: the project, members, directories and archives by path."""
    exact: bool = True
    """Remove what the selection does not need."""
    lock_mode: LockMode = LockMode.UPDATE
    upgrade: bool = False
    """Give up all versions of the lock."""
    upgrade_projects: tuple[ProjectName, ...] = ()
    """Give up those of these projects."""
    reinstall: bool = False
    """Install again all that is there already."""
    reinstall_projects: tuple[ProjectName, ...] = ()
    """Install these again."""
    pins_from: Path | None = None
    """A lock whose versions are taken where they fit when there is no lock yet."""
    dry_run: bool = False

    @property
    def upgrades(self) -> bool:
        """Whether the lock has to be resolved, though it may be up to date."""
        return self.upgrade or bool(self.upgrade_projects)

    @property
    def begins_anew(self) -> bool:
        """Whether it does not count that lock and environment are up to date."""
        return self.upgrades or self.reinstall or bool(self.reinstall_projects)

    def renewed(self, names: Iterable[ProjectName]) -> tuple[ProjectName, ...]:
        """Those of `names` that are to be installed again."""
        return tuple(name for name in names if self.reinstall or name in self.reinstall_projects)

    def meant(self, project: Project) -> tuple[Project, ...]:
        """The projects that count, of `project` and the members of its workspace. Raises ProjectError.

        A workspace whose root is no project means all members, and the groups in its root.
        """
        members = {member.project.name: member.project for member in project.members}
        if self.all_packages or (not self.packages and project.current is None and not project.name):
            return (project, *members.values())
        if not self.packages:
            return (project.meant,)
        known = {**({project.name: project} if project.name else {}), **members}
        for name in self.packages:
            if name not in known:
                close = get_close_matches(name, known, 2) or sorted(known)
                there = " or ".join(f"`{each}`" for each in close)
                place = f"not in the workspace `{project.root}`" if members else f"not the project in `{project.root}`"
                raise ProjectError(f"`{name}` is {place}", hints=(f"there is {there}",))
        return tuple(known[name] for name in dict.fromkeys(self.packages))

    def roots(self, project: Project, roots: LockedRoots) -> LockedRoots:
        """What the projects that count ask for by themselves, of the roots of their lock."""
        if not project.members and not self.only_groups and not self.packages:
            return roots
        meant = (None if each.root == project.root else each.name for each in self.meant(project))
        return seen_as_one(roots, meant, own=not self.only_groups)

    def selected_extras(self, known: Iterable[ExtraName]) -> tuple[ExtraName, ...]:
        """Of the extras in what `roots` gives, those that are wanted."""
        extras = tuple(known) if self.all_extras else self.extras
        return tuple(extra for extra in extras if extra not in self.without_extras)

    def selected_groups(self, project: Project, known: Iterable[GroupName]) -> tuple[GroupName, ...]:
        """Of the groups in what `roots` gives, those that are wanted."""
        usual = [group for each in self.meant(project) for group in each.default_groups]
        dev = [group for group in known if group == DEFAULT_GROUP and self.with_dev]
        asked = list(known) if self.all_groups else [*(usual if self.default_groups else ()), *dev, *self.groups]
        return tuple(group for group in dict.fromkeys(asked) if group not in self.without_groups)

    def left_out(self, project: Project) -> frozenset[ProjectName]:
        """The projects that are not to be installed."""
        names = set(self.uninstalled)
        if self.without_project or self.without_local:
            names.update(each.name for each in self.meant(project))
        if self.without_workspace:
            names.update((project.name, *(member.project.name for member in project.members)))
        return frozenset(names)
