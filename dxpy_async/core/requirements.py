"""Requirements (PEP 508) as values, and the evaluation of their markers against an environment.

`packaging` parses; what is kept is text in its normalised form, because a lock, a cache and the solver all want text
they can compare and store. Parsing and evaluating are remembered, since a resolution meets the same few hundred texts
thousands of times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement

from dxpy_async.core.names import normalize, normalize_extra
from dxpy_async.core.requirement_values import Requirement

__all__ = ["InvalidRequirement", "Requirement", "marker_holds", "parse_requirement"]


@lru_cache(maxsize=65_536)
def parse_requirement(text: str) -> Requirement:
    """Read one requirement. Raises `packaging.requirements.InvalidRequirement`, whose text points at the mistake.

    Source: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
    """
    try:
        parsed = ParsedRequirement(text)
    except RecursionError as error:
        raise InvalidRequirement(f"the requirement is nested too deeply: {text[:80]!r}…") from error
    return Requirement(
        name=normalize(parsed.name),
        extras=tuple(sorted({normalize_extra(extra) for extra in parsed.extras})),
        specifier=str(parsed.specifier),
        url=parsed.url,
        marker=str(parsed.marker) if parsed.marker is not None else "",
    )


@lru_cache(maxsize=65_536)
def _marker(text: str) -> Marker:
    return Marker(text)


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
    return _marker(marker).evaluate({**environment, "extra": extra})
