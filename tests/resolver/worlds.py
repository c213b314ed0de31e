"""Small worlds to resolve in: projects written down as data, answered from memory, and an independent checker.

A world is `{project: {version: release}}`. A release is a list of requirements, or a table:

    requires         requirements, as in METADATA
    python           requires-python, on the file and in the metadata
    metadata-python  requires-python in the metadata only
    yanked           true, or the reason
    uploaded         when its files came, like `2024-01-31T12:00:00Z`; a list has the time of each
    wheels           tags of its wheels (default `["py3-none-any"]`)
    sdist            true when there is one
    extras           Provides-Extra (default: those that the requirements' markers name)
    broken           why its metadata cannot be had
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from packaging.requirements import Requirement as PackagingRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from dxpy_async.core.amendments import Statement
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.names import normalize, normalize_extra
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.resolver.needs import Answer, DirectCandidate, Need, NeedDirect, NeedMetadata, NeedPage
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.resolution import Resolution
from dxpy_async.resolver.solver import DEFAULTS, Solver

World = Mapping[str, Mapping[str, Any]]

LINUX = TargetEnvironment(
    markers={
        "implementation_name": "cpython",
        "implementation_version": "3.11.7",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "6.1",
        "platform_system": "Linux",
        "platform_version": "#1",
        "python_full_version": "3.11.7",
        "python_version": "3.11",
        "sys_platform": "linux",
    },
    tags=("cp311-cp311-manylinux_2_28_x86_64", "cp311-abi3-manylinux_2_28_x86_64", "py3-none-any"),
)


def release_table(release: Any) -> dict[str, Any]:
    return dict(release) if isinstance(release, Mapping) else {"requires": list(release)}


def files_of(project: str, version: str, release: Any) -> tuple[DistributionFile, ...]:
    table = release_table(release)
    yanked = table.get("yanked")
    names = [f"{project.replace('-', '_')}-{version}-{tag}.whl" for tag in table.get("wheels", ["py3-none-any"])]
    if table.get("sdist"):
        names.append(f"{project}-{version}.tar.gz")
    uploaded = table.get("uploaded")
    times = uploaded if isinstance(uploaded, list) else [uploaded] * len(names)
    return tuple(
        DistributionFile(
            filename=name,
            url=f"https://files.test/{name}",
            upload_time=int(datetime.fromisoformat(time).timestamp()) * 10**6 if time else None,
            requires_python=table.get("python", ""),
            yanked=None if yanked is None else "" if yanked is True else yanked,
        )
        for name, time in zip(names, times, strict=True)
    )


def metadata_of(project: str, version: str, release: Any) -> CoreMetadata:
    table = release_table(release)
    requirements = tuple(parse_requirement(text) for text in table.get("requires", ()))
    named = {extra for item in requirements for extra in re.findall(r'extra == "([^"]+)"', item.marker)}
    return CoreMetadata(
        name=normalize(table.get("name", project)),
        version=Version(version),
        requires_python=table.get("metadata-python", table.get("python", "")),
        requirements=requirements,
        extras=frozenset(normalize_extra(extra) for extra in table.get("extras", named)),
    )


class Facts:
    """Answers needs from a world, at once. `archives` are what URLs lead to: tables with `version` beside the rest."""

    def __init__(self, world: World, archives: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._world, self._archives = world, archives or {}
        self.asked: list[Need] = []
        self._releases: dict[str, dict[Version, tuple[str, Any]]] = {}

    def answer(self, need: Need) -> Answer:
        self.asked.append(need)
        match need:
            case NeedPage(project):
                return self._page(project)
            case NeedMetadata(project, version, _):
                text, release = self._release(project, version)
                if "broken" in release_table(release):
                    return Unavailable(release_table(release)["broken"])
                return metadata_of(project, text, release)
            case NeedDirect(project, url):
                return self._direct(project, url)

    def _page(self, project: str) -> ProjectPage | Unavailable:
        if project not in self._world:
            return Unavailable("is not on the index")
        versions = tuple(sorted((Version(text) for text in self._world[project]), reverse=True))

        def files(version: Version) -> tuple[DistributionFile, ...]:
            return files_of(project, *self._release(project, version))

        return ProjectPage(normalize(project), versions, files, index_url="https://index.test/simple")

    def _release(self, project: str, version: Version) -> tuple[str, Any]:
        releases = self._releases.get(project)
        if releases is None:
            releases = self._releases[project] = {Version(item[0]): item for item in self._world[project].items()}
        return releases[version]

    def _direct(self, project: str, url: str) -> DirectCandidate | Unavailable:
        if url not in self._archives:
            return Unavailable(f"`{url}` cannot be fetched")
        table = self._archives[url]
        version = str(table["version"])
        file = files_of(project, version, table)[0]
        return DirectCandidate(Version(version), metadata_of(project, version, table), file)


def resolve(
    roots: Iterable[str],
    world: World,
    *,
    archives: Mapping[str, Mapping[str, Any]] | None = None,
    options: ResolutionOptions = DEFAULTS,
    requires_python: str = "",
    shuffle: int | None = None,
    facts: Facts | None = None,
) -> Resolution:
    """Drive a solver to its end. With `shuffle`, a seed, prefetches are told too, in a random order."""
    solver = Solver(
        [parse_requirement(text) for text in roots], target=LINUX, requires_python=requires_python, options=options
    )
    facts = facts or Facts(world, archives)
    order = random.Random(shuffle)
    while needs := solver.needs():
        told = [needs[0]] if shuffle is None else order.sample(list(needs), order.randint(1, len(needs)))
        for need in told:
            solver.tell(need, facts.answer(need))
    return solver.solution()


def statements(texts: Iterable[str], file: str) -> tuple[Statement, ...]:
    """Constraints or overrides as if `texts` were the lines of `file`."""
    return tuple(Statement(parse_requirement(text), f"{file}:{line}") for line, text in enumerate(texts, start=1))


def picked(resolution: Resolution) -> dict[str, str]:
    """`{"a": "1.0", "b": "2.0"}`."""
    return {str(pin.project): str(pin.version) for pin in resolution.pins}


def pins(resolution: Resolution) -> dict[str, str]:
    """`{"a": "1.0", "b[x,y]": "2.0"}`."""
    return {
        f"{pin.project}[{','.join(sorted(pin.extras))}]" if pin.extras else str(pin.project): str(pin.version)
        for pin in resolution.pins
    }


class Flaw(NamedTuple):
    """Something wrong with an answer; `missing` names a project that is required and not there."""

    text: str
    missing: str = ""


class Changes(NamedTuple):
    """Constraints, overrides and exclusions as they are written."""

    constraints: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()

    def applied(self, text: str, extra: str) -> list[PackagingRequirement]:
        """What a requirement comes to where `extra` is asked for."""
        requirement = _parsed(text)
        name = canonicalize_name(requirement.name)
        if name in self.exclusions or not _applies(requirement, extra):
            return []
        overrides = [each for each in map(_parsed, self.overrides) if canonicalize_name(each.name) == name]
        return [each for each in overrides if _applies(each, "")] if overrides else [requirement]


UNCHANGED = Changes()


def flaws(roots: Sequence[str], world: World, picked: Mapping[str, str], changes: Changes = UNCHANGED) -> list[Flaw]:
    """What is wrong with an answer, judged with `packaging` alone; it shares no rule with the solver."""
    own = [each for text in roots for each in changes.applied(text, "")]
    constraints = [each for each in map(_parsed, changes.constraints) if _applies(each, "")]
    found: list[Flaw] = []
    reached: set[tuple[str, str]] = set()
    ahead = [(requirement, "the project") for requirement in own]
    while ahead:
        requirement, who = ahead.pop()
        name = canonicalize_name(requirement.name)
        if name not in picked:
            found.append(Flaw(f"{who} requires {requirement}, which is missing", name))
            continue
        if not _allows(requirement, picked[name]):
            found.append(Flaw(f"{who} requires {requirement}, and {picked[name]} is picked"))
        requires = _table_of(name, picked[name], world).get("requires", ())
        for wanted in ("", *(canonicalize_name(each) for each in requirement.extras)):
            if (name, wanted) not in reached:
                reached.add((name, wanted))
                required = [each for text in requires for each in changes.applied(text, wanted)]
                ahead += [(each, f"{name}[{wanted}]" if wanted else name) for each in required]
    found += [Flaw(f"nothing requires {name}") for name in picked if (name, "") not in reached]
    own += constraints + [each for each in map(_parsed, changes.overrides) if _applies(each, "")]
    for name, version in picked.items():
        found += [Flaw(f"{name} {version} {flaw}") for flaw in _release_flaws(name, version, world, own)]
        for constraint in constraints:
            if canonicalize_name(constraint.name) == name and not _allows(constraint, version):
                found.append(Flaw(f"{constraint} does not allow {version}"))
    return found


@cache
def _parsed(text: str) -> PackagingRequirement:
    return PackagingRequirement(text)


@cache
def _applies(requirement: PackagingRequirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**LINUX.markers, "extra": extra})


@cache
def _allows(requirement: PackagingRequirement, version: str) -> bool:
    return requirement.specifier.contains(version, prereleases=True)


@cache
def _version(text: str) -> Version:
    return Version(text)


def _table_of(name: str, version: str, world: World) -> dict[str, Any]:
    releases = world[name]
    text = version if version in releases else next(text for text in releases if _version(text) == _version(version))
    return release_table(releases[text])


def _release_flaws(name: str, version: str, world: World, own: Sequence[PackagingRequirement]) -> Iterable[str]:
    table = _table_of(name, version, world)
    wishes = [item for item in own if canonicalize_name(item.name) == name and _applies(item, "")]
    clauses = [clause for item in wishes for clause in item.specifier]
    if table.get("yanked") is not None and not any(
        clause.operator in ("==", "===") and clause.version == version for clause in clauses
    ):
        yield "is yanked"
    python = LINUX.markers["python_full_version"]
    for key in ("python", "metadata-python"):
        if key in table and not SpecifierSet(table[key]).contains(python):
            yield "refuses this Python"
    if not table.get("sdist") and not set(table.get("wheels", ["py3-none-any"])) & set(LINUX.tags):
        yield "has no wheel that fits"
    if (
        _version(version).is_prerelease
        and not any(item.specifier.prereleases for item in wishes)
        and any(not _version(text).is_prerelease for text in world[name])
    ):
        yield "is a pre-release that nobody asked for"
