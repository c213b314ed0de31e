"""Set the development environment up inside this clone and check style and types.

    python3 scripts/lint.py

Needs Python 3.11 or newer and nothing else. Everything it makes lies in `.dxpy-dev/`.
"""

from _environment import main, prepare, program, run


def lint() -> None:
    python = str(program(prepare("dev", groups=("test", "lint")), "python"))
    for check in ("ruff check", "ruff format --check", "mypy", "mypy --strict scripts benchmarks"):
        run([python, "-m", *check.split()], shown=check)


main(lint)
