"""The command lines that are answered from a few `stat`s: `dxpy sync`, `dxpy run CMD` and `dxpy lock` when nothing
has changed.

Imports only what a bare interpreter has loaded already, or nearly: everything else would cost more than the answer.
A command line that is anything but the plain form, and any doubt, goes to the full program.
"""

from __future__ import annotations

import os
import sys
import time

from dxpy_async._version import __version__
from dxpy_async.cli.launch import is_source, launch
from dxpy_async.core.places import ENVIRONMENT_NAME, PROJECT_NAME
from dxpy_async.installer.state import lock_record, unchanged, unchanged_since
from dxpy_async.project.cache_place import default_cache_dir

_IRRELEVANT = (
    *("DXPY_CACHE_DIR", "DXPY_CLIENT_CERT", "DXPY_CREDENTIALS_DIR", "DXPY_ENV_FILE", "DXPY_INSECURE_HOST"),
    *("DXPY_KEYRING_PROVIDER", "DXPY_NO_ENV_FILE", "DXPY_NO_PROGRESS", "DXPY_OFFLINE", "DXPY_PROXY"),
    *("DXPY_INDEX_MIRRORS", "DXPY_TRUSTED_PUBLISHING"),
)
"""Variables that cannot change what an environment should hold."""
_IRRELEVANT_PREFIXES = ("DXPY_HTTP_", "DXPY_PUBLISH_", "DXPY_CONCURRENT_")
_SECRET = ("_USERNAME", "_PASSWORD", "_TOKEN")
"""How the names of variables end that can change nothing either, and must not reach a disk."""

