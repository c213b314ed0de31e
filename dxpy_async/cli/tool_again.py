"""`dxpy tool run TOOL …`, and `dxpyx`, when the same was asked before: started after a few `stat`s.

A record in the cache says which environment the tool came to, and until when nobody need ask for newer versions; for
an installed tool, that it is used. Whether the environment is as it was left, its own record says.
"""

from __future__ import annotations

import os
import time

from dxpy_async.cli.launch import ASSUMED, become, scripts_of
from dxpy_async.cli.quick import state_facts, without_credentials
from dxpy_async.core.user_places import tool_dir
from dxpy_async.installer.state import facts_since, script_record, unchanged, write_record
from dxpy_async.project.cache_place import default_cache_dir

TYPE_CHECKING = False  # see `errors`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FRESH_SECONDS = 24 * 3600
"""How long a tool is started again without anybody asking whether there is a newer version."""

_FILES = ("DXPY_ENV_FILE", "DXPY_CONSTRAINT", "DXPY_OVERRIDE", "DXPY_BUILD_CONSTRAINT", "DXPY_CONFIG_FILE")
"""Variables that name files whose content counts."""
_PLACES = (
    *("DXPY_DEFAULT_INDEX", "DXPY_INDEX", "DXPY_FIND_LINKS"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"),
)
"""Variables whose values are paths also when they do not look like it."""
_VALUES = {"--from": "from", "--with": "with", "-w": "with", "--python": "python", "-p": "python"}
_ENDINGS = (".whl", ".zip", ".gz", ".bz2", ".xz", ".tgz", ".zst", ".tar")


def answer(arguments: list[str]) -> int | None:
    """Run the tool that `arguments`, those after `tool run`, name; None when more thought is needed."""
    environ = os.environ
    asked = _taken_apart(arguments)
    if asked is None or any(environ.get(name) for name in _FILES):
        return None
    name, words = asked
    chosen = environ.get("DXPY_CACHE_DIR")
    cache_dir = os.path.abspath(chosen) if chosen else default_cache_dir(environ)
    known = recorded(name, cache_dir, environ)
    if known is None:
        return None
    environment, command, until = known
    if until and (time.time() > float(until) or unchanged(environment, state_facts("", {})) is None):
        return None
    try:
        return start(environment, command, words, environ)
    except OSError:
        return None  # which the full program says in words


def start(environment: str, command: str, words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Become a command of an environment. Its other commands come first on PATH; VIRTUAL_ENV stays the user's own."""
    return become(*prepared(environment, command, words, environ))


def prepared(
    environment: str, command: str, words: Sequence[str], environ: Mapping[str, str]
) -> tuple[str, list[str], dict[str, str]]:
    """The program, words and variables of a command of an environment. Raises FileNotFoundError when it has none."""
    scripts = scripts_of(environment)
    endings = ("", ".exe", ".cmd", ".bat") if os.name == "nt" else ("",)
    program = next((path for each in endings if os.path.isfile(path := f"{scripts}{os.sep}{command}{each}")), None)
    if program is None:
        raise FileNotFoundError(command)
    child = {name: value for name, value in environ.items() if name != "PYTHONHOME" and name not in ASSUMED}
    child["PATH"] = os.pathsep.join([scripts, environ.get("PATH", os.defpath)])
    return program, [program, *words], child


def name_of(package: str | None, python: str | None, besides: Sequence[str], tool: str) -> str:
    """How the record of a tool is found: by all that names it, and by the directory where a path may be meant."""
    texts = [package or "", python or "", *besides, tool]
    elsewhere = any(os.sep in text or text.startswith((".", "~")) or text.endswith(_ENDINGS) for text in texts)
    variables = state_facts("", os.environ)["variables"].split("\0")
    where = os.getcwd() if elsewhere or any(map(_means_here, variables)) else ""
    return without_credentials("\0".join(("tool", where, tool_dir(os.environ), *texts)))


def _means_here(variable: str) -> bool:
    """Whether a variable, as `NAME=VALUE`, has a path that is relative to the working directory."""
    name, _, value = variable.partition("=")
    parts = [part for part in value.replace(",", " ").split() if "://" not in part]
    relative = [part for part in parts if not os.path.isabs(part.partition("=")[2] or part)]
    return bool(relative) and (name in _PLACES or any(os.sep in part for part in relative))


def recorded(name: str, cache_dir: str, environ: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The environment, the command and the time until which nobody need ask, as the record called `name` has it.

    The time, in seconds since 1970, is empty for an installed tool. None when there is none, or something has changed.
    """
    known = facts_since(script_record(cache_dir, name))
    if known is None:
        return None
    environment, command, until = (known.pop(key, "") for key in ("environment", "command", "until"))
    return (environment, command, until) if known == state_facts(name, dict(environ)) and environment else None


def remember_tool(
    name: str, environment: str, command: str, stamps: dict[str, str], cache_dir: str, *, is_installed: bool
) -> None:
    """Record that the tool called `name` is this command of this environment while files have `stamps`."""
    until = "" if is_installed else f"{time.time() + FRESH_SECONDS:.0f}"
    facts = {**state_facts(name, os.environ), "environment": environment, "command": command, "until": until}
    write_record(script_record(cache_dir, name), facts, stamps, 0)


def _taken_apart(arguments: list[str]) -> tuple[str, list[str]] | None:
    """The name of the record of what is asked for, and what the tool is given; None for flags that are not known."""
    given: dict[str, list[str]] = {"from": [], "with": [], "python": []}
    rest = arguments
    while rest and rest[0].startswith("-"):
        flag, equals, value = rest[0].partition("=")
        if flag not in _VALUES or (equals and not flag.startswith("--")) or (not equals and len(rest) < 2):
            return None
        given[_VALUES[flag]].append(value if equals else rest[1])
        rest = rest[1 if equals else 2 :]
    if not rest:
        return None
    package, python = (given[key][-1] if given[key] else None for key in ("from", "python"))
    return name_of(package, python, given["with"], rest[0]), rest[1:]
