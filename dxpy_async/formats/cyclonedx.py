"""A lock as a CycloneDX bill of materials: what a project consists of, for those who look for holes and licences.

The same lock gives the same bytes: the serial number is derived from the rest, and there is a time only when one is
given. Loading this takes 0.1 s, for the library that knows the format.

Source: https://cyclonedx.org/docs/1.6/json/, https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from dxpy_async._version import __version__
from dxpy_async.core.locked_sources import git_of_source
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, SourceKind
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import marker_holds
from dxpy_async.core.settings import PYPI_SIMPLE_URL

SCHEMAS = {"cyclonedx1.5": SchemaVersion.V1_5, "cyclonedx1.6": SchemaVersion.V1_6}
"""The versions that can be written, by the names of their forms."""
_ALGORITHMS = {
    "md5": HashAlgorithm.MD5,
    "sha1": HashAlgorithm.SHA_1,
    "sha256": HashAlgorithm.SHA_256,
    "sha384": HashAlgorithm.SHA_384,
    "sha512": HashAlgorithm.SHA_512,
}
_HEX = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})")
_FIRST = ("$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata")
_ROOT_NAME = "project"
"""What a root without a name is called: a component has to have one."""


def write_cyclonedx(
    lock: Lock,
    form: str,
    *,
    version: str | None = None,
    licences: Mapping[ProjectName, str] | None = None,
    timestamp: int | None = None,
) -> str:
    """The JSON text of all that is in `lock`, in one of `SCHEMAS`.

    `version` is the project's own. `licences` has the licences of those packages of which one is known. `timestamp`
    are seconds since 1970 UTC.
    """
    bom = _bom(lock, version, licences or {})
    if timestamp is None:
        bom.metadata.timestamp = None  # type: ignore[assignment] # what has no time is not written
    else:
        bom.metadata.timestamp = datetime.fromtimestamp(timestamp, UTC)
    bom.serial_number = uuid5(NAMESPACE_URL, _text(bom, form))
    return _text(bom, form)


def _text(bom: Bom, form: str) -> str:
    outputter: Any = make_outputter(bom, OutputFormat.JSON, SCHEMAS[form])
    said = json.loads(outputter.output_as_string())
    ordered = {key: said[key] for key in _FIRST if key in said} | said
    return f"{json.dumps(ordered, indent=2)}\n"


def _bom(lock: Lock, version: str | None, licences: Mapping[ProjectName, str]) -> Bom:
    name = lock.project or _ROOT_NAME
    root = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"{name}@{version or ''}")
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, name))
    bom.metadata.component = root
    bom.metadata.tools = ToolRepository(
        components=[Component(name="dxpy", version=__version__, type=ComponentType.APPLICATION, bom_ref="dxpy")]
    )
    refs: dict[str, list[BomRef]] = {}
    for package in lock.packages:
        component = _component(package, licences.get(package.name))
        bom.components.add(component)
        refs.setdefault(package.name, []).append(component.bom_ref)
    bom.dependencies.add(_dependency(root.bom_ref, _asked_by_roots(lock), refs))
    for package in lock.packages:
        asked = {each.name for each in package.requirements if _applies(each.marker, package, lock)}
        own = next(ref for ref in refs[package.name] if ref.value == _ref(package))
        bom.dependencies.add(_dependency(own, asked - {package.name}, refs))
    return bom


def _asked_by_roots(lock: Lock) -> set[ProjectName]:
    roots = lock.roots
    asked = [roots.requirements, *roots.optional.values(), *roots.groups.values()]
    return {each.name for listed in asked for each in listed if marker_holds(each.marker, lock.environment)}


def _applies(marker: str, package: LockedPackage, lock: Lock) -> bool:
    return any(marker_holds(marker, lock.environment, extra) for extra in ("", *package.extras))


def _dependency(ref: BomRef, names: set[ProjectName], refs: Mapping[str, list[BomRef]]) -> Dependency:
    return Dependency(ref, dependencies=[Dependency(each) for name in names for each in refs.get(name, ())])


def _ref(package: LockedPackage) -> str:
    return f"{package.name}@{package.version}"


def _component(package: LockedPackage, licence: str | None) -> Component:
    files = [*package.wheels, *([package.sdist] if package.sdist is not None else [])]
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=_ref(package),
        purl=_purl(package),
        hashes=_hashes(files[0]) if len(files) == 1 else [],
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        external_references=_references(package, files),
    )


def _purl(package: LockedPackage) -> PackageURL | None:
    """What others know it by; None for a directory, which they cannot know. Source: https://github.com/package-url/purl-spec/blob/main/types-doc/pypi-definition.md"""
    source, qualifiers = package.source, {}
    if source.kind is SourceKind.TREE:
        return None
    if source.kind is SourceKind.GIT:
        qualifiers["vcs_url"] = str(git_of_source(source).at_commit)
    elif source.kind is SourceKind.DIRECT and not source.url.startswith("file:"):
        qualifiers["download_url"] = source.url
    elif source.kind is SourceKind.INDEX and source.url.rstrip("/") != PYPI_SIMPLE_URL:
        qualifiers["repository_url"] = source.url
    return PackageURL("pypi", name=package.name, version=package.version, qualifiers=qualifiers)


def _references(package: LockedPackage, files: list[LockedFile]) -> Iterator[ExternalReference]:
    if package.source.kind is SourceKind.GIT:
        repository = str(git_of_source(package.source).at_commit).removeprefix("git+")
        yield ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(repository))
    for file in files:
        yield ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(file.url), hashes=_hashes(file))


def _hashes(file: LockedFile) -> list[HashType]:
    return [
        HashType(alg=_ALGORITHMS[name], content=value.lower())
        for name, value in file.hashes.items()
        if name in _ALGORITHMS and _HEX.fullmatch(value.lower())
    ]
