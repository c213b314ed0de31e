"""Time dxpy beside uv on one real project, over a copy of the index on this machine.

    python3 scripts/bench.py [--project large] [-n 5] [--only REGEX] [--json FILE]

The first run fetches what the project needs from the index (large: 400 MB) into the lab, a scratch directory; see
loopback.py. uv comes from PyPI into the lab; dxpy is the one installed beside the Python that runs this. Both get the
same index, the same interpreter by its real path (a launcher script in its place costs 100 ms and more), an empty
configuration, and caches of their own on the same filesystem.

How it is measured: whole processes, from start to exit. The tools take turns, and who goes first changes every round;
the first round is not counted. The figure to quote is the median of the ratios of each round, uv's time divided by
dxpy's: above 1, dxpy is faster. Peak memory is that of the largest single process.

Three traps, all met: timed commands write only into fresh directories, and nothing is deleted before all is over
(ext4 is slow to create files for minutes after a large delete; so wait as long between two runs, or use another
filesystem); what earlier runs wrote is flushed before the clock starts; PYTHON* variables are taken out (with
PYTHONDONTWRITEBYTECODE set, nobody pays for bytecode).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECTS = sorted(path.parent.name for path in HERE.glob("projects/*/pyproject.toml"))
LOCKS = ("uv.lock", "dxpy.lock", "pylock.toml")
INTERPRETER = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@dataclass(frozen=True, slots=True)
class Tool:
    """One of the two that are compared. `prefix` begins the names of its environment variables."""

    name: str
    prefix: str
    program: str

    def environ(self, index: str, cache: Path) -> dict[str, str]:
        """The variables its commands run with: this index, this cache, this interpreter, and no configuration."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PIP_", "UV_", "DXPY_", "VIRTUAL_ENV", "CONDA_"))
        }
        own = {"CACHE_DIR": str(cache), "DEFAULT_INDEX": index, "PYTHON": INTERPRETER, "NO_CONFIG": "1"}
        return kept | {f"{self.prefix}_{name}": value for name, value in own.items()} | {"NO_COLOR": "1"}

    def version(self) -> str:
        return subprocess.check_output([self.program, "--version"], text=True).strip()


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command took: seconds on the clock, seconds of all processors, MiB of its largest process."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def timed(command: list[str], where: Path, environ: dict[str, str]) -> Cost:
    """Run a command to its end in the directory `where`; one that fails ends the benchmark."""
    os.sync()
    output = where.parent / f"{where.name}.out"
    with output.open("wb") as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=where, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = output.read_text(errors="replace")[-4000:]
        sys.exit(f"error: `{' '.join(command)}` in {where} ended with {process.returncode}:\n{said}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MAXRSS_PER_MIB)


_MAXRSS_PER_MIB = 1024**2 if sys.platform == "darwin" else 1024


@dataclass(slots=True)
class Contest:
    """One tool's standing on one project: a cache that is warm, a project that is synced, and fresh directories."""

    tool: Tool
    project: str
    index: str
    place: Path
    _made: int = field(default=0, init=False)

    @property
    def synced(self) -> Path:
        return self.place / "synced"

    def prime(self) -> None:
        """Lock and sync once, which fills the index copy and the cache, and lets the tool compile itself."""
        self._copy_project(self.synced)
        for command in ("lock", "sync"):
            self._run(command, self.synced)

    def nothing_changed_sync(self) -> Cost:
        return self._run("sync", self.synced)

    def warm_sync(self) -> Cost:
        return self._run("sync", self._fresh(locked=True), "--frozen")

    def cold_sync(self) -> Cost:
        where = self._fresh(locked=True)
        return self._run("sync", where, "--frozen", cache=where.with_name(f"{where.name}-cache"))

    def cold_lock(self) -> Cost:
        where = self._fresh(locked=False)
        return self._run("lock", where, cache=where.with_name(f"{where.name}-cache"))

    def distributions(self) -> set[str]:
        """Name and version of everything in the synced environment."""
        found = importlib.metadata.distributions(path=[str(p) for p in self.synced.glob(".venv/lib/*/site-packages")])
        return {f"{re.sub(r'[-_.]+', '-', each.name).lower()} {each.version}" for each in found}

    def _fresh(self, *, locked: bool) -> Path:
        self._made += 1
        where = self.place / str(self._made)
        self._copy_project(where)
        for lock in LOCKS if locked else ():
            if (self.synced / lock).exists():
                shutil.copy2(self.synced / lock, where / lock)
        return where

    def _copy_project(self, where: Path) -> None:
        where.mkdir(parents=True)
        shutil.copy2(HERE / "projects" / self.project / "pyproject.toml", where)

    def _run(self, command: str, where: Path, *flags: str, cache: Path | None = None) -> Cost:
        environ = self.tool.environ(self.index, cache or self.place / "cache")
        return timed([self.tool.program, command, *flags], where, environ)


SCENARIOS: dict[str, Callable[[Contest], Cost]] = {
    "nothing-changed sync": Contest.nothing_changed_sync,
    "warm sync": Contest.warm_sync,
    "cold lock": Contest.cold_lock,
    "cold sync": Contest.cold_sync,
}


@dataclass(slots=True)
class Lab:
    """The scratch directory: the index copy, uv, and the directories that runs write into."""

    directory: Path
    index_directory: Path

    def uv(self, requirement: str) -> str:
        environment = self.directory / "uv"
        program = environment / "bin" / "uv"
        if not program.exists():
            subprocess.check_call([sys.executable, "-m", "venv", str(environment)])
        # Also when it is there: a newer one may be out, and pip knows.
        subprocess.check_call([str(environment / "bin/python"), "-m", "pip", "install", "-qU", requirement])
        return str(program)

    @contextmanager
    def index(self) -> Iterator[str]:
        """Serve the index copy in a process of its own; its address."""
        command = [sys.executable, str(HERE / "loopback.py"), str(self.index_directory)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            try:
                port = server.stdout.readline().strip()
                if not port:
                    sys.exit("error: the loopback index does not start")
                yield f"http://127.0.0.1:{port}/simple"
            finally:
                server.stdin.close()

    def fetched(self) -> int:
        """How much the index copy has fetched from upstream so far."""
        log = self.index_directory / "fetched.log"
        return log.stat().st_size if log.exists() else 0

    @contextmanager
    def runs(self, *, keep: bool) -> Iterator[Path]:
        place = self.directory / f"runs-{time.time_ns()}"
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            if keep:
                print(f"kept: {place}", file=sys.stderr)
            else:
                shutil.rmtree(place)


@dataclass(frozen=True, slots=True)
class Result:
    """The counted rounds of one scenario, in order."""

    uv: list[Cost] = field(default_factory=list)
    dxpy: list[Cost] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """uv's time divided by dxpy's, round by round: above 1, dxpy is faster."""
        return [uv.seconds / dxpy.seconds for uv, dxpy in zip(self.uv, self.dxpy, strict=True)]

    def row(self, name: str) -> str:
        """One line of the table under HEADING; all figures but the range are medians."""
        uv, dxpy, ratios = _median(self.uv), _median(self.dxpy), self.ratios()
        return (
            f"{name:22}{uv.seconds:8.3f}{dxpy.seconds:9.3f}{statistics.median(ratios):9.2f}"
            f"{f'{min(ratios):.2f}..{max(ratios):.2f}':>14}"
            f"{uv.cpu_seconds:10.2f} {dxpy.cpu_seconds:6.2f}{uv.peak_mib:9.0f} {dxpy.peak_mib:5.0f}"
        )

    def figures(self) -> dict[str, object]:
        """For the JSON file."""
        ratios = self.ratios()
        return {
            "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
            "median": {"uv": asdict(_median(self.uv)), "dxpy": asdict(_median(self.dxpy))},
            "seconds": {"uv": [cost.seconds for cost in self.uv], "dxpy": [cost.seconds for cost in self.dxpy]},
        }


HEADING = f"{'':22}{'uv s':>8}{'dxpy s':>9}{'uv/dxpy':>9}{'min..max':>14}{'cpu s: uv, dxpy':>17}{'MiB: uv, dxpy':>15}"


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        statistics.median(cost.peak_mib for cost in costs),
    )


def measure(lab: Lab, uv: Contest, dxpy: Contest, scenario: Callable[[Contest], Cost], rounds: int) -> Result:
    """Let the two take turns for `rounds` counted rounds, after one that is not counted.

    A round in which the index copy had to fetch something was not local, and is done again.
    """
    result = Result()
    for turn in range(3 * rounds + 10):
        before = lab.fetched()
        if turn % 2:
            uv_cost, dxpy_cost = scenario(uv), scenario(dxpy)
        else:
            dxpy_cost, uv_cost = scenario(dxpy), scenario(uv)
        if turn and lab.fetched() == before:
            result.uv.append(uv_cost)
            result.dxpy.append(dxpy_cost)
        if len(result.uv) == rounds:
            return result
    sys.exit("error: no run is local all the way; something asks for other files every time (see fetched.log)")


def compare(arguments: argparse.Namespace) -> dict[str, object]:
    """Prime both tools, see whether they install the same, and time every scenario that was asked for."""
    place = arguments.lab.resolve()
    lab = Lab(place, place / "index")
    tools = (Tool("uv", "UV", lab.uv(arguments.uv)), Tool("dxpy", "DXPY", arguments.dxpy))
    figures: dict[str, object] = {}
    with lab.index() as index, lab.runs(keep=arguments.keep) as runs:
        uv, dxpy = (Contest(tool, arguments.project, index, runs / tool.name) for tool in tools)
        uv.prime()
        dxpy.prime()
        difference = sorted(uv.distributions() ^ dxpy.distributions())
        print(f"{arguments.project}: {len(uv.distributions())} distributions; ", end="")
        print(f"only one of the two installs {', '.join(difference)}" if difference else "both install the same")
        print(f"{'; '.join(tool.version() for tool in tools)}; {arguments.rounds} rounds\n\n{HEADING}", flush=True)
        for name, scenario in SCENARIOS.items():
            if re.search(arguments.only, name):
                result = measure(lab, uv, dxpy, scenario, arguments.rounds)
                figures[name] = result.figures()
                print(result.row(name), flush=True)
    return {
        "project": arguments.project,
        "machine": f"{os.cpu_count()} processors, {platform.platform()}, Python {platform.python_version()}",
        "versions": [tool.version() for tool in tools],
        "difference": difference,
        "scenarios": figures,
    }


def main() -> None:
    beside = Path(sysconfig.get_path("scripts")) / "dxpy"
    parser = argparse.ArgumentParser(description="Time dxpy beside uv, over a copy of the index on this machine.")
    parser.add_argument("--project", choices=PROJECTS, default="large")
    parser.add_argument("-n", "--rounds", type=int, default=5, help="rounds that are counted (default: 5)")
    parser.add_argument("--only", default="", metavar="REGEX", help=f"which of: {', '.join(SCENARIOS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--lab", type=Path, default=HERE.parent / ".dxpy-dev" / "bench", help="the scratch directory")
    parser.add_argument(
        "--dxpy", default=str(beside), metavar="PROGRAM", help="another dxpy than the one installed here"
    )
    parser.add_argument("--uv", default="uv", metavar="REQUIREMENT", help="which uv to install, like uv==0.9.0")
    parser.add_argument(
        "--keep", action="store_true", help="do not delete what the runs wrote (large: about 2 GB a round)"
    )
    arguments = parser.parse_args()
    results = compare(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