_COUNTING = frozenset(
    [
        *(
            "UV_CONFIG_FILE",
            "PIP_INDEX_URL",
            "PIP_EXTRA_INDEX_URL",
            "PIP_FIND_LINKS",
            "PIP_NO_INDEX",
            "PIP_CONFIG_FILE",
        ),
        *("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "APPDATA", "PROGRAMDATA"),
    ]
)
"""Variables of others that count: they say where indexes are, and files of settings."""

_TOML_ESCAPES = (b"\\u", b"\\U", b"\\x")
"""By which a key can be spelt without its letters."""
_QUIET = (["-q"], ["--quiet"])
_PLAIN_LOCKS = (["lock"], ["lock", "--check"], ["lock", "--locked"])
SEARCHED = (
    *("PATH", "VIRTUAL_ENV", "PYENV_ROOT", "PYENV_VERSION", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"),
    *("ASDF_DATA_DIR", "MISE_DATA_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME"),
)
"""Variables that say where interpreters are, and so for which of them a project is locked."""
_NAMING_FILES = ("DXPY_CONSTRAINT", "DXPY_OVERRIDE")
"""Variables that name files whose content counts."""


def answer(arguments: list[str], *, quiet: bool = False) -> int | None:
    """Carry out `arguments` if that takes no thought, and give the exit code; None when the full program must."""
    if arguments in (["--version"], ["-V"]):
        print(f"dxpy {__version__}")
        return 0
    if arguments == ["sync"]:
        return _sync(quiet)
    if arguments in _PLAIN_LOCKS:
        return _lock(quiet)
    if len(arguments) > 1 and arguments[0] == "run" and not arguments[1].startswith("-"):
        return _run(arguments[1:])
    return None


def without_quiet(arguments: list[str]) -> tuple[list[str], bool]:
    """The command line without a `-q` before the command, or first or last behind `sync` or `lock`; if it was there."""
    behind = arguments[:1] in (["sync"], ["lock"])
    for place in (0, 1, len(arguments) - 1) if behind else (0,):
        if arguments[place : place + 1] in _QUIET:
            return arguments[:place] + arguments[place + 1 :], True
    return arguments, False


def script_in(arguments: list[str]) -> list[str] | None:
    """The script that `run`, without other flags, is to run, and its arguments; None when there is none."""
    words = arguments[2:] if arguments[1:2] in (["-s"], ["--script"]) else arguments[1:]
    named = arguments[:1] == ["run"] and words and not words[0].startswith("-")
    return words if named and (len(words) < len(arguments) - 1 or is_source(words[0])) else None


def task_in(arguments: list[str]) -> list[str]:
    """What `run`, without flags, is to run, if that may be a task, and its arguments; empty when it is not asked."""
    words = arguments[1:]
    is_word = arguments[:1] == ["run"] and words and not words[0].startswith("-")
    return words if is_word and not is_source(words[0]) else []


def without_environment(arguments: list[str]) -> str | None:
    """The directory of the project whose environment `sync` has to make anew; None when that is not asked."""
    root = project_root() if arguments[:1] == ["sync"] and not chosen_environment() else None
    if root is None or os.path.lexists(f"{root}/{ENVIRONMENT_NAME}") or may_be_member(root):
        return None
    return root


def may_be_member(root: str) -> bool:
    """Whether the nearest project above that in `root` may be a workspace: most are none."""
    above = project_root(os.path.dirname(root))
    try:
        return above is not None and b"workspace" in _content(f"{above}/{PROJECT_NAME}")
    except OSError:
        return True  # whoever parses it words that


def synced_place() -> tuple[str, str] | None:
    """The environment of the project around, and how its record names that project: by its path in the workspace."""
    root = project_root()
    if root is not None and (chosen := chosen_environment()):
        return None if may_be_member(root) else (os.path.abspath(f"{root}/{chosen}"), request_at(root))
    if root is None or os.path.exists(f"{root}/{ENVIRONMENT_NAME}"):
        return (f"{root}/{ENVIRONMENT_NAME}", "") if root is not None else None
    above = project_root(os.path.dirname(root))
    return (f"{above}/{ENVIRONMENT_NAME}", request_in(root[len(above) + 1 :])) if above is not None else None


def chosen_environment() -> str:
    """Where the variable says that projects have their environment, relative to a project; empty when it does not."""
    return os.environ.get("DXPY_PROJECT_ENVIRONMENT", "")


def request_at(root: str) -> str:
    """How records name the project in `root`, where its environment is not in it, and may become another project's."""
    return f"of {root}"


def request_in(member: str) -> str:
    """How records name a member of a workspace, in front of what is asked; `member` is its path."""
    return f"in {member}" if member else ""


def state_facts(request: str, environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """What a sync depended on besides the files it read: the options, as text, the variables and our own version."""
    variables = sorted(
        f"{name}={without_credentials(value)}"
        for name, value in environ.items()
        if name in _COUNTING
        or (
            name.startswith("DXPY_")
            and name not in _IRRELEVANT
            and not name.startswith(_IRRELEVANT_PREFIXES)
            and not name.endswith(_SECRET)
        )
    )
    return {"request": request, "variables": "\0".join(variables), "version": __version__}


def lock_facts(project: str, environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """What a lock depends on besides files, as a sync: variables, and on what machine it is. `project` says of what."""
    machine = " ".join(os.uname()[2:]) if hasattr(os, "uname") else ""
    surroundings = [f"{name}={environ.get(name, '')}" for name in SEARCHED]
    return state_facts("\0".join(("lock", project, sys.executable, machine, *surroundings)), environ)


def lock_facts_at(root: str, environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    """What it depended on, besides files, that the lock in `root` was up to date.

    The directory is among them, because relative paths in variables mean it.
    """
    return lock_facts(f"{root}\0{os.getcwd()}", environ)


def without_credentials(text: str) -> str:
    """`text` with the user and password left out of every URL in it: they change nothing, and must not reach a disk."""
    first, *rest = text.split("://")
    for after in rest:
        end = len(after) - len(after.partition("/")[2])
        first += "://" + after[:end].rpartition("@")[2] + after[end:]
    return first


def _sync(quiet: bool) -> int | None:
    started = time.perf_counter()
    place = synced_place()
    count = unchanged(place[0], state_facts(place[1], os.environ)) if place is not None else None
    return None if count is None else say("Checked", count, started, quiet)


def _lock(quiet: bool) -> int | None:
    started = time.perf_counter()
    place = lock_place()
    if place is None:
        return None
    root, cache_dir = place
    count = unchanged_since(lock_record(cache_dir, root), lock_facts_at(root, os.environ))
    return None if count is None else say("Resolved", count, started, quiet)


def lock_place() -> tuple[str, str] | None:
    """The root of the nearest project, and the cache directory; None when more counts than can be told from here."""
    root = project_root()
    if root is None or any(os.environ.get(name) for name in _NAMING_FILES):
        return None
    chosen = os.environ.get("DXPY_CACHE_DIR")
    return root, os.path.abspath(chosen) if chosen else default_cache_dir(os.environ)


def _run(command: list[str]) -> int | None:
    place = synced_place()
    if place is None or os.environ.get("DXPY_ENV_FILE"):
        return None
    if may_be_task(command[0], place[0]) or (is_source(command[0]) and _may_have_block(command[0])):
        return None
    if unchanged(place[0], state_facts(place[1], os.environ), exact=False) is None:
        return None
    try:
        return launch(place[0], command, os.environ)
    except OSError:
        return None  # which the full program says in words


def may_be_task(name: str, environment: str) -> bool:
    """Whether a project may have a task of that name: the words of its table are in a file, or may be, as escapes.

    The files are those of the project around and of the workspace, which the environment is of.
    """
    words = (b"dxpy", b"scripts", name.encode("utf-8", "surrogateescape"))
    for directory in {project_root(), os.path.dirname(environment)}:
        try:
            content = _content(f"{directory}/{PROJECT_NAME}")
        except FileNotFoundError:
            continue  # the environment is in no project
        if all(word in content for word in words) or any(escape in content for escape in _TOML_ESCAPES):
            return True
    return False


def _may_have_block(script: str) -> bool:
    return b"/// script" in _content(script)


def _content(file: str) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()


def say(what: str, count: int, started: float, quiet: bool = False) -> int:
    """The summary line, unless `quiet`; gives the exit code."""
    if not quiet:
        took = (time.perf_counter() - started) * 1000
        sys.stderr.write(f"{what} {count} package{'' if count == 1 else 's'} in {took:.0f}ms\n")
    return 0


def project_root(start: str | None = None) -> str | None:
    """The directory of the nearest project, in `start` or above it; without one, in the working directory."""
    directory = os.getcwd() if start is None else start
    while not os.path.isfile(f"{directory}/{PROJECT_NAME}"):
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent
    return directory
