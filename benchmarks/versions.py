"""Which versions of a project could be installed here, read off an index."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from typing import Any
from urllib.request import Request, urlopen

from loopback import JSON_PAGE
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

TAGS = frozenset(sys_tags())


def versions_of_all(index: str, projects: Iterable[str], count: int) -> list[list[str]]:
    """Pins of the `count` newest versions of each project; the first list has the oldest of each."""
    columns = [[f"{project}=={version}" for version in newest(index, project, count)] for project in projects]
    return [list(row) for row in zip(*columns, strict=True)][::-1]


def newest(index: str, project: str, count: int) -> list[Version]:
    """The newest released versions that have a wheel for this interpreter, newest first."""
    with urlopen(Request(f"{index}/{project}/", headers={"Accept": JSON_PAGE}), timeout=60) as response:
        files = json.load(response)["files"]
    fitting = {version for file in files if (version := _version_here(file)) and not version.is_prerelease}
    return sorted(fitting, reverse=True)[:count]


def _version_here(file: dict[str, Any]) -> Version | None:
    """The version of a wheel that this interpreter takes; None of all else."""
    try:
        _, version, _, tags = parse_wheel_filename(file["filename"])
        wanted = SpecifierSet(file.get("requires-python") or "")
    except (InvalidWheelFilename, InvalidSpecifier):
        return None
    fits = not file.get("yanked") and not tags.isdisjoint(TAGS) and platform.python_version() in wanted
    return version if fits else None
