"""`dxpy pip`: what its actions share, and the way to them.

An action's module has `run(arguments, output)`, and is loaded when it is asked for. As with pip, whatever fails ends
with 1, and only flags that nobody knows with 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dxpy_async.cli import load
from dxpy_async.cli.context import settings_of
from dxpy_async.cli.output import Output, system_refusal
from dxpy_async.core.settings import Settings
from dxpy_async.engine.environment_choice import EnvironmentRequest, choose_environment
from dxpy_async.errors import DxpyError, InvalidEnvironment
from dxpy_async.python.environments import VirtualEnvironment
from dxpy_async.python.interpreters import SearchPlaces

ACTIONS = {
    "install": "pip_install",
    "uninstall": "pip_uninstall",
    "list": "pip_lists",
    "freeze": "pip_lists",
    "show": "pip_show",
    "check": "pip_show",
    "inspect": "pip_show",
    "tree": "pip_tree",
    "compile": "pip_compile",
    "sync": "pip_sync",
    "download": "pip_download",
    "wheel": "pip_download",
    "index": "pip_index",
    "hash": "pip_hash",
    "cache": "pip_cache",
    "config": "pip_elsewhere",
    "debug": "pip_elsewhere",
    "completion": "pip_elsewhere",
    "search": "pip_elsewhere",
}


VARIABLES = {
    "timeout": ("DXPY_HTTP_TIMEOUT",),
    "retries": ("DXPY_HTTP_RETRIES",),
    "proxy": ("HTTP_PROXY", "HTTPS_PROXY"),
    "cert": ("SSL_CERT_FILE",),
    "client_cert": ("DXPY_CLIENT_CERT",),
    "allow_insecure_host": ("DXPY_INSECURE_HOST",),
}
"""Flags of pip for which dxpy has variables; git and build backends see them, too."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    for flag, variables in VARIABLES.items():
        if value := getattr(arguments, flag, None):
            text = value if isinstance(value, str) else " ".join(value)
            os.environ.update(dict.fromkeys(variables, text))
    try:
        code: int = load(ACTIONS[arguments.action]).run(arguments, output)
        return code
    except DxpyError as error:
        output.error(str(error), error.hints())
    except BrokenPipeError:
        raise  # nobody reads what is said any more
    except OSError as error:
        output.error(system_refusal(error))
    return 1


@contextmanager
def pip_settings(arguments: argparse.Namespace) -> Iterator[Settings]:
    """Settings as pip has them: no project has a part in them."""
    with settings_of(arguments, None) as settings:
        yield settings


def find_environment(arguments: argparse.Namespace, settings: Settings) -> VirtualEnvironment:
    """The environment that the flags mean. Raises InvalidEnvironment where it has to be a virtual one and is not."""
    environment = choose_environment(
        environment_request(arguments),
        settings=settings,
        search=SearchPlaces.from_environ(os.environ, sys.executable),
        environ=os.environ,
        directory=Path.cwd(),
    )
    if getattr(arguments, "require_virtualenv", False) and not environment.is_virtual:
        raise InvalidEnvironment("no virtual environment is active or near", hints=("make one with `dxpy venv`",))
    return environment


def chosen_environment(arguments: argparse.Namespace, settings: Settings, output: Output) -> VirtualEnvironment:
    """The same for a change; which one it is is said where it is not a matter of course."""
    environment = find_environment(arguments, settings)
    describe = f"Using {environment.interpreter.describe()} at {environment.root}"
    active = os.environ.get("VIRTUAL_ENV")
    (output.detail if active and str(environment.root) == os.path.abspath(active) else output.say)(describe)
    return environment


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
