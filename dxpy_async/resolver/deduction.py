"""Deduction over incompatibilities: unit propagation, conflict analysis and backjumping, knowing nothing of versions.

The theory is PubGrub's. A *package* is something of which at most one candidate may be selected. What is known of it
is a mask, an `int`: bit i says that candidate i is still possible, and the infinitely many bits above the candidates
(all set in a negative `int`) say that selecting none is. So a fresh package is -1; "one of S" is S, "none of S, or not
selected at all" is ~S; and for any two statements `&` is *both*, `|` is *either*, `~` is *not*.

An *incompatibility* is a set of statements (package → mask) that must never all be true. "a 1 depends on b<2" is
{a: {1}, b: ~{b<2}}. Against the current masks each statement is

    mask & term == mask    satisfied
    mask & term == 0       contradicted
    otherwise              open

    all satisfied                    a conflict
    all but one satisfied, it open   its negation follows (`derive`)
    any contradicted                 nothing, until that is undone
    two or more open                 nothing yet

Everything that is done is kept on a trail in order: decisions (which open a level) and derivations (which know the
incompatibility they follow from). A conflict is resolved with the causes on the trail, latest first, until it says
something that would have been enough to prevent it at an earlier level; it is learned, that level is returned to, and
it derives something new there. A conflict without statements left is a proof that there is no solution: the
incompatibilities it was made of are its derivation.

Source: https://github.com/dart-lang/pub/blob/master/doc/solver.md
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ExtraName
from dxpy_async.resolver.candidates import Candidates

FEW_OPEN = 64
"""So many incompatibilities a package looks at without asking which of them can still matter."""


class Package:
    """Something of which at most one candidate may be selected: a project, or one extra of it. Compared by identity.

    An extra has the candidates of its project and always goes with the project's own candidate.
    """

    __slots__ = (
        "candidates",
        "conflicts",
        "decision",
        "extra",
        "history",
        "incompatibilities",
        "mask",
        "mask_for_good",
        "most_open",
        "open",
    )

    def __init__(self, candidates: Candidates, extra: ExtraName | None = None) -> None:
        self.candidates, self.extra = candidates, extra
        self.mask = -1
        """What is known of it now."""
        self.mask_for_good = -1
        """What is known of it at level 0, and so in all that is still to come."""
        self.decision: int | None = None
        """The place of the candidate that was decided on."""
        self.conflicts = 0
        """How many learned incompatibilities speak of it."""
        self.history: list[Assignment] = []
        self.incompatibilities: list[Incompatibility] = []
        self.open: list[Incompatibility] = []
        """Those that are looked at. Others are contradicted for good."""
        self.most_open = FEW_OPEN

    def __repr__(self) -> str:
        extra = f"[{self.extra}]" if self.extra else ""
        return f"<{self.candidates.project}{extra} {self.mask:#b}>"


class Fact:
    """Why an incompatibility holds, when it is not derived from others."""

    __slots__ = ()


class Incompatibility:
    """Statements that must never all be true, and why: a fact of the world, or two others it was resolved from."""

    __slots__ = ("cause", "closed_for", "falsified", "terms")

    def __init__(self, terms: Mapping[Package, int], cause: Fact | Resolved) -> None:
        self.terms = dict(terms)
        self.cause = cause
        self.falsified: Assignment | None = None
        """While this assignment stands, one of the terms is contradicted and there is nothing to look at."""
        self.closed_for: list[Package] = []
        """The packages that do not look at it any more."""

    @property
    def is_idle(self) -> bool:
        """Whether one of the terms is contradicted for good."""
        return any(not package.mask_for_good & term for package, term in self.terms.items())


@dataclass(frozen=True, slots=True)
class Resolved:
    """The cause of a derived incompatibility: it follows from both of these."""

    conflict: Incompatibility
    other: Incompatibility


class Assignment:
    """One entry of the trail: `package` came to be known as `mask`, because of `own` and what was known before."""

    __slots__ = ("cause", "level", "mask", "own", "package", "place", "stands")

    def __init__(
        self,
        package: Package,
        own: int,
        cause: Incompatibility | None,
        level: int,
        place: int,
    ) -> None:
        self.package, self.own, self.cause, self.level, self.place = package, own, cause, level, place
        self.mask = package.mask & own
        self.stands = True


class Refuted(Exception):
    """There is no solution: an outcome, caught beside the deduction and never shown.

    `proof` is the incompatibility without statements, and its causes are the derivation.
    """

    def __init__(self, proof: Incompatibility) -> None:
        super().__init__("no solution")
        self.proof = proof


class Deduction:
    """What is known, what follows, and what to take back."""

    def __init__(self) -> None:
        self.level = 0
        self.decided = 0
        """How many projects, extras aside, are decided on."""
        self.conflicts = 0
        """How many conflicts there were."""
        self._trail: list[Assignment] = []
        self._changed: dict[Package, None] = {}
        self.touched: dict[Package, None] = {}
        """Packages whose mask changed, either way, since the owner last emptied this."""
        self.learned: list[Incompatibility] = []
        """What conflicts taught since the owner last emptied this."""

    def add(self, incompatibility: Incompatibility) -> None:
        """Hold `incompatibility` from now on; `propagate` draws conclusions. Raises Refuted when it has no terms."""
        if not incompatibility.terms:
            raise Refuted(incompatibility)
        for package in incompatibility.terms:
            package.incompatibilities.append(incompatibility)
            package.open.append(incompatibility)
            if len(package.open) > package.most_open:
                _close_idle(package)
        self._changed[next(iter(incompatibility.terms))] = None

    def widen(self, incompatibility: Incompatibility, package: Package, mask: int) -> None:
        """Let `incompatibility` hold for the candidates in `mask` of `package` too.

        Stronger is still right for everything that was derived from it: what it rests on has only become more likely.
        """
        incompatibility.terms[package] |= mask
        incompatibility.falsified = None
        for each in incompatibility.closed_for:
            each.open.append(incompatibility)
        incompatibility.closed_for.clear()
        self._changed[package] = None

    def decide(self, package: Package, place: int) -> None:
        """Select the candidate at `place` and open a level."""
        self.level += 1
        self.decided += package.extra is None
        package.decision = place
        self._assign(package, 1 << place, None)

    def would_conflict(self, incompatibility: Incompatibility, package: Package) -> bool:
        """Whether everything that `incompatibility` says of packages other than `package` is true already."""
        return all(other is package or other.mask & term == other.mask for other, term in incompatibility.terms.items())

    def propagate(self) -> None:
        """Draw all conclusions. Raises Refuted when they leave no solution."""
        changed = self._changed
        while changed:
            package, _ = changed.popitem()
            for incompatibility in reversed(package.open):
                falsified = incompatibility.falsified
                if falsified is not None and falsified.stands:
                    continue
                unsettled = None
                for other, term in incompatibility.terms.items():
                    mask = other.mask
                    common = mask & term
                    if common == mask:
                        continue
                    if not common:
                        incompatibility.falsified = other.history[-1]
                        break
                    if unsettled is not None:
                        break
                    unsettled = other
                else:
                    if unsettled is not None:
                        self._assign(unsettled, ~incompatibility.terms[unsettled], incompatibility)
                        incompatibility.falsified = unsettled.history[-1]
                        continue
                    changed.clear()
                    self._learn(incompatibility)
                    break

    def _assign(self, package: Package, own: int, cause: Incompatibility | None) -> None:
        assignment = Assignment(package, own, cause, self.level, len(self._trail))
        self._trail.append(assignment)
        package.history.append(assignment)
        package.mask = assignment.mask
        if not self.level:
            package.mask_for_good = assignment.mask
        self._changed[package] = None
        self.touched[package] = None

    def _learn(self, conflict: Incompatibility) -> None:
        """Find out what made `conflict` inevitable, hold it from now on, and go back to where it helps."""
        self.conflicts += 1
        given = conflict
        while conflict.terms:
            satisfier, level = self._satisfier(conflict)
            if satisfier.cause is None or level < satisfier.level:
                self.backtrack(level)
                if conflict is given:
                    self._changed[satisfier.package] = None
                else:
                    self.add(conflict)
                for package in conflict.terms:
                    package.conflicts += 1
                self.learned.append(conflict)
                return
            conflict = _resolve(conflict, satisfier.cause, satisfier.package)
        raise Refuted(conflict)

    def _satisfier(self, conflict: Incompatibility) -> tuple[Assignment, int]:
        """The assignment that made `conflict` true, and the level at which all the rest of it was true already."""
        satisfier: Assignment | None = None
        level = 0
        for package, term in conflict.terms.items():
            assignment = _first_within(package.history, term)
            if satisfier is None:
                satisfier = assignment
            elif assignment.place > satisfier.place:
                level = max(level, satisfier.level)
                satisfier = assignment
            else:
                level = max(level, assignment.level)
        assert satisfier is not None, "a conflict without statements has no satisfier"
        outside = ~conflict.terms[satisfier.package]
        if satisfier.own & outside:  # it needed what was known of its own package before
            needed = _first_within(satisfier.package.history, ~(satisfier.own & outside))
            level = max(level, needed.level)
        return satisfier, level

    def backtrack(self, level: int) -> None:
        """Take back everything above `level`."""
        trail = self._trail
        while trail and trail[-1].level > level:
            assignment = trail.pop()
            assignment.stands = False
            package = assignment.package
            package.history.pop()
            package.mask = package.history[-1].mask if package.history else -1
            if assignment.cause is None:
                package.decision = None
                self.decided -= package.extra is None
            self.touched[package] = None
        self.level = level


def _close_idle(package: Package) -> None:
    """Let `package` look no more at what is contradicted for good.

    When version after version of a project fails, nearly everything that is known of it is, and looking at all of that
    for every next version would cost the square of their number.
    """
    still: list[Incompatibility] = []
    for incompatibility in package.open:
        if incompatibility.is_idle:
            incompatibility.closed_for.append(package)
        else:
            still.append(incompatibility)
    package.open = still
    package.most_open = max(FEW_OPEN, 2 * len(still))  # so that each is asked a bounded number of times


def _first_within(history: Sequence[Assignment], term: int) -> Assignment:
    """The first assignment after which `term` was satisfied; masks only narrow, so it is found by bisection."""
    outside = ~term
    return history[bisect_left(history, True, key=lambda entry: not entry.mask & outside)]


def _resolve(conflict: Incompatibility, cause: Incompatibility, pivot: Package) -> Incompatibility:
    """What follows from both: all they say of other packages, and of `pivot` that either holds."""
    terms = dict(conflict.terms)
    for package, term in cause.terms.items():
        if package is not pivot:
            terms[package] = terms.get(package, -1) & term
    either = terms.pop(pivot) | cause.terms[pivot]
    if either != -1:
        terms[pivot] = either
    return Incompatibility(terms, Resolved(conflict, cause))


def refute(incompatibilities: Iterable[Incompatibility]) -> Incompatibility | None:
    """A proof that `incompatibilities` of fresh packages cannot all hold, or None when something satisfies them."""
    deduction: Deduction = Deduction()
    packages: dict[Package, None] = {}
    try:
        for incompatibility in incompatibilities:
            packages.update(dict.fromkeys(incompatibility.terms))
            deduction.add(incompatibility)
        while True:
            deduction.propagate()
            undecided = next((package for package in packages if package.mask >= 0 and package.decision is None), None)
            if undecided is None:
                return None
            deduction.decide(undecided, undecided.mask.bit_length() - 1)
    except Refuted as refuted:
        return refuted.proof
