"""The candidates of one project: its versions in a fixed order, which requirement allows which, and which are usable.

Once a project's page is known its candidates are a fixed list, so a set of them is an `int`: bit i stands for the i-th
candidate, oldest first, and set algebra is `&`, `|` and `~`. Whether a candidate is usable at all (yanked, Python,
wheel tags) is looked at only when the solver comes to it, because it means decoding the files of that version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from packaging.version import Version

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.environments import TargetEnvironment
from dxpy_async.core.kernels import Kernels, VersionTable
from dxpy_async.core.locks import Source
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.source_urls import best_sdist
from dxpy_async.core.specifiers import allows_python, matching_mask
from dxpy_async.core.upload_limits import Cutoff, files_in_time
from dxpy_async.core.wheel_names import best_wheel
from dxpy_async.resolver.needs import DirectCandidate

AUTOMATIC = Kernels()
BUILD_ANYTHING = BuildSettings()


class Refusal(Enum):
    """Why a version that is there cannot be picked."""

    PRERELEASE = auto()
    TOO_NEW = auto()
    UNDATED = auto()
    YANKED = auto()
    PYTHON = auto()
    NO_WHEEL = auto()
    SOURCE_ONLY = auto()
    WHEEL_ONLY = auto()
    URL_DEPENDENCY = auto()
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal and its particulars.

    `detail` is the latest time of upload that would do, the yank's reason, the `requires-python`, the name of the
    sdist that may not be built, the requirement with a URL, what is wrong with the metadata, or for a pre-release how
    one is asked for, empty when it cannot be. `files` are the wheels that do not fit, `uploaded` is when the first of
    files that are too new came, in microseconds since 1970.
    """

    refusal: Refusal
    detail: str = ""
    files: tuple[str, ...] = ()
    uploaded: int | None = None


class Candidates:
    """The candidates of one project. `origins` gives each its URL when the project is a direct reference, else None.

    `kernels` say which of them a requirement allows; `keys` are the packed keys of `versions`, where they are known.
    """

    __slots__ = (
        "_judge",
        "_judged",
        "_kernels",
        "_masks",
        "_table",
        "_wordings",
        "all",
        "constrained",
        "cutoff",
        "lowest_first",
        "origins",
        "prereleases",
        "project",
        "refused",
        "unavailable",
        "versions",
    )

    def __init__(
        self,
        project: ProjectName,
        versions: Sequence[Version],
        judge: Callable[[int], DistributionFile | Source | Refused],
        *,
        kernels: Kernels = AUTOMATIC,
        keys: bytes | None = None,
        origins: Sequence[str] | None = None,
        unavailable: Unavailable | None = None,
        cutoff: Cutoff | None = None,
    ) -> None:
        self.project, self.versions, self.origins, self.unavailable = project, versions, origins, unavailable
        self.cutoff = cutoff
        self.all = (1 << len(versions)) - 1
        self.prereleases = 0
        """Those that are pre-releases and may not be picked."""
        self.constrained = 0
        """Those that a constraint rules out."""
        self.lowest_first = False
        """Whether the oldest version is tried first, not the newest."""
        self.refused = 0
        """Those that the solver came to and found unusable; only words depend on it."""
        self._kernels, self._table = kernels, VersionTable(versions, keys)
        self._judge = judge
        self._judged: dict[int, DistributionFile | Source | Refused] = {}
        self._masks: dict[tuple[str, str | None], int] = {}
        self._wordings: dict[int, str] = {}

    def matching(self, requirement: Requirement) -> int:
        """The candidates that `requirement`, which is of this project, allows."""
        key = (requirement.specifier, requirement.url)
        mask = self._masks.get(key)
        if mask is None:
            mask = self._masks[key] = self._match(requirement)
        return mask

    def _match(self, requirement: Requirement) -> int:
        try:
            if self.origins is None:
                return self._kernels.mask(requirement.specifier, self._table) if requirement.url is None else 0
            if requirement.url is not None:
                return sum(1 << place for place, url in enumerate(self.origins) if url == requirement.url)
            # The order of direct references is not that of versions, so each is looked at alone.
            return sum(
                matching_mask(requirement.specifier, (version,)) << place for place, version in enumerate(self.versions)
            )
        except parsers.specifiers.InvalidSpecifier:
            return 0

    def judge(self, place: int) -> DistributionFile | Source | Refused:
        """The file of the candidate at `place` that fits best, or why there is none."""
        judged = self._judged.get(place)
        if judged is None:
            judged = self._judged[place] = self._judge(place)
        return judged

    def require(self, requirement: Requirement) -> int:
        """`matching`, for a requirement that counts: its wording may be used in a report."""
        mask = self.matching(requirement)
        if requirement.specifier:
            self._wordings.setdefault(mask, requirement.specifier)
        return mask

    def specifier_of(self, mask: int) -> str:
        """The specifier, of a requirement that counted, that allows just those in `mask`; empty when none does."""
        return self._wordings.get(mask, "")

    def best(self, mask: int) -> int:
        """The candidate in `mask`, which is not empty, that is to be tried first."""
        return (mask & -mask).bit_length() - 1 if self.lowest_first else mask.bit_length() - 1

    def worse_than(self, place: int) -> int:
        """The candidates that are tried only after the one at `place`."""
        return self.all >> (place + 1) << (place + 1) if self.lowest_first else (1 << place) - 1

    def place_of(self, version: Version) -> int | None:
        """Where `version` stands, None when it is not there."""
        return self._table.place_of(version)

    def has_only_prereleases(self) -> bool:
        """Whether nothing else was ever published, as far as that counts."""
        stable = self.all & ~self._table.prereleases()
        if self.cutoff is None:
            return not stable
        return all(self._is_too_new(place) for place in range(len(self.versions)) if stable >> place & 1)

    def _is_too_new(self, place: int) -> bool:
        judged = self.judge(place)
        return isinstance(judged, Refused) and judged.refusal in (Refusal.TOO_NEW, Refusal.UNDATED)

    def refuse_prereleases(self) -> None:
        """From now on pre-releases may not be picked."""
        self.prereleases = self._table.prereleases()


