"""Which of a project's versions a specifier allows, as a bit mask over the sorted list of them.

Each PEP 440 operator but `===` and `!=` allows one unbroken stretch of the version line, and `!=` all but one. So the
ends of the stretch are found by bisection, and only the few versions beside an end, where pre-, post- and local
releases have rules of their own, are put to `packaging`. The result is exactly what `SpecifierSet.contains(version,
prereleases=True)` says of each version; whether pre-releases are wanted is not a question for a specifier.

Source: https://packaging.python.org/en/latest/specifications/version-specifiers/
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache

from packaging.version import Version

from dxpy_async.core import parsers

__all__ = [
    "allows",
    "allows_python",
    "clauses_of",
    "final_allows",
    "has_lower_bound",
    "matching_mask",
    "mentions_prerelease",
    "normal_specifier",
    "pinned_versions",
    "plain_clauses",
]

Clause = tuple[str, str]
"""Operator and version of one clause."""

_PLAIN = re.compile(r"\s*(==|>=|<=|!=|~=|<|>)\s*([0-9]{1,9}(?:\.[0-9]{1,9})*)(\.\*)?\s*", re.ASCII)
"""A clause about a final version of epoch 0, as nearly all are."""


@lru_cache(maxsize=65_536)
def plain_clauses(specifier: str) -> tuple[Clause, ...] | None:
    """The clauses of a `specifier` in which all are plain, without the parser; None for others, also wrong ones."""
    clauses = []
    for part in specifier.split(",") if specifier else ():
        match = _PLAIN.fullmatch(part)
        if match is None:
            return None
        operator, version, wildcard = match.groups()
        if wildcard and operator not in ("==", "!="):
            return None
        if operator == "~=" and "." not in version:
            return None
        clauses.append((operator, version + (wildcard or "")))
    return tuple(clauses)


def _named(specifier: str) -> Sequence[Clause]:
    """The clauses of any `specifier`. Raises `packaging.specifiers.InvalidSpecifier`."""
    plain = plain_clauses(specifier)
    return [(clause.operator, clause.version) for clause in clauses_of(specifier)] if plain is None else plain


def normal_specifier(text: str) -> str:
    """`str(SpecifierSet(text))`. Raises `packaging.specifiers.InvalidSpecifier`."""
    plain = plain_clauses(text)
    if plain is None or len({operator for operator, _ in plain}) < len(plain):  # some may say the same
        return str(parsers.specifiers.SpecifierSet(text))
    return ",".join(sorted(operator + version for operator, version in plain))


def final_allows(operator: str, version: str, release: Sequence[int]) -> bool:
    """Whether a plain clause allows the final version of epoch 0 with these numbers."""
    numbers = _numbers(version)
    if version.endswith(".*"):
        return _begins_with(release, numbers) == (operator == "==")
    one, other = _significant(release), _significant(numbers)
    match operator:
        case ">=":
            return one >= other
        case "<":
            return one < other
        case "==":
            return one == other
        case "!=":
            return one != other
        case "<=":
            return one <= other
        case ">":
            return one > other
        case _:  # ~=
            return one >= other and _begins_with(release, numbers[:-1])


def allows(specifier: str, version: Version) -> bool:
    """What `SpecifierSet(specifier).contains(version, prereleases=True)` says.

    Raises `packaging.specifiers.InvalidSpecifier`.
    """
    return all(_contains(operator, text, version) for operator, text in _named(specifier))


def _significant(release: Sequence[int]) -> tuple[int, ...]:
    end = len(release)
    while end and not release[end - 1]:
        end -= 1
    return tuple(release[:end])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.removesuffix(".*").split(".")))


def _begins_with(release: Sequence[int], numbers: Sequence[int]) -> bool:
    return (*release, *[0] * len(numbers))[: len(numbers)] == tuple(numbers)


def matching_mask(specifier: str, versions: Sequence[Version]) -> int:
    """The versions that `specifier` (empty: any) allows: bit i stands for `versions[i]`.

    `versions` are distinct and sorted, oldest first. Raises `packaging.specifiers.InvalidSpecifier`.
    """
    mask = (1 << len(versions)) - 1
    for operator, text in _named(specifier):
        mask &= _clause_mask(operator, text, versions)
    return mask


@lru_cache(maxsize=65_536)
def clauses_of(specifier: str) -> tuple[parsers.specifiers.Specifier, ...]:
    """The clauses of `specifier`, all of which must hold. Raises `packaging.specifiers.InvalidSpecifier`."""
    return tuple(parsers.specifiers.SpecifierSet(specifier))


def _clause_mask(operator: str, text: str, versions: Sequence[Version]) -> int:
    if operator == "===":
        return sum(1 << place for place, version in enumerate(versions) if _contains(operator, text, version))
    if operator == "!=":
        return _stretch(0, len(versions)) & ~_clause_mask("==", text, versions)
    if text.endswith(".*"):
        return _prefix_mask(operator, text, Version(f"{text[:-2]}.dev0"), versions)
    return _ordered_mask(operator, text, Version(text), versions)


def _ordered_mask(operator: str, text: str, bound: Version, versions: Sequence[Version]) -> int:
    count = len(versions)
    if operator == ">=":
        return _stretch(bisect_left(versions, bound), count)
    if operator == "~=":
        return _prefix_mask(operator, text, bound, versions)
    if operator == ">":
        start = bisect_right(versions, bound)
        while start < count and not _contains(operator, text, versions[start]):  # post and local releases of the bound
            start += 1
        return _stretch(start, count)
    if operator == "<":
        stop = bisect_left(versions, bound)
        while stop and not _contains(operator, text, versions[stop - 1]):  # pre-releases of the bound
            stop -= 1
        return _stretch(0, stop)
    start = bisect_left(versions, bound) if operator == "==" else 0
    stop = bisect_left(versions, bound)
    while stop < count and _contains(operator, text, versions[stop]):  # the bound and its local releases
        stop += 1
    return _stretch(start, stop)


def _prefix_mask(operator: str, text: str, lowest: Version, versions: Sequence[Version]) -> int:
    start = bisect_left(versions, lowest)
    stop = bisect_left(versions, True, lo=start, key=lambda version: not _contains(operator, text, version))
    return _stretch(start, stop)


def _stretch(start: int, stop: int) -> int:
    return (1 << stop) - (1 << start) if start < stop else 0


def _contains(operator: str, text: str, version: Version) -> bool:
    if not version.epoch and plain_clauses(operator + text) is not None:
        if not (version.is_prerelease or version.is_postrelease or version.local):
            return final_allows(operator, text, version.release)
        # the rules for pre-, post- and local releases are about those of the very release that is named
        if operator in (">=", ">", "<", "<=") and _significant(version.release) != _significant(_numbers(text)):
            return final_allows(operator, text, version.release)
    return _clause(operator, text).contains(version, prereleases=True)


@lru_cache(maxsize=4096)
def _clause(operator: str, text: str) -> parsers.specifiers.Specifier:
    return parsers.specifiers.Specifier(operator + text)


def mentions_prerelease(specifier: str) -> bool:
    """Whether a clause other than `!=` names a pre-release, which is how a requirement asks for them."""
    if plain_clauses(specifier) is not None:
        return False
    for clause in clauses_of(specifier):
        if clause.operator in ("!=", "===") or clause.version.endswith(".*"):
            if clause.operator == "===" and clause.prereleases:
                return True
            continue
        if Version(clause.version).is_prerelease:
            return True
    return False


def has_lower_bound(specifier: str) -> bool:
    """Whether a clause ends the versions that are allowed at the lower end."""
    return any(operator not in ("<", "<=", "!=") for operator, _ in _named(specifier))


def pinned_versions(specifier: str) -> tuple[str, ...]:
    """The versions that `==` and `===` clauses name outright, as written, without those that end in `.*`."""
    return tuple(
        version for operator, version in _named(specifier) if operator in ("==", "===") and not version.endswith(".*")
    )


@lru_cache(maxsize=16_384)
def allows_python(requires_python: str, python: Version) -> bool:
    """Whether `requires_python` (empty: any) allows the interpreter version `python`.

    A pre-release of Python counts as the release it leads to, since `>=3.14` is meant to include 3.14.0rc1. A text that
    does not parse refuses nothing, as with pip: old releases carry a few, and their authors meant no harm.
    """
    plain = plain_clauses(requires_python)
    if plain is not None and not python.epoch:
        return all(final_allows(operator, version, python.release) for operator, version in plain)
    try:
        return parsers.specifiers.SpecifierSet(requires_python).contains(python.base_version, prereleases=True)
    except parsers.specifiers.InvalidSpecifier:
        return True
