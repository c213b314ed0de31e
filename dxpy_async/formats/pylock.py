"""`pylock.toml`, the lock that all tools read: written from a lock of ours, and read for its pins.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from packaging.pylock import Package, PackageArchive, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from dxpy_async.core.locked_sources import directory_of_source, git_of_source
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, Source, SourceKind
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.selection import reached_from
from dxpy_async.core.source_urls import ArchiveUrl, parse_source_url, path_of_file_url
from dxpy_async.core.wheel_names import is_wheel_name
from dxpy_async.errors import InvalidLock, LockError
from dxpy_async.formats.lock_text import upload_time_text
from dxpy_async.formats.toml_text import parse_toml

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_UNSAFE = re.compile(r'["\\\x00-\x1f\x7f]')
_MARKER_NAMES = re.compile(
    r"\b(?:os_name|sys_platform|platform_machine|platform_python_implementation|platform_release|platform_system"
    r"|platform_version|python_version|python_full_version|implementation_name|implementation_version)\b"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_pylock(
    lock: Lock, *, default_groups: Collection[str] = (), without: Collection[ProjectName] = frozenset()
) -> str:
    """The text of `pylock.toml` for `lock`, all but the projects in `without`; the same lock gives the same text.

    It is for environments in which the markers that occur in the lock have the values that the lock was made for. A
    release that only extras or dependency groups of the project need has a marker that says so. Files without a hash,
    or with a name that is not a standard one for the release, have no place in the format and are left out; raises
    LockError for a release that has no other.
    """
    return "\n".join(_document(lock, default_groups, without)) + "\n"


def _document(lock: Lock, default_groups: Collection[str], without: Collection[ProjectName]) -> Iterator[str]:
    yield 'lock-version = "1.0"'
    if environment := _environment(lock):
        yield f"environments = [{_string(environment)}]"
    if _is_specifier(lock.requires_python):
        yield f"requires-python = {_string(lock.requires_python)}"
    for key, values in (
        ("extras", lock.roots.optional),
        ("dependency-groups", lock.roots.groups),
        ("default-groups", default_groups),
    ):
        if values:
            yield f"{key} = [{', '.join(map(_string, sorted(values)))}]"
    yield 'created-by = "dxpy"'
    packages = [package for package in lock.packages if package.name not in without]
    if not packages:
        yield "packages = []"
    markers = _reach_markers(lock)
    versions: dict[str, set[str]] = {}
    for package in packages:
        versions.setdefault(package.name, set()).add(package.version)
    for package in packages:
        yield ""
        yield from _package(package, markers.get(package.name, ""), versions)


def _environment(lock: Lock) -> str:
    """The values of those variables that some marker in the lock asks about."""
    requirements = [
        *lock.roots.requirements,
        *(each for asked in lock.roots.optional.values() for each in asked),
        *(each for asked in lock.roots.groups.values() for each in asked),
        *(each for package in lock.packages for each in package.requirements),
    ]
    asked_about = {name for requirement in requirements for name in _MARKER_NAMES.findall(requirement.marker)}
    return " and ".join(
        f"{name} == {_marker_string(lock.environment[name])}" for name in sorted(asked_about & lock.environment.keys())
    )


def _marker_string(text: str) -> str:
    return f"'{text}'" if "'" not in text else f'"{text}"'


def _reach_markers(lock: Lock) -> dict[ProjectName, str]:
    """For each project that the project's own requirements do not reach: by which extras and groups it is reached."""
    if not lock.roots.optional and not lock.roots.groups:
        return {}
    base = reached_from(lock, lock.environment)
    reasons: dict[ProjectName, list[str]] = {}
    for extra in sorted(lock.roots.optional):
        for name in reached_from(lock, lock.environment, extras=(extra,)) - base:
            reasons.setdefault(name, []).append(f"'{extra}' in extras")
    for group in sorted(lock.roots.groups):
        for name in reached_from(lock, lock.environment, groups=(group,)) - base:
            reasons.setdefault(name, []).append(f"'{group}' in dependency_groups")
    return {name: " or ".join(found) for name, found in reasons.items()}


def _package(package: LockedPackage, marker: str, versions: Mapping[str, Collection[str]]) -> Iterator[str]:
    yield "[[packages]]"
    yield f"name = {_string(package.name)}"
    if not package.source.kind.is_tree:  # the version of a tree is whatever it says when it is built
        yield f"version = {_string(package.version)}"
    if marker:
        yield f"marker = {_string(marker)}"
    if _is_specifier(package.requires_python):
        yield f"requires-python = {_string(package.requires_python)}"
    dependencies = sorted({requirement.name for requirement in package.requirements if requirement.name in versions})
    if dependencies:
        yield f"dependencies = [{', '.join(f'{{ name = {_string(name)} }}' for name in dependencies)}]"
    if package.source.kind.is_tree:
        yield _tree(package.source)
        return
    is_named = package.source.kind is SourceKind.DIRECT
    wheels = [wheel for wheel in package.wheels if _has_place(wheel, package)]
    sdist = package.sdist if package.sdist is not None and (is_named or _has_place(package.sdist, package)) else None
    if sdist is not None and not sdist.hashes:
        sdist = None
    if not wheels and sdist is None:
        raise LockError(
            f"`{package.name}` {package.version} has no file with a hash and a standard name, which pylock.toml needs",
            hints=("`dxpy.lock` itself needs neither",),
        )
    if is_named:
        found = parse_source_url(package.source.url)
        below = found.subdirectory if isinstance(found, ArchiveUrl) else ""
        yield f"archive = {_file((*wheels, *([sdist] if sdist else []))[0], is_archive=True, below=below)}"
        return
    if package.source.kind is SourceKind.INDEX:
        yield f"index = {_string(package.source.url)}"
    if sdist is not None:
        yield f"sdist = {_file(sdist)}"
    if wheels:
        yield "wheels = ["
        yield from (f"  {_file(wheel)}," for wheel in wheels)
        yield "]"


