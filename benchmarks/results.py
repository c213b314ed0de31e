"""What was measured: kept in a file that grows scenario by scenario, and shown as tables."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from costs import Cost


@dataclass(slots=True)
class Result:
    """The counted rounds of one scenario, by the labels of its entries in the order of the table.

    `watched` has the round that is not counted, in which the memory of all processes was added up.
    """

    name: str
    about: str
    project: str
    figure: str
    versions: dict[str, str]
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    watched: dict[str, Cost] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        return list(self.costs)

    def values(self, label: str) -> list[float]:
        """What counts: seconds, or MiB of disk."""
        return [getattr(cost, self.figure) for cost in self.costs[label]]

    def ratios(self, label: str) -> list[float]:
        """The first entry's values divided by this one's, round by round: above 1, this one is better."""
        pairs = zip(self.values(self.labels[0]), self.values(label), strict=True)
        return [first / other for first, other in pairs]

    def cpu_seconds(self, label: str) -> float:
        return statistics.median(cost.cpu_seconds for cost in self.costs[label])

    def peak_mib(self, label: str) -> float:
        """The largest process of all rounds."""
        return max(cost.peak_mib for cost in (*self.costs[label], self.watched[label]))

    def tree_mib(self, label: str) -> float | None:
        return self.watched[label].tree_mib

    @property
    def ours(self) -> list[str]:
        """The labels of dxpy's entries, the plainest first."""
        return [label for label in self.labels if label.startswith("dxpy")]

    def rows(self) -> Iterable[list[str]]:
        """One row of the table under HEADING for each entry."""
        unit = "s" if self.figure == "seconds" else "MiB"
        for label in self.labels:
            values, ratios, tree = self.values(label), self.ratios(label), self.tree_mib(label)
            first = label == self.labels[0]
            yield [
                self.name if first else "",
                label,
                f"{_digits(statistics.median(values))} {unit}",
                f"{_digits(min(values))}–{_digits(max(values))}",
                "" if first else f"{statistics.median(ratios):.2f}",
                "" if first else f"{min(ratios):.2f}–{max(ratios):.2f}",
                f"{self.cpu_seconds(label):.2f}",
                f"{self.peak_mib(label):.0f}",
                "" if tree is None else f"{tree:.0f}",
            ]

    @staticmethod
    def read(stored: dict[str, Any]) -> Result:
        costs = {label: [Cost(**cost) for cost in each] for label, each in stored["costs"].items()}
        watched = {label: Cost(**cost) for label, cost in stored["watched"].items()}
        return Result(**{**stored, "costs": costs, "watched": watched})


HEADING = ("scenario", "", "median", "range", "ratio", "its range", "CPU s", "MiB", "MiB, all")
WIDTHS = (34, 15, 11, 15, 7, 12, 8, 6, 9)


def _digits(value: float) -> str:
    """Three that matter."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:,.1f}"


def plain(cells: Iterable[str]) -> str:
    """A line of the table on a terminal."""
    first, second, *rest = zip(cells, WIDTHS, strict=True)
    left = "".join(f"{cell:<{width}}" for cell, width in (first, second))
    return left + "".join(f"{cell:>{width}}" for cell, width in rest)


def machine() -> str:
    return f"{os.cpu_count()} processors, {platform.platform()}, Python {platform.python_version()}"


@dataclass(slots=True)
class Figures:
    """All results in a directory: `figures.json`, and the same for people in `table.md`.

    A scenario that is measured again takes the place of its older result; the rest stays. `left_out` says why there
    is no result of a scenario; both are kept in the given `order` of their names. `others` are the figures of the
    benchmarks that are programs of their own.
    """

    directory: Path
    order: tuple[str, ...]
    results: dict[str, Result] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.directory / "figures.json"

    @staticmethod
    def in_directory(directory: Path, order: tuple[str, ...]) -> Figures:
        """What is there already, of this machine and these names; an error if it is another machine's."""
        figures = Figures(directory, order)
        if figures.path.exists():
            stored = json.loads(figures.path.read_text())
            if stored.pop("machine") != machine():
                raise SystemExit(f"error: the figures in {figures.path} are of another machine; name another --output")
            results = {each["name"]: Result.read(each) for each in stored.pop("results")}
            figures = Figures(directory, order, results, **stored)
            figures._sort()
        return figures

    def _sort(self) -> None:
        self.results = {name: self.results[name] for name in self.order if name in self.results}
        self.left_out = {name: self.left_out[name] for name in self.order if name in self.left_out}

    def add(self, result: Result, seconds: float) -> None:
        self.results[result.name] = result
        self.seconds[result.name] = seconds
        self.left_out.pop(result.name, None)
        self.write()

    def leave_out(self, name: str, why: str) -> None:
        if name not in self.results:
            self.left_out[name] = why
        self.write()

    def write(self) -> None:
        self._sort()
        stored = {
            "machine": machine(),
            "results": [asdict(result) for result in self.results.values()],
            "left_out": self.left_out,
            "projects": self.projects,
            "others": self.others,
            "seconds": self.seconds,
        }
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, text in (("figures.json", json.dumps(stored, indent=1)), ("table.md", self.markdown())):
            beside = self.directory / f"{name}.part"
            beside.write_text(text + "\n")
            beside.replace(self.directory / name)

    def markdown(self) -> str:
        """The table and what is left out, for a page."""
        rule = ["---", "---", *["---:"] * (len(HEADING) - 2)]
        rows = [row for result in self.results.values() for row in result.rows()]
        lines = [f"| {' | '.join(cells)} |" for cells in (HEADING, rule, *rows)]
        versions = sorted({each for result in self.results.values() for each in result.versions.values()})
        left_out = [f"Left out: {name}, for {why}." for name, why in self.left_out.items()]
        return "\n".join([f"{', '.join(versions)}; {machine()}.", "", *lines, "", *left_out])
