"""Where what a user has is kept: data, and commands for PATH, by the customs of each system."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping


def data_dir(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """The directory of what dxpy installs for the user: unlike the cache, nothing in it comes back by itself.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if platform == "win32":
        return os.path.join(environ.get("LOCALAPPDATA") or _in_home(environ, "AppData", "Local"), "dxpy", "Data")
    return os.path.join(_chosen(environ, "XDG_DATA_HOME") or _in_home(environ, ".local", "share"), "dxpy")


def bin_dir(environ: Mapping[str, str], variable: str) -> str:
    """The directory on PATH for the user's own commands: what `variable` names, XDG_BIN_HOME, `~/.local/bin`."""
    chosen = environ.get(variable)
    return os.path.abspath(chosen) if chosen else _chosen(environ, "XDG_BIN_HOME") or _in_home(environ, ".local", "bin")


def python_dir(environ: Mapping[str, str]) -> str:
    """The directory of the Pythons that dxpy installs: DXPY_PYTHON_INSTALL_DIR, or `python` among the user's data."""
    chosen = environ.get("DXPY_PYTHON_INSTALL_DIR")
    return os.path.abspath(chosen) if chosen else os.path.join(data_dir(environ), "python")


def user_base(environ: Mapping[str, str]) -> str:
    """What Python calls the user's base: where it finds packages that the user has installed.

    Source: https://docs.python.org/3/library/site.html#site.USER_BASE
    """
    named = environ.get("PYTHONUSERBASE", "")
    return os.path.abspath(named) if named else _in_home(environ, ".local")


def tool_dir(environ: Mapping[str, str]) -> str:
    """The directory of the tools that dxpy installs: DXPY_TOOL_DIR, or `tools` among the user's data."""
    chosen = environ.get("DXPY_TOOL_DIR")
    return os.path.abspath(chosen) if chosen else os.path.join(data_dir(environ), "tools")


def _chosen(environ: Mapping[str, str], variable: str) -> str:
    """What an XDG variable says; the specification: a relative path is invalid and ignored."""
    value = environ.get(variable, "")
    return value if os.path.isabs(value) else ""


def home_dir(environ: Mapping[str, str]) -> str:
    """The user's own directory."""
    return environ.get("USERPROFILE" if sys.platform == "win32" else "HOME") or os.path.expanduser("~")


def _in_home(environ: Mapping[str, str], *parts: str) -> str:
    return os.path.join(home_dir(environ), *parts)
