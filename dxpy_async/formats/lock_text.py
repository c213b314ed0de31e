"""A lock as text for people and for `git diff`: one fact or one file a line, always in the same order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dxpy_async.core.locked_parts import member_and_name
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots
from dxpy_async.core.requirement_values import Requirement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def describe_lock(lock: Lock, *, only: str | None = None) -> str:
    """Everything that `lock` holds, or the releases of the one project named.

    Control characters are escaped, so that no value can be taken for another line.
    """
    if only is None:
        blocks = [_head_lines(lock), *map(_package_lines, lock.packages)]
    else:
        blocks = [_package_lines(package) for package in lock.packages if package.name == only]
    return "\n".join("".join(f"{_printable(line)}\n" for line in block) for block in blocks)


def upload_time_text(microseconds: int) -> str | None:
    """`2024-01-31T12:00:00.000001Z` from microseconds since 1970; None outside of the years 1 to 9999."""
    try:
        moment = _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return None
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _head_lines(lock: Lock) -> Iterator[str]:
    yield "dxpy lock"
    if lock.project:
        yield f"project: {lock.project}"
    if lock.requires_python:
        yield f"requires-python: {lock.requires_python}"
    if lock.resolved_at:
        yield f"as of: {_time(lock.resolved_at)}"
    yield from (f"made where {name} = {lock.environment[name]}" for name in sorted(lock.environment))
    yield from (f"made with {name} = {lock.settings[name]}" for name in sorted(lock.settings))
    yield from _root_lines(lock.roots)


def _root_lines(roots: LockedRoots) -> Iterator[str]:
    yield from _needs("needs", roots.requirements)
    for extra in sorted(roots.optional):
        yield from _needs(_label("extra", extra), roots.optional[extra])
    for group in sorted(roots.groups):
        yield from _needs(_label("group", group), roots.groups[group])


def _label(kind: str, key: str) -> str:
    member, name = member_and_name(key)
    return f"{f'{kind} {name}' if name else ''}{' of ' if name and member else ''}{member} needs"


def _needs(label: str, requirements: tuple[Requirement, ...]) -> Iterator[str]:
    if not requirements and label != "needs":
        yield f"{label} nothing"
    yield from (f"{label} {requirement}" for requirement in requirements)


def _package_lines(package: LockedPackage) -> Iterator[str]:
    yield f"{package.name} {package.version}"
    yield f"  from {package.source.kind} {package.source.url}"
    if package.requires_python:
        yield f"  requires-python: {package.requires_python}"
    if package.extras:
        yield f"  extras: {', '.join(package.extras)}"
    yield from (f"  needs {requirement}" for requirement in package.requirements)
    yield from (_file_line("wheel", wheel) for wheel in package.wheels)
    if package.sdist is not None:
        yield _file_line("sdist", package.sdist)


def _file_line(kind: str, file: LockedFile) -> str:
    """Name and hashes come first; of an address that ends in the file's name only the rest is told: what it is in."""
    facts = [f"  {kind} {file.filename}"]
    facts += [f"{algorithm}:{file.hashes[algorithm]}" for algorithm in sorted(file.hashes)]
    facts += [f"{file.size} bytes"] if file.size is not None else []
    facts += [f"of {_time(file.upload_time)}"] if file.upload_time is not None else []
    beside = file.url.removesuffix(file.filename)
    facts += [f"at {file.url}" if beside == file.url else f"in {beside}"]
    return " ".join(facts)


def _time(microseconds: int) -> str:
    return upload_time_text(microseconds) or f"{microseconds} microseconds since 1970"


def _printable(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)
