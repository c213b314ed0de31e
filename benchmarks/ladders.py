"""Count and time what the solver does with requirements that are known to take resolvers very long.

    python3 benchmarks/ladders.py [--rungs 250 500 1000] [--only NAME] [--json FILE]

Needs dxpy beside the Python that runs this; no network. Each *ladder* is a made-up world of projects in which version
after version fails, with as many rungs (versions) as is said. Everything that the solver could ask is answered from
memory, at once, so what is timed is the solver alone. What counts is how requests, steps and time grow with the rungs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from packaging.version import Version

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.target_platforms import parse_platform, parse_python, target_environment
from dxpy_async.errors import NoSolution
from dxpy_async.resolver.needs import Answer, Need, NeedMetadata, NeedPage
from dxpy_async.resolver.solver import Solver

RUNGS = (250, 500, 1_000)
LINUX = target_environment(parse_python("3.12"), parse_platform("linux"))

World = Mapping[str, Mapping[str, Sequence[str]]]
"""Of each project, of each version, the requirements."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """A world to climb down in, from what is required."""

    roots: Sequence[str]
    world: World


@dataclass(frozen=True, slots=True)
class Effort:
    """What a resolution took: pages and metadata asked for, the solver's steps and conflicts, seconds of this process.

    `pins` is empty when there is no solution.
    """

    pages: int
    metadata: int
    steps: int
    conflicts: int
    seconds: float
    pins: Mapping[str, str]


def released_together(rungs: int) -> Ladder:
    """Like boto3, botocore and urllib3: two projects release together, and only the oldest let a third one be new."""
    return _together(rungs, fitting=range(2))


def released_together_in_vain(rungs: int) -> Ladder:
    """The same, but no version lets the third one be new."""
    return _together(rungs, fitting=range(0))


def way_out_at_the_top(rungs: int) -> Ladder:
    """The same, but the newest versions but ten do: nothing below must be looked at."""
    return _together(rungs, fitting=range(rungs - 10))


def _together(rungs: int, *, fitting: range) -> Ladder:
    return Ladder(
        ["boto3", "urllib3>=2"],
        {
            "boto3": {f"1.{n}": [f"botocore>=1.{n},<1.{n + 1}", "s3transfer>=0.1"] for n in range(rungs)},
            "botocore": {f"1.{n}": ["urllib3>=1.25" if n in fitting else "urllib3>=1.25,<2"] for n in range(rungs)},
            "s3transfer": {f"0.{n}": ["botocore>=1.0"] for n in range(20)},
            "urllib3": {f"{major}.{n}": [] for major in (1, 2) for n in range(30)},
        },
    )


def three_abreast(rungs: int) -> Ladder:
    """Like aiobotocore beside boto3: a tenth as many releases, each for one release of the other two."""
    days = [f"1.{n // 50}.{n % 50}" for n in range(rungs)]
    return Ladder(
        ["boto3", "aiobotocore", "requests>=2.25"],
        {
            "boto3": {day: [f"botocore>={day},<1.{n // 50 + 1}"] for n, day in enumerate(days)},
            "botocore": {day: ["urllib3<2"] for day in days},
            "aiobotocore": {
                f"2.{n}": [f"botocore=={day}", f"boto3=={day}"] for n, day in enumerate(days) if not n % 10
            },
            "requests": {f"2.{n}": ["urllib3<3"] for n in range(30)},
            "urllib3": {f"{major}.{n}": [] for major in (1, 2) for n in range(30)},
        },
    )


def near_identical(rungs: int) -> Ladder:
    """Candidates that differ in a requirement that does not matter, and all fail for another one, two edges away."""
    return Ladder(
        ["app", "base<2"],
        {
            "app": {f"1.{n}": [f"middle!=3.{n}"] for n in range(rungs)},
            "middle": {f"2.{n}": ["base>=2"] for n in range(rungs)},
            "base": {"1": [], "2": []},
        },
    )


def deep(rungs: int) -> Ladder:
    """Ten projects in a row, each tied to the version of the one before; only the oldest of the last one fits."""
    row = [f"row{place}" for place in range(10)]
    tied = {name: {str(n): [f"{following}=={n}"] for n in range(1, rungs + 1)} for name, following in pairwise(row)}
    last = {str(n): ["base>=2"] if n > 1 else [] for n in range(1, rungs + 1)}
    return Ladder([row[0], "base<2"], {**tied, row[-1]: last, "base": {"1": [], "2": []}})


def far_apart(rungs: int) -> Ladder:
    """Two projects that do not go together, with fifty between them that have nothing to do with it."""
    between = [f"between{place}" for place in range(50)]
    return Ladder(
        ["left", *between, "right"],
        {
            "left": {str(n): ["middle"] for n in range(rungs)},
            "middle": {str(n): ["base==1"] for n in range(rungs)},
            **{name: {str(n): [] for n in range(20)} for name in between},
            "right": {str(n): ["base==2"] if n else [] for n in range(rungs)},
            "base": {"1": [], "2": []},
        },
    )


def each_other(rungs: int) -> Ladder:
    """Every version of either project wants an older one of the other.

    Each rung rules out one candidate of each, for reasons of its own, and all of them take part in the next conflict:
    the time grows with the square of the rungs, though steps and conflicts do not.
    """
    return Ladder(
        ["odd", "even"],
        {
            "odd": {str(n): [f"even<{n}"] if n else [] for n in range(rungs)},
            "even": {str(n): [f"odd<={n}"] for n in range(1, rungs)},
        },
    )


LADDERS: Mapping[str, Callable[[int], Ladder]] = {
    build.__name__.replace("_", "-"): build
    for build in (
        released_together,
        released_together_in_vain,
        way_out_at_the_top,
        three_abreast,
        near_identical,
        deep,
        far_apart,
        each_other,
    )
}


class _Facts:
    """Answers from a ladder's world, all made before the clock starts."""

    def __init__(self, world: World) -> None:
        self._pages: dict[ProjectName, ProjectPage] = {}
        self._metadata: dict[tuple[ProjectName, Version], CoreMetadata] = {}
        for text, releases in world.items():
            name = normalize(text)
            files: dict[Version, tuple[DistributionFile, ...]] = {}
            for written, requirements in releases.items():
                version = Version(written)
                filename = f"{name}-{written}-py3-none-any.whl"
                files[version] = (DistributionFile(filename=filename, url=f"https://files.example.org/{filename}"),)
                self._metadata[name, version] = CoreMetadata(
                    name=name, version=version, requirements=tuple(map(parse_requirement, requirements))
                )
            newest_first = tuple(sorted(files, reverse=True))
            self._pages[name] = ProjectPage(
                name, newest_first, files.__getitem__, index_url="https://index.example.org"
            )

    def answer(self, need: Need) -> Answer:
        if isinstance(need, NeedPage):
            return self._pages[need.project]
        assert isinstance(need, NeedMetadata), "no ladder has direct references"
        return self._metadata[need.project, need.version]


