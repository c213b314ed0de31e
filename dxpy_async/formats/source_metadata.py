"""What a source tree says without being built: its build system, and its core metadata where these are static.

An sdist's PKG-INFO may be believed from version 2.2 on, for all fields that it does not list as dynamic. The [project]
table of a pyproject.toml may be, for all keys that it does not list as dynamic. Whatever is not plainly right in either
is not static: then the build backend is asked, which judges it.

Sources: https://packaging.python.org/en/latest/specifications/core-metadata/#dynamic,
https://packaging.python.org/en/latest/specifications/pyproject-toml/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packaging.version import Version

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.names import is_valid_name, normalize, normalize_extra
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.specifiers import normal_specifier
from dxpy_async.errors import InvalidMetadata, InvalidSource
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.metadata_headers import parse_headers

LEGACY_BACKEND = "setuptools.build_meta:__legacy__"
"""What builds a tree that names no backend, as PEP 517 has it."""
LEGACY_REQUIRES = ("setuptools>=40.8.0",)

_NEEDED_FIELDS = frozenset({"requires-python", "requires-dist", "provides-extra"})
_NEEDED_KEYS = frozenset({"version", "requires-python", "dependencies", "optional-dependencies"})
_STATIC_SINCE = (2, 2)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})", re.ASCII)
_BACKEND = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """How a tree wants to be built. `backend_path` are directories of the tree, relative to its root."""

    requires: tuple[Requirement, ...]
    backend: str = LEGACY_BACKEND
    backend_path: tuple[str, ...] = ()


def build_system(document: Mapping[str, Any], *, origin: str) -> BuildSystem:
    """The [build-system] of a pyproject.toml (empty when there is none). Raises InvalidSource.

    Source: https://packaging.python.org/en/latest/specifications/pyproject-toml/#declaring-build-system-dependencies
    """
    table = document.get("build-system")
    if table is None:
        return BuildSystem(requires=tuple(map(parse_requirement, LEGACY_REQUIRES)))
    if not isinstance(table, dict):
        raise InvalidSource(origin, "its `build-system` is not a table")
    if "requires" not in table:
        raise InvalidSource(origin, "its [build-system] table has no `requires`")
    requires = _build_requires(_texts(table, "requires", origin), origin)
    backend = table.get("build-backend", LEGACY_BACKEND)
    if not isinstance(backend, str) or _BACKEND.fullmatch(backend) is None:
        raise InvalidSource(origin, f"its `build-backend` is not the name of one: {str(backend)[:100]!r}")
    backend_path = tuple(_texts(table, "backend-path", origin))
    if backend_path and "build-backend" not in table:
        raise InvalidSource(origin, "its [build-system] table has a `backend-path`, but no `build-backend`")
    for path in backend_path:
        if path.startswith(("/", "\\")) or ":" in path or ".." in re.split(r"[/\\]", path):
            raise InvalidSource(origin, f"its `backend-path` leaves the source tree: {path[:100]!r}")
    return BuildSystem(requires=requires, backend=backend, backend_path=backend_path)


def _texts(table: Mapping[str, Any], key: str, origin: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidSource(origin, f"its `build-system.{key}` is not an array of strings")
    return value


def _build_requires(texts: list[str], origin: str) -> tuple[Requirement, ...]:
    try:
        return tuple([parse_requirement(text) for text in texts])
    except parsers.requirements.InvalidRequirement as error:
        why = str(error).partition("\n")[0]
        raise InvalidSource(origin, f"its `build-system.requires` holds what is no requirement: {why}") from error


def static_project_metadata(document: Mapping[str, Any]) -> CoreMetadata | None:
    """What the [project] table of a pyproject.toml says; None when a backend decides any of it, or it is not right."""
    table = document.get("project")
    if not isinstance(table, dict):
        return None
    dynamic = table.get("dynamic", [])
    if not isinstance(dynamic, list) or not _NEEDED_KEYS.isdisjoint(map(str, dynamic)):
        return None
    try:
        return _project_metadata(table)
    # Requirements, specifiers, markers and versions that are none are all ValueErrors.
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _project_metadata(table: Mapping[str, Any]) -> CoreMetadata | None:
    optional: Mapping[str, list[str]] = table.get("optional-dependencies", {})
    if not is_valid_name(table["name"]) or not all(map(is_valid_name, optional)):
        return None
    lists = [table.get("dependencies", []), *optional.values()]
    if not all(isinstance(each, list) for each in lists):
        return None
    requirements = [parse_requirement(text) for text in lists[0]]
    for extra, texts in optional.items():
        requirements += [_for_extra(parse_requirement(text), normalize_extra(extra)) for text in texts]
    return CoreMetadata(
        name=normalize(table["name"]),
        version=Version(table["version"]),
        requires_python=normal_specifier(table.get("requires-python", "")),
        requirements=tuple(requirements),
        extras=frozenset(map(normalize_extra, optional)),
    )


def _for_extra(requirement: Requirement, extra: str) -> Requirement:
    condition = f'extra == "{extra}"'
    marker = f"({requirement.marker}) and {condition}" if requirement.marker else condition
    return requirement._replace(marker=str(parsers.markers.Marker(marker)))


def static_pkg_info(content: bytes, *, origin: str) -> CoreMetadata | None:
    """What an sdist's PKG-INFO says; None when it is older than that may be believed, is dynamic, or is not right."""
    if len(content) > METADATA_BYTES:
        return None
    head = re.split(rb"\r?\n\r?\n", content.removeprefix(b"\xef\xbb\xbf"), maxsplit=1)[0]
    try:
        fields = parse_headers(head.decode("utf-8", errors="replace"))
        version = _VERSION.fullmatch(next(iter(fields.get("metadata-version", ())), ""))
        if version is None or (int(version[1]), int(version[2])) < _STATIC_SINCE:
            return None
        if not _NEEDED_FIELDS.isdisjoint(field.strip().lower() for field in fields.get("dynamic", ())):
            return None
        return parse_core_metadata(content, origin=origin, project=None, version=None)
    except (ValueError, InvalidMetadata):
        return None
