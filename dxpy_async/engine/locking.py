"""From a resolution to a lock, and whether a lock still answers its project: the synchronous part of locking."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.lock_merging import LockSides, merged_requires_python, merged_roots
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ExtraName, ProjectName, normalize
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import environment_mismatch
from dxpy_async.core.settings import IndexSettings
from dxpy_async.formats.dpl import DplLockFile, build_dpl
from dxpy_async.project.locked_roots import explain_difference, roots_of
from dxpy_async.project.pyproject import Project
from dxpy_async.resolver.resolution import Pin, Resolution


def lock_settings(indexes: IndexSettings) -> dict[str, str]:
    """What else, besides the project and the environment, a resolution's answer depends on, as text without secrets."""
    settings = {"index-url": _without_credentials(indexes.index_url)}
    if indexes.extra_index_urls:
        settings["extra-index-urls"] = "\n".join(_without_credentials(url) for url in indexes.extra_index_urls)
    if indexes.find_links:
        settings["find-links"] = "\n".join(indexes.find_links)
    return settings


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def why_stale(
    lock: DplLockFile | Lock, project: Project, target: TargetEnvironment, indexes: IndexSettings
) -> str | None:
    """The first reason, in words, why `lock` does not answer `project` for `target` any more; None when it does."""
    if lock.requires_python != project.requires_python:
        return f"requires-python was `{lock.requires_python or 'any'}` and is `{project.requires_python or 'any'}`"
    if difference := explain_difference(lock.roots, roots_of(project)):
        return difference
    settings = lock_settings(indexes)
    for name in sorted(lock.settings.keys() | settings.keys()):
        was, now = lock.settings.get(name, ""), settings.get(name, "")
        if was != now:
            return f"it was made with {name} `{was or 'unset'}`, and that is `{now or 'unset'}` now"
    return environment_mismatch(lock, target)


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
    indexes: IndexSettings,
) -> Lock:
    """The lock that records `resolution`: every file of every pinned release, and the edges that can matter."""
    packages = locked_packages(resolution, pages)
    uploads = (file.upload_time or 0 for package in packages for file in _all_files(package))
    return Lock(
        project=project.name,
        requires_python=project.requires_python,
        roots=roots_of(project),
        environment=dict(target.markers),
        settings=lock_settings(indexes),
        packages=packages,
        resolved_at=max(uploads, default=0),
    )


def locked_packages(resolution: Resolution, pages: Mapping[ProjectName, ProjectPage]) -> tuple[LockedPackage, ...]:
    """The pinned releases with all their files, by name."""
    return tuple(_locked_package(pin, pages.get(pin.project)) for pin in resolution.pins)


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


def _locked_package(pin: Pin, page: ProjectPage | None) -> LockedPackage:
    if pin.direct is not None:
        files: tuple[DistributionFile, ...] = (pin.direct,)
        source = Source(SourceKind.DIRECT, pin.direct.url)
    else:
        assert page is not None, f"{pin.project} was pinned without its page"
        files = page.files(pin.version)
        source = _source(files, page)
    wheels = sorted((file for file in files if file.is_wheel), key=lambda file: file.filename)
    sdists = sorted((file for file in files if not file.is_wheel), key=lambda file: file.filename)
    return LockedPackage(
        name=pin.project,
        version=str(pin.version),
        source=source,
        requires_python=pin.metadata.requires_python,
        extras=tuple(sorted(pin.extras)),
        requirements=tuple(
            requirement for requirement in pin.metadata.requirements if _can_matter(requirement, pin.extras)
        ),
        wheels=tuple(_locked_file(file) for file in wheels),
        sdist=_locked_file(sdists[-1]) if sdists else None,
    )


def _source(files: Sequence[DistributionFile], page: ProjectPage) -> Source:
    """A page may merge local directories with an index; a release that has local files counts as the directory's."""
    local = next((file.url for file in files if file.url.startswith("file:")), None)
    if local is None:
        return Source(SourceKind.INDEX, page.index_url)
    return Source(SourceKind.DIRECTORY, local.rpartition("/")[0])


def _can_matter(requirement: Requirement, extras: frozenset[ExtraName]) -> bool:
    """Whether some environment could want this edge. Only edges for extras that nothing asks for are certain not to."""
    if "extra" not in requirement.marker:
        return True
    normalised = requirement.marker.replace("_", "-").replace(".", "-").lower()
    return any(f'"{extra}"' in normalised or f"'{extra}'" in normalised for extra in extras)


def _locked_file(file: DistributionFile) -> LockedFile:
    return LockedFile(
        filename=file.filename,
        url=file.url,
        size=file.size,
        upload_time=file.upload_time,
        hashes=dict(sorted(file.hashes.items())),
    )


def write_lock(path: Path, lock: Lock) -> bool:
    """Put `lock` at `path` in one step; False when the very same bytes were there already and nothing was written."""
    return replace_file(path, build_dpl(lock))


def replace_file(path: Path, data: bytes) -> bool:
    """Make `path` hold `data` in one step: a reader or a crash sees the old bytes or the new. False: they agree."""
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        pass
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, 0o644)  # mkstemp makes it private; a lock is shared like any source file
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    return True