def climb(ladder: Ladder) -> Effort:
    """Resolve in the world of `ladder`, with all that the solver would like to know told as soon as it says so."""
    facts = _Facts(ladder.world)
    solver = Solver([parse_requirement(text) for text in ladder.roots], target=LINUX)
    told: set[Need] = set()
    started = time.process_time()
    while needs := solver.needs():
        for need in needs:
            assert need not in told, f"{need} is asked for again"
            told.add(need)
            solver.tell(need, facts.answer(need))
    seconds = time.process_time() - started
    try:
        pins = {str(pin.project): str(pin.version) for pin in solver.solution().pins}
    except NoSolution:
        pins = {}
    return Effort(
        pages=sum(isinstance(need, NeedPage) for need in told),
        metadata=sum(isinstance(need, NeedMetadata) for need in told),
        steps=solver.steps,
        conflicts=solver.conflicts,
        seconds=seconds,
        pins=pins,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Count and time what the solver does on ladders of failing versions.")
    parser.add_argument("--rungs", type=int, nargs="+", default=RUNGS, metavar="N", help=f"(default: {RUNGS})")
    parser.add_argument("--only", choices=LADDERS, metavar="NAME", help=f"one of {', '.join(LADDERS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    arguments = parser.parse_args()
    if min(arguments.rungs) < 20:
        parser.error("a ladder has at least 20 rungs")
    print(f"{'':<28}{'rungs':>7}{'metadata':>10}{'steps':>9}{'conflicts':>11}{'ms':>10}  outcome")
    rows = []
    for name in [arguments.only] if arguments.only else LADDERS:
        for rungs in arguments.rungs:
            effort = climb(LADDERS[name](rungs))
            outcome = f"{len(effort.pins)} pins" if effort.pins else "no solution"
            print(
                f"{name:<28}{rungs:>7,}{effort.metadata:>10,}{effort.steps:>9,}{effort.conflicts:>11,}"
                f"{effort.seconds * 1000:>10,.0f}  {outcome}",
                flush=True,
            )
            rows.append({"ladder": name, "rungs": rungs, **asdict(effort)})
    if arguments.json:
        arguments.json.write_text(json.dumps({"python": sys.version, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
