"""Time the ways of looking for the versions that specifiers allow, and show which is quickest where.

    python3 benchmarks/kernels.py [--versions 10 1000] [--specifiers 1 100] [--json FILE]

Needs dxpy beside the Python that runs this; of numpy and numba, which bring a way each, what is not installed is left
out. No network. The versions are made up, and the same every time: releases of three numbers, one in ten a pre-release
or a post-release, all with a packed key, as on a page from the cache. So are the specifiers, which are as mixed as
requirements are: half with one clause, the others with an upper bound, an exclusion or a prefix.

A cell is the best time of several runs for all specifiers together, compiled to ranges before, for a specifier is that
once in a process. *compared* is the way without keys, which compares parsed versions with `packaging`'s operators.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from packaging.version import Version

from dxpy_async.core.kernels import Kernels, VersionTable
from dxpy_async.core.packed_versions import key_table
from dxpy_async.core.settings import KernelChoice
from dxpy_async.core.specifiers import matching_mask

VERSIONS = (10, 100, 1_000, 10_000, 100_000)
SPECIFIERS = (1, 10, 100, 1_000)
LONGEST = 0.5
"""Seconds after which a cell has been timed often enough."""


@dataclass(frozen=True, slots=True)
class Row:
    """Seconds that each way takes to find the masks of so many specifiers over so many versions."""

    versions: int
    specifiers: int
    seconds: dict[str, float]

    @property
    def quickest(self) -> str:
        return min((way for way in self.seconds if way != "auto"), key=lambda way: self.seconds[way])


def made_up_versions(count: int) -> list[Version]:
    """`count` versions, oldest first, spread over as many majors and minors as old projects have."""
    chance = random.Random(count)
    patches = max(4, count // 400)
    texts = {f"{place // patches // 40}.{place // patches % 40}.{place % patches}" for place in range(count)}
    suffixes = ("a1", "b2", "rc1", ".post1", ".dev3")
    return sorted(Version(text + (chance.choice(suffixes) if chance.random() < 0.1 else "")) for text in texts)


def made_up_specifiers(count: int, versions: Sequence[Version]) -> list[str]:
    """`count` specifiers, different ones as far as the versions allow it."""
    chance = random.Random(count)
    kinds = (
        *(">={0}", ">={0}", "<{0}", "=={0}", "~={0}", ">={0},<{1}.0", ">={0},<{1}", ">={0},!={2},<{1}"),
        *("=={3}.*", ">={0},!={3}.*"),
    )
    specifiers = []
    for number in range(count):
        low, other = chance.choice(versions), chance.choice(versions)
        prefix = f"{other.major}.{other.minor}"
        specifiers.append(kinds[number % len(kinds)].format(low.base_version, low.major + 1, other, prefix))
    return specifiers


def best_time(work: Callable[[], object], *, runs: int) -> float:
    """The fastest of `runs` runs, in seconds; fewer runs when they take long."""
    work()
    best, spent = float("inf"), 0.0
    gc.disable()
    try:
        for _ in range(runs):
            started = time.perf_counter()
            work()
            taken = time.perf_counter() - started
            best, spent = min(best, taken), spent + taken
            if spent > LONGEST:
                break
    finally:
        gc.enable()
    return best


def measured(versions: int, specifiers: int, ways: dict[str, Kernels]) -> Row:
    candidates = made_up_versions(versions)
    asked = made_up_specifiers(specifiers, candidates)
    table = VersionTable(candidates, key_table(candidates))
    expected = [matching_mask(specifier, candidates) for specifier in asked]
    seconds = {"compared": best_time(lambda: [matching_mask(each, candidates) for each in asked], runs=50)}
    for way, kernels in ways.items():
        assert kernels.masks(asked, table) == expected, f"{way} finds other versions"
        seconds[way] = best_time(partial(kernels.masks, asked, table), runs=200)
    return Row(versions, specifiers, seconds)


def loading_times(cache: Path) -> dict[str, float]:
    """Seconds until a new process that has dxpy's part has answered one specifier with each of the kernels."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from packaging.version import Version\n"
        "from dxpy_async.core.kernels import Kernels, KernelChoice, VersionTable\n"
        "started = time.perf_counter()\n"
        "Kernels(KernelChoice(sys.argv[1]), cache_dir=Path(sys.argv[2])).mask('>=1', VersionTable([Version('1')]))\n"
        "print(time.perf_counter() - started)\n"
    )

    def once(kernel: str, directory: Path) -> float:
        return float(subprocess.check_output([sys.executable, "-c", code, kernel, directory], text=True))

    times = {}
    for kernel in installed():
        if kernel == KernelChoice.NUMBA:
            times["numba, compiled anew"] = once(kernel, cache / "anew")
            once(kernel, cache / "kept")
        times[kernel.value] = min(once(kernel, cache / "kept") for _ in range(3))
    return times


def installed() -> list[KernelChoice]:
    choices = (KernelChoice.SCALAR, KernelChoice.NUMPY, KernelChoice.NUMBA)
    return [choice for choice in choices if choice is KernelChoice.SCALAR or find_spec(choice.value) is not None]


def shown(row: Row, ways: Sequence[str]) -> str:
    cells = "".join(f"{_duration(row.seconds[way]):>12}" for way in ways)
    return f"{row.versions:>9,}{row.specifiers:>12,}{cells}   {row.quickest}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} µs" if seconds < 0.001 else f"{seconds * 1e3:,.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the ways of looking for the versions that specifiers allow.")
    for name, sizes in (("versions", VERSIONS), ("specifiers", SPECIFIERS)):
        parser.add_argument(f"--{name}", type=int, nargs="+", metavar="N", default=sizes, help=f"default: {sizes}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    arguments = parser.parse_args()
    if min(*arguments.versions, *arguments.specifiers, 1) < 1:
        parser.error("there is nothing to look for among fewer than one version, or for fewer than one specifier")
    with tempfile.TemporaryDirectory(prefix="dxpy-kernels-") as directory:
        cache = Path(directory)
        print(f"{platform.python_implementation()} {platform.python_version()}\n")
        times = loading_times(cache)
        print("until the first answer of a process:")
        for kernel, seconds in times.items():
            print(f"{kernel:>22}{_duration(seconds):>14}")
        ways = {choice.value: Kernels(choice, cache_dir=cache / "kept") for choice in installed()}
        ways["auto"] = Kernels(cache_dir=cache / "kept")
        print(f"\n{'versions':>9}{'specifiers':>12}" + "".join(f"{way:>12}" for way in ("compared", *ways)) + "   wins")
        rows = []
        for versions in arguments.versions:
            for specifiers in arguments.specifiers:
                rows.append(measured(versions, specifiers, ways))
                print(shown(rows[-1], ("compared", *ways)), flush=True)
    if arguments.json:
        figures = [{**asdict(row), "quickest": row.quickest} for row in rows]
        whole = {"python": sys.version, "first_answer_seconds": times, "rows": figures}
        arguments.json.write_text(json.dumps(whole, indent=2) + "\n")


if __name__ == "__main__":
    main()
