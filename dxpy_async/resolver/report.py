"""Words for a failed resolution: one sentence where that is enough, numbered steps for a longer proof, and hints.

A sentence names the user's own requirements first and then follows them: "because you require a==2 and b, and b 1
depends on a<2, your project cannot be resolved".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence

from dxpy_async.core.amendments import NO_AMENDMENTS, Amendments
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.requirements import Requirement
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.candidates import Candidates, Refusal, Refused
from dxpy_async.resolver.deduction import Fact, Incompatibility, Package, Resolved
from dxpy_async.resolver.facts import Asked, Constrained, Depends, SameVersion, Unusable
from dxpy_async.resolver.hints import hints_for, without_credentials
from dxpy_async.resolver.proof import Leaf, leaves, shorten

IN_ONE_SENTENCE = 5
"""The most facts that one sentence carries."""

RUNS = 4
"""The most runs of versions that are written out."""


def no_solution(
    proof: Incompatibility, *, target: TargetEnvironment, root_name: str, amendments: Amendments = NO_AMENDMENTS
) -> NoSolution:
    """The error for a refuted resolution: its derivation is the shortened proof."""
    short = shorten(proof)
    facts = [leaf for leaf in leaves(short) if not isinstance(leaf.fact, SameVersion)]
    words = Words(target, root_name, amendments)
    return NoSolution(words.explain(short, facts), derivation=short, hints=hints_for(facts, target))


def unfit_python(root_name: str, requires_python: str, target: TargetEnvironment) -> NoSolution:
    """The error for a project that does not want the target's Python."""
    return NoSolution(
        f"{root_name} needs Python {requires_python}, and this is {target.describe()}",
        derivation=None,
        hints=("choose another Python with `--python` or `--python-version`",),
    )


