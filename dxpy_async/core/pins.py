"""Pins from another lock or tool that a resolution should keep where they fit, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.requirements import marker_holds


@dataclass(frozen=True, slots=True)
class WantedPin:
    """A version of a project that should be taken if it fits, where one of `markers` holds; everywhere with none."""

    name: ProjectName
    version: Version
    markers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LostPin:
    """A pin that a lock did not keep: the version it has instead, and why, as a clause."""

    name: ProjectName
    version: Version
    taken: str
    reason: str


def pins_of(lock: Lock) -> Mapping[ProjectName, Version]:
    """The version of each project in `lock`, the newest where it holds several."""
    found: dict[ProjectName, Version] = {}
    for package in lock.packages:
        version = _version(package.version)
        if version is not None and (package.name not in found or found[package.name] < version):
            found[package.name] = version
    return found


def choose_pins(pins: Iterable[WantedPin], markers: Mapping[str, str]) -> Mapping[ProjectName, Version]:
    """One pin for each project: the newest of those that are for an environment like that, else the newest of all."""
    best: dict[ProjectName, tuple[bool, Version]] = {}
    for pin in pins:
        ranked = (_any_holds(pin.markers, markers), pin.version)
        if pin.name not in best or best[pin.name] < ranked:
            best[pin.name] = ranked
    return {name: version for name, (_, version) in best.items()}


def _any_holds(alternatives: tuple[str, ...], markers: Mapping[str, str]) -> bool:
    if not alternatives:
        return True
    for marker in alternatives:
        try:
            if marker_holds(marker, markers):
                return True
        except (
            parsers.markers.InvalidMarker,
            parsers.markers.UndefinedComparison,
            parsers.markers.UndefinedEnvironmentName,
            RecursionError,
        ):
            return True  # it asks for more than an environment can tell, such as which extras somebody chose
    return False


def lost_pins(lock: Lock, pins: Mapping[ProjectName, Version]) -> Iterator[LostPin]:
    """Those of `pins` whose projects `lock` needs in another version, by name."""
    for name, taken in sorted(pins_of(lock).items()):
        wanted = pins.get(name)
        if wanted is not None and wanted != taken:
            yield LostPin(name, wanted, str(taken), _why_lost(lock, name, wanted))


def _why_lost(lock: Lock, name: ProjectName, version: Version) -> str:
    for owner, requirement in _edges(lock):
        if requirement.name == name and _forbids(requirement, version):
            return f"{owner} needs `{requirement}`"
    if version.is_prerelease:
        return "it is a pre-release, which no requirement asks for"
    return "it is not on the index, or not for this environment"


def _edges(lock: Lock) -> Iterator[tuple[str, Requirement]]:
    roots = lock.roots
    for asked in (roots.requirements, *roots.optional.values(), *roots.groups.values()):
        yield from (("the project", requirement) for requirement in asked)
    for package in lock.packages:
        yield from ((f"`{package.name}` {package.version}", requirement) for requirement in package.requirements)


def _forbids(requirement: Requirement, version: Version) -> bool:
    if requirement.url is not None:
        return True
    try:
        return not parsers.specifiers.SpecifierSet(requirement.specifier).contains(version, prereleases=True)
    except parsers.specifiers.InvalidSpecifier:
        return False


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
