"""Where the cache is when nobody says. What answers from a few `stat`s asks too, so this imports nothing."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping


def default_cache_dir(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """Where the store is when nobody says: the user's cache directory of the system, and `dxpy` in it.

    The places are those of platformdirs, spelled out here because importing it takes 40 ms, which is more than a whole
    sync that has nothing to do.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    if platform == "win32":
        local = environ.get("LOCALAPPDATA") or os.path.join(home_of(environ, "USERPROFILE"), "AppData", "Local")
        return os.path.join(local, "dxpy", "Cache")
    chosen = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):  # the specification: a relative one is invalid and ignored
        return os.path.join(chosen, "dxpy")
    inner = ("Library", "Caches") if platform == "darwin" else (".cache",)
    return os.path.join(home_of(environ, "HOME"), *inner, "dxpy")


def absolute_cache_dir(environ: Mapping[str, str]) -> str | None:
    """Where the cache is; None when that is not said as a path from the root."""
    chosen = environ.get("DXPY_CACHE_DIR") or default_cache_dir(environ)
    return chosen if os.path.isabs(chosen) else None


def home_of(environ: Mapping[str, str], variable: str) -> str:
    """The user's home; without the variable, what the system's list of users says."""
    return environ.get(variable) or os.path.expanduser("~")
