"""Set the development environment up inside this clone and run the whole test suite, or what the arguments pick.

    python3 scripts/test.py [arguments of pytest]

Needs Python 3.11 or newer and nothing else. Everything it makes lies in `.dxpy-dev/`.
"""

import shlex
import sys

from _environment import main, prepare, program, run


def test() -> None:
    python = str(program(prepare("dev", groups=("test", "lint")), "python"))
    run([python, "-m", "pytest", *sys.argv[1:]], shown=shlex.join(["pytest", *sys.argv[1:]]))


main(test)
