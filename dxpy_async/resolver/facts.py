"""The facts that a resolution rests on: the leaves of every proof, and what a report puts into words."""

from __future__ import annotations

from dxpy_async.core.amendments import Statement
from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.requirements import Requirement
from dxpy_async.resolver.candidates import Refused
from dxpy_async.resolver.deduction import Fact, Package


@dataclass(frozen=True, slots=True, eq=False)
class Asked(Fact):
    """The user requires `target` to be one of `allowed`; `place` is where among all that the user requires."""

    place: int
    requirement: Requirement
    target: Package
    allowed: int


@dataclass(frozen=True, slots=True, eq=False)
class Depends(Fact):
    """Some candidates of `parent` (the incompatibility says which) require `target` to be one of `allowed`.

    `requirement` is None when several requirements were taken together; then `allowed` has what any of them allows.
    """

    parent: Package
    requirement: Requirement | None
    target: Package
    allowed: int


@dataclass(frozen=True, slots=True, eq=False)
class Constrained(Fact):
    """A constraint of the user's lets `target` be only one of `allowed`, if anything."""

    target: Package
    statement: Statement
    allowed: int


@dataclass(frozen=True, slots=True, eq=False)
class Unusable(Fact):
    """Some candidates of `package` (the incompatibility says which) cannot be picked; `verdicts` has why, by place."""

    package: Package
    verdicts: dict[int, Refused] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class SameVersion(Fact):
    """An extra goes with the very version that its project is picked in."""
