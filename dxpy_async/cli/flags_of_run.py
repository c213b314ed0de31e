"""The flags of `dxpy run`."""

from __future__ import annotations

import argparse

from dxpy_async.cli.arguments import Parser
from dxpy_async.cli.flags import (
    active_flag,
    linking_flags,
    project_locking_flags,
    reinstall_flags,
    selection_flags,
    upgrade_flags,
    with_flags,
)


def declare_run(parser: Parser) -> None:
    project_locking_flags(parser)
    upgrade_flags(parser)
    reinstall_flags(parser)
    selection_flags(parser)
    linking_flags(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-m", "--module", action="store_true", help="what follows is a module and its arguments")
    what.add_argument(
        "-s",
        "--script",
        dest="as_script",
        action="store_true",
        help="what follows is a Python script and its arguments",
    )
    group = parser.add_argument_group("where it runs")
    with_flags(group)
    group.add_argument(
        "--env-file", action="append", default=[], metavar="FILE", help="set the variables in this file [DXPY_ENV_FILE]"
    )
    group.add_argument("--no-env-file", action="store_true", help="read no file of variables [DXPY_NO_ENV_FILE]")
    active_flag(group)
    group.add_argument("--exact", action="store_true", help="remove what the lock does not name")
    group.add_argument("--no-sync", action="store_true", help="take the environment as it is")
    group.add_argument("--isolated", action="store_true", help="leave the project's own environment alone")
    group.add_argument("--no-project", action="store_true", help="as if no project was there")
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="CMD ...",
        help="a task, a command, a script, or `-` for a script on stdin; and its arguments",
    )
    parser.epilog = "Without a command, lists the project's tasks and what is in its environment."
