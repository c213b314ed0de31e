"""Guesses what a solver will need, so that it can be fetched early. A guess never touches the answer.

From each requirement that a known candidate has, the page of its project follows; from the page and the requirements
met so far, the version that will probably be picked; from that version's metadata, the next requirements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile
from dxpy_async.core.requirements import Requirement
from dxpy_async.resolver.candidates import Candidates
from dxpy_async.resolver.known import Known
from dxpy_async.resolver.needs import Need, NeedMetadata, NeedPage
from dxpy_async.resolver.options import ResolutionOptions

LOOKED_AT = 64
"""How many versions of a project are looked at to guess one; with more unusable ones it is left to the solver."""


class Guess:
    """What is expected of one project."""

    __slots__ = ("extras", "followed", "mask", "place")

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.place: int | None = None
        self.extras: dict[ExtraName | None, None] = {None: None}
        self.followed: set[tuple[int, ExtraName | None]] = set()


class Foresight:
    """Follows requirements ahead of the solver; `want` is called with each need that it meets, new or not."""

    def __init__(self, known: Known, options: ResolutionOptions, want: Callable[[Need], None]) -> None:
        self._known, self._options, self._want = known, options, want
        self._waiting: dict[ProjectName, list[Requirement]] = {}
        self._guesses: dict[ProjectName, Guess] = {}

    def expect(self, requirements: Iterable[Requirement]) -> None:
        """Take `requirements` for ones that the resolution will have to meet."""
        ahead = list(requirements)
        while ahead:
            requirement = ahead.pop()
            candidates = self._known.candidates(requirement.name)
            if candidates is not None:
                ahead += self._narrow(candidates, requirement)
            elif requirement.url is None:
                self._waiting.setdefault(requirement.name, []).append(requirement)
                self._want(NeedPage(requirement.name))

    def page_came(self, project: ProjectName) -> None:
        """Go on where the page of `project` was lacking."""
        self.expect(self._waiting.pop(project, ()))

    def metadata_came(self, project: ProjectName) -> None:
        """Go on where the metadata of a version of `project` was lacking."""
        candidates = self._known.candidates(project)
        guess = self._guesses.get(project)
        if candidates is not None and guess is not None:
            self.expect(self._follow(candidates, guess))

    def likely(self, project: ProjectName) -> int | None:
        """The place of the version that will probably be picked; None when nothing is expected of `project`."""
        guess = self._guesses.get(project)
        return guess.place if guess is not None else None

    def _narrow(self, candidates: Candidates, requirement: Requirement) -> Sequence[Requirement]:
        guess = self._guesses.get(candidates.project)
        if guess is None:
            possible = candidates.all & ~candidates.prereleases & ~candidates.constrained
            guess = self._guesses[candidates.project] = Guess(possible)
        guess.mask = (guess.mask & candidates.matching(requirement)) or guess.mask
        if guess.place is None or not guess.mask >> guess.place & 1:
            guess.place = self._likely(candidates, guess.mask)
        guess.extras.update(dict.fromkeys(requirement.extras))
        return self._follow(candidates, guess)

    def _likely(self, candidates: Candidates, mask: int) -> int | None:
        preferred = self._options.preferred(candidates.project)
        if preferred is not None:
            place = candidates.place_of(preferred)
            if place is not None and mask >> place & 1:
                return place
        for _ in range(LOOKED_AT):
            if not mask:
                return None
            place = candidates.best(mask)
            if isinstance(candidates.judge(place), DistributionFile):
                return place
            mask ^= 1 << place
        return None

    def _follow(self, candidates: Candidates, guess: Guess) -> Sequence[Requirement]:
        place = guess.place
        if place is None:
            return ()
        metadata = self._known.metadata(candidates, place)
        if metadata is None:
            file = candidates.judge(place)
            if isinstance(file, DistributionFile):
                self._want(NeedMetadata(candidates.project, candidates.versions[place], file))
            return ()
        if not isinstance(metadata, CoreMetadata):
            return ()
        ahead: list[Requirement] = []
        for extra in guess.extras:
            if (place, extra) not in guess.followed:
                guess.followed.add((place, extra))
                ahead += self._known.requirements(candidates, place, metadata, extra)
        return ahead


class NoForesight:
    """Expects nothing."""

    def expect(self, requirements: Iterable[Requirement]) -> None:
        pass

    def page_came(self, project: ProjectName) -> None:
        pass

    def metadata_came(self, project: ProjectName) -> None:
        pass

    def likely(self, project: ProjectName) -> int | None:
        return None
