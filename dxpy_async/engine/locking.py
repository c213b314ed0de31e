"""From a resolution to a lock, and whether a lock still answers its project: the synchronous part of locking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, field, from_rows, replace
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.lock_merging import LockSides, merged_requires_python, merged_roots
from dxpy_async.core.locked_sources import git_of_source, locked_archive
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.pins import WantedPin, choose_pins, pins_of
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.resolution_settings import ResolutionSettings
from dxpy_async.core.selection import environment_mismatch
from dxpy_async.core.settings import IndexStrategy, Settings
from dxpy_async.core.source_urls import ArchiveUrl, best_sdist, parse_source_url
from dxpy_async.core.target_platforms import HERE, WantedTarget
from dxpy_async.core.upload_limits import Cutoff, Cutoffs, files_in_time
from dxpy_async.core.wheel_names import is_wheel_name
from dxpy_async.engine.tree_changes import has_untold, is_untold, requirements_that_matter, why_changed
from dxpy_async.errors import LockNotFound, StaleLock
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.project.locked_roots import explain_difference, roots_of
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.resolver.hints import without_credentials
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.question import Question
from dxpy_async.resolver.resolution import Pin, Resolution

_LISTS = ("constraints", "overrides", "exclusions", "prerelease-package", "exclude-newer-package", "sources")
"""Settings that are a list, an item a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOutcome:
    """What locking came to. `changed` tells whether the file was written; `earlier` is what `path` had before."""

    lock: Lock
    path: Path
    changed: bool
    warnings: tuple[str, ...] = ()
    earlier: Lock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """How to lock. `upgrade` forgets every earlier pin, `upgrade_projects` those of some; `check` only compares.

    `pins` are kept where they fit, before those of the earlier lock; with `anew`, that lock is not even read.
    `target` names another Python or platform than those at hand.
    """

    upgrade: bool = False
    upgrade_projects: tuple[ProjectName, ...] = ()
    pins: tuple[WantedPin, ...] = ()
    anew: bool = False
    target: WantedTarget = HERE
    check: bool = False
    dry_run: bool = False

    @property
    def always_resolves(self) -> bool:
        """Whether even a lock that is up to date is not good enough."""
        return bool(self.upgrade or self.upgrade_projects or self.pins or self.anew)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockAhead:
    """A lock that has to be resolved: where it goes, the one that is there, and what of it to keep where that fits."""

    path: Path
    earlier: Lock | None
    preferences: Mapping[ProjectName, Version]
    commits: Mapping[str, str] = field(default_factory=dict)
    """The commits to keep, by the references to git repositories that they answer."""


def begin_lock(
    project: Project, target: TargetEnvironment, settings: Settings, options: LockOptions
) -> LockOutcome | LockAhead:
    """What locking `project` takes: nothing when its lock is up to date, else a resolution.

    Raises LockNotFound and StaleLock for a check that fails already, and InvalidLock.
    """
    path = project.lock
    earlier = None if options.anew else read_lock(path)
    reason, asks = f"there is no lock at `{path}`", options.always_resolves
    if earlier is not None:
        stale = why_stale(earlier, project, target, settings)
        asks = options.always_resolves or (stale is None and has_untold(earlier, project.root))
        if stale is None and not asks:
            return LockOutcome(lock=earlier, path=path, changed=False, earlier=earlier)
        reason = stale or "an upgrade was asked for"
    if options.check and earlier is None:
        raise LockNotFound(str(path))
    if options.check and not asks:
        raise StaleLock(str(path), reason)
    kept = pins_to_keep(earlier, settings) if earlier is not None else {}
    return LockAhead(
        path=path,
        earlier=earlier,
        preferences={**kept, **choose_pins(options.pins, target.markers)},
        commits=commits_to_keep(earlier, options) if earlier is not None else {},
    )