def index_candidates(
    page: ProjectPage,
    target: TargetEnvironment,
    *,
    pinned: Iterable[Version],
    cutoff: Cutoff | None = None,
    kernels: Kernels = AUTOMATIC,
    builds: BuildSettings = BUILD_ANYTHING,
) -> Candidates:
    """The candidates on a project page. `pinned` versions may be used though they are yanked."""
    versions = page.versions[::-1]
    allowed = frozenset(pinned)
    may_build, may_be_wheel = builds.allows_building(page.project), builds.allows_wheels(page.project)

    def judge(place: int) -> DistributionFile | Source | Refused:
        files = page.files(versions[place])
        in_time = files_in_time(files, cutoff)
        if files and not in_time and cutoff is not None:
            return _too_new(files, cutoff)
        return judge_files(
            in_time,
            target,
            yanked_is_fine=versions[place] in allowed,
            may_build=may_build,
            may_be_wheel=may_be_wheel,
        )

    return Candidates(page.project, versions, judge, kernels=kernels, keys=page.keys, cutoff=cutoff)


def _too_new(files: Iterable[DistributionFile], cutoff: Cutoff) -> Refused:
    times = [file.upload_time for file in files if file.upload_time is not None]
    if not times:
        return Refused(Refusal.UNDATED, cutoff.words)
    return Refused(Refusal.TOO_NEW, cutoff.words, uploaded=min(times))


def no_candidates(project: ProjectName, unavailable: Unavailable) -> Candidates:
    """What a project has that no index knows."""
    return Candidates(project, (), _judge_nothing, unavailable=unavailable)


def direct_candidates(
    project: ProjectName, answers: Sequence[tuple[str, DirectCandidate | Unavailable]], target: TargetEnvironment
) -> Candidates:
    """The candidates that direct references give: one for each URL that leads to something."""
    there = [(url, answer) for url, answer in answers if isinstance(answer, DirectCandidate)]
    missing = [answer for _, answer in answers if isinstance(answer, Unavailable)]

    def judge(place: int) -> DistributionFile | Source | Refused:
        candidate = there[place][1]
        if candidate.metadata.name != project:
            kind = "source" if isinstance(candidate.file, Source) else "archive"
            return Refused(Refusal.UNREADABLE, f"the {kind} is one of {candidate.metadata.name}")
        if isinstance(candidate.file, Source):
            return candidate.file
        return judge_files((candidate.file,), target, yanked_is_fine=True)

    return Candidates(
        project,
        tuple(candidate.version for _, candidate in there),
        judge,
        origins=tuple(url for url, _ in there),
        unavailable=missing[0] if missing else None,
    )


def _judge_nothing(place: int) -> DistributionFile | Source | Refused:
    raise IndexError(place)


def judge_files(
    files: Sequence[DistributionFile],
    target: TargetEnvironment,
    *,
    yanked_is_fine: bool,
    may_build: bool = True,
    may_be_wheel: bool = True,
) -> DistributionFile | Refused:
    """The file of a version to use on `target`, or why there is none: the wheel that fits best, else the sdist.

    Yanked files are the last resort, if any.
    """
    standing = [file for file in files if file.yanked is None]
    if not standing and files:
        if not yanked_is_fine:
            return Refused(Refusal.YANKED, next((file.yanked for file in files if file.yanked), ""))
        standing = list(files)
    for_python = [file for file in standing if allows_python(file.requires_python, target.python_version)]
    wheel = best_wheel(for_python, target.tag_ranks) if may_be_wheel else None
    if wheel is not None:
        return wheel
    if standing and not for_python:
        return Refused(Refusal.PYTHON, standing[-1].requires_python)
    sdist = best_sdist(for_python)
    if sdist is not None and may_build:
        return sdist
    wheels = tuple(file.filename for file in for_python if file.is_wheel)
    if sdist is not None:
        return Refused(Refusal.SOURCE_ONLY, sdist.filename, wheels if may_be_wheel else ())
    return Refused(Refusal.NO_WHEEL if may_be_wheel else Refusal.WHEEL_ONLY, files=wheels)