class Words:
    """Puts facts and conclusions into words for one target environment."""

    def __init__(self, target: TargetEnvironment, root_name: str, amendments: Amendments) -> None:
        self._target, self._root_name, self._amendments = target, root_name, amendments

    def explain(self, proof: Incompatibility, facts: Sequence[Leaf]) -> str:
        """Why there is no solution: `facts` are those that `proof` rests on."""
        projects = {leaf.fact.package.candidates for leaf in facts if isinstance(leaf.fact, Unusable)}
        others = [leaf for leaf in facts if not isinstance(leaf.fact, Unusable)]
        if len(others) + len(projects) > IN_ONE_SENTENCE:
            return self._steps(proof)
        clauses = self._clauses(facts)
        if len(clauses) > IN_ONE_SENTENCE - 1 and len(projects) == 1:
            return "\n  ".join((f"{self._root_name} cannot be resolved:", *clauses))
        return f"because {', and '.join(clauses)}, {self._root_name} cannot be resolved"

    def _steps(self, proof: Incompatibility) -> str:
        """Numbered steps, of which later ones refer to earlier ones."""
        derived = _derived(proof)
        folded = _folded(derived)
        numbers: dict[Incompatibility, int] = {}
        lines = [f"{self._root_name} cannot be resolved:"]
        for incompatibility in derived:
            if incompatibility in folded:
                continue
            facts, earlier = _unfold(incompatibility, folded)
            asked = [leaf for leaf in facts if isinstance(leaf.fact, Asked)]
            reasons = self._clauses(asked)
            reasons += [f"{self.conclusion(each)} ({numbers[each]})" for each in earlier]
            reasons += self._clauses(leaf for leaf in facts if leaf not in asked)
            numbers[incompatibility] = len(lines)
            lines.append(f"  {len(lines)}. because {', and '.join(reasons)}, {self.conclusion(incompatibility)}")
        return "\n".join(lines)

    def conclusion(self, incompatibility: Incompatibility) -> str:
        """What an incompatibility comes to, as a statement."""
        selected = _selected(incompatibility)
        needed = [_needed(package, ~term) for package, term in incompatibility.terms.items() if term < 0]
        if not selected and not needed:
            return f"{self._root_name} cannot be resolved"
        if not selected:
            return f"{' or '.join(needed)} is needed"
        if needed:
            together = " together" if len(selected) > 1 else ""
            return f"{_listed(selected)}{together} can only be used with {' or '.join(needed)}"
        if len(selected) > 1:
            return f"{_listed(selected)} cannot be used together"
        words = selected[0]
        return (
            f"no {words.removeprefix('every ')} can be used"
            if words.startswith("every ")
            else f"{words} cannot be used"
        )

    def _clauses(self, facts: Iterable[Leaf]) -> list[str]:
        """Facts as half-sentences, in an order in which one leads to the next."""
        ordered = _in_order(facts)
        clauses: list[str] = []
        asked = [leaf.fact for leaf in ordered if isinstance(leaf.fact, Asked)]
        if asked:
            written = dict.fromkeys(self._written(fact) for fact in asked)
            clauses.append(f"you require {_listed(list(written))}")
            clauses += [self._nothing_allowed(fact.target) for fact in asked if not fact.allowed]
            clauses += _rival_urls(asked)
        together: dict[tuple[Package, int], list[Depends]] = {}
        for leaf in ordered:
            if isinstance(leaf.fact, Depends):
                together.setdefault(_of_project(leaf.terms, leaf.fact.parent), []).append(leaf.fact)
        for leaf in ordered:
            if isinstance(leaf.fact, Depends):
                clauses += self._depends(leaf.fact, together.pop(_of_project(leaf.terms, leaf.fact.parent), []), leaf)
            elif isinstance(leaf.fact, Unusable):
                clauses += self._unusable(leaf.fact, leaf.terms)
            elif isinstance(leaf.fact, Constrained):
                clauses.append(_constraint(leaf.fact))
                clauses += [] if leaf.fact.allowed else [self._nothing_allowed(leaf.fact.target)]
        return clauses

    def _written(self, fact: Asked | Depends) -> str:
        """What is required, and where that was overridden."""
        words = (
            _needed(fact.target, fact.allowed) if fact.requirement is None else written_requirement(fact.requirement)
        )
        override = self._amendments.override_of(fact.target.candidates.project)
        return words if override is None else f"{words} (overridden in {override.origin})"

    def _depends(self, fact: Depends, together: Sequence[Depends], leaf: Leaf) -> list[str]:
        """What some versions of a project require; `together` are all such facts of the same versions, told at once."""
        if not together:
            return []
        parent, mask = _of_project(leaf.terms, fact.parent)
        verb = "depends" if _is_one(parent, mask) else "depend"
        required = _listed([self._written(each) for each in together])
        clause = f"{_selection(parent.candidates, mask, _extras(parent))} {verb} on {required}"
        return [clause, *(self._nothing_allowed(each.target) for each in together if not each.allowed)]

    def _nothing_allowed(self, target: Package) -> str:
        candidates = target.candidates
        if candidates.unavailable is not None:
            reason = candidates.unavailable.reason
            is_direct = candidates.origins is not None
            return f"{candidates.project} cannot be used ({reason})" if is_direct else f"{candidates.project} {reason}"
        if not candidates.versions:
            return f"{candidates.project} has no versions"
        if candidates.origins is not None:
            origins = _listed([f"{candidates.project} @ {without_credentials(url)}" for url in candidates.origins])
            return f"{origins} is version {_listed([str(version) for version in candidates.versions])}"
        if len(candidates.versions) == 1:
            return f"the only version of {candidates.project} is {candidates.versions[0]}"
        return f"the only versions of {candidates.project} are {_versions(candidates, candidates.all, 0)}"

    def _unusable(self, fact: Unusable, terms: dict[Package, int]) -> list[str]:
        package, mask = _of_project(terms, fact.package)
        groups: dict[tuple[Refusal, str], int] = {}
        for place in _places(mask):
            refused = fact.verdicts[place]
            detail = refused.detail if refused.refusal is not Refusal.SOURCE_ONLY else str(bool(refused.files))
            key = (refused.refusal, detail)
            groups[key] = groups.get(key, 0) | 1 << place
        return [
            self._refused(package, part, fact.verdicts[part.bit_length() - 1])
            for part in sorted(groups.values(), reverse=True)
        ]

    def _refused(self, package: Package, mask: int, refused: Refused) -> str:
        candidates = package.candidates
        whole = mask == candidates.all and len(candidates.versions) > 1
        one = whole or not mask & (mask - 1)
        versions = (
            _selection(candidates, mask, _extras(package))
            if whole
            else f"{_name(candidates, _extras(package))} {_versions(candidates, mask, mask)}"
        )
        match refused.refusal:
            case Refusal.PRERELEASE:
                return f"{versions} is a pre-release" if one else f"{versions} are pre-releases"
            case Refusal.TOO_NEW:
                return f"{versions} {'was' if one else 'were'} uploaded after {refused.detail}"
            case Refusal.UNDATED:
                return f"{_lacking(versions, one=one)} time of upload to compare with {refused.detail}"
            case Refusal.YANKED:
                reason = f" ({refused.detail})" if refused.detail else ""
                return f"{versions} {'was' if one else 'were'} yanked{reason}"
            case Refusal.PYTHON:
                python = self._target.python_version
                return f"{versions} {'needs' if one else 'need'} Python {refused.detail} (this is {python})"
            case Refusal.NO_WHEEL:
                if not refused.files:
                    return f"{versions} {'has' if one else 'have'} no files"
                return self._no_wheel(versions, one=one)
            case Refusal.SOURCE_ONLY:
                return self._source_only(versions, refused, one=one, several=bool(mask & (mask - 1)))
            case Refusal.WHEEL_ONLY:
                return f"{_lacking(versions, one=one)} source distribution, and its wheels may not be used (no-binary)"
            case Refusal.URL_DEPENDENCY:
                return (
                    f"{versions} {'depends' if one else 'depend'} on {without_credentials(refused.detail)}, "
                    "and only your own requirements may name a URL"
                )
            case Refusal.UNREADABLE:
                return f"{versions} cannot be used ({refused.detail})"

    def _no_wheel(self, versions: str, *, one: bool) -> str:
        return f"{_lacking(versions, one=one)} wheel for {self._target.describe()}"

    def _source_only(self, versions: str, refused: Refused, *, one: bool, several: bool) -> str:
        opening = (
            f"{self._no_wheel(versions, one=one)}, " if refused.files else f"{versions} {'has' if one else 'have'} "
        )
        there = "source distributions (the newest is {})" if several else "the source distribution {}"
        return f"{opening}only {there.format(refused.detail)}, which may not be built (no-build)"


