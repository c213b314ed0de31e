"""What a solver has been told so far, seen through the rules of its resolution."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.version import InvalidVersion, Version

from dxpy_async.core import parsers
from dxpy_async.core.amendments import Statement
from dxpy_async.core.dataclass import replace
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.kernels import Kernels
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, ProjectPage, Unavailable
from dxpy_async.core.requirements import Requirement, marker_holds
from dxpy_async.core.specifiers import mentions_prerelease, pinned_versions
from dxpy_async.resolver.candidates import Candidates, direct_candidates, index_candidates, no_candidates
from dxpy_async.resolver.needs import DirectCandidate
from dxpy_async.resolver.options import Prereleases, ResolutionMode, ResolutionOptions


class Known:
    """Facts by what they are about. A fact is told once and does not change; a second telling is not heard."""

    def __init__(self, target: TargetEnvironment, options: ResolutionOptions, kernels: Kernels) -> None:
        self._target, self._options, self._kernels = target, options, kernels
        self._pages: dict[ProjectName, ProjectPage | Unavailable] = {}
        self._metadata: dict[tuple[ProjectName, Version], CoreMetadata | Unavailable] = {}
        self.direct: dict[tuple[ProjectName, str], DirectCandidate | Unavailable] = {}
        self._candidates: dict[ProjectName, Candidates] = {}
        self._requirements: dict[tuple[ProjectName, int, ExtraName | None], tuple[Requirement, ...]] = {}
        self._markers: dict[tuple[str, str], bool] = {}
        self._explicit: set[ProjectName] = set()
        self._lowest: frozenset[ProjectName] = frozenset()
        self._pinned: dict[ProjectName, set[Version]] = {}
        self._constraints: dict[ProjectName, list[Statement]] = {}
        for statement in options.amendments.constraints:
            requirement = statement.requirement
            if not requirement.marker or self._holds(requirement.marker, ""):
                self._constraints.setdefault(requirement.name, []).append(statement)

    def tell_page(self, project: ProjectName, answer: ProjectPage | Unavailable) -> None:
        self._pages.setdefault(project, answer)

    def tell_metadata(self, project: ProjectName, version: Version, answer: CoreMetadata | Unavailable) -> None:
        if isinstance(answer, CoreMetadata):
            answer = self._amended(answer)
        self._metadata.setdefault((project, version), answer)

    def tell_direct(self, project: ProjectName, url: str, answer: DirectCandidate | Unavailable) -> None:
        if isinstance(answer, DirectCandidate):
            answer = replace(answer, metadata=self._amended(answer.metadata))
        self.direct.setdefault((project, url), answer)

    def _amended(self, metadata: CoreMetadata) -> CoreMetadata:
        """`metadata` with the requirements that count."""
        requirements = self._options.amendments.amend(metadata.requirements)
        return metadata if requirements is metadata.requirements else replace(metadata, requirements=requirements)

    def amending(self) -> Iterable[Requirement]:
        """The requirements of all constraints and overrides that hold in the target environment."""
        amendments = self._options.amendments
        stated = [each.requirement for each in (*amendments.constraints, *amendments.overrides)]
        return self.those_that_hold(stated, None)

    def constraints(self, project: ProjectName) -> Sequence[Statement]:
        """The constraints on `project` that hold in the target environment."""
        return self._constraints.get(project, ())

    def settle_rules(
        self, roots: Iterable[Requirement], own: Iterable[Requirement], urls: dict[ProjectName, list[str]]
    ) -> None:
        """Fix what depends on the user's `own` requirements: pre-releases and yanked versions asked for, and `urls`.

        Own are the `roots`, which are the project's, those of the archives that it refers to by URL, constraints and
        overrides.
        """
        if self._options.mode is ResolutionMode.LOWEST_DIRECT:
            self._lowest = frozenset(requirement.name for requirement in roots)
        for requirement in own:
            self._note_wishes(requirement)
        for project, preferred in self._options.preferences.items():
            if self._options.preferred(project) is not None:
                self._pinned.setdefault(project, set()).add(preferred)
        for project, references in urls.items():
            answers = [(url, self.direct[project, url]) for url in references]
            self._candidates[project] = self._constrain(direct_candidates(project, answers, self._target))

    def _note_wishes(self, requirement: Requirement) -> None:
        try:
            if mentions_prerelease(requirement.specifier):
                self._explicit.add(requirement.name)
            pins = pinned_versions(requirement.specifier)
        except parsers.specifiers.InvalidSpecifier:
            return
        for text in pins:
            try:
                self._pinned.setdefault(requirement.name, set()).add(Version(text))
            except InvalidVersion:  # `===` compares any text
                continue

    def candidates(self, project: ProjectName) -> Candidates | None:
        """The candidates of `project`, None while its page is not known."""
        candidates = self._candidates.get(project)
        if candidates is None:
            page = self._pages.get(project)
            if page is None:
                return None
            candidates = self._candidates[project] = self._candidates_of(project, page)
        return candidates

    def _candidates_of(self, project: ProjectName, page: ProjectPage | Unavailable) -> Candidates:
        if isinstance(page, Unavailable):
            return no_candidates(project, page)
        candidates = index_candidates(
            page,
            self._target,
            pinned=self._pinned.get(project, ()),
            cutoff=self._options.cutoffs.of(project),
            kernels=self._kernels,
            builds=self._options.builds,
        )
        if not self._may_be_prerelease(candidates):
            candidates.refuse_prereleases()
        self._constrain(candidates)
        candidates.lowest_first = self._options.mode is ResolutionMode.LOWEST or project in self._lowest
        return candidates

    def _constrain(self, candidates: Candidates) -> Candidates:
        for statement in self.constraints(candidates.project):
            candidates.constrained |= candidates.all & ~candidates.require(statement.requirement)
        return candidates

    def _may_be_prerelease(self, candidates: Candidates) -> bool:
        explicit = candidates.project in self._explicit
        match self._options.prereleases_for(candidates.project):
            case Prereleases.ALLOW:
                return True
            case Prereleases.DISALLOW:
                return False
            case Prereleases.EXPLICIT:
                return explicit
            case Prereleases.IF_NECESSARY:
                return candidates.has_only_prereleases()
            case Prereleases.IF_NECESSARY_OR_EXPLICIT:
                return explicit or candidates.has_only_prereleases()

    def metadata(self, candidates: Candidates, place: int) -> CoreMetadata | Unavailable | None:
        """The core metadata of a candidate, None while it is not known."""
        if candidates.origins is not None:
            answer = self.direct[candidates.project, candidates.origins[place]]
            return answer.metadata if isinstance(answer, DirectCandidate) else answer
        return self._metadata.get((candidates.project, candidates.versions[place]))

    def requirements(
        self, candidates: Candidates, place: int, metadata: CoreMetadata, extra: ExtraName | None
    ) -> Sequence[Requirement]:
        """What a candidate requires in the target environment: by itself, or what `extra` adds to that."""
        key = (candidates.project, place, extra)
        requirements = self._requirements.get(key)
        if requirements is None:
            requirements = self._requirements[key] = tuple(self.those_that_hold(metadata.requirements, extra))
        return requirements

    def those_that_hold(self, requirements: Iterable[Requirement], extra: ExtraName | None) -> Iterable[Requirement]:
        """Those of `requirements` that hold in the target environment without an extra, or only with `extra`."""
        for requirement in requirements:
            marker = requirement.marker
            if extra is None:
                if not marker or self._holds(marker, ""):
                    yield requirement
            elif "extra" in marker and self._holds(marker, extra) and not self._holds(marker, ""):
                yield requirement

    def _holds(self, marker: str, extra: str) -> bool:
        key = (marker, extra)
        holds = self._markers.get(key)
        if holds is None:
            holds = self._markers[key] = marker_holds(marker, self._target.markers, extra)
        return holds
