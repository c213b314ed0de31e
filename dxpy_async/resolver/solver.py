"""PubGrub as a synchronous, deterministic state machine: it says what it needs, is told, and goes on.

    solver = Solver(roots, target=..., requires_python=...)
    while needs := solver.needs():       # needs[0] blocks; the rest are worth fetching early
        solver.tell(needs[0], ...)       # and worth telling as soon as they are there: they lead to further needs
    resolution = solver.solution()       # or NoSolution

One step propagates what is known, takes the most pressing undecided package, and picks its best candidate; the
candidate's requirements become incompatibilities before it is decided on, and one that could not stand is not decided
on at all. A step that lacks a fact is left off without a trace and taken again when the fact is told, so the order in
which facts arrive has no influence on the answer. `deduction` has the theory.

Most pressing are direct references, then packages with one candidate left, then those that conflicts were about (five
or more; the search is then begun afresh with what it has learned), then those met first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.kernels import Kernels
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.specifiers import allows_python, has_lower_bound
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.candidates import AUTOMATIC, Candidates, Refusal, Refused
from dxpy_async.resolver.deduction import Deduction, Fact, Incompatibility, Package, Refuted
from dxpy_async.resolver.facts import Asked, Constrained, Depends, SameVersion, Unusable
from dxpy_async.resolver.foresight import Foresight, NoForesight
from dxpy_async.resolver.known import Known
from dxpy_async.resolver.needs import Answer, DirectCandidate, Need, NeedDirect, NeedMetadata, NeedPage
from dxpy_async.resolver.options import ResolutionOptions
from dxpy_async.resolver.report import no_solution, unfit_python
from dxpy_async.resolver.resolution import Pin, Resolution

__all__ = [
    "Answer",
    "DirectCandidate",
    "Need",
    "NeedDirect",
    "NeedMetadata",
    "NeedPage",
    "Pin",
    "Resolution",
    "ResolutionOptions",
    "Solver",
]

DEFAULTS = ResolutionOptions()

CONFLICTS_TO_PROMOTE = 5
"""How many conflicts a package takes part in before it is decided on ahead of others."""

VISITS_TO_RUN_AHEAD = 5
"""How many versions of one project are tried before the metadata of the next ones is asked for in batches."""

BATCH = 50
"""The largest such batch."""


class _Lacking(Exception):
    """A step cannot be taken before `need` is answered."""

    def __init__(self, need: Need) -> None:
        super().__init__(need)
        self.need = need


class Solver:
    """One resolution of `roots` for `target`.

    `requires_python` is the project's own, and `root_name` what messages call the whole ("your project"). `kernels`
    look for the versions that requirements allow, and have no influence on the answer; nor has `foresight`, guesses at
    needs to come, which are worth their time only where answers take some.
    """

    def __init__(
        self,
        roots: Sequence[Requirement],
        *,
        target: TargetEnvironment,
        requires_python: str = "",
        options: ResolutionOptions = DEFAULTS,
        root_name: str = "your project",
        kernels: Kernels = AUTOMATIC,
        foresight: bool = True,
    ) -> None:
        self._target, self._options, self._root_name = target, options, root_name
        self._known = Known(target, options, kernels)
        self._roots = tuple(self._known.those_that_hold(options.amendments.amend(tuple(roots)), None))
        self._foresight = Foresight(self._known, options, self._want) if foresight else NoForesight()
        self._deduction = Deduction()
        self._packages: dict[tuple[ProjectName, ExtraName | None], Package] = {}
        self._extras: dict[ProjectName, list[Package]] = {}
        self._ranks: dict[Package, int] = {}
        self._ranked: list[Package] = []
        self._queue: list[tuple[int, int]] = []
        self._queued: dict[Package, int] = {}
        self._promoted: set[Package] = set()
        self._dependencies: dict[tuple[Package, Package, int, str, str | None], Incompatibility] = {}
        self._refusals: dict[tuple[Package, Refusal], Incompatibility] = {}
        self._visited: dict[ProjectName, set[int]] = {}
        self._named: set[Need] = set()
        self._pending: dict[Need, None] = {}
        self._settled = False
        self._asked = 0
        self._failure: NoSolution | None = None
        self._finished = False
        self.steps = 0
        """How many steps it has taken, those included that were left off for want of a fact."""
        if not allows_python(requires_python, target.python_version):
            self._failure, self._finished = unfit_python(root_name, requires_python, target), True

    @property
    def decided(self) -> int:
        """How many projects have a version for now."""
        return self._deduction.decided

    @property
    def conflicts(self) -> int:
        """How many conflicts it has learned from."""
        return self._deduction.conflicts

    def needs(self) -> Sequence[Need]:
        """What to find out: the first blocks, the others are likely to be needed; empty when there is an outcome."""
        if self._finished:
            return ()
        try:
            while self._step():
                pass
        except _Lacking as lacking:
            self._pending.pop(lacking.need, None)
            return (lacking.need, *self._pending)
        except Refuted as refuted:
            self._failure = no_solution(
                refuted.proof,
                target=self._target,
                root_name=self._root_name,
                amendments=self._options.amendments,
            )
        self._finished = True
        return ()

    def tell(self, need: Need, answer: Answer) -> None:
        """Answer one need; any that was named, in any order. A second answer to the same need is not heard."""
        self._pending.pop(need, None)
        self._named.add(need)
        if isinstance(need, NeedPage):
            assert isinstance(answer, ProjectPage | Unavailable)
            self._known.tell_page(need.project, answer)
            if self._settled:
                self._foresight.page_came(need.project)
        elif isinstance(need, NeedMetadata):
            assert isinstance(answer, CoreMetadata | Unavailable)
            self._known.tell_metadata(need.project, need.version, answer)
            self._foresight.metadata_came(need.project)
        else:
            assert isinstance(answer, DirectCandidate | Unavailable)
            self._known.tell_direct(need.project, need.url, answer)

    def solution(self) -> Resolution:
        """The answer, once `needs()` is empty. Raises NoSolution."""
        if self._failure is not None:
            raise self._failure
        assert self._finished, "the solver still has needs"
        pins = [
            self._pin(package)
            for (_, extra), package in sorted(self._packages.items(), key=lambda item: item[0][0])
            if extra is None and package.decision is not None
        ]
        return Resolution(pins=tuple(pins), warnings=tuple(self._warnings()))

    def picked(self, roots: Iterable[Requirement]) -> Iterable[DistributionFile]:
        """The files of what `roots` will probably come to: by the decisions made so far, any of which may be taken
        back, and by what is foreseen where none is made, once the metadata of that is known.
        """
        waiting = list(self._known.those_that_hold(roots, None))
        reached: set[tuple[ProjectName, ExtraName | None]] = set()
        for requirement in waiting:  # grows
            name = requirement.name
            candidates = self._known.candidates(name)
            place = self._decision(name)
            if candidates is None or place is None:
                continue
            metadata, file = self._known.metadata(candidates, place), candidates.judge(place)
            if not isinstance(metadata, CoreMetadata):
                continue
            for extra in (None, *requirement.extras):
                if (name, extra) in reached:
                    continue
                reached.add((name, extra))
                waiting += self._known.requirements(candidates, place, metadata, extra)
                if extra is None and isinstance(file, DistributionFile):
                    yield file

    def _decision(self, project: ProjectName) -> int | None:
        """The place of the version that is decided on, or else of the one that is foreseen."""
        package = self._packages.get((project, None))
        if package is not None and package.decision is not None:
            return package.decision
        return self._foresight.likely(project)

    def _want(self, need: Need) -> None:
        if need not in self._named:
            self._named.add(need)
            self._pending[need] = None

    # One step, and what it may lack

    def _step(self) -> bool:
        """Go one step towards an outcome; False when everything is decided. Raises _Lacking or Refuted."""
        self.steps += 1
        if not self._settled:
            self._settle()
        if self._asked < len(self._roots):
            self._ask(self._roots[self._asked])
            self._asked += 1
            return True
        self._deduction.propagate()
        self._reprioritize()
        package = self._most_pressing()
        if package is None:
            return False
        place = self._pick(package)
        if place is not None and self._add_dependencies(package, place):
            self._deduction.decide(package, place)
        return True

    def _settle(self) -> None:
        """Follow direct references to their end, which fixes the rules, and begin to look ahead."""
        urls: dict[ProjectName, list[str]] = {}
        amending = list(self._known.amending())
        own = [*self._roots, *(requirement for requirement in amending if requirement.url is not None)]
        lacking: Need | None = None
        followed: set[tuple[ProjectName, str, ExtraName | None]] = set()
        for requirement in own:  # grows
            if requirement.url is None:
                self._want(NeedPage(requirement.name))
                continue
            references = urls.setdefault(requirement.name, [])
            if requirement.url not in references:
                references.append(requirement.url)
            answer = self._known.direct.get((requirement.name, requirement.url))
            if answer is None:
                need = NeedDirect(requirement.name, requirement.url)
                self._want(need)
                lacking = lacking or need
            elif isinstance(answer, DirectCandidate):
                for extra in (None, *requirement.extras):
                    if (requirement.name, requirement.url, extra) not in followed:
                        followed.add((requirement.name, requirement.url, extra))
                        own += self._known.those_that_hold(answer.metadata.requirements, extra)
        if lacking is not None:
            raise _Lacking(lacking)
        self._known.settle_rules(self._roots, [*own, *amending], urls)
        self._settled = True
        self._foresight.expect(self._roots)

    def _candidates(self, project: ProjectName) -> Candidates:
        candidates = self._known.candidates(project)
        if candidates is None:
            need = NeedPage(project)
            self._named.add(need)
            raise _Lacking(need)
        return candidates

    def _metadata(self, candidates: Candidates, place: int) -> CoreMetadata | Unavailable:
        metadata = self._known.metadata(candidates, place)
        if metadata is None:
            file = candidates.judge(place)
            assert isinstance(file, DistributionFile), "metadata is read of files that can be used"
            need = NeedMetadata(candidates.project, candidates.versions[place], file)
            self._named.add(need)
            raise _Lacking(need)
        return metadata

    # Packages and what is known of them

    def _package(self, candidates: Candidates, extra: ExtraName | None) -> Package:
        key = (candidates.project, extra)
        package = self._packages.get(key)
        if package is None:
            package = self._packages[key] = Package(candidates, extra)
            self._ranks[package] = len(self._ranked)
            self._ranked.append(package)
            if extra is not None:
                base = self._package(candidates, None)
                self._extras.setdefault(candidates.project, []).append(package)
                self._add({package: candidates.all, base: ~candidates.all}, SameVersion())
                return package
            for statement in self._known.constraints(candidates.project):
                allowed = candidates.matching(statement.requirement)
                self._add({package: candidates.all & ~allowed}, Constrained(package, statement, allowed))
            if candidates.prereleases:
                rule = self._options.prereleases_for(candidates.project)
                detail = "by name" if rule.heeds_requirements else ""
                self._refuse(package, candidates.prereleases, Refused(Refusal.PRERELEASE, detail))
        return package

    def _targets(self, requirement: Requirement) -> tuple[int, list[Package]]:
        """What `requirement` allows, and of which packages: the project itself and each extra."""
        candidates = self._candidates(requirement.name)
        return candidates.require(requirement), [
            self._package(candidates, extra) for extra in (None, *requirement.extras)
        ]

    def _ask(self, requirement: Requirement) -> None:
        allowed, targets = self._targets(requirement)
        for target in targets:
            self._add({target: ~allowed}, Asked(self._asked, requirement, target, allowed))

    def _add(self, terms: dict[Package, int], fact: Fact) -> Incompatibility:
        """Hold that not all `terms` are true, leaving out those that always are; one that never is makes it idle."""
        incompatibility = Incompatibility({package: term for package, term in terms.items() if term != -1}, fact)
        if all(terms.values()):
            self._deduction.add(incompatibility)
        return incompatibility

    def _refuse(self, package: Package, mask: int, refused: Refused) -> None:
        """Note that the candidates in `mask` cannot be picked."""
        verdicts = dict.fromkeys(_places(mask), refused)
        if package.extra is None:
            package.candidates.refused |= mask
        key = (package, refused.refusal)
        incompatibility = self._refusals.get(key)
        if incompatibility is None:
            self._refusals[key] = self._add({package: mask}, Unusable(package, verdicts))
            return
        assert isinstance(incompatibility.cause, Unusable)
        incompatibility.cause.verdicts.update(verdicts)
        self._deduction.widen(incompatibility, package, mask)

    # Which package, which candidate

    def _priority(self, package: Package) -> int:
        if package.candidates.origins is not None:
            return 0
        if not package.mask & (package.mask - 1):
            return 1
        return 2 if package in self._promoted else 3

    def _reprioritize(self) -> None:
        """Take note of what propagation changed. Packages that conflicts keep coming back to are promoted."""
        deduction = self._deduction
        promoted = {
            package
            for learned in deduction.learned
            for package in learned.terms
            if package.conflicts >= CONFLICTS_TO_PROMOTE and package not in self._promoted
        }
        deduction.learned.clear()
        if promoted:
            self._promoted |= promoted
            deduction.touched.update(dict.fromkeys(sorted(promoted, key=self._ranks.__getitem__)))
            deduction.backtrack(0)
            deduction.propagate()
        for package in deduction.touched:
            if package.mask < 0 or package.decision is not None:
                continue
            priority = self._priority(package)
            if self._queued.get(package) != priority:
                self._queued[package] = priority
                heapq.heappush(self._queue, (priority, self._ranks[package]))
        deduction.touched.clear()

    def _most_pressing(self) -> Package | None:
        queue = self._queue
        while queue:
            priority, rank = queue[0]
            package = self._ranked[rank]
            waits = package.mask >= 0 and package.decision is None
            if waits and priority == self._queued.get(package):
                if package.extra is None:
                    return package
                base = self._packages[package.candidates.project, None]
                return base if base.decision is None else package
            heapq.heappop(queue)
            if not waits:
                self._queued.pop(package, None)
        return None

    def _pick(self, package: Package) -> int | None:
        """The best candidate left, None when something new has come out that must be propagated first."""
        if package.extra is not None:
            return self._pick_with_project(package)
        candidates, mask = package.candidates, package.mask
        place = self._preferred(candidates, mask)
        if place is None:
            place, refused = self._first_usable(package)
            if refused:
                return None
            assert place is not None, "a package whose candidates are all refused cannot be undecided"
        for extra in self._extras.get(candidates.project, ()):
            if extra.mask >= 0 and not extra.mask >> place & 1:
                self._tie(package, extra, place)
                return None
        return place

    def _preferred(self, candidates: Candidates, mask: int) -> int | None:
        preferred = self._options.preferred(candidates.project)
        place = candidates.place_of(preferred) if preferred is not None else None
        if place is None or not mask >> place & 1:
            return None
        return None if isinstance(candidates.judge(place), Refused) else place

    def _first_usable(self, package: Package) -> tuple[int | None, bool]:
        """The best candidate that can be used, and whether better ones were refused on the way."""
        candidates, mask = package.candidates, package.mask
        refused = False
        while mask:
            place = candidates.best(mask)
            verdict = candidates.judge(place)
            if not isinstance(verdict, Refused):
                return place, refused
            self._refuse(package, 1 << place, verdict)
            refused = True
            mask ^= 1 << place
        return None, refused

    def _pick_with_project(self, package: Package) -> int | None:
        base = self._packages[package.candidates.project, None]
        place = base.decision
        assert place is not None, "an extra is decided on after its project"
        if package.mask == 1 << place:
            return place
        self._tie(base, package, place)
        return None

    def _tie(self, base: Package, extra: Package, place: int) -> None:
        """The project as the candidate at `place` goes with no other candidate of its extra."""
        self._add({base: 1 << place, extra: extra.candidates.all & ~(1 << place)}, SameVersion())

    def _add_dependencies(self, package: Package, place: int) -> bool:
        """Hold what the candidate requires from now on; False when that, or the candidate itself, rules it out."""
        candidates = package.candidates
        self._run_ahead(package, place)
        metadata = self._metadata(candidates, place)
        reason = self._unfit(candidates, place, metadata)
        if reason is not None:
            self._refuse(package, 1 << place, reason)
            return False
        assert isinstance(metadata, CoreMetadata)
        requirements = self._known.requirements(candidates, place, metadata, package.extra)
        # All pages first: nothing may be added before it is sure that everything is known.
        for requirement in requirements:
            if requirement.url is None or self._is_own(requirement):
                self._candidates(requirement.name)
            else:
                self._refuse(package, 1 << place, Refused(Refusal.URL_DEPENDENCY, str(requirement)))
                return False
        fits = True
        for requirement in requirements:
            allowed, targets = self._targets(requirement)
            for target in targets:
                fits &= self._require(package, place, requirement, target, allowed)
        return fits

    def _is_own(self, requirement: Requirement) -> bool:
        return requirement.url is not None and (requirement.name, requirement.url) in self._known.direct

    def _unfit(self, candidates: Candidates, place: int, metadata: CoreMetadata | Unavailable) -> Refused | None:
        if isinstance(metadata, Unavailable):
            return Refused(Refusal.UNREADABLE, metadata.reason)
        version = candidates.versions[place]
        # A local version is often missing in the metadata of a wheel that has it in its name.
        if metadata.name != candidates.project or str(metadata.version) not in (str(version), version.public):
            return Refused(Refusal.UNREADABLE, f"its metadata is that of {metadata.name} {metadata.version}")
        if not allows_python(metadata.requires_python, self._target.python_version):
            return Refused(Refusal.PYTHON, metadata.requires_python)
        return None

    def _require(self, package: Package, place: int, requirement: Requirement, target: Package, allowed: int) -> bool:
        """Hold one requirement of one candidate; False when it rules the candidate out as things are.

        Candidates of one package with the same requirement share an incompatibility, so that one conflict speaks for
        all of them.
        """
        bit = 1 << place
        if target is package:
            if not allowed & bit:
                self._add({package: bit}, Depends(package, requirement, target, allowed))
            return bool(allowed & bit)
        key = (package, target, allowed, requirement.specifier, requirement.url)
        known = self._dependencies.get(key)
        if known is None:
            fact = Depends(package, requirement, target, allowed)
            known = self._dependencies[key] = self._add({package: bit, target: ~allowed}, fact)
        elif not known.terms[package] & bit:
            self._deduction.widen(known, package, bit)
        return not self._deduction.would_conflict(known, package)

    def _run_ahead(self, package: Package, place: int) -> None:
        """When version after version of a project is tried, ask for the metadata of the next ones in batches."""
        candidates = package.candidates
        if candidates.origins is not None:
            return
        visited = self._visited.setdefault(candidates.project, set())
        if place in visited:
            return
        visited.add(place)
        tried = len(visited)
        if tried < VISITS_TO_RUN_AHEAD or tried % VISITS_TO_RUN_AHEAD:
            return
        mask = package.mask & candidates.worse_than(place)
        for _ in range(min(2 * tried, BATCH)):
            if not mask:
                return
            following = candidates.best(mask)
            mask ^= 1 << following
            file = candidates.judge(following)
            if isinstance(file, DistributionFile):
                self._want(NeedMetadata(candidates.project, candidates.versions[following], file))

    # The answer

    def _pin(self, package: Package) -> Pin:
        candidates, place = package.candidates, package.decision
        assert place is not None
        file = candidates.judge(place)
        metadata = self._known.metadata(candidates, place)
        assert not isinstance(file, Refused)
        assert isinstance(metadata, CoreMetadata)
        return Pin(
            project=candidates.project,
            version=candidates.versions[place],
            metadata=metadata,
            file=file,
            url=candidates.origins[place] if candidates.origins is not None else None,
            extras=frozenset(
                extra.extra
                for extra in self._extras.get(candidates.project, ())
                if extra.extra is not None and extra.decision is not None
            ),
        )

    def _warnings(self) -> Iterable[str]:
        for (project, extra), package in sorted(
            self._packages.items(), key=lambda item: (item[0][0], item[0][1] or "")
        ):
            if package.decision is None:
                continue
            if extra is None:
                yield from self._source_warnings(package, package.decision)
                yield from self._lower_bound_warnings(package, package.decision)
            elif self._is_unknown(package, package.decision):
                version = package.candidates.versions[package.decision]
                yield f"`{project}` {version} has no extra `{extra}`"

    def _is_unknown(self, package: Package, place: int) -> bool:
        metadata = self._known.metadata(package.candidates, place)
        assert isinstance(metadata, CoreMetadata)
        return package.extra not in metadata.extras and not any(
            f'"{package.extra}"' in requirement.marker for requirement in metadata.requirements
        )

    def _source_warnings(self, package: Package, place: int) -> Iterable[str]:
        """One sentence when the best version that fits was passed over because it may not be built."""
        passed_over = self._refusals.get((package, Refusal.SOURCE_ONLY))
        if passed_over is None:
            return
        candidates = package.candidates
        fitting = passed_over.terms[package] & ~candidates.worse_than(place) & ~candidates.constrained
        for incompatibility in package.incompatibilities:
            fact = incompatibility.cause
            if isinstance(fact, Asked) or (isinstance(fact, Depends) and self._is_active(fact, incompatibility)):
                fitting &= fact.allowed if fact.target is package else -1
        if not fitting:
            return
        best = candidates.best(fitting)
        verdict = candidates.judge(best)
        assert isinstance(verdict, Refused)
        yield (
            f"`{candidates.project}` {candidates.versions[best]} has only the source distribution "
            f"`{verdict.detail}`, which may not be built; {candidates.versions[place]} is used instead"
        )

    def _lower_bound_warnings(self, package: Package, place: int) -> Iterable[str]:
        """One sentence when the lowest version is wanted and the user gave nothing to stop at."""
        candidates = package.candidates
        asked = [requirement for requirement in self._roots if requirement.name == candidates.project]
        asked += [each.requirement for each in self._known.constraints(candidates.project) if asked]
        if asked and candidates.lowest_first and not any(has_lower_bound(each.specifier) for each in asked):
            yield (
                f"`{candidates.project}` is required without a lower bound, "
                f"so the lowest version that fits was taken, {candidates.versions[place]}"
            )

    @staticmethod
    def _is_active(fact: Depends, incompatibility: Incompatibility) -> bool:
        decision = fact.parent.decision
        return decision is not None and bool(incompatibility.terms.get(fact.parent, 0) >> decision & 1)


def _places(mask: int) -> Iterable[int]:
    """The bits that are set in `mask`, which is not negative, highest first."""
    while mask:
        place = mask.bit_length() - 1
        yield place
        mask ^= 1 << place
