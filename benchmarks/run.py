"""Compare dxpy with uv, or time parts of dxpy: the one command of the benchmarks.

    python3 benchmarks/run.py [--quick] [arguments of benchmarks/suite.py]
    python3 benchmarks/run.py dpp|formats|kernels|ladders [arguments of benchmarks/NAME.py]

Sets an environment up inside this clone first. Needs Python 3.11 or newer and a package index, and nothing else.
Everything it makes lies in `.dxpy-dev/` and `benchmarks/results/`.
"""

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from _environment import main, prepare, program, run

ALONE = ("dpp", "formats", "kernels", "ladders")
"""Benchmarks that are named; without a name it is all of them, and the comparison."""


def bench() -> None:
    python = str(program(prepare("bench", groups=("bench",)), "python"))
    named = sys.argv[1:2] if sys.argv[1:2] and sys.argv[1] in ALONE else []
    command = [f"benchmarks/{named[0] if named else 'suite'}.py", *sys.argv[1 + len(named) :]]
    run([python, *command], shown=shlex.join(command))


main(bench)
