"""uv's variables, for who has told uv and not dxpy: each counts where dxpy's own of the same meaning is not set.

What answers from a few `stat`s imports this only where a variable of uv's is set.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "UV_"

_SAME = frozenset(
    [
        *("BREAK_SYSTEM_PACKAGES", "BUILD_CONSTRAINT", "COMPILE_BYTECODE", "CONCURRENT_BUILDS", "CONCURRENT_DOWNLOADS"),
        *("CONSTRAINT", "CUSTOM_COMPILE_COMMAND", "DEFAULT_INDEX", "ENV_FILE", "EXCLUDE_NEWER", "FIND_LINKS", "FROZEN"),
        *("HTTP_CONNECT_TIMEOUT", "HTTP_RETRIES", "HTTP_TIMEOUT", "INDEX", "INDEX_STRATEGY", "INIT_BUILD_BACKEND"),
        *("INSECURE_HOST", "ISOLATED", "KEYRING_PROVIDER", "LINK_MODE", "LOCKED", "NO_BINARY", "NO_BINARY_PACKAGE"),
        *("NO_BUILD", "NO_BUILD_ISOLATION", "NO_BUILD_PACKAGE", "NO_CACHE", "NO_CONFIG", "NO_DEFAULT_GROUPS", "NO_DEV"),
        *("NO_EDITABLE", "NO_ENV_FILE", "NO_INDEX", "NO_INSTALL_PROJECT", "NO_INSTALL_WORKSPACE", "NO_PROGRESS"),
        *("NO_PROJECT", "NO_SOURCES", "NO_SOURCES_PACKAGE", "NO_SYNC", "OFFLINE", "OVERRIDE", "PRERELEASE", "PROJECT"),
        *(
            "PROJECT_ENVIRONMENT",
            "PUBLISH_CHECK_URL",
            "PUBLISH_INDEX",
            "PUBLISH_NO_ATTESTATIONS",
            "PUBLISH_PASSWORD",
            "PUBLISH_TOKEN",
            "PUBLISH_URL",
        ),
        *("PUBLISH_USERNAME", "PYTHON", "PYTHON_BIN_DIR", "PYTHON_DOWNLOADS", "PYTHON_INSTALL_DIR"),
        *("PYTHON_INSTALL_MIRROR", "PYTHON_PREFERENCE", "REQUIRE_HASHES", "RESOLUTION", "SYSTEM_PYTHON"),
        *("TOOL_BIN_DIR", "TOOL_DIR", "TRUSTED_PUBLISHING", "VENV_CLEAR", "WORKING_DIR"),
    ]
)
"""What both name alike, after `UV_` and `DXPY_`."""

_RENAMED = {
    "UV_INDEX_URL": "DXPY_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL": "DXPY_INDEX",
    "UV_CACHE_DIR": "DXPY_CACHE_DIR",
    "UV_REQUEST_TIMEOUT": "DXPY_HTTP_TIMEOUT",
}
"""The others; where uv has an older name too, that one counts only without the newer."""

_INDEX_CREDENTIALS = ("_USERNAME", "_PASSWORD")
"""How the variables end that have the credentials of an index, after its name: `UV_INDEX_<NAME>_USERNAME`."""


def said_by_uv(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of dxpy's that are not set, with what uv's say in their place."""
    found: dict[str, str] = {}
    names = [name for name in environ if name.startswith(PREFIX) and environ[name]]
    for name in sorted(names, key=lambda each: (each in _RENAMED, each)):
        own = _own_name(name)
        if own is None or environ.get(own):
            continue
        if name == "UV_EXTRA_INDEX_URL":  # as uv has it: these are asked after the others
            found[own] = f"{found[own]} {environ[name]}" if own in found else environ[name]
        else:
            found.setdefault(own, _value(name, environ[name]))
    return found


def with_uv(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ` with these."""
    found = said_by_uv(environ)
    return {**environ, **found} if found else environ


def name_of(variable: str, environ: Mapping[str, str]) -> str:
    """What the user has set of the variable `variable` of dxpy's and those of uv's that stand for it."""
    said = environ.get(variable, "")
    for name in environ:
        if name.startswith(PREFIX) and _own_name(name) == variable and environ[name]:
            value = _value(name, environ[name])
            if not said or said == value or (variable == "DXPY_INDEX" and value in said.split(" ")):
                return name
    return variable


def _own_name(name: str) -> str | None:
    key = name.removeprefix(PREFIX)
    if key in _SAME or (key.startswith("INDEX_") and key.endswith(_INDEX_CREDENTIALS)):
        return f"DXPY_{key}"
    return _RENAMED.get(name)


def _value(name: str, text: str) -> str:
    # Beside uv's own things, which neither tool may take for its own when it cleans up.
    return os.path.join(text, "dxpy") if name in ("UV_CACHE_DIR", "UV_TOOL_DIR") else text
