"""Pins out of the locks of other tools: pylock.toml, requirements.txt, uv, Poetry, PDM and Pipenv; and our own.

Only names, versions and markers are taken: what is locked from them is resolved anew, with the hashes of the index.

Sources: https://packaging.python.org/en/latest/specifications/pylock-toml/
https://pip.pypa.io/en/stable/reference/requirements-file-format/ https://docs.astral.sh/uv/concepts/projects/layout/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from packaging.version import InvalidVersion, Version

from dxpy_async.core import limits, parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.pins import WantedPin, pins_of
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import InvalidLock
from dxpy_async.formats import dpl_layout
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.formats.pylock import validate_pylock
from dxpy_async.formats.requirement_lines import logical_lines, without_options
from dxpy_async.formats.toml_text import parse_toml

_UV_VERSION = 1
_PIPFILE_LOCK = "Pipfile.lock"
_LOCAL_SOURCES = frozenset(["editable", "virtual", "directory"])
"""Sources that are projects in the making: their versions are those of the day."""
_OTHER_SOURCES = re.compile(r"(?:-[rce]|--(?:requirement|constraint|editable))\b")
_PIN = re.compile(r"={2,3}\s*([^,*\s]+)")


@dataclass(frozen=True, slots=True)
class ForeignPins:
    """What a lock pins, in its order; `left_out` are the parts of a requirements.txt that pin nothing, in words."""

    pins: tuple[WantedPin, ...]
    left_out: tuple[str, ...] = ()


def read_pins(content: bytes, *, file: str) -> ForeignPins:
    """The pins in the bytes of a lock; its form is known by its name and content. Raises InvalidLock."""
    if content.startswith(dpl_layout.MAGIC):
        with DplLockFile(content, file=file) as lock:
            return ForeignPins(tuple(WantedPin(*pin) for pin in pins_of(lock.to_lock()).items()))
    if len(content) > limits.LOCK_BYTES:
        raise InvalidLock(file, f"has {len(content)} bytes, the limit for a lock is {limits.LOCK_BYTES}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidLock(file, "is not UTF-8 text", offset=error.start) from error
    if PurePath(file).name == _PIPFILE_LOCK:
        return ForeignPins(tuple(_pipfile_pins(text, file)))
    if PurePath(file).suffix in (".toml", ".lock"):
        return ForeignPins(tuple(_toml_pins(parse_toml(text, file=file), file)))
    return _requirements_pins(text, file)


def _toml_pins(document: Mapping[str, Any], file: str) -> Iterator[WantedPin]:
    metadata = document.get("metadata")
    if "lock-version" in document:
        return _pylock_pins(document, file)
    if isinstance(metadata, dict) and metadata.keys() & {"lock-version", "lock_version"}:
        return _package_pins(document, file)
    if isinstance(document.get("version"), int):
        if document["version"] != _UV_VERSION:
            raise InvalidLock(file, f"is in version {document['version']} of uv's format, known is {_UV_VERSION}")
        return _package_pins(document, file)
    raise InvalidLock(file, "is not a lock: neither a pylock.toml nor one of uv, Poetry or PDM")


def _pylock_pins(document: Mapping[str, Any], file: str) -> Iterator[WantedPin]:
    for package in validate_pylock(document, file=file).packages:
        if package.version is not None and package.directory is None:
            markers = (str(package.marker),) if package.marker is not None else ()
            yield WantedPin(normalize(package.name), package.version, markers)


def _package_pins(document: Mapping[str, Any], file: str) -> Iterator[WantedPin]:
    """The `[[package]]` tables of uv.lock, poetry.lock and pdm.lock, which differ in how they write markers."""
    packages = document.get("package", [])
    if not isinstance(packages, list):
        raise InvalidLock(file, "has a `package` that is not an array of tables")
    for number, package in enumerate(packages, start=1):
        name = package.get("name") if isinstance(package, dict) else None
        if not isinstance(name, str) or not is_valid_name(name):
            raise InvalidLock(file, f"has no valid name for its package number {number}")
        if "version" not in package or _is_local(package.get("source")):
            continue
        yield WantedPin(normalize(name), _version(package["version"], name, file), _markers(package))


def _is_local(source: object) -> bool:
    return isinstance(source, dict) and (bool(source.keys() & _LOCAL_SOURCES) or source.get("type") in _LOCAL_SOURCES)


def _version(text: object, name: str, file: str) -> Version:
    try:
        if isinstance(text, str):
            return Version(text)
    except InvalidVersion:
        pass
    raise InvalidLock(file, f"has version {text!r} for `{name}`, which is none")


def _markers(package: Mapping[str, Any]) -> tuple[str, ...]:
    """uv: a list; Poetry: a text, or one for each group; PDM: a text."""
    found = package.get("resolution-markers") or package.get("markers") or package.get("marker") or []
    if isinstance(found, dict):
        found = list(found.values())
    alternatives = found if isinstance(found, list) else [found]
    return tuple(marker for marker in alternatives if isinstance(marker, str) and marker)


def _pipfile_pins(text: str, file: str) -> Iterator[WantedPin]:
    """Of a Pipfile.lock all keys but `_meta` are groups of packages, each with a `version` like `==1.0` or a place."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidLock(file, f"is not JSON: {str(error)[:80]}") from error
    groups = document if isinstance(document, dict) else {}
    for group, packages in groups.items():
        for name, package in packages.items() if group != "_meta" and isinstance(packages, dict) else ():
            if not is_valid_name(name) or not isinstance(package, dict):
                raise InvalidLock(file, f"has `{str(name)[:80]}` in `{group}`, which is no package")
            if "version" in package:
                version = str(package["version"]).removeprefix("==")
                yield WantedPin(normalize(name), _version(version, name, file), _markers(package))


def _requirements_pins(text: str, file: str) -> ForeignPins:
    pins: list[WantedPin] = []
    left_out: list[str] = []
    for number, line in logical_lines(text):
        if line.startswith("-"):
            if _OTHER_SOURCES.match(line):
                left_out.append(f"line {number}: `{line}`")
            continue
        wanted = without_options(line)
        try:
            requirement = parse_requirement(wanted)
        except parsers.requirements.InvalidRequirement as error:
            if "/" not in wanted and not wanted.endswith(".whl"):  # pip takes addresses and paths as well
                reason = str(error).partition("\n")[0]
                raise InvalidLock(file, f"has no requirement in line {number}, `{wanted[:80]}`: {reason}") from error
            left_out.append(f"line {number}: `{wanted}`")
            continue
        pinned = _PIN.fullmatch(requirement.specifier) if requirement.url is None else None
        if pinned is None:
            left_out.append(f"line {number}: `{wanted}`")
            continue
        version = _version(pinned[1], requirement.name, file)
        pins.append(WantedPin(requirement.name, version, (requirement.marker,) if requirement.marker else ()))
    return ForeignPins(tuple(pins), tuple(left_out))
