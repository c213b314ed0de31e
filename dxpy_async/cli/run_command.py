"""`dxpy run CMD …` with the engine: bring the environment up to date, then become the command."""

from __future__ import annotations

import argparse
import os

from dxpy_async.cli.context import project_of
from dxpy_async.cli.launch import start
from dxpy_async.cli.output import Output
from dxpy_async.cli.summary import report
from dxpy_async.cli.sync_command import sync


def run(arguments: argparse.Namespace, output: Output) -> int:
    outcome = sync(arguments, output)
    if outcome.changed:
        report(outcome, output)
    return start(str(project_of(arguments).environment), arguments.arguments, os.environ)
