"""The benchmarks of parts of dxpy: programs of their own, that a run of the suite starts and takes the figures of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from contest import HERE
from results import Figures

WHEELS = (
    *("attrs", "boto3", "certifi", "flask", "ipython", "jupyterlab_server"),
    *("numpy", "pydantic_core", "rich", "sqlalchemy", "vine", "werkzeug"),
)
"""What is read as wheels and as packages; a short run has few of them."""

PARTS = {
    "dpp": (["dpp.py"], ["dpp.py"]),
    "formats": (["formats.py"], ["formats.py", "--packages", "200", "--sizes", "100", "1000"]),
    "kernels": (["kernels.py", "--versions", "10", "1000", "100000"], ["kernels.py", "--versions", "1000"]),
    "ladders": (["ladders.py", "--rungs", "250", "500", "1000"], ["ladders.py", "--rungs", "100"]),
}
"""Benchmarks of parts, programs of their own that write `--json`: for a full run, and for a short one."""


def _wheels_in(index_directory: Path) -> list[str]:
    """Some wheels of the copy to read: the newest fetched of each of WHEELS that is there."""
    found = [max(index_directory.glob(f"files/**/{name}-*.whl"), key=os.path.getmtime, default=None) for name in WHEELS]
    return [str(path) for path in found if path is not None]


def measure_parts(names: Sequence[str], figures: Figures, index_directory: Path, *, quick: bool) -> list[str]:
    """Run the benchmarks of parts, one after the other; wheels are those in a copy of an index. Returns what failed."""
    failed: list[str] = []
    for name in names:
        started = time.monotonic()
        program, *more = PARTS[name][1 if quick else 0]
        if name == "dpp":
            more = _wheels_in(index_directory)
        written = figures.directory / f"{name}.json"
        written.parent.mkdir(parents=True, exist_ok=True)
        print(f"\n{name}\n", flush=True)
        command = [sys.executable, str(HERE / program), *more, "--json", str(written)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
            continue
        figures.others[name] = json.loads(written.read_text())
        figures.seconds[name] = time.monotonic() - started
        figures.write()
    return failed
