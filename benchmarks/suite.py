"""Compare dxpy with uv, and with pip if asked, on real projects, over a copy of the index on this machine.

    python3 benchmarks/run.py [--quick] [--project large] [-n 5] [--only REGEX] [--missing] [--pip]

The first run fetches what the projects need from the index (large: 400 MB) into the lab, a scratch directory; see
loopback.py. uv comes from PyPI into the lab; dxpy is the one installed beside the Python that runs this. All get the
same index, the same interpreter by its real path, an empty configuration, and caches of their own on the same
filesystem.

How it is measured: whole processes, from start to exit. The tools take turns, and who goes first changes every round;
the first round is not counted: in it, the memory of all processes together is watched. The figure to quote is the
median of the ratios of each round, uv's time divided by dxpy's: above 1, dxpy is faster.

Three traps, all met: timed commands write only into fresh directories, and nothing is deleted before all is over (ext4
is slow to create files for minutes after a large delete; so files are emptied to make room, and stay; and wait some
minutes between two runs); what earlier runs wrote is flushed before the clock starts; PYTHON* variables are taken out
(with PYTHONDONTWRITEBYTECODE set, nobody pays for bytecode).

Every result is written when it is there, to `figures.json` in the output directory: what is measured again takes the
place of what was there, so a run that was cut short is taken up again with `--missing`. The scenarios need dxpy to have
the commands and flags that they use; those it has not are left out, and said so.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contest import HERE, PROJECTS, Attempt, Contest, Entry, Tool
from costs import CommandFailed, Cost
from parts import PARTS, measure_parts
from plots import draw_all
from results import HEADING, Figures, Result, plain
from scaled import SCALED, scaled_text
from scenarios import SCENARIOS, Scenario
from servers import index_server

DOCS = HERE.parent / "docs"
PUBLISHED_FROM, PUBLISHED_TO = "<!-- from here on: benchmarks/run.py --publish -->", "<!-- up to here -->"
"""What stands between these lines of docs/performance.md is written by machine."""

COLLECTIVE = ("overview", "memory", "networks", "scaling")
"""Plots that show many scenarios at once."""


@dataclass(slots=True)
class Lab:
    """The scratch directory: the index copy, the other tools, and the directories that runs write into."""

    directory: Path

    @property
    def index_directory(self) -> Path:
        return self.directory / "index"

    def others(self, uv: str) -> dict[str, Tool]:
        """uv and pip, as new as they can be had."""
        environment = self.directory / "tools"
        if not (environment / "bin" / "pip").exists():
            subprocess.check_call([sys.executable, "-m", "venv", str(environment)])
        # Also when they are there: newer ones may be out, and pip knows.
        subprocess.check_call([str(environment / "bin/python"), "-m", "pip", "install", "-qU", "pip", uv])
        return {name: Tool(name, name.upper(), str(environment / "bin" / name)) for name in ("uv", "pip")}

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
                # Stores may have directories that even their owner cannot delete from.
                subprocess.check_call(["chmod", "-R", "u+w", str(place)])
                shutil.rmtree(place)


@dataclass(slots=True)
class Suite:
    """One run: the tools, and their standing on every project, made when a scenario needs it."""

    lab: Lab
    tools: dict[str, Tool]
    place: Path
    rounds: int
    figures: Figures
    standing: dict[str, dict[str, Contest]] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._versions = {name: tool.version() for name, tool in self.tools.items()}

    def prime(self, project: str, index: str) -> None:
        """Let every tool lock and sync the project, and see whether all install the same."""
        if project.startswith(SCALED):
            size = int(project.removeprefix(SCALED))
            text = scaled_text(size, self.tools["uv"], index, self.lab.directory)
        else:
            text = (HERE / "projects" / project / "pyproject.toml").read_text()
        contests = {
            name: Contest(tool, project, text, index, self.place / project / name) for name, tool in self.tools.items()
        }
        for name in ("uv", "dxpy"):
            contests[name].prime()
            contests[name].prime_added()
        uv, dxpy = (contests[name].distributions() for name in ("uv", "dxpy"))
        difference = sorted(uv ^ dxpy)
        if "pip" in contests:
            contests["pip"].prime_pip(uv)
        self.standing[project] = contests
        self.figures.projects[project] = {"distributions": len(uv), "difference": difference}
        same = f"only one of the two installs {', '.join(difference)}" if difference else "both install the same"
        print(f"{project}: {len(uv)} distributions; {same}", flush=True)

    def possible(self, scenario: Scenario) -> tuple[list[Entry], str]:
        """Who can take part, and why there would be nothing to compare without those who cannot."""
        if scenario.reflinks and not _has_reflinks(self.place):
            return [], "this filesystem has no reflinks"
        here = [entry for entry in scenario.entries if entry.tool in self.tools]
        lacks = {entry: [need for need in entry.needs if not self.tools[entry.tool].knows(*need)] for entry in here}
        able = [entry for entry in here if not lacks[entry]]
        for entry in here:
            for command, word in lacks[entry]:
                print(f"{scenario.name}: without `{entry.label}`, for it has no `{command} {word}`")
        if not any(entry.tool == "dxpy" for entry in able):
            missing = next(" ".join(need) for entry in here if entry.tool == "dxpy" for need in lacks[entry])
            return [], f"dxpy has no `{missing}`"
        return able, ""

    def measure(self, scenario: Scenario, entries: Sequence[Entry], project: str) -> Result:
        """Let the entries take turns for the counted rounds, after one that is not counted.

        A round in which the index copy had to fetch something was not local, and is done again.
        """
        result = Result(scenario.name, scenario.about, project, scenario.figure, self._versions)
        result.costs = {entry.label: [] for entry in entries}
        rounds = min(self.rounds, scenario.most or self.rounds)
        for turn in range(3 * rounds + 10):
            before = self.lab.fetched()
            round_costs = self._round(scenario, project, entries, turn)
            if turn == 0:
                result.watched = round_costs
            elif self.lab.fetched() == before:
                for entry in entries:
                    result.costs[entry.label].append(round_costs[entry.label])
            if len(result.costs[entries[0].label]) == rounds:
                return result
        raise CommandFailed("no round is local all the way; something asks for other files every time (fetched.log)")

    def _round(self, scenario: Scenario, project: str, entries: Sequence[Entry], turn: int) -> dict[str, Cost]:
        first = turn % len(entries)
        costs: dict[str, Cost] = {}
        for entry in (*entries[first:], *entries[:first]):
            attempt = Attempt(self.standing[project][entry.tool], entry, turn)
            costs[entry.label] = scenario.step(attempt)
            attempt.make_room()
        return costs


def _has_reflinks(directory: Path) -> bool:
    """Whether `cp` can make a copy here that shares its blocks."""
    source = directory / "reflink"
    source.write_bytes(bytes(4096))
    command = ["cp", "--reflink=always", str(source), str(source.with_suffix(".copy"))]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def compare(arguments: argparse.Namespace, figures: Figures, chosen: Sequence[Scenario]) -> list[str]:
    """Measure the chosen scenarios, first on the loopback device, then from far away. Returns what failed."""
    lab = Lab(arguments.lab.resolve())
    tools = lab.others(arguments.uv) | {"dxpy": Tool("dxpy", "DXPY", arguments.dxpy)}
    if not arguments.pip:
        del tools["pip"]
    failed: list[str] = []
    with lab.runs(keep=arguments.keep) as place:
        suite = Suite(lab, tools, place, arguments.rounds, figures)
        print(f"{'; '.join(tool.version() for tool in tools.values())}; {arguments.rounds} rounds", flush=True)
        wanted: dict[Scenario, list[Entry]] = {}
        for scenario in chosen:
            able, why = suite.possible(scenario)
            if able:
                wanted[scenario] = able
            else:
                figures.leave_out(scenario.name, why)
                print(f"{scenario.name}: left out, {why}", flush=True)
        with index_server(lab.index_directory) as index:
            for project in dict.fromkeys(_project(scenario, arguments) for scenario in wanted):
                try:
                    suite.prime(project, index)
                except CommandFailed as failure:
                    print(f"{project}: {failure}", file=sys.stderr, flush=True)
        print(f"\n{plain(HEADING)}", flush=True)
        for network in dict.fromkeys(scenario.network for scenario in wanted):
            with index_server(lab.index_directory, network):
                for scenario, able in wanted.items():
                    here = scenario.network == network
                    if here and not _measured(suite, scenario, able, _project(scenario, arguments)):
                        failed.append(scenario.name)
    return failed


def _project(scenario: Scenario, arguments: argparse.Namespace) -> str:
    return scenario.project or arguments.project


def _measured(suite: Suite, scenario: Scenario, entries: Sequence[Entry], project: str) -> bool:
    started = time.monotonic()
    try:
        if project not in suite.standing:
            raise CommandFailed(f"{project} could not be locked and synced")
        result = suite.measure(scenario, entries, project)
    except CommandFailed as failure:
        suite.figures.leave_out(scenario.name, "it failed")
        print(f"{scenario.name}: {failure}", file=sys.stderr, flush=True)
        return False
    suite.figures.add(result, time.monotonic() - started)
    for row in result.rows():
        print(plain(row), flush=True)
    return True


def publish(figures: Figures, drawn: Sequence[Path], docs: Path) -> None:
    """Put the table and the plots that show many scenarios at once into the documentation."""
    page = docs / "performance.md"
    before, _, rest = page.read_text().partition(PUBLISHED_FROM)
    _, _, after = rest.partition(PUBLISHED_TO)
    plots = [path for path in drawn if path.stem in COLLECTIVE]
    (docs / "plots").mkdir(exist_ok=True)
    for path in plots:
        shutil.copyfile(path, docs / "plots" / path.name)
    shown = [f"![{path.stem}](plots/{path.name})" for path in plots]
    text = "\n\n".join([*shown, figures.markdown()])
    page.write_text(f"{before}{PUBLISHED_FROM}\n\n{text}\n\n{PUBLISHED_TO}{after}")


def parse_arguments() -> argparse.Namespace:
    beside = Path(sysconfig.get_path("scripts")) / "dxpy"
    parser = argparse.ArgumentParser(
        prog="benchmarks/run.py",
        description="Time dxpy beside uv, over a copy of the index on this machine.",
        epilog=f"Parts of dxpy alone: benchmarks/run.py {{{','.join(PARTS)}}} [-h]",
    )
    parser.add_argument("--quick", action="store_true", help="the project small, three rounds, what takes seconds")
    parser.add_argument("--project", choices=PROJECTS, help="(default: large)")
    parser.add_argument("-n", "--rounds", type=int, help="rounds that are counted (default: 5)")
    parser.add_argument(
        "--only", default="", type=_pattern, metavar="REGEX", help="only scenarios and parts whose name has this"
    )
    parser.add_argument("--missing", action="store_true", help="only those of which the output has no result yet")
    parser.add_argument("--list", action="store_true", help="say what there is to measure, and end")
    parser.add_argument("--draw", action="store_true", help="draw the plots of the output again, and end")
    parser.add_argument("--publish", action="store_true", help="put table and plots into docs/performance.md")
    parser.add_argument("--pip", action="store_true", help="let pip take part, too")
    parser.add_argument("--output", type=Path, metavar="DIR", help="(default: benchmarks/results/PROJECT)")
    parser.add_argument("--lab", type=Path, default=HERE.parent / ".dxpy-dev" / "lab", help="the scratch directory")
    parser.add_argument("--dxpy", default=str(beside), metavar="PROGRAM", help="another dxpy than the one here")
    parser.add_argument("--uv", default="uv", metavar="REQUIREMENT", help="which uv to install, like uv==0.9.0")
    parser.add_argument("--keep", action="store_true", help="do not delete what the runs wrote")
    arguments = parser.parse_args()
    arguments.project = arguments.project or ("small" if arguments.quick else "large")
    arguments.rounds = arguments.rounds or (3 if arguments.quick else 5)
    arguments.output = arguments.output or HERE / "results" / arguments.project
    return arguments


def _pattern(text: str) -> str:
    """A regular expression, as text."""
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"`{text}` is no regular expression: {error}") from error
    return text


def choose(arguments: argparse.Namespace, figures: Figures) -> tuple[list[Scenario], list[str]]:
    """The scenarios and parts that the arguments ask for."""

    def asked(name: str, there: dict[str, Any]) -> bool:
        return bool(re.search(arguments.only, name)) and not (arguments.missing and name in there)

    scenarios = [each for each in SCENARIOS if asked(each.name, figures.results)]
    parts = [name for name in PARTS if asked(name, figures.others)]
    return [each for each in scenarios if each.quick or not arguments.quick], parts


def main() -> int:
    arguments = parse_arguments()
    figures = Figures.in_directory(arguments.output.resolve(), tuple(each.name for each in SCENARIOS))
    scenarios, parts = choose(arguments, figures)
    if arguments.list:
        print("\n".join([*(f"{each.name}: {each.about}" for each in scenarios), *parts]))
        return 0
    if not (scenarios or parts or arguments.draw or arguments.publish or arguments.missing):
        print(f"error: nothing is called `{arguments.only}`; `--list` tells what there is", file=sys.stderr)
        return 2
    failed: list[str] = []
    started = time.monotonic()
    if not arguments.draw:
        failed += compare(arguments, figures, scenarios) if scenarios else []
        failed += measure_parts(parts, figures, arguments.lab.resolve() / "index", quick=arguments.quick)
    drawn = draw_all(figures)
    if arguments.publish:
        publish(figures, drawn, DOCS)
    print(f"\n{figures.path}, and {len(drawn)} plots; {(time.monotonic() - started) / 60:.1f} minutes")
    if failed:
        print(f"error: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
