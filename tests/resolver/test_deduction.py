"""Deduction over incompatibilities, and the shortening of proofs, on packages made by hand."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dxpy_async.core.names import normalize
from dxpy_async.core.releases import DistributionFile
from dxpy_async.resolver.candidates import Candidates
from dxpy_async.resolver.deduction import Fact, Incompatibility, Package, refute
from dxpy_async.resolver.proof import leaves, shorten

COUNT = 3
"""Candidates of each package."""


def packages(count: int) -> list[Package]:
    versions = [Version(str(number)) for number in range(1, COUNT + 1)]
    file = DistributionFile(filename="a.whl", url="https://files.test/a.whl")
    return [Package(Candidates(normalize(f"p{number}"), versions, lambda _: file)) for number in range(count)]


masks = st.integers(1, (1 << COUNT) - 1)
terms = st.one_of(masks, masks.map(lambda mask: ~mask))
statements = st.lists(st.dictionaries(st.integers(0, 3), terms, min_size=1, max_size=3), max_size=12)


def satisfiable(given_terms: list[dict[int, int]]) -> bool:
    """Whether some choice, of a candidate or of none for each of four packages, makes no statement all true."""
    none = 1 << COUNT + 5  # any bit above the candidates stands for selecting none
    choices = [1 << place for place in range(COUNT)] + [none]
    return any(
        not any(all(choice[number] & term for number, term in each.items()) for each in given_terms)
        for choice in product(choices, repeat=4)
    )


def incompatibilities(given_terms: list[dict[int, int]]) -> list[Incompatibility]:
    four = packages(4)
    return [Incompatibility({four[number]: term for number, term in each.items()}, Fact()) for each in given_terms]


@settings(max_examples=300, deadline=None)
@given(statements)
def test_refutes_exactly_what_cannot_be_satisfied(given_terms: list[dict[int, int]]) -> None:
    assert (refute(incompatibilities(given_terms)) is None) == satisfiable(given_terms)


@settings(max_examples=300, deadline=None)
@given(statements)
def test_a_shortened_proof_rests_on_facts_none_of_which_can_be_left_out(given_terms: list[dict[int, int]]) -> None:
    proof = refute(incompatibilities(given_terms))
    if proof is None:
        return
    facts = [
        {int(package.candidates.project[1:]): term for package, term in leaf.terms.items()}
        for leaf in leaves(shorten(proof))
    ]
    assert not satisfiable(facts)
    for place in range(len(facts)):
        assert satisfiable(facts[:place] + facts[place + 1 :])
