"""Plots of what was measured: one for every scenario, and a few that show many at once.

Each is drawn as SVG, for pages, and as PNG. Text stays text in the SVG, so a plot is a few kilobytes.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from results import Figures, Result
from scaled import SCALED
from scenarios import GRID

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dxpy",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}
COLOURS = {"uv": "#8a63d2", "dxpy": "#2a9d8f", "pip": "#b0b0b0"}
BEHIND = "#e07a5f"
WIDTH = 7.0
ROW = 0.32
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
"""Figures on a logarithmic axis as people write them."""


def draw_all(figures: Figures) -> list[Path]:
    """Draw everything there are figures for, into `plots` beside them; the SVG files."""
    with mpl.rc_context(STYLE):
        return _draw_all(figures)


def _draw_all(figures: Figures) -> list[Path]:
    place = figures.directory / "plots"
    place.mkdir(parents=True, exist_ok=True)
    results = list(figures.results.values())
    compared = [result for result in results if not result.project.startswith(SCALED)]
    timed = [result for result in compared if result.figure == "seconds"]
    drawn = [_save(_scenario(result), place, result.name) for result in compared]
    if timed:
        drawn.append(_save(_overview(compared), place, "overview"))
        drawn.append(_save(_memory(timed), place, "memory"))
    networks = [figures.results[name] for name in GRID if name in figures.results]
    if networks:
        drawn.append(_save(_networks(networks), place, "networks"))
    if len(results) > len(compared):
        scaled = [result for result in results if result.project.startswith(SCALED)]
        drawn.append(_save(_scaling(scaled), place, "scaling"))
    parts = {"dpp": _dpp, "formats": _formats, "kernels": _kernels, "ladders": _ladders}
    drawn += [_save(parts[name](part["rows"]), place, name) for name, part in figures.others.items()]
    return drawn


def _save(figure: Figure, place: Path, name: str) -> Path:
    path = place / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.svg"
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    figure.savefig(path.with_suffix(".png"), dpi=150)
    return path


def _rows(count: int) -> tuple[Figure, Axes]:
    """An empty plot with so many rows, the first on top."""
    figure = Figure(figsize=(WIDTH, 0.9 + ROW * count))
    axes: Axes = figure.subplots()
    axes.invert_yaxis()
    axes.grid(axis="x", linewidth=0.4)
    axes.tick_params(axis="y", length=0)
    return figure, axes


def _spread(axes: Axes, at: float, values: Sequence[float], colour: str, height: float = 0.62) -> float:
    """A bar as long as the median, and every round as a point on it; the median."""
    median = statistics.median(values)
    axes.barh(at, median, height=height, color=colour)
    axes.plot(values, [at] * len(values), "|", color="black", markersize=6, markeredgewidth=0.8)
    return median


def _colour(label: str) -> str:
    return COLOURS[_tool(label)]


def _tool(label: str) -> str:
    return label.partition(",")[0]


def _scenario(result: Result) -> Figure:
    figure, axes = _rows(len(result.labels))
    axes.set_yticks(range(len(result.labels)), result.labels)
    for at, label in enumerate(result.labels):
        values = result.values(label)
        median = _spread(axes, at, values, _colour(label))
        ratio = "" if at == 0 else f"  ({statistics.median(result.ratios(label)):.2f}×)"
        axes.text(max(values), at, f"  {median:.3g}{ratio}", va="center")
    axes.set_xlim(0, 1.3 * max(max(result.values(label)) for label in result.labels))
    axes.set_xlabel("seconds" if result.figure == "seconds" else "MiB on disk")
    axes.set_title(f"{result.name} ({result.project})", loc="left")
    return figure


def _overview(results: Sequence[Result]) -> Figure:
    """The ratio of every entry of dxpy: right of the line it is ahead."""
    entries = [(result, label) for result in results for label in result.ours]
    figure, axes = _rows(len(entries))
    names = [
        result.name if label == result.ours[0] else f"{result.name} ({label.partition(', ')[2]})"
        for result, label in entries
    ]
    axes.set_yticks(range(len(entries)), names)
    for at, (result, label) in enumerate(entries):
        ratios = result.ratios(label)
        median = statistics.median(ratios)
        axes.plot([min(ratios), max(ratios)], [at, at], color="black", linewidth=0.8)
        axes.barh(at, median - 1, left=1, height=0.6, color=COLOURS["dxpy"] if median >= 1 else BEHIND)
        axes.text(max(*ratios, 1), at, f"  {median:.2f}", va="center")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(PLAIN)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * 1.3)
    axes.set_xlabel("uv's time, or size, divided by dxpy's: above 1, dxpy is ahead")
    return figure


def _memory(results: Sequence[Result]) -> Figure:
    """What all processes of uv and of dxpy hold together at the most."""
    figure, axes = _rows(len(results))
    axes.set_yticks(range(len(results)), [result.name for result in results])
    for at, result in enumerate(results):
        for label, offset in ((result.labels[0], -0.2), (result.ours[0], 0.2)):
            held = result.tree_mib(label) or result.peak_mib(label)
            axes.barh(at + offset, held, height=0.38, color=_colour(label), label=_tool(label))
            axes.text(held, at + offset, f" {held:.0f}", va="center", fontsize=7)
    _legend(axes)
    axes.set_xlabel("MiB, all processes together, at the most")
    return figure


def _networks(results: Sequence[Result]) -> Figure:
    figure, axes = _rows(len(results))
    axes.set_yticks(range(len(results)), [result.name for result in results])
    for at, result in enumerate(results):
        for label, offset in zip(result.labels, (-0.2, 0.2), strict=True):
            median = _spread(axes, at + offset, result.values(label), _colour(label), 0.38)
            axes.text(max(result.values(label)), at + offset, f" {median:.1f}", va="center", fontsize=7)
    for name in ("uv", "dxpy"):
        axes.barh(0, 0, color=COLOURS[name], label=name)
    _legend(axes)
    axes.set_xlabel("seconds for a sync with nothing there, not even a lock")
    return figure


def _scaling(results: Sequence[Result]) -> Figure:
    """Time over the number of distributions, side by side for each kind of scenario."""
    kinds = list(dict.fromkeys(_kind(result) for result in results))
    figure = Figure(figsize=(WIDTH, 2.6))
    for place, kind in enumerate(kinds, 1):
        axes: Axes = figure.add_subplot(1, len(kinds), place)
        points = [result for result in results if _kind(result) == kind]
        sizes = [int(result.project.removeprefix(SCALED)) for result in points]
        for tool in ("uv", "dxpy"):
            values = [result.values(tool) for result in points]
            medians = [statistics.median(each) for each in values]
            axes.plot(sizes, medians, "o-", markersize=3, color=COLOURS[tool], label=tool)
            axes.vlines(sizes, [min(each) for each in values], [max(each) for each in values], color=COLOURS[tool])
        axes.set_xlim(0, None)
        axes.set_ylim(0, None)
        axes.grid(linewidth=0.4)
        axes.set_title(kind, loc="left")
        axes.set_xlabel("distributions")
        if place == 1:
            axes.set_ylabel("seconds")
            axes.legend(frameon=False)
    return figure


def _kind(result: Result) -> str:
    return result.name.partition(",")[0]


def _dpp(rows: Sequence[Mapping[str, Any]]) -> Figure:
    ratios = {row["wheel"].partition("-py3")[0]: row["zipfile"] / row["reading"] for row in rows}
    return _ratios(ratios, "time of zipfile and METADATA by that of an open DPP package")


def _formats(rows: Sequence[Mapping[str, Any]]) -> Figure:
    return _ratios(
        {f"{row['what']} ({row['other_way']})": row["ratio"] for row in rows},
        "time, or size, with TOML by that of dxpy's format",
    )


def _ratios(ratios: Mapping[str, float], about: str) -> Figure:
    figure, axes = _rows(len(ratios))
    axes.set_yticks(range(len(ratios)), list(ratios))
    for at, ratio in enumerate(ratios.values()):
        axes.barh(at, ratio - 1, left=1, height=0.6, color=COLOURS["dxpy"] if ratio >= 1 else BEHIND)
        axes.text(max(ratio, 1), at, f" {ratio:,.3g}" if ratio < 1000 else f" {ratio:,.0f}", va="center")
    axes.set_xscale("log")
    axes.set_xlim(min(0.8, *ratios.values()) / 1.2, 3 * max(ratios.values()))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.set_xlabel(about)
    return figure


def _kernels(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Time over the number of specifiers, side by side for each number of versions."""
    counts = list(dict.fromkeys(row["versions"] for row in rows))
    figure = Figure(figsize=(WIDTH, 2.6))
    for place, count in enumerate(counts, 1):
        points = [row for row in rows if row["versions"] == count]
        series = {way: [row["seconds"][way] * 1e6 for row in points] for way in points[0]["seconds"]}
        axes: Axes = figure.add_subplot(1, len(counts), place)
        _lines(axes, [row["specifiers"] for row in points], series)
        axes.set_title(f"{count:,} versions", loc="left")
        axes.set_xlabel("specifiers")
    figure.axes[0].set_ylabel("µs for all")
    figure.axes[0].legend(frameon=False, fontsize=7)
    return figure


def _ladders(rows: Sequence[Mapping[str, Any]]) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.4))
    axes: Axes = figure.subplots()
    rungs = list(dict.fromkeys(row["rungs"] for row in rows))
    names = dict.fromkeys(row["ladder"] for row in rows)
    _lines(axes, rungs, {name: [row["seconds"] * 1e3 for row in rows if row["ladder"] == name] for name in names})
    axes.set_xlabel("versions that fail one after the other")
    axes.set_ylabel("ms of the solver")
    axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _lines(axes: Axes, places: Sequence[float], series: Mapping[str, Sequence[float]]) -> None:
    for name, values in series.items():
        axes.plot(places, values, "o-", markersize=3, linewidth=1, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PLAIN)
        axis.set_minor_formatter(NullFormatter())
    axes.grid(linewidth=0.4)


def _legend(axes: Axes) -> None:
    """Each label once, in the order of drawing."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels[::-1], handles[::-1], strict=True))
    axes.legend(
        list(once.values())[::-1], list(once)[::-1], frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2
    )
