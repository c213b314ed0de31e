"""`dxpy pip`: what its actions share, and the way to them.

An action's module has `run(arguments, output)`, and is loaded when it is asked for. As pip does, all actions end with 1
when something failed, with 2 when they were asked for in a way that makes no sense.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dxpy_async.cli import load
from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output
from dxpy_async.core.settings import Settings
from dxpy_async.engine.environment_choice import EnvironmentRequest
from dxpy_async.errors import DxpyError, UsageError

ACTIONS = {
    "list": "pip_lists",
    "freeze": "pip_lists",
    "compile": "pip_compile",
    "index": "pip_index",
    "hash": "pip_hash",
    "cache": "pip_cache",
    "config": "pip_elsewhere",
    "debug": "pip_elsewhere",
}


def run(arguments: argparse.Namespace, output: Output) -> int:
    try:
        code: int = load(ACTIONS[arguments.action]).run(arguments, output)
        return code
    except UsageError:
        raise
    except DxpyError as error:
        output.error(str(error), error.hints())
        return 1


@contextmanager
def pip_settings(arguments: argparse.Namespace) -> Iterator[Settings]:
    """Settings as pip has them: no project has a part in them."""
    with settings_of(arguments, None) as settings:
        yield settings


def environment_request(arguments: argparse.Namespace) -> EnvironmentRequest:
    """Which environment the flags mean."""
    given = vars(arguments)

    def path(name: str) -> Path | None:
        return Path(os.path.expanduser(given[name])) if given.get(name) else None

    return EnvironmentRequest(
        python=given.get("python"),
        system=given.get("system", False),
        user=given.get("user", False) is True,
        target=path("target"),
        prefix=path("prefix"),
        break_system_packages=given.get("break_system_packages", False),
    )
