"""Set the development environment up inside this clone and compare dxpy with uv.

    python3 scripts/bench.py [arguments of benchmarks/compare.py]

Needs Python 3.11 or newer and nothing else. Everything it makes lies in `.dxpy-dev/`.
"""

import shlex
import sys

from _environment import main, prepare, program, run


def bench() -> None:
    python = str(program(prepare("dev", groups=("test", "lint")), "python"))
    run([python, "benchmarks/compare.py", *sys.argv[1:]], shown=shlex.join(["benchmarks/compare.py", *sys.argv[1:]]))


main(bench)
