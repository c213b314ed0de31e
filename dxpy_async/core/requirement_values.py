"""A requirement as a value, apart from its parsing, so that a lock is read without the parser being loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dxpy_async.core.names import ExtraName, ProjectName


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement: `name[extras]specifier; marker`, or `name[extras] @ url; marker`.

    `specifier` and `marker` are normalised text, empty when there is none; `extras` are sorted.
    """

    name: ProjectName
    extras: tuple[ExtraName, ...] = ()
    specifier: str = ""
    url: str | None = None
    marker: str = ""

    def __str__(self) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        body = f"{self.name}{extras} @ {self.url}" if self.url else f"{self.name}{extras}{self.specifier}"
        if not self.marker:
            return body
        return f"{body} ; {self.marker}" if self.url else f"{body}; {self.marker}"


_new = object.__new__
_set_name, _set_extras, _set_specifier, _set_url, _set_marker = (
    getattr(Requirement, field).__set__ for field in Requirement.__slots__
)


def requirements_of(rows: Iterable[tuple[str, str, str, str, str]]) -> tuple[Requirement, ...]:
    """Requirements from texts that are normalised already: name, extras with commas, specifier, URL, marker.

    Without running the constructor, which is half of the cost; some projects have hundreds.
    """
    found = []
    for name, extras, specifier, url, marker in rows:
        requirement = _new(Requirement)
        _set_name(requirement, name)
        _set_extras(requirement, tuple(extras.split(",")) if extras else ())
        _set_specifier(requirement, specifier)
        _set_url(requirement, url or None)
        _set_marker(requirement, marker)
        found.append(requirement)
    return tuple(found)
