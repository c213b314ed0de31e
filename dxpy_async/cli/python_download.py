"""Fetching the Python that a command did not find, when the settings allow that."""

from __future__ import annotations

import argparse

from dxpy_async.cli.context import listener, project_around, settings_of
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output
from dxpy_async.engine.pythons import PythonManager
from dxpy_async.errors import InterpreterNotFound


def provide(arguments: argparse.Namespace, output: Output, error: InterpreterNotFound) -> bool:
    """Install what `error` says is missing; False when that is not to be done unasked."""
    if error.wanted is None:
        return False
    request, requires_python = error.wanted
    with settings_of(arguments, project_around(arguments)) as settings, listener(arguments, output) as on_event:
        pythons = PythonManager(settings)
        if not pythons.may_install(error):
            return False
        run_loop(lambda: pythons.install([request], requires_python=requires_python, on_event=on_event))
    return True
