"""Making a proof short enough to read: the facts it rests on, taken together where that keeps it a proof, and no more.

A solver finds its proof by way of the versions it happened to try, one fact for each. What a person wants to read is
the same conclusion from the fewest facts. So the facts are collected, those about versions of the same two projects are
made one, facts that are not needed are left out, and the rest is refuted again. Each step is checked by refuting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dxpy_async.core.dataclass import dataclass
from dxpy_async.resolver.deduction import Fact, Incompatibility, Package, Resolved, refute
from dxpy_async.resolver.facts import Asked, Depends, SameVersion, Unusable

WORK = 4000
"""How many facts may be looked at in all while looking for the shortest proof; a bound on time, not on length."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """One fact of a proof, and what it says."""

    fact: Fact
    terms: dict[Package, int]


def shorten(proof: Incompatibility) -> Incompatibility:
    """A proof of the same, from as few facts as were found to be enough."""
    given = leaves(proof)
    facts = _merge(given)
    shortest = _refute(facts)
    if shortest is None:  # too much was taken together
        facts, shortest = given, _refute(given)
    assert shortest is not None, "the facts of a proof refute themselves"
    facts, shortest = _drop_unneeded(leaves(shortest), shortest)
    narrowed = _refute(_narrow(facts))
    return narrowed if narrowed is not None else shortest


def leaves(proof: Incompatibility) -> list[Leaf]:
    """The facts that `proof` rests on, each once, in the order of the proof."""
    found: dict[Incompatibility, None] = {}
    seen: set[Incompatibility] = set()
    ahead = [proof]
    while ahead:
        incompatibility = ahead.pop()
        if incompatibility in seen:
            continue
        seen.add(incompatibility)
        if isinstance(incompatibility.cause, Resolved):
            ahead += (incompatibility.cause.conflict, incompatibility.cause.other)
        else:
            found[incompatibility] = None
    return [Leaf(each.cause, each.terms) for each in found if isinstance(each.cause, Fact)]


def _refute(facts: Iterable[Leaf]) -> Incompatibility | None:
    """Refute `facts` on packages of their own, since deduction leaves its marks on them."""
    fresh: dict[tuple[str, str | None], Package] = {}

    def counterpart(package: Package) -> Package:
        key = (package.candidates.project, package.extra)
        return fresh.setdefault(key, Package(package.candidates, package.extra))

    return refute(
        Incompatibility({counterpart(package): term for package, term in leaf.terms.items()}, leaf.fact)
        for leaf in facts
    )


def _merge(facts: Sequence[Leaf]) -> list[Leaf]:
    """Take together what versions of one project require of another: whatever any of them allows."""
    groups: dict[object, list[Leaf]] = {}
    for leaf in facts:
        fact = leaf.fact
        key: object = leaf
        if isinstance(fact, Depends) and fact.allowed and fact.target is not fact.parent:
            key = (fact.parent.candidates.project, fact.parent.extra, fact.target.candidates.project, fact.target.extra)
        groups.setdefault(key, []).append(leaf)
    return [group[0] if len(group) == 1 else _together(group) for group in groups.values()]


def _together(group: Sequence[Leaf]) -> Leaf:
    facts = [leaf.fact for leaf in group if isinstance(leaf.fact, Depends)]
    allowed = selected = 0
    for leaf, fact in zip(group, facts, strict=True):
        allowed |= fact.allowed
        selected |= _term(leaf, fact.parent)
    first = facts[0]
    return Leaf(
        Depends(first.parent, None, first.target, allowed),
        {first.parent: selected, first.target: ~allowed},
    )


def _term(leaf: Leaf, package: Package) -> int:
    """What `leaf` says of `package`, which may be known to it as another object for the same thing."""
    return next(
        term
        for each, term in leaf.terms.items()
        if (each.candidates.project, each.extra) == (package.candidates.project, package.extra)
    )


def _drop_unneeded(facts: list[Leaf], proof: Incompatibility) -> tuple[list[Leaf], Incompatibility]:
    work = 0
    place = len(facts) - 1
    while place >= 0 and work < WORK:
        work += len(facts)
        rest = facts[:place] + facts[place + 1 :]
        shorter = _refute(rest)
        if shorter is not None:
            facts, proof = leaves(shorter), shorter
            place = min(place, len(facts))
        place -= 1
    return facts, proof


def _narrow(facts: Sequence[Leaf]) -> list[Leaf]:
    """Speak of unusable versions only as far as somebody requires them."""
    allowed: dict[str, int] = {}
    for leaf in facts:
        if isinstance(leaf.fact, Asked | Depends):
            project = leaf.fact.target.candidates.project
            allowed[project] = allowed.get(project, 0) | leaf.fact.allowed
    narrowed = []
    for leaf in facts:
        terms = leaf.terms
        if isinstance(leaf.fact, Unusable):
            terms = {package: term & allowed.get(package.candidates.project, -1) for package, term in terms.items()}
        if isinstance(leaf.fact, SameVersion) or all(terms.values()):
            narrowed.append(Leaf(leaf.fact, terms))
    return narrowed
