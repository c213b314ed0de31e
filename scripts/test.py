"""Set the development environment up inside this clone and run the test suite, or what the arguments pick.

    python3 scripts/test.py [arguments of pytest]

Needs Python 3.11 or newer and nothing else. Everything it makes lies in `.dxpy-dev/`. Tests run in as many processes as
there are processors; `-n 0` runs them in one. Slow ones are left out: `-m slow` runs these, `-m ""` all.
"""

import shlex
import sys
import tempfile

from _environment import PLACE, ROOT, main, prepare, program, require_room, run

_ENVIRONMENT, _TESTS = 800, 700
"""What the environment with pip's cache and the tests at work need of a disk, in MiB."""


def test() -> None:
    require_room((ROOT, 0 if (PLACE / "dev").exists() else _ENVIRONMENT), (tempfile.gettempdir(), _TESTS))
    python = str(program(prepare("dev", groups=("test", "lint")), "python"))
    arguments = ["-n", "auto", "--dist", "worksteal", "-m", "not slow", *sys.argv[1:]]
    run([python, "-m", "pytest", *arguments], shown=shlex.join(["pytest", *arguments]))


main(test)
