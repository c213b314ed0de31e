"""A requirement as a value, apart from its parsing, so that a lock is read without the parser being loaded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dxpy_async.core.names import ExtraName, ProjectName


class Requirement(NamedTuple):
    """One requirement: `name[extras]specifier; marker`, or `name[extras] @ url; marker`.

    `specifier` and `marker` are normalised text, empty when there is none; `extras` are sorted. A tuple, since that is
    made, compared and hashed several times as fast as a frozen dataclass, and a resolution makes tens of thousands.
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


RequirementRow = tuple[str, tuple[str, ...], str, str | None, str]
"""The fields of a requirement, in order."""

new_tuple = tuple.__new__
"""`new_tuple(Requirement, row)`: the requirement of a row whose texts are normalised already, without its constructor,
which is two thirds of the cost."""


def requirements_of(rows: Iterable[RequirementRow]) -> tuple[Requirement, ...]:
    """Requirements of such rows; some projects have hundreds."""
    return tuple([new_tuple(Requirement, row) for row in rows])
