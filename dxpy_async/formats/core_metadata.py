"""Core metadata (METADATA) read for a resolution: who it is, what it requires, which extras it has.

A distribution whose requirements do not all parse is refused as a whole: leaving one out, or guessing what an old
spelling meant, would install something else than its author asked for. A resolution then takes another version.
"""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.names import ProjectName, is_valid_name, normalize, normalize_extra
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.errors import InvalidMetadata
from dxpy_async.formats.metadata_headers import parse_headers

_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_METADATA_VERSION = re.compile(r"(\d{1,4})\.\d{1,4}", re.ASCII)
_NEWEST_MAJOR = 2


def parse_core_metadata(
    data: bytes, *, origin: str, project: ProjectName | None, version: Version | None
) -> CoreMetadata:
    """Read METADATA. `origin` names it in errors; `project` and `version` are who it has to be, None when unknown.

    Raises InvalidMetadata when it does not parse, is of a major version that is not known, is of another project or
    version, or has a requirement that is none.

    Source: https://packaging.python.org/en/latest/specifications/core-metadata/
    """
    if len(data) > METADATA_BYTES:
        raise InvalidMetadata(origin, f"has {len(data)} bytes, over the limit of {METADATA_BYTES}")
    fields = _fields(data, origin)
    _check_metadata_version(_one(fields, "metadata-version", origin), origin)
    name = _one(fields, "name", origin)
    if not is_valid_name(name):
        raise InvalidMetadata(origin, f"has a name that is none: {name[:80]!r}")
    found = normalize(name)
    if project is not None and found != project:
        raise InvalidMetadata(origin, f"is of `{found}`, not of `{project}`")
    own_version = _version(_one(fields, "version", origin), origin)
    if version is not None and own_version != version:
        raise InvalidMetadata(origin, f"is of version {own_version}, not {version}")
    return CoreMetadata(
        name=found,
        version=own_version,
        requires_python=next(iter(fields.get("requires-python", ())), ""),
        requirements=tuple([_requirement(text, data, origin) for text in fields.get("requires-dist", ())]),
        # An extra whose name is none cannot be asked for, so it does no harm.
        extras=frozenset(normalize_extra(extra) for extra in fields.get("provides-extra", ()) if is_valid_name(extra)),
    )


def _fields(data: bytes, origin: str) -> dict[str, list[str]]:
    end = _END_OF_HEADERS.search(data)
    head = data[: end.start()] if end is not None else data
    try:
        # Bytes that are not UTF-8 occur in the authors' names of old releases; nothing that is read here may hold them.
        return parse_headers(head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace"))
    except ValueError as error:
        raise InvalidMetadata(origin, f"does not parse: {error}") from error


def _one(fields: dict[str, list[str]], field: str, origin: str) -> str:
    values = fields.get(field, [])
    if not values or not values[0]:
        raise InvalidMetadata(origin, f"has no {field.title()}")
    if len(set(values)) > 1:
        raise InvalidMetadata(origin, f"has {len(values)} different values of {field.title()}")
    return values[0]


def _check_metadata_version(text: str, origin: str) -> None:
    match = _METADATA_VERSION.fullmatch(text)
    if match is None:
        raise InvalidMetadata(origin, f"has a Metadata-Version that is none: {text[:80]!r}")
    if int(match[1]) > _NEWEST_MAJOR:
        raise InvalidMetadata(origin, f"has Metadata-Version {text}; versions up to {_NEWEST_MAJOR}.x are known")


def _version(text: str, origin: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise InvalidMetadata(origin, f"has a version that is none: {text[:80]!r}") from error


def _requirement(text: str, data: bytes, origin: str) -> Requirement:
    try:
        return parse_requirement(" ".join(text.split("\n")))
    except parsers.requirements.InvalidRequirement as error:
        why = str(error).partition("\n")[0].rstrip(" .:")
        line = _line_of(text, data)
        raise InvalidMetadata(origin, f"has an invalid Requires-Dist on line {line}, {text[:200]!r}: {why}") from error


def _line_of(text: str, data: bytes) -> int:
    first = text.partition("\n")[0].encode()
    lines = data.split(b"\n")
    return next(
        (n for n, line in enumerate(lines, 1) if line.lower().startswith(b"requires-dist") and first in line), 0
    )