def finish_lock(
    ahead: LockAhead, lock: Lock, data: bytes, warnings: tuple[str, ...], options: LockOptions
) -> LockOutcome:
    """Write `lock`, which is `data`, or only compare it, as `options` say; a dry run has no use for `data`.

    Raises StaleLock.
    """
    if options.check and lock != ahead.earlier:
        raise StaleLock(str(ahead.path), "made anew it would be another")
    changed = lock != ahead.earlier if options.dry_run else replace_file(ahead.path, data)
    return LockOutcome(lock=lock, path=ahead.path, changed=changed, warnings=warnings, earlier=ahead.earlier)


def with_earlier_versions(lock: Lock, earlier: Lock | None, root: Path) -> Lock:
    """`lock`, with the versions of `earlier` for directories whose build backend alone knows the version.

    Such versions change with every commit, and would make a lock stale that says nothing else.
    """
    if earlier is None:
        return lock
    before = {(package.name, package.source): package.version for package in earlier.packages}

    def kept(package: LockedPackage) -> LockedPackage:
        version = before.get((package.name, package.source), package.version)
        if package.source.kind is not SourceKind.TREE or version == package.version:
            return package
        return replace(package, version=version) if is_untold(package, root) else package

    return replace(lock, packages=tuple(map(kept, lock.packages)))


def commits_to_keep(lock: Lock, options: LockOptions) -> Mapping[str, str]:
    """The commits in an earlier lock that stay, by the references that they answer."""
    if options.upgrade:
        return {}
    found = [
        git_of_source(package.source)
        for package in lock.packages
        if package.source.kind is SourceKind.GIT and package.name not in options.upgrade_projects
    ]
    return {str(each.asked): each.commit for each in found}


def lock_settings(settings: Settings) -> dict[str, str]:
    """What else, besides the project and the environment, a resolution's answer depends on, as text without secrets.

    An age, `--exclude-newer "30 days"`, stands there as an age: a lock does not become stale because time goes by, and
    what is resolved anew is resolved as of then.
    """
    indexes, resolution = settings.indexes, settings.resolution
    amendments, limits = resolution.amendments, resolution.upload_limits
    defaults = ResolutionSettings()
    texts = {
        "index-url": _without_credentials(indexes.index_url),
        "extra-index-urls": "\n".join(_without_credentials(url) for url in indexes.extra_index_urls),
        "index-strategy": indexes.strategy if indexes.strategy is not IndexStrategy.FIRST_INDEX else "",
        "find-links": "\n".join(indexes.find_links),
        "sources": _lines(f"{name} from {_without_credentials(url)}" for name, url in indexes.pinned.items()),
        "resolution": resolution.mode if resolution.mode is not defaults.mode else "",
        "prerelease": resolution.prereleases if resolution.prereleases is not defaults.prereleases else "",
        "prerelease-package": _lines(f"{name}={rule}" for name, rule in resolution.prereleases_of.items()),
        "constraints": _lines(str(each.requirement) for each in amendments.constraints),
        "overrides": _lines(str(each.requirement) for each in amendments.overrides),
        "exclusions": _lines(amendments.exclusions),
        "exclude-newer": limits.general.text if limits.general is not None else "",
        "exclude-newer-package": _lines(
            f"{name}={limit.text if limit is not None else 'false'}" for name, limit in limits.projects.items()
        ),
    }
    return {name: str(text) for name, text in texts.items() if text}


def _lines(items: Iterable[str]) -> str:
    return without_credentials("\n".join(sorted(set(items))))


def resolution_options(
    settings: Settings,
    *,
    now: float,
    preferences: Mapping[ProjectName, Version],
    upgrade: Iterable[ProjectName] = (),
    upgrade_all: bool = False,
) -> ResolutionOptions:
    """What the solver is told: `settings` as they are at `now` (seconds since 1970), and what to keep where it fits."""
    resolution = settings.resolution
    return ResolutionOptions(
        mode=resolution.mode,
        prereleases=resolution.prereleases,
        prereleases_of=resolution.prereleases_of,
        amendments=resolution.amendments,
        builds=settings.builds,
        cutoffs=resolution.upload_limits.cutoffs(now),
        preferences=preferences,
        upgrade=frozenset(upgrade),
        upgrade_all=upgrade_all,
    )


