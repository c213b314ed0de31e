"""A specifier as ranges of packed keys, so that whether it allows a version is a matter of comparing numbers.

Among the versions that fit a key (`packed_versions`) every PEP 440 operator but `===` is a few half-open ranges. V+1 is
the key after V's; *release* is V's without what follows its numbers (the key of its `.dev0`), *next* the release after:

    >=V     [V, end)                      ==V, !=V    [V, V+1) and all but that: local versions of V have no key
    <=V     [0, V+1)                      ==V.*       [release, the first of the next with other numbers than V's)
    <V      [0, V); [0, release) when V is final, for its pre-releases do not count as earlier
    >V      [V+1, end); [next, end) when V is final, for its post-releases do not count as later
    ~=V     [V, the first of those that differ from V in a number before the last)

Pre-releases of post-releases, post- and dev-releases of pre-releases have no key, so what the operators say of them
need not be said here.

Source: https://packaging.python.org/en/latest/specifications/version-specifiers/#version-specifiers
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.packed_versions import (
    FINAL,
    KEY_END,
    PACKED_KEY_BYTES,
    RELEASE_NUMBERS,
    release_key,
    span_below,
    version_key,
)
from dxpy_async.core.specifiers import clauses_of, plain_clauses

KeyRanges = tuple[tuple[int, int], ...]
"""Ranges of keys, each from its first number to before its second; in order, apart, and none empty."""

_Stretch = tuple[int, int]
_SPAN = span_below(RELEASE_NUMBERS)

_SIMPLE = re.compile(r"\s*(==|>=|<=|!=|<|>)\s*([0-9][0-9a-z.]*)\s*", re.ASCII)
"""A clause that takes every version, without the parser that tells which take some only."""


@lru_cache(maxsize=65_536)
def range_bounds(specifier: str) -> tuple[bytes, ...] | None:
    """The ends of `key_ranges(specifier)`, first and second in turn, as they stand in a table of keys."""
    ranges = key_ranges(specifier)
    if ranges is None:
        return None
    return tuple([bound.to_bytes(PACKED_KEY_BYTES, "big") for stretch in ranges for bound in stretch])


def key_ranges(specifier: str) -> KeyRanges | None:
    """The keys of the versions that `specifier` (empty: any) allows, whether they are pre-releases or not.

    None when keys cannot say it: for `===`, which compares texts, and when a version in it does not fit a key. Raises
    `packaging.specifiers.InvalidSpecifier`.
    """
    first, end = 0, KEY_END
    excluded: list[_Stretch] = []
    plain = _plain_stretches(specifier)
    for operator, stretch in _stretches(specifier) if plain is None else plain:
        if stretch is None:
            return None
        if operator == "!=":
            excluded.append(stretch)
        else:
            first, end = max(first, stretch[0]), min(end, stretch[1])
    return _without(first, end, sorted(excluded)) if excluded or first >= end else ((first, end),)


def _without(first: int, end: int, excluded: list[_Stretch]) -> KeyRanges:
    ranges = []
    for start, stop in excluded:
        if first < min(start, end):
            ranges.append((first, min(start, end)))
        first = max(first, stop)
    if first < end:
        ranges.append((first, end))
    return tuple(ranges)


def _plain_stretches(specifier: str) -> list[tuple[str, _Stretch | None]] | None:
    """`_stretches` of a specifier in which all is plain, in a third of the time; None for others, also wrong ones."""
    clauses = plain_clauses(specifier)
    if clauses is None:
        return None
    stretches = []
    for operator, version in clauses:
        numbers = tuple(map(int, version.removesuffix(".*").split(".")))
        if version.endswith(".*"):
            stretches.append((operator, _series(0, numbers)))
            continue
        release = release_key(0, numbers)
        stretch = None if release is None else _stretch(operator, release + FINAL, 0, numbers)
        stretches.append((operator, stretch))
    return stretches


def _stretches(specifier: str) -> Iterator[tuple[str, _Stretch | None]]:
    """Of each clause its operator and the one range that it is about: what it allows, for `!=` what it excludes."""
    parts = [_SIMPLE.fullmatch(part) for part in specifier.split(",")] if specifier else []
    if None not in parts:
        try:
            simple = [(match[1], Version(match[2])) for match in parts if match is not None]
        except InvalidVersion:
            simple = []
        if simple or not specifier:
            yield from [(operator, _stretch_around(operator, version)) for operator, version in simple]
            return
    for clause in clauses_of(specifier):
        yield clause.operator, _stretch_of(clause)


def _stretch_of(clause: parsers.specifiers.Specifier) -> _Stretch | None:
    if clause.operator == "===":
        return None
    if clause.version.endswith(".*"):
        prefix = Version(clause.version[:-2])
        return _series(prefix.epoch, prefix.release)
    return _stretch_around(clause.operator, Version(clause.version))


def _stretch_around(operator: str, version: Version) -> _Stretch | None:
    key = version_key(version)
    return None if key is None else _stretch(operator, key, version.epoch, version.release)


def _stretch(operator: str, key: int, epoch: int, numbers: Sequence[int]) -> _Stretch | None:
    release = key - key % _SPAN
    is_final = key - release == FINAL
    match operator:
        case ">=":
            return key, KEY_END
        case "<":
            return 0, release if is_final else key
        case "<=":
            return 0, key + 1
        case ">":
            return min(release + _SPAN, KEY_END) if is_final else key + 1, KEY_END
        case "~=":
            series = _series(epoch, numbers[:-1])
            return None if series is None else (key, series[1])
        case _:
            return key, key + 1


def _series(epoch: int, numbers: Sequence[int]) -> _Stretch | None:
    """The versions whose release begins with `numbers`, when those have room in a key."""
    first = release_key(epoch, numbers)
    if first is None or len(numbers) > RELEASE_NUMBERS:
        return None
    return first, min(first + span_below(len(numbers)), KEY_END)
