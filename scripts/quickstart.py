"""Set dxpy up inside this clone and let it do its main job on a small web project: lock, sync, run.

    python3 scripts/quickstart.py

Needs Python 3.11 or newer and nothing else. Everything it makes lies in `.dxpy-dev/` and `examples/webapp/`.
"""

import os

from _environment import PLACE, ROOT, base_interpreter, main, prepare, program, run, say

WEBAPP = ROOT / "examples" / "webapp"


def quickstart() -> None:
    dxpy = str(program(prepare("run"), "dxpy"))
    more = {
        "DXPY_CACHE_DIR": str(PLACE / "cache"),
        # The example gets the interpreter that runs this script, not whichever `python3` comes first on the PATH.
        "DXPY_PYTHON": os.environ.get("DXPY_PYTHON") or base_interpreter(),
    }

    def step(*arguments: str) -> None:
        run([dxpy, *arguments], shown=" ".join(["dxpy", *arguments]), cwd=WEBAPP, more=more)

    say(f"A small web project: {WEBAPP.relative_to(ROOT)}")
    step("--version")
    say("Choose a version of everything it needs, and write them down:")
    step("lock")
    say("Make its environment hold exactly those:")
    step("sync")
    say("Run a program in it, a web server that is asked for its own page:")
    step("run", "python", "main.py")
    say(f"That is all. For a project of yours: {os.path.relpath(dxpy)} --help")


main(quickstart)