def lock_question(
    kind: str,
    roots: LockedRoots,
    target: TargetEnvironment,
    options: ResolutionOptions,
    *,
    settings: Settings,
    directories: bytes,
    project: str = "",
    requires_python: str = "",
) -> Question:
    """What is asked when `roots` are resolved; `directories` is the state of the local directories of `settings`."""
    return Question(
        kind=kind,
        roots=roots,
        target=target,
        options=options,
        settings=lock_settings(settings),
        project=project,
        requires_python=requires_python,
        directories=directories,
    )


def project_question(
    project: Project,
    target: TargetEnvironment,
    settings: Settings,
    options: LockOptions,
    preferences: Mapping[ProjectName, Version],
    *,
    now: float,
    directories: bytes,
) -> Question:
    """What is asked when `project` is locked at `now`, seconds since 1970."""
    asked = resolution_options(
        settings,
        now=now,
        preferences=preferences,
        upgrade=options.upgrade_projects,
        upgrade_all=options.upgrade,
    )
    return lock_question(
        "lock",
        roots_of(project, asked.amendments),
        target,
        asked,
        settings=settings,
        directories=directories,
        project=project.name,
        requires_python=project.requires_python,
    )


def pins_to_keep(lock: Lock, settings: Settings) -> Mapping[ProjectName, Version]:
    """The pins of an earlier lock; none when it was picked by another rule, which its pins would only hide."""
    now = lock_settings(settings)
    if any(lock.settings.get(name) != now.get(name) for name in ("resolution", "prerelease")):
        return {}
    return pins_of(lock)


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def why_stale(lock: DplLockFile | Lock, project: Project, target: TargetEnvironment, settings: Settings) -> str | None:
    """The first reason, in words, why `lock` does not answer `project` for `target` any more; None when it does."""
    if lock.requires_python != project.requires_python:
        return f"requires-python was `{lock.requires_python or 'any'}` and is `{project.requires_python or 'any'}`"
    # An override changes requirements too, and is told as itself.
    if difference := _settings_difference(lock.settings, lock_settings(settings)):
        return difference
    amendments = settings.resolution.amendments
    if difference := explain_difference(lock.roots, roots_of(project, amendments)):
        return difference
    return environment_mismatch(lock, target) or why_changed(lock, project.surroundings, amendments)


def is_current(lock: DplLockFile | Lock, project: Project, target: TargetEnvironment, settings: Settings) -> bool:
    """Whether `lock` surely answers `project`, with all that files tell."""
    return why_stale(lock, project, target, settings) is None and not has_untold(lock, project.root)


def _settings_difference(were: Mapping[str, str], are: Mapping[str, str]) -> str | None:
    for name in sorted(were.keys() | are.keys()):
        was, now = were.get(name, ""), are.get(name, "")
        if was == now:
            continue
        if name not in _LISTS:
            return f"it was made with {name} `{was or 'unset'}`, and that is `{now or 'unset'}` now"
        for added in sorted(set(now.splitlines()) - set(was.splitlines())):
            return f"`{added}` was added to {name}"
        for removed in sorted(set(was.splitlines()) - set(now.splitlines())):
            return f"`{removed}` was removed from {name}"
    return None


def root_requirements(roots: LockedRoots) -> tuple[Requirement, ...]:
    """Everything that any selection of extras and groups of the project could ask for, each once, in order."""
    asked = [*roots.requirements]
    for more in (*roots.optional.values(), *roots.groups.values()):
        asked.extend(more)
    return tuple(dict.fromkeys(asked))


