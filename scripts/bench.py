"""Set the development environment up inside this clone and compare dxpy with uv, or parts of it with others.

    python3 scripts/bench.py [arguments of benchmarks/compare.py]
    python3 scripts/bench.py dpp WHEEL [WHEEL ...]
    python3 scripts/bench.py formats [arguments of benchmarks/formats.py]
    python3 scripts/bench.py kernels [arguments of benchmarks/kernels.py]
    python3 scripts/bench.py ladders [arguments of benchmarks/ladders.py]

Needs Python 3.11 or newer and nothing else. Everything it makes lies in `.dxpy-dev/`.
"""

import shlex
import sys

from _environment import main, prepare, program, run

OTHERS = ("dpp", "formats", "kernels", "ladders")
"""Benchmarks that are named; without a name it is the comparison with uv."""


def bench() -> None:
    python = str(program(prepare("dev", groups=("test", "lint")), "python"))
    named = sys.argv[1:2] if sys.argv[1:2] and sys.argv[1] in OTHERS else []
    command = [f"benchmarks/{named[0] if named else 'compare'}.py", *sys.argv[1 + len(named) :]]
    run([python, *command], shown=shlex.join(command))


main(bench)
