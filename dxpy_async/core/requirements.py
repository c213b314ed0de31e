"""Requirements (PEP 508) as values, and the evaluation of their markers against an environment.

`packaging` parses; what is kept is text in its normalised form, because a lock, a cache and the solver all want text
they can compare and store. Parsing and evaluating are remembered, since a resolution meets the same few hundred texts
thousands of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from dxpy_async.core import parsers
from dxpy_async.core.names import ExtraName, normalize, normalize_extra
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.specifiers import final_allows, normal_specifier, plain_clauses

__all__ = ["MarkerAnswers", "Requirement", "marker_holds", "parse_requirement"]


_NAME = "[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*"
_PLAIN = re.compile(
    rf"(?P<name>{_NAME}) *(?:\[ *(?P<extras>{_NAME}(?: *, *{_NAME})*) *\] *)?"
    r"(?:(?P<bare>[<>=!~][<>=!~0-9.*, ]*)|\((?P<bracketed>[<>=!~][<>=!~0-9.*, ]*)\) *)?(?:;(?P<marker>[^()]+))?"
)
"""A requirement without url, and without parentheses in its marker; what the parts are worth is others' to say."""
_PLAIN_CLAUSE = re.compile(
    r"(?P<variable>python_(?:full_)?version|sys_platform|platform_(?:system|machine|python_implementation)|os_name"
    r"|implementation_name|extra(?= *== *.[a-z0-9]+(?:-[a-z0-9]+)*.$)) *(?P<operator>[<>=!]=|<|>)"
    r""" *(?P<quote>['"])(?P<text>[A-Za-z0-9._-]+)(?P=quote)""",
    re.ASCII,
)
"""A comparison in a marker. An extra that is not in its normalised form is the parser's to bring into it."""
_JOINT = re.compile(" +(and|or) +")


@lru_cache(maxsize=65_536)
def parse_requirement(text: str) -> Requirement:
    """Read one requirement. Raises `packaging.requirements.InvalidRequirement`, whose text points at the mistake.

    Source: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
    """
    plain = _plain_requirement(text)
    if plain is not None:
        return plain
    try:
        parsed = parsers.requirements.Requirement(text)
    except RecursionError as error:
        raise parsers.requirements.InvalidRequirement(
            f"the requirement is nested too deeply: {text[:80]!r}…"
        ) from error
    return Requirement(
        name=normalize(parsed.name),
        extras=_normal_extras(parsed.extras),
        specifier=str(parsed.specifier),
        url=parsed.url,
        marker=str(parsed.marker) if parsed.marker is not None else "",
    )


def _plain_requirement(text: str) -> Requirement | None:
    """A requirement in which all is plain, as nearly all are, without the parser; None for others, also wrong ones."""
    parts = _PLAIN.fullmatch(text)
    if parts is None:
        return None
    specifier = parts["bare"] or parts["bracketed"] or ""
    if plain_clauses(specifier) is None:
        return None
    marker = _plain_marker(parts["marker"]) if parts["marker"] else ""
    if marker is None:
        return None
    extras = parts["extras"]
    return Requirement(
        name=normalize(parts["name"]),
        extras=_normal_extras(extras.replace(" ", "").split(",")) if extras else (),
        specifier=normal_specifier(specifier),
        marker=marker,
    )


def _normal_extras(extras: Iterable[str]) -> tuple[ExtraName, ...]:
    return tuple(sorted({normalize_extra(extra) for extra in extras}))


@lru_cache(maxsize=4096)
def _plain_marker(text: str) -> str | None:
    """A marker as `str(Marker(text))` has it; None when something in it is not plain."""
    words = _JOINT.split(text.strip(" "))
    for place in range(0, len(words), 2):
        clause = _PLAIN_CLAUSE.fullmatch(words[place])
        if clause is None:
            return None
        words[place] = f'{clause["variable"]} {clause["operator"]} "{clause["text"]}"'
    return " ".join(words)


