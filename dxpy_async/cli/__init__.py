"""The command line. This module decides, before anything heavy is loaded, whether there is anything to do at all.

`main` is a ladder: first the answers that need a few `stat`s (`cli.quick`), then the program with all its commands.
"""

from __future__ import annotations

import sys

from dxpy_async.cli import quick


def main(argv: list[str] | None = None) -> int:
    """Run one command line and give its exit code: 0, 1 for what the user must change, 2 for errors."""
    arguments = sys.argv[1:] if argv is None else argv
    code = quick.answer(arguments)
    if code is not None:
        return code
    from dxpy_async.cli.program import run

    return run(arguments)
