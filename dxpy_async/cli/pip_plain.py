"""`dxpy pip freeze` and `list` of an ordinary virtual environment, without flags or with a form, from its directories.

What any setting may change goes to the full program.
"""

from __future__ import annotations

import os
import sys

from dxpy_async.cli.pip_columns import columns, unfrozen
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.installer.glance import glance
from dxpy_async.project.config_places import pip_files

_FORMS = ("columns", "freeze", "json")
_WITHOUT_A_SAY = frozenset(
    [
        *("build-constraint", "constraint", "no-build-isolation", "no-deps", "require-hashes", "upgrade-strategy"),
        *("break-system-packages", "cache-dir", "cert", "client-cert", "config-file", "default-timeout", "find-links"),
        *("disable-pip-version-check", "extra-index-url", "index-url", "no-binary", "no-cache-dir", "no-color"),
        *("no-compile", "no-index", "no-input", "no-python-version-warning", "no-warn-script-location", "only-binary"),
        *("prefer-binary", "progress-bar", "proxy", "require-virtualenv", "retries", "root-user-action", "src"),
        *("timeout", "trusted-host", "use-pep517"),
    ]
)
"""Options of pip that change no listing of a virtual environment."""


def answer(words: list[str]) -> int | None:
    """Carry out `dxpy pip WORDS` if that takes no thought, and give the exit code; None when the full program must."""
    form = _form(words)
    root = _environment() if form else None
    if root is None or not _settings_say_nothing(root):
        return None
    try:
        seen = glance(root)
    except OSError:
        return None
    if seen is None:
        return None
    lines = _lines(form, *seen)
    if lines:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
    return 0


def _form(words: list[str]) -> str:
    """The form that is asked for: one of pip's, or `frozen` or `all`; empty when there is more to it."""
    if words == ["freeze"]:
        return "frozen"
    if words == ["freeze", "--all"]:
        return "all"
    if words == ["list"]:
        return "columns"
    flag, _, value = " ".join(words[1:]).replace(" ", "=", 1).partition("=")
    return value if words[:1] == ["list"] and flag == "--format" and value in _FORMS else ""


def _environment() -> str | None:
    """The active environment, else `.venv` here or above."""
    if os.environ.get("CONDA_PREFIX") or os.name != "posix":
        return None
    if active := os.environ.get("VIRTUAL_ENV"):
        return os.path.abspath(active)
    directory = os.getcwd()
    while not os.path.isfile(f"{directory}/{ENVIRONMENT_NAME}/pyvenv.cfg"):
        above = os.path.dirname(directory)
        if above == directory:
            return None
        directory = above
    return f"{directory}/{ENVIRONMENT_NAME}"


def _settings_say_nothing(root: str) -> bool:
    """Whether neither variables nor files of pip have options that might change a listing."""
    said = [name[4:].lower().replace("_", "-") for name in os.environ if name.startswith("PIP_")]
    for file in pip_files(os.environ, os.environ.get("VIRTUAL_ENV") or None):
        if os.path.isfile(file):
            try:
                with open(file, encoding="utf-8") as opened:
                    said += [key for line in opened if (key := _option(line))]
            except (OSError, ValueError):
                return False
    return _WITHOUT_A_SAY.issuperset(said)


def _option(line: str) -> str:
    """The option that a line of a file sets; empty for a header, a comment, or more of an option's value."""
    if not line.strip() or line[0] in "#;[" or line[0].isspace():
        return ""
    return line.replace(":", "=").partition("=")[0].strip().lower().replace("_", "-").removeprefix("--")


def _lines(form: str, minor: int, pins: list[tuple[str, str]]) -> list[str]:
    if form == "columns":
        return columns([{"name": name, "version": version} for name, version in pins])
    if form == "json":
        import json  # noqa: PLC0415 - 3 ms, a tenth of what the other forms take

        return [json.dumps([{"name": name, "version": version} for name, version in pins])]
    left_out = unfrozen(minor) if form == "frozen" else ()
    return [f"{name}=={version}" for name, version in pins if name.lower() not in left_out]
