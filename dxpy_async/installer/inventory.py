"""What is installed, with what its METADATA says: for listings, and for whoever resolves against it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path

from dxpy_async.core import parsers
from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.names import ExtraName, ProjectName, is_valid_name, normalize, normalize_extra
from dxpy_async.core.requirements import MarkerAnswers, Requirement, parse_requirement
from dxpy_async.formats.direct_url import DirectUrl, parse_direct_url
from dxpy_async.formats.metadata_headers import parse_headers
from dxpy_async.installer.installed import InstalledDistribution, read_sites


class InventoryItem:
    """One installed distribution. Its metadata are read when they are first asked for; what cannot be read is empty."""

    def __init__(self, distribution: InstalledDistribution) -> None:
        self.distribution = distribution

    @property
    def project(self) -> ProjectName:
        return self.distribution.name

    @property
    def version(self) -> str:
        return self.distribution.version

    @property
    def site(self) -> Path:
        """The directory that it is installed in."""
        return self.distribution.directory.parent

    @cached_property
    def name(self) -> str:
        """The project's name as its author spells it."""
        return self.field("name") or self.project

    @cached_property
    def direct_url(self) -> DirectUrl | None:
        text = self.distribution.direct_url
        return parse_direct_url(text) if text is not None else None

    @property
    def editable_path(self) -> str | None:
        """The directory of source that it leads to, when it is editable."""
        return self.direct_url.editable_path if self.direct_url is not None else None

    @cached_property
    def metadata(self) -> bytes:
        """The bytes of METADATA (PKG-INFO of the legacy kind); empty where there is none that can be read."""
        directory = self.distribution.directory
        for path in (directory / "METADATA", directory / "PKG-INFO", directory):
            try:
                with open(path, "rb") as file:
                    return file.read(METADATA_BYTES)
            except OSError:
                continue
        return b""

    @cached_property
    def headers(self) -> Mapping[str, list[str]]:
        try:
            return parse_headers(self.metadata.decode(errors="replace"))
        except ValueError:
            return {}

    def field(self, name: str) -> str:
        """The first value of a field of METADATA, empty when it has none."""
        return next(iter(self.headers.get(name.lower(), ())), "")

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What it requires; a line that is no requirement is left out."""
        found = []
        for text in self.headers.get("requires-dist", ()):
            try:
                found.append(parse_requirement(" ".join(text.split("\n"))))
            except parsers.requirements.InvalidRequirement:
                continue
        return tuple(found)

    def required(self, environment: Mapping[str, str]) -> tuple[Requirement, ...]:
        """What it requires in such an environment when no extra is asked for, each project once."""
        answers = MarkerAnswers(environment)
        found = {each.name: each for each in self.requirements if answers.apply(each, "")}
        return tuple(found.values())

    @cached_property
    def extras(self) -> tuple[ExtraName, ...]:
        said = self.headers.get("provides-extra", ())
        return tuple(sorted({normalize_extra(extra) for extra in said if is_valid_name(extra)}))


Inventory = Mapping[ProjectName, InventoryItem]
"""What is installed, by name in sorted order."""


def take_inventory(sites: Iterable[str]) -> Inventory:
    """What is installed in these directories; of those that name the same project the first counts."""
    found: dict[ProjectName, InventoryItem] = {}
    seen: set[str] = set()
    for site in sites:
        real = os.path.realpath(site)
        if real in seen:
            continue
        seen.add(real)
        for name, distribution in read_sites((site,)).items():
            found.setdefault(name, InventoryItem(distribution))
    return {name: found[name] for name in sorted(found)}


def required_by(inventory: Inventory, environment: Mapping[str, str]) -> dict[ProjectName, list[InventoryItem]]:
    """Who of the installed requires what, extras not counted, by the name of what is required."""
    found: dict[ProjectName, list[InventoryItem]] = {}
    for item in inventory.values():
        for requirement in item.required(environment):
            found.setdefault(requirement.name, []).append(item)
    return found


def without(inventory: Inventory, names: Collection[str]) -> Inventory:
    """`inventory` without these projects, however they are spelled."""
    left_out = {normalize(name) for name in names}
    return {name: item for name, item in inventory.items() if name not in left_out}