def _has_place(file: LockedFile, package: LockedPackage) -> bool:
    parse = parse_wheel_filename if file.filename.endswith(".whl") else parse_sdist_filename
    try:
        name, version, *_ = parse(file.filename)
        return bool(file.hashes) and normalize(name) == package.name and version == Version(package.version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return False


def _tree(source: Source) -> str:
    """A directory, or a commit."""
    directory = directory_of_source(source)
    if directory is not None:
        facts = {"path": _string(directory.path)}
        facts |= {"editable": "true"} if directory.is_editable else {}
        return f"directory = {_table(facts, directory.subdirectory)}"
    git = git_of_source(source)
    facts = {"type": '"git"', "url": _string(git.asked.repository)}
    facts |= {"requested-revision": _string(git.asked.revision)} if git.asked.revision else {}
    return f"vcs = {_table(facts | {'commit-id': _string(git.commit)}, git.asked.subdirectory)}"


def _table(facts: Mapping[str, str], below: str) -> str:
    parts = {**facts, **({"subdirectory": _string(below)} if below else {})}
    return f"{{ {', '.join(f'{key} = {value}' for key, value in parts.items())} }}"


def _file(file: LockedFile, *, is_archive: bool = False, below: str = "") -> str:
    facts = []
    if not is_archive and _last_part(file.url) != file.filename:
        facts.append(f"name = {_string(file.filename)}")
    if file.upload_time is not None and (moment := upload_time_text(file.upload_time)) is not None:
        facts.append(f"upload-time = {moment}")
    is_relative = file.url.startswith("file:") and not file.url.startswith("file:/")
    facts.append(f"path = {_string(path_of_file_url(file.url))}" if is_relative else f"url = {_string(file.url)}")
    if file.size is not None:
        facts.append(f"size = {file.size}")
    hashes = ", ".join(f"{_key(algorithm)} = {_string(file.hashes[algorithm])}" for algorithm in sorted(file.hashes))
    facts.append(f"hashes = {{ {hashes} }}")
    facts += [f"subdirectory = {_string(below)}"] if below else []
    return f"{{ {', '.join(facts)} }}"


def _is_specifier(text: str) -> bool:
    if not text:
        return False
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False  # an index serves such texts for old releases; the format wants valid ones
    return True


def _key(text: str) -> str:
    return text if _BARE_KEY.fullmatch(text) else _string(text)


def _string(text: str) -> str:
    return f'"{_UNSAFE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


def read_pylock(text: str, *, file: str = "pylock.toml") -> tuple[LockedPackage, ...]:
    """The pins of a `pylock.toml`: every release with a version, with its files, in the file's order.

    Entries without a version (directories, repositories) pin nothing and are left out. A file given by path has the
    path as its url. Raises InvalidLock.
    """
    pylock = validate_pylock(parse_toml(text, file=file), file=file)
    return tuple(_pin(package, str(package.version)) for package in pylock.packages if package.version is not None)


def validate_pylock(document: Mapping[str, Any], *, file: str) -> Pylock:
    """`document` as what `packaging` makes of a pylock.toml. Raises InvalidLock."""
    try:
        return Pylock.from_dict(document)
    except PylockValidationError as error:
        raise InvalidLock(file, f"is not a pylock.toml: {error}") from error


def _pin(package: Package, version: str) -> LockedPackage:
    wheels: Sequence[LockedFile] = [_locked(wheel.filename, wheel) for wheel in package.wheels or ()]
    sdist = _locked(package.sdist.filename, package.sdist) if package.sdist is not None else None
    source = Source(SourceKind.INDEX, package.index or "")
    if package.archive is not None:
        address = package.archive.url or package.archive.path or ""
        file = _locked(_last_part(address), package.archive)
        source = Source(SourceKind.DIRECT, address)
        wheels, sdist = ([file], None) if is_wheel_name(file.filename) else ([], file)
    return LockedPackage(
        name=normalize(package.name),
        version=version,
        source=source,
        requires_python=str(package.requires_python or ""),
        wheels=tuple(wheels),
        sdist=sdist,
    )


def _locked(filename: str, file: PackageWheel | PackageSdist | PackageArchive) -> LockedFile:
    return LockedFile(
        filename=filename,
        url=file.url or file.path or "",
        size=file.size,
        upload_time=_microseconds(file.upload_time),
        hashes=dict(file.hashes),
    )


def _last_part(url: str) -> str:
    return unquote(url.partition("#")[0].partition("?")[0].rpartition("/")[2])


def _microseconds(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