def _lacking(versions: str, *, one: bool) -> str:
    """`a 1 has no`, `a 1 and 2 have no`, `no version of a has a`: what they lack is to follow."""
    if versions.startswith("every "):
        return f"no {versions.removeprefix('every ')} has a"
    return f"{versions} {'has' if one else 'have'} no"


def written_requirement(requirement: Requirement) -> str:
    """A requirement as people write it, without its marker."""
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    if requirement.url is not None:
        return f"{requirement.name}{extras} @ {without_credentials(requirement.url)}"
    return f"{requirement.name}{extras}{requirement.specifier}"


def _constraint(fact: Constrained) -> str:
    requirement = fact.statement.requirement
    allowed = without_credentials(requirement.url) if requirement.url is not None else requirement.specifier
    return f"{fact.statement.origin} constrains {requirement.name} to {allowed}"


def _selection(candidates: Candidates, mask: int, extras: Sequence[str] = ()) -> str:
    """Some candidates of a project in words: `a 1.0`, `a 1.0 to 1.4`, `every version of a`."""
    name = _name(candidates, extras)
    if len(candidates.versions) > 1:
        if mask == candidates.all:
            return f"every version of {name}"
        if _bridged(candidates, mask) == candidates.all:
            return f"every usable version of {name}"
    return f"{name} {_versions(candidates, mask, _bridged(candidates, mask))}"


def _selected(incompatibility: Incompatibility) -> list[str]:
    """The candidates that an incompatibility speaks of, a project and its extras as one."""
    masks: dict[Candidates, int] = {}
    extras: dict[Candidates, list[str]] = {}
    for package, term in incompatibility.terms.items():
        if term >= 0:
            masks[package.candidates] = masks.get(package.candidates, -1) & term
            extras.setdefault(package.candidates, []).extend([package.extra] if package.extra else [])
    return [_selection(candidates, mask, sorted(extras[candidates])) for candidates, mask in masks.items()]


def _needed(package: Package, mask: int) -> str:
    """Some candidates of a package as something that is required: `a<2` where a requirement said so."""
    candidates = package.candidates
    name = _name(candidates, _extras(package))
    if mask == candidates.all:
        return name
    specifier = candidates.specifier_of(mask)
    if specifier:
        return f"{name}{specifier}"
    return f"{name} {_versions(candidates, mask, _bridged(candidates, mask), 'or')}"


def _rival_urls(asked: Sequence[Asked]) -> list[str]:
    urls: dict[str, set[str]] = {}
    for fact in asked:
        if fact.requirement.url is not None:
            urls.setdefault(fact.requirement.name, set()).add(fact.requirement.url)
    return [f"{project} can come from one URL only" for project, several in urls.items() if len(several) > 1]


def _name(candidates: Candidates, extras: Sequence[str]) -> str:
    return f"{candidates.project}[{','.join(extras)}]" if extras else candidates.project


def _extras(package: Package) -> tuple[str, ...]:
    return (package.extra,) if package.extra is not None else ()


def _is_one(package: Package, mask: int) -> bool:
    candidates = package.candidates
    return not mask & (mask - 1) or _bridged(candidates, mask) == candidates.all


def _bridged(candidates: Candidates, mask: int) -> int:
    """`mask`, and all candidates that are known not to be usable: a run of versions goes on over them."""
    return mask | candidates.refused


def _versions(candidates: Candidates, mask: int, bridge: int, conjunction: str = "and") -> str:
    """The versions in `mask`, three or more in a row as `1.0 to 1.4`; a row goes on over what is in `bridge`."""
    runs: list[tuple[int, int]] = []
    for place in sorted(_places(mask)):
        if runs and all(bridge >> between & 1 for between in range(runs[-1][1] + 1, place)):
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    words = [word for run in runs for word in _run(candidates, mask, *run)]
    if len(words) > RUNS + 1:
        words = [*words[:RUNS], "others"]
    return _listed(words, conjunction)


