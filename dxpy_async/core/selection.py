"""What of a lock an environment gets: the walk from the roots along the edges whose markers hold, and a wheel for each.

The walk goes over nodes, a project with one extra asked for or with none, so that extras that ask for each other, or
for themselves, come to an end. When a lock holds several releases of a project, the edge's specifier says which is
meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from packaging.version import InvalidVersion

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.locked_sources import answers_reference, directory_of_source
from dxpy_async.core.locks import LockedFile, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, GroupName, ProjectName, normalize_extra, normalize_group
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import MarkerAnswers, marker_holds
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.specifiers import allows_python
from dxpy_async.core.wheel_names import is_wheel_name, parse_wheel_name
from dxpy_async.errors import BuildForbidden, InstallError, LockError, ProjectError

_BUILD_ANYTHING = BuildSettings()
_TAGS_SHOWN = 6
_NO_EXTRA = ExtraName("")


class LockedRelease(Protocol):
    """One release in a lock: a `LockedPackage`, or an entry of a lock that is open on disk."""

    @property
    def name(self) -> ProjectName: ...
    @property
    def version(self) -> str: ...
    @property
    def source(self) -> Source: ...
    @property
    def requires_python(self) -> str: ...
    @property
    def extras(self) -> tuple[ExtraName, ...]: ...
    @property
    def requirements(self) -> tuple[Requirement, ...]: ...
    @property
    def wheels(self) -> tuple[LockedFile, ...]: ...
    @property
    def sdist(self) -> LockedFile | None: ...
    def best_wheel(self, tag_ranks: Mapping[str, int], /) -> LockedFile | None: ...


class LockView(Protocol):
    """What a selection reads of a lock: of a `Lock`, or of one that is open on disk."""

    @property
    def project(self) -> str: ...
    @property
    def requires_python(self) -> str: ...
    @property
    def roots(self) -> LockedRoots: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def packages(self) -> Sequence[LockedRelease]: ...


@dataclass(frozen=True, slots=True)
class Selected:
    """A release to install, and what from: a wheel or an sdist, `file`, or without one the tree of its source."""

    package: LockedRelease
    file: LockedFile | None
    tree: SourceTree | None = None
    """What it is built from, once it is known where that is."""

    @property
    def is_built(self) -> bool:
        """Whether its wheel has yet to be built."""
        return self.file is None or not is_wheel_name(self.file.filename)

    @property
    def size(self) -> int | None:
        """How much there is to fetch, in bytes, as far as that is known."""
        return None if self.file is None else self.file.size

    @property
    def sha256(self) -> str | None:
        """The digest of the wheel or sdist, in hex."""
        return None if self.file is None else self.file.hashes.get("sha256")


@dataclass(frozen=True, slots=True)
class Selection:
    """What an environment gets, sorted by name, each project once; `requested` are those that the roots name.

    Virtual trees are not among them: only what they require is.
    """

    packages: tuple[Selected, ...]
    requested: frozenset[ProjectName]


def select(
    lock: LockView,
    target: TargetEnvironment,
    *,
    extras: Collection[str] = (),
    groups: Collection[str] = (),
    builds: BuildSettings = _BUILD_ANYTHING,
) -> Selection:
    """The releases and files that `target` gets for the project with these of its extras and dependency groups.

    Raises ProjectError for an extra or group that the lock does not know, LockError for a lock that lacks what an edge
    needs, BuildForbidden for a release that has only an sdist for `target` where that may not be built, and
    InstallError for one that has nothing.
    """
    walk = _Walk(lock, target.markers)
    walk.follow_roots(_known_extras(lock, extras), _known_groups(lock, groups))
    chosen = sorted(walk.chosen.values(), key=lambda package: package.name)
    if lock.environment.get("python_full_version") != target.markers["python_full_version"]:
        _check_requires_python(chosen, target)
    return Selection(
        packages=tuple(
            Selected(package, _file_for(package, target, builds)) for package in chosen if not _is_virtual(package)
        ),
        requested=frozenset(walk.requested),
    )


def reached_from(
    lock: LockView, markers: Mapping[str, str], *, extras: Collection[str] = (), groups: Collection[str] = ()
) -> frozenset[ProjectName]:
    """The projects that `select` would choose where markers have these values, whatever wheels they have."""
    walk = _Walk(lock, markers)
    walk.follow_roots(_known_extras(lock, extras), _known_groups(lock, groups))
    return frozenset(walk.chosen)


def environment_mismatch(lock: LockView, target: TargetEnvironment) -> str | None:
    """Why `lock` was not made for environments like `target`, in words; None when it serves `target` as it is.

    It does when Python is one that the lock allows, every marker in the lock has the value that it had where the lock
    was made, and no release has wheels for others only; other differences do not matter.
    """
    differing = {
        name for name, value in target.markers.items() if name in lock.environment and lock.environment[name] != value
    }
    if not differing and target.markers.get("platform_release"):
        return None  # platforms that are only named (`core.target_platforms`) share markers, and the wheels must tell
    if not allows_python(lock.requires_python, target.python_version):
        return f"it is for Python {lock.requires_python}, and this is {target.describe()}"
    for marker, extra, owner in _conditions(lock):
        if not any(name in marker for name in differing):
            continue
        if marker_holds(marker, lock.environment, extra) != marker_holds(marker, target.markers, extra):
            asked = ", ".join(
                f"{name} was `{lock.environment[name]}` where it was made and is `{target.markers[name]}` here"
                for name in sorted(differing)
                if name in marker
            )
            return f"{asked}, which `{marker}` of {owner} asks about"
    for package in lock.packages:
        if not allows_python(package.requires_python, target.python_version):
            return (
                f"it holds `{package.name}` {package.version}, which is for Python {package.requires_python}, "
                f"and this is {target.describe()}"
            )
        if package.wheels and package.sdist is None and package.best_wheel(target.tag_ranks) is None:
            return (
                f"it holds `{package.name}` {package.version}, which has no wheel for {target.describe()}; "
                f"{_tags_there(package)}"
            )
    return None


def _conditions(lock: LockView) -> Iterator[tuple[str, str, str]]:
    """Every marker in the lock with every extra it is asked under, each pair once, and whose it is."""
    seen = set()
    for owner, extras, requirements in _owners(lock):
        for requirement in requirements:
            for extra in ("", *extras):
                pair = (requirement.marker, extra)
                if requirement.marker and pair not in seen:
                    seen.add(pair)
                    yield *pair, owner


def _owners(lock: LockView) -> Iterator[tuple[str, tuple[str, ...], tuple[Requirement, ...]]]:
    yield "the project", (), lock.roots.requirements
    for extra, requirements in lock.roots.optional.items():
        yield f"the project's extra `{extra}`", (extra,), requirements
    for group, requirements in lock.roots.groups.items():
        yield f"the dependency group `{group}`", (), requirements
    for package in lock.packages:
        yield f"`{package.name}` {package.version}", package.extras, package.requirements


class _Walk:
    """The nodes reached so far. Each distinct marker is evaluated once."""

    def __init__(self, lock: LockView, markers: Mapping[str, str]) -> None:
        self._lock = lock
        self._releases: dict[ProjectName, list[LockedRelease]] = {}
        for package in lock.packages:
            self._releases.setdefault(package.name, []).append(package)
        self._applies = MarkerAnswers(markers).apply
        self._requirements: dict[ProjectName, tuple[Requirement, ...]] = {}
        self._waiting: list[tuple[ProjectName, ExtraName]] = []
        self._reached: set[tuple[ProjectName, ExtraName]] = set()
        self.chosen: dict[ProjectName, LockedRelease] = {}
        self.requested: set[ProjectName] = set()

    def follow_roots(self, extras: Collection[ExtraName], groups: Collection[GroupName]) -> None:
        """Reach everything that the project, these extras of it and these groups need."""
        roots = self._lock.roots
        extras_left = list(extras)
        self._follow_root("the project", roots.requirements, _NO_EXTRA, extras_left)
        for group in groups:
            self._follow_root(f"the dependency group `{group}`", roots.groups[group], _NO_EXTRA, extras_left)
        followed: set[ExtraName] = set()
        while extras_left:
            extra = extras_left.pop()
            if extra not in followed:
                followed.add(extra)
                asked = roots.optional.get(extra, ())
                self._follow_root(f"the project's extra `{extra}`", asked, extra, extras_left)
        while self._waiting:
            self._follow(*self._waiting.pop())

    def _follow_root(
        self, owner: str, requirements: Iterable[Requirement], extra: ExtraName, extras_left: list[ExtraName]
    ) -> None:
        for requirement in requirements:
            if not self._applies(requirement, extra):
                continue
            if requirement.name == self._lock.project and requirement.name not in self._releases:
                extras_left += requirement.extras  # `all = ["project[fast,nice]"]`
                continue
            self.requested.add(requirement.name)
            self._reach(requirement, owner)

    def _follow(self, name: ProjectName, extra: ExtraName) -> None:
        package = self.chosen[name]
        requirements = self._requirements.get(name)
        if requirements is None:
            requirements = self._requirements[name] = package.requirements
        for requirement in requirements:
            # what no extra asks about was followed with the project itself
            if (not extra or "extra" in requirement.marker) and self._applies(requirement, extra):
                self._reach(requirement, f"`{name}` {package.version}")

    def _reach(self, requirement: Requirement, owner: str) -> None:
        release = self._release_for(requirement, owner)
        known = self.chosen.setdefault(requirement.name, release)
        if known is not release:
            raise LockError(
                f"the lock gives this environment `{release.name}` in versions {known.version} and {release.version}",
                hints=("make it anew with `dxpy lock`",),
            )
        for extra in (_NO_EXTRA, *requirement.extras):
            node = (requirement.name, extra)
            if node not in self._reached:
                self._reached.add(node)
                self._waiting.append(node)

    def _release_for(self, requirement: Requirement, owner: str) -> LockedRelease:
        releases = self._releases.get(requirement.name, [])
        if len(releases) > 1:
            releases = [release for release in releases if fits_requirement(release, requirement)]
            known = self.chosen.get(requirement.name)
            if known in releases:
                return known
        if len(releases) == 1:
            return releases[0]
        found = f"holds {len(releases)} releases that would do" if releases else "does not hold one"
        raise LockError(
            f"{owner} needs `{requirement}` in this environment, and the lock {found}",
            hints=("make it anew with `dxpy lock`",),
        )


def fits_requirement(release: LockedRelease, requirement: Requirement) -> bool:
    if requirement.url is not None:
        return answers_reference(release.source, requirement.url)
    try:
        return parsers.specifiers.SpecifierSet(requirement.specifier).contains(release.version, prereleases=True)
    except (parsers.specifiers.InvalidSpecifier, InvalidVersion):
        return False


def _known_extras(lock: LockView, extras: Collection[str]) -> list[ExtraName]:
    names = [normalize_extra(extra) for extra in extras]
    for name in names:
        if name not in lock.roots.optional:
            raise _unknown("extra", name, lock.roots.optional)
    return names


def _known_groups(lock: LockView, groups: Collection[str]) -> list[GroupName]:
    names = [normalize_group(group) for group in groups]
    for name in names:
        if name not in lock.roots.groups:
            raise _unknown("dependency group", name, lock.roots.groups)
    return names


def _unknown(kind: str, name: str, known: Iterable[str]) -> ProjectError:
    close = difflib.get_close_matches(name, known, n=3)
    there = sorted(known)
    if close:
        hint = f"did you mean {' or '.join(f'`{each}`' for each in close)}?"
    elif there:
        hint = f"there is {', '.join(f'`{each}`' for each in there)}"
    else:
        hint = f"the project has no {kind}s"
    return ProjectError(f"the project has no {kind} `{name}`", hints=(hint,))


def _check_requires_python(packages: Iterable[LockedRelease], target: TargetEnvironment) -> None:
    for package in packages:
        if not allows_python(package.requires_python, target.python_version):
            raise InstallError(
                f"`{package.name}` {package.version} is for Python {package.requires_python}, "
                f"and this is {target.describe()}",
                hints=("make a lock for this Python with `dxpy lock`",),
            )


def _is_virtual(package: LockedRelease) -> bool:
    directory = directory_of_source(package.source)
    return directory is not None and directory.is_virtual


def _file_for(package: LockedRelease, target: TargetEnvironment, builds: BuildSettings) -> LockedFile | None:
    """The wheel that fits, else the sdist; None for a tree."""
    if package.source.kind.is_tree:
        return None
    is_named = package.source.kind is SourceKind.DIRECT
    wheel = package.best_wheel(target.tag_ranks) if is_named or builds.allows_wheels(package.name) else None
    if wheel is not None:
        return wheel
    if package.sdist is not None:
        if is_named or builds.allows_building(package.name):
            return package.sdist
        raise BuildForbidden(package.name, package.version, package.sdist.filename)
    if not builds.allows_wheels(package.name):
        raise InstallError(
            f"`{package.name}` {package.version} has no source distribution, "
            "and its wheels may not be used (no-binary)",
            hints=(f"allow wheels of `{package.name}`, or require a version of it that has a source distribution",),
        )
    raise InstallError(
        f"`{package.name}` {package.version} has no wheel for {target.describe()}; {_tags_there(package)}",
        hints=(f"require a version of `{package.name}` that has one, then run `dxpy lock`",),
    )


def _tags_there(package: LockedRelease) -> str:
    tags: dict[str, None] = {}
    for wheel in package.wheels:
        try:
            tags.update(dict.fromkeys(parse_wheel_name(wheel.filename).tags))
        except ValueError:
            continue
    if not tags:
        return "the lock has none at all for it"
    shown = ", ".join(f"`{tag}`" for tag in sorted(tags)[:_TAGS_SHOWN])
    more = f" and {len(tags) - _TAGS_SHOWN} more" if len(tags) > _TAGS_SHOWN else ""
    return f"its wheels are for {shown}{more}"
