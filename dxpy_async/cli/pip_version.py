"""`dxpy pip --version`, in the form of pip, which scripts take the Python's version from."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dxpy_async._version import __version__
from dxpy_async.engine.environment_choice import ANY_ENVIRONMENT, choose_environment
from dxpy_async.errors import DxpyError
from dxpy_async.project.settings import load_settings
from dxpy_async.python.interpreters import SearchPlaces


def text() -> str:
    """The version, where dxpy is, and the Python of the environment at hand, if there is one."""
    here = Path.cwd()
    search = SearchPlaces.from_environ(os.environ, sys.executable)
    named = f"dxpy pip {__version__} from {Path(__file__).parent.parent}"
    try:
        settings = load_settings({}, os.environ, None, directory=here)
        found = choose_environment(
            ANY_ENVIRONMENT, settings=settings, search=search, environ=os.environ, directory=here
        )
    except DxpyError:  # what is wrong with it is not what was asked
        return named
    return f"{named} (python {'.'.join(found.interpreter.version.split('.')[:2])})"