def _run(candidates: Candidates, mask: int, first: int, last: int) -> list[str]:
    named = [place for place in range(first, last + 1) if mask >> place & 1]
    if len(named) > 2:
        return [f"{candidates.versions[first]} to {candidates.versions[last]}"]
    return [str(candidates.versions[place]) for place in named]


def _listed(words: Sequence[str], conjunction: str = "and") -> str:
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}" if len(words) > 1 else "".join(words)


def _places(mask: int) -> Iterable[int]:
    while mask:
        place = mask.bit_length() - 1
        yield place
        mask ^= 1 << place


def _of_project(terms: dict[Package, int], package: Package) -> tuple[Package, int]:
    """What `terms` say of the same project and extra as `package`."""
    for each, term in terms.items():
        if each.candidates is package.candidates and each.extra == package.extra:
            return each, term
    raise KeyError(package)


def _in_order(facts: Iterable[Leaf]) -> list[Leaf]:
    """The user's requirements as the user has them, then what they lead to, project by project."""
    given = list(facts)
    asked = sorted((leaf for leaf in given if isinstance(leaf.fact, Asked)), key=_place_asked)
    refused = [leaf for leaf in given if isinstance(leaf.fact, Constrained | Unusable)]
    rest = sorted(refused, key=_newest, reverse=True) + [leaf for leaf in given if isinstance(leaf.fact, Depends)]
    targets = {leaf.fact.target.candidates for leaf in rest if isinstance(leaf.fact, Depends)}
    roots = dict.fromkeys(leaf.fact.target.candidates for leaf in asked if isinstance(leaf.fact, Asked))
    reached: list[Candidates] = []
    ordered: list[Leaf] = []
    while rest:
        leaf = next((leaf for each in (*reached, *roots) for leaf in rest if _subject(leaf.fact) is each), None)
        leaf = leaf or next((leaf for leaf in rest if _subject(leaf.fact) not in targets), rest[0])
        rest.remove(leaf)
        ordered.append(leaf)
        if isinstance(leaf.fact, Depends):
            reached = [leaf.fact.parent.candidates, leaf.fact.target.candidates, *reached]
    return asked + ordered


def _newest(leaf: Leaf) -> int:
    return max(leaf.terms.values())


def _place_asked(leaf: Leaf) -> int:
    return leaf.fact.place if isinstance(leaf.fact, Asked) else -1


def _subject(fact: Fact) -> Candidates | None:
    if isinstance(fact, Depends):
        return fact.parent.candidates
    if isinstance(fact, Constrained):
        return fact.target.candidates
    return fact.package.candidates if isinstance(fact, Unusable) else None


def _premises_of(incompatibility: Incompatibility) -> list[Incompatibility]:
    """The two causes of a derived incompatibility, without what goes without saying."""
    cause = incompatibility.cause
    if not isinstance(cause, Resolved):
        return []
    return [each for each in (cause.conflict, cause.other) if not isinstance(each.cause, SameVersion)]


def _folded(derived: Sequence[Incompatibility]) -> set[Incompatibility]:
    """The conclusions that go without saying: those used once, right away, that rest on two reasons at most."""
    uses = Counter(premise for each in derived for premise in _premises_of(each))
    folded: set[Incompatibility] = set()
    for incompatibility in derived[:-1]:
        facts, earlier = _unfold(incompatibility, folded)
        if uses[incompatibility] == 1 and len(facts) + len(earlier) <= 2:
            folded.add(incompatibility)
    return folded


def _unfold(
    incompatibility: Incompatibility, folded: Container[Incompatibility]
) -> tuple[list[Leaf], list[Incompatibility]]:
    """The facts and the conclusions that a step names as its reasons."""
    facts: list[Leaf] = []
    earlier: list[Incompatibility] = []
    ahead = list(reversed(_premises_of(incompatibility)))
    while ahead:
        premise = ahead.pop()
        if isinstance(premise.cause, Fact):
            facts.append(Leaf(premise.cause, premise.terms))
        elif premise in folded:
            ahead += reversed(_premises_of(premise))
        else:
            earlier.append(premise)
    return facts, earlier


def _derived(proof: Incompatibility) -> list[Incompatibility]:
    """The derived incompatibilities of a proof, each after those it follows from."""
    ordered: dict[Incompatibility, None] = {}
    ahead = [(proof, False)]
    while ahead:
        incompatibility, is_ready = ahead.pop()
        if is_ready:
            ordered[incompatibility] = None
        elif incompatibility not in ordered and isinstance(incompatibility.cause, Resolved):
            ahead.append((incompatibility, True))
            ahead += ((each, False) for each in reversed(_premises_of(incompatibility)))
    return list(ordered)