def assemble_lock(
    resolution: Resolution,
    pages: Mapping[ProjectName, ProjectPage],
    *,
    project: Project,
    target: TargetEnvironment,
    settings: Settings,
    cutoffs: Cutoffs,
) -> Lock:
    """The lock that records `resolution`: every file of every pinned release, and the edges that can matter."""
    packages = locked_packages(resolution, pages, cutoffs)
    uploads = (file.upload_time or 0 for package in packages for file in _all_files(package))
    return Lock(
        project=project.name,
        requires_python=project.requires_python,
        roots=roots_of(project, settings.resolution.amendments),
        environment=dict(target.markers),
        settings=lock_settings(settings),
        packages=packages,
        resolved_at=max(uploads, default=0),
    )


def locked_packages(
    resolution: Resolution, pages: Mapping[ProjectName, ProjectPage], cutoffs: Cutoffs
) -> tuple[LockedPackage, ...]:
    """The pinned releases by name, with all their files but those that came too late."""
    return tuple(_locked_package(pin, pages.get(pin.project), cutoffs.of(pin.project)) for pin in resolution.pins)


def merged_project(sides: LockSides, root: Path) -> Project:
    """The project in `root` as two branches together make it, as far as their locks tell."""
    roots = merged_roots(sides)
    return Project(
        root=root,
        name=normalize(sides.ours.project or sides.theirs.project),
        requires_python=merged_requires_python(sides),
        dependencies=roots.requirements,
        optional_dependencies=roots.optional,
        dependency_groups=roots.groups,
    )


def read_lock(path: Path) -> Lock | None:
    """The whole lock at `path`, None when there is none. Raises InvalidLock."""
    if not path.exists():
        return None
    with DplLockFile.open(path) as lock:
        return lock.to_lock()


def _all_files(package: LockedPackage) -> Iterable[LockedFile]:
    yield from package.wheels
    if package.sdist is not None:
        yield package.sdist


def _locked_package(pin: Pin, page: ProjectPage | None, cutoff: Cutoff | None) -> LockedPackage:
    files: tuple[DistributionFile, ...] = ()
    if isinstance(pin.file, Source):
        source = pin.file
    elif pin.url is not None:
        files, source = (pin.file,), _archive_source(pin.url)
    else:
        assert page is not None, f"{pin.project} was pinned without its page"
        files = files_in_time(page.files(pin.version), cutoff)
        source = _source(files, page.index_url_of(pin.version))
    by_name = sorted(files, key=attrgetter("filename"))
    wheels = [file for file in by_name if is_wheel_name(file.filename)]
    sdist = best_sdist(by_name)
    return LockedPackage(
        name=pin.project,
        version=str(pin.version),
        source=source,
        requires_python=pin.metadata.requires_python,
        extras=tuple(sorted(pin.extras)),
        requirements=requirements_that_matter(pin.metadata.requirements, pin.extras),
        wheels=tuple(locked_files(wheels)),
        sdist=locked_file(sdist) if sdist is not None else None,
    )


def _source(files: Sequence[DistributionFile], index_url: str) -> Source:
    """A page may merge local directories with an index; a release that has local files counts as the directory's."""
    local = next((file.url for file in files if file.url.startswith("file:")), None)
    if local is None:
        return Source(SourceKind.INDEX, index_url)
    return Source(SourceKind.DIRECTORY, local.rpartition("/")[0])


def _archive_source(url: str) -> Source:
    found = parse_source_url(url)
    assert isinstance(found, ArchiveUrl), "what has a file and a url is an archive"
    return locked_archive(found)


def locked_files(files: Iterable[DistributionFile]) -> list[LockedFile]:
    """The same files as a lock has them."""
    return from_rows(
        LockedFile,
        [
            (
                file.filename,
                file.url,
                file.size,
                file.upload_time,
                file.hashes if len(file.hashes) < 2 else dict(sorted(file.hashes.items())),
            )
            for file in files
        ],
    )


def locked_file(file: DistributionFile) -> LockedFile:
    """The same of one."""
    return locked_files((file,))[0]
