"""Which files beside pyproject.toml have settings. What answers from a few `stat`s may ask, so this imports little.

    dxpy.toml beside pyproject.toml       before [tool.dxpy], which comes next
    uv.toml beside it                     without both, instead of [tool.uv]
    the user's dxpy/dxpy.toml             $XDG_CONFIG_HOME or ~/.config; %APPDATA% on Windows; on macOS as on Linux
    the user's uv/uv.toml                 in the same place, where there is no dxpy/dxpy.toml
    the system's dxpy/dxpy.toml           $XDG_CONFIG_DIRS or /etc/xdg, then /etc; on Windows %PROGRAMDATA%
    the system's uv/uv.toml               in the same places, likewise
    pip's files                           see `pip_files`

Sources: https://specifications.freedesktop.org/basedir-spec/latest/ and
https://pip.pypa.io/en/stable/topics/configuration/
"""

from __future__ import annotations

import os
import sys

from dxpy_async.core.places import ENVIRONMENT_NAME, PROJECT_NAME
from dxpy_async.project.cache_place import home_of

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS_NAME = "dxpy.toml"
UV_SETTINGS_NAME = "uv.toml"


def settings_files(root: str | None, environ: Mapping[str, str], platform: str = sys.platform) -> list[str]:
    """Where settings of dxpy can be, nearest first; `root` is the project's directory, None without a project.

    Each is followed by the file of uv's in the same place, which counts where there is none of dxpy's.
    """
    near = [os.path.join(root, name) for name in (SETTINGS_NAME, UV_SETTINGS_NAME)] if root is not None else []
    for place in (user_dir(environ, platform), *_system_dirs(environ, platform)):
        near.append(os.path.join(place, "dxpy", SETTINGS_NAME))
        near.append(os.path.join(place, "uv", UV_SETTINGS_NAME))
    return near


def pip_files(environ: Mapping[str, str], environment: str | None, platform: str = sys.platform) -> list[str]:
    """Where settings of pip can be, in the project's `environment` too; the later wins.

    Nowhere when PIP_CONFIG_FILE names the null device.
    """
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    files = _pip_system_files(environ, platform)
    if not named or not os.path.exists(named):  # as pip has it: a file that is named stands for the user's
        files += _pip_user_files(environ, platform)
    if environment is not None:
        files.append(os.path.join(environment, _pip_name(platform)))
    return [*files, named] if named else files


def config_files(root: str, environ: Mapping[str, str]) -> list[str]:
    """All of these for the project in `root`."""
    return [*settings_files(root, environ), *pip_files(environ, os.path.join(root, ENVIRONMENT_NAME))]


def projects_above(root: str) -> list[str]:
    """Where a project could be, or appear, above that in `root`, which may be a workspace that has it as a member."""
    places = []
    while (above := os.path.dirname(root)) != root:
        places.append(os.path.join(above, PROJECT_NAME))
        root = above
    return places


def _pip_name(platform: str) -> str:
    return "pip.ini" if platform == "win32" else "pip.conf"


def _pip_system_files(environ: Mapping[str, str], platform: str) -> list[str]:
    name = _pip_name(platform)
    if platform == "win32":
        return [os.path.join(place, "pip", name) for place in _system_dirs(environ, platform)]
    if platform == "darwin":
        return [f"/Library/Application Support/pip/{name}"]
    *places, last = _system_dirs(environ, platform)
    return [*(os.path.join(place, "pip", name) for place in places), os.path.join(last, name)]


def _pip_user_files(environ: Mapping[str, str], platform: str) -> list[str]:
    name = _pip_name(platform)
    legacy = os.path.join(_home(environ, platform), "pip" if platform == "win32" else ".pip", name)
    place = user_dir(environ, platform)
    if platform == "darwin":
        support = os.path.join(_home(environ, platform), "Library", "Application Support")
        place = support if os.path.isdir(os.path.join(support, "pip")) else place
    return [legacy, os.path.join(place, "pip", name)]


def user_dir(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    if platform == "win32":
        return environ.get("APPDATA") or os.path.join(_home(environ, platform), "AppData", "Roaming")
    chosen = environ.get("XDG_CONFIG_HOME", "")
    return chosen if os.path.isabs(chosen) else os.path.join(_home(environ, platform), ".config")


def _system_dirs(environ: Mapping[str, str], platform: str) -> list[str]:
    if platform == "win32":
        return [environ.get("PROGRAMDATA") or "C:\\ProgramData"]
    chosen = [place for place in environ.get("XDG_CONFIG_DIRS", "").split(":") if os.path.isabs(place)]
    return [*(chosen or ["/etc/xdg"]), "/etc"]


def _home(environ: Mapping[str, str], platform: str) -> str:
    return home_of(environ, "USERPROFILE" if platform == "win32" else "HOME")
