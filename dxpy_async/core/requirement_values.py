"""A requirement as a value, apart from its parsing, so that a lock is read without the parser being loaded."""

from __future__ import annotations

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
