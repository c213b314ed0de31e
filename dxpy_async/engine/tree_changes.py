"""Whether the directories in a lock still are what they were when it was made, as far as their files tell."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.core.amendments import Amendments
from dxpy_async.core.dataclass import replace
from dxpy_async.core.locked_sources import directory_of_source, directory_path
from dxpy_async.core.names import ExtraName
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import LockedRelease, LockView
from dxpy_async.core.source_urls import DirectoryUrl
from dxpy_async.errors import SourceUnavailable
from dxpy_async.formats.source_metadata import static_project_metadata
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.locked_roots import public_requirement
from dxpy_async.project.pyproject import FILE_NAME, ProjectFile
from dxpy_async.project.source_tables import Surroundings, lowered


def why_changed(lock: LockView, surroundings: Surroundings, amendments: Amendments) -> str | None:
    """In which way a directory differs from what `lock` says of it; None when none does.

    A directory that only its build backend can tell about counts as unchanged; `has_untold` knows of it. Raises
    SourceUnavailable for a directory that is not there, and InvalidProject for a pyproject.toml that does not parse.
    """
    root = Path(surroundings.lock_root)
    for package, url in _directories(lock):
        metadata = _static_metadata(package, url, root)
        if metadata is None:
            continue
        metadata = with_own_sources(metadata, directory_path(url, root), surroundings)
        if difference := _difference(package, metadata, amendments):
            return f"`{package.name}` in `{url.path}` {difference}"
    return None


def has_untold(lock: LockView, root: Path) -> bool:
    """Whether there is a directory of which only its build backend can tell what it requires. Raises as the other."""
    return any(is_untold(package, root) for package in lock.packages)


def with_own_sources(metadata: CoreMetadata, directory: Path, surroundings: Surroundings) -> CoreMetadata:
    """The metadata of a directory, with the urls that its own table of sources gives to what it requires.

    Raises InvalidProject.
    """
    file = directory / FILE_NAME
    if not metadata.requirements or not file.is_file() or b"sources" not in (content := read_content(file)):
        return metadata
    table = ProjectFile(content, file).sources(surroundings, directory)
    return replace(metadata, requirements=lowered(metadata.requirements, table)) if table else metadata


def is_untold(package: LockedRelease, root: Path) -> bool:
    """Whether `package` comes from such a directory."""
    url = directory_of_source(package.source)
    return url is not None and _static_metadata(package, url, root) is None


def _directories(lock: LockView) -> list[tuple[LockedRelease, DirectoryUrl]]:
    found = [(package, directory_of_source(package.source)) for package in lock.packages]
    return [(package, url) for package, url in found if url is not None]


def _static_metadata(package: LockedRelease, url: DirectoryUrl, root: Path) -> CoreMetadata | None:
    file = directory_path(url, root) / FILE_NAME
    try:
        content = read_content(file)
    except FileNotFoundError:
        if not file.parent.is_dir():
            raise SourceUnavailable(
                f"`{package.name}` comes from the directory `{file.parent}`, and there is no such directory"
            ) from None
        return None
    return static_project_metadata(parse(decode(content, str(file)), str(file)))


def _difference(package: LockedRelease, metadata: CoreMetadata, amendments: Amendments) -> str | None:
    if metadata.name != package.name:
        return f"is `{metadata.name}` now"
    if str(metadata.version) != package.version:
        return f"was version {package.version} and is {metadata.version}"
    if metadata.requires_python != package.requires_python:
        were, are = (each.requires_python or "any" for each in (package, metadata))
        return f"was for Python {were} and is for {are}"
    needed = set(package.requirements)
    needs = set(requirements_that_matter(amendments.amend(metadata.requirements), frozenset(package.extras)))
    for added in sorted(map(str, needs - needed)):
        return f"requires `{added}` now"
    for removed in sorted(map(str, needed - needs)):
        return f"does not require `{removed}` any more"
    return None


def requirements_that_matter(
    requirements: tuple[Requirement, ...], extras: frozenset[ExtraName]
) -> tuple[Requirement, ...]:
    """Those that some environment could want, without secrets: all but those for extras that nothing asks for."""
    return tuple(public_requirement(requirement) for requirement in requirements if _can_matter(requirement, extras))


def _can_matter(requirement: Requirement, extras: frozenset[ExtraName]) -> bool:
    if "extra" not in requirement.marker:
        return True
    normalised = requirement.marker.replace("_", "-").replace(".", "-").lower()
    return any(f'"{extra}"' in normalised or f"'{extra}'" in normalised for extra in extras)
