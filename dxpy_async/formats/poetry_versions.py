"""Poetry's constraints on versions, with their carets and tildes, as the standard's specifiers and markers.

    ^1.2.3   >=1.2.3,<2.0.0      up to the next number that is not zero; ^0.2.3 is >=0.2.3,<0.3.0
    ~1.2.3   >=1.2.3,<1.3.0      up to the next minor version; ~1 is >=1,<2
    1.2.*    ==1.2.*             *: any
    >=1 <2, ^1 || ^2             all of them; one of them

Source: https://python-poetry.org/docs/dependency-specification/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers

_ALTERNATIVES = re.compile(r"\s*\|\|?\s*")
_CLAUSE = re.compile(
    r"\s*(?P<sign>\^|~=|~(?!=)|===|==|!=|<=|>=|<|>|=|)\s*(?P<version>[^\s,<>=!~^|]+(?:![^\s,<>=!~^|]+)?)\s*,?"
)


class Constraint(NamedTuple):
    """A specifier; `is_wider` when it allows more than the constraint, because it had a gap that none can say."""

    specifier: str
    is_wider: bool = False


def poetry_constraint(text: str) -> Constraint:
    """The specifier of a constraint, empty for any version. Raises ValueError for what is none."""
    alternatives = [_clauses(each) for each in _ALTERNATIVES.split(text.strip())]
    if len(alternatives) == 1:
        return Constraint(",".join(alternatives[0]))
    if not all(alternatives):
        return Constraint("")
    alternatives.sort(key=lambda clauses: Version(_bound(clauses, ">=") or "0.dev0"))
    lowest = [_bound(each, ">=") for each in alternatives]
    highest = [_bound(each, "<") for each in alternatives]
    adjacent = all(
        low is not None and high is not None and Version(low) <= Version(high)
        for high, low in zip(highest, lowest[1:], strict=False)
    )
    low, high = lowest[0], highest[-1]
    hull = [*([f">={low}"] if low else []), *([f"<{high}"] if high else [])]
    return Constraint(",".join(hull), not adjacent)


def poetry_python_marker(text: str) -> str:
    """The marker for a constraint on Python, empty for any. Raises ValueError for what is none."""
    alternatives = [_clauses(each) for each in _ALTERNATIVES.split(text.strip())]
    if not all(alternatives):
        return ""
    joined = [" and ".join(map(_python_clause, each)) for each in alternatives]
    marker = joined[0] if len(joined) == 1 else " or ".join(f"({each})" for each in joined)
    return str(parsers.markers.Marker(marker))


def _python_clause(clause: str) -> str:
    sign, version = re.fullmatch(r"([<>=!~]+)(.+)", clause).groups()  # type: ignore[union-attr] # _clauses made it
    if version.endswith(".*"):
        return (
            f'python_version {sign} "{version[:-2]}"'
            if version.count(".") == 2
            else f'python_full_version {sign} "{version}"'
        )
    release = Version(version).release
    if len(release) <= 2 or (len(release) == 3 and release[2] == 0 and sign in (">=", "<")):
        minor = ".".join(map(str, (*release, 0)[:2]))
        return f'python_version {sign} "{minor}"'
    return f'python_full_version {sign} "{version}"'


def _clauses(text: str) -> list[str]:
    """The clauses of one alternative, which all have to hold; none for any version."""
    found: list[str] = []
    place = 0
    while place < len(text):
        match = _CLAUSE.match(text, place)
        if match is None:
            raise ValueError(f"`{text}` is no constraint")
        found += _clause(match["sign"], match["version"])
        place = match.end()
    return list(dict.fromkeys(found))


def _clause(sign: str, version: str) -> list[str]:
    if version in ("*", "x", "X") and sign in ("", "=", "=="):
        return []
    if version.endswith((".*", ".x")):
        stem = _checked(re.sub(r"(?:\.[*x])+$", "", version))
        return [f"{'!=' if sign == '!=' else '=='}{stem}.*"]
    _checked(version)
    release = Version(version).release
    if sign == "^":
        place = next((at for at, number in enumerate(release) if number), len(release) - 1)
        return [f">={version}", f"<{_stepped(Version(version), place)}"]
    if sign == "~":
        return [f">={version}", f"<{_stepped(Version(version), min(1, len(release) - 1))}"]
    return [f"{'==' if sign in ('', '=') else sign}{version}"]


def _checked(version: str) -> str:
    try:
        Version(version)
    except InvalidVersion as error:
        raise ValueError(f"`{version}` is no version") from error
    return version


def _stepped(version: Version, place: int) -> str:
    """The first version behind all that have the same numbers up to `place`."""
    release = (*version.release, 0, 0, 0)[: max(3, len(version.release))]
    epoch = f"{version.epoch}!" if version.epoch else ""
    numbers = (*release[:place], release[place] + 1, *[0] * (len(release) - place - 1))
    return epoch + ".".join(map(str, numbers))


def _bound(clauses: Sequence[str], sign: str) -> str | None:
    """The version in the clause with `sign`, which `==1.2.*` has too."""
    for clause in clauses:
        if clause.startswith(sign) and not clause.startswith(f"{sign}="):
            return clause.removeprefix(sign)
        if clause.startswith("==") and clause.endswith(".*"):
            stem = Version(clause[2:-2])
            return str(stem) if sign == ">=" else _stepped(stem, len(stem.release) - 1)
    return None