@lru_cache(maxsize=65_536)
def _marker(text: str) -> parsers.markers.Marker:
    return parsers.markers.Marker(text)


_CLAUSE = r'(?:python_(?:full_)?version|sys_platform|platform_(?:system|machine)|os_name) [<>=!~]+ "[\w.]+"'
_FOR_AN_EXTRA = re.compile(rf'(?:{_CLAUSE} and )*extra == "(?P<extra>[a-z0-9]+(?:-[a-z0-9]+)*)"(?: and {_CLAUSE})*')
"""Markers so plain that they are seen, without being parsed, to hold only for one extra; nearly all that name one."""


def marker_holds(marker: str, environment: Mapping[str, str], extra: str = "") -> bool:
    """Whether `marker` (empty: always) holds in `environment` while `extra` is asked for (empty: none is)."""
    if not marker:
        return True
    only_for = _FOR_AN_EXTRA.fullmatch(marker)
    if only_for is not None and only_for["extra"] != extra:
        return False
    holds = _plainly_holds(marker, environment, extra)
    return _marker(marker).evaluate({**environment, "extra": extra}) if holds is None else holds


class MarkerAnswers:
    """Which requirements apply in one environment; each marker is evaluated once for each extra."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._holds: dict[tuple[str, str], bool] = {}

    def apply(self, requirement: Requirement, extra: str) -> bool:
        """Whether `requirement` counts while `extra` is asked for (empty: none is)."""
        if not requirement.marker:
            return True
        key = (requirement.marker, extra)
        holds = self._holds.get(key)
        if holds is None:
            holds = self._holds[key] = marker_holds(requirement.marker, self._environment, extra)
        return holds


_COMPARISON = re.compile(
    r'(?P<python>python_(?:full_)?version) (?P<operator>[<>=!]=|<|>) "(?P<version>[0-9]{1,9}(?:\.[0-9]{1,9})*)"'
    r"|(?P<name>sys_platform|platform_(?:system|machine|python_implementation)|os_name|implementation_name)"
    r' (?P<equal>[=!]=) "(?P<text>[A-Za-uw-z]\w*)"'
    r'|extra == "(?P<extra>[a-z]+(?:-[a-z]+)*)"',
    re.ASCII,
)
"""A comparison that means what it looks like. A text that could be a version (`v1`) may be compared as one."""
_INNERMOST = re.compile(r"\(([^()]*)\)")
_CONSTANT = ("\0", "\1")
"""What stands for parentheses that do not hold, and that do; no marker has these."""
_PLAIN_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})*", re.ASCII)


def _plainly_holds(marker: str, environment: Mapping[str, str], extra: str) -> bool | None:
    """`marker_holds` of a marker in which all is plain, without the parser; None for others."""
    while (inner := _INNERMOST.search(marker)) is not None:
        holds = _plainly_holds(inner[1], environment, extra)
        if holds is None:
            return None
        marker = f"{marker[: inner.start()]}{_CONSTANT[holds]}{marker[inner.end() :]}"
    holds = False
    for alternative in marker.split(" or "):
        comparisons = [_compared(part, environment, extra) for part in alternative.split(" and ")]
        if None in comparisons:
            return None
        holds = holds or all(comparisons)
    return holds


def _compared(text: str, environment: Mapping[str, str], extra: str) -> bool | None:
    if text in _CONSTANT:
        return text == _CONSTANT[True]
    match = _COMPARISON.fullmatch(text)
    if match is None:
        return None
    if match["extra"]:
        return match["extra"] == extra
    value = environment.get(match["python"] or match["name"])
    if value is None:
        return None
    if match["name"]:
        return (value == match["text"]) == (match["equal"] == "==")
    if _PLAIN_VERSION.fullmatch(value) is None or match["operator"] not in ("<", ">", "<=", ">=", "==", "!="):
        return None
    return final_allows(match["operator"], match["version"], [int(number) for number in value.split(".")])
