"""`dxpy run script.py` when the script asks for the same as last time: started after a few `stat`s.

A record in the cache says, for each script that was run, what its block of metadata was, and which environment that
came to; whether that is as it was left, its own record says. The rest of the script may change at will.
"""

from __future__ import annotations

import os

from dxpy_async.cli.launch import launch
from dxpy_async.cli.quick import state_facts, without_credentials
from dxpy_async.installer.state import facts_since, script_record, unchanged, write_record
from dxpy_async.project.cache_place import default_cache_dir

_OPENING = b"# /// script"
_MOST_BYTES = 16 * 1024**2


def answer(arguments: list[str]) -> int | None:
    """Run the script that `arguments`, those after `run`, begin with; None when more thought is needed."""
    file, environ = os.path.abspath(arguments[0]), os.environ
    block = _block(_content(file))
    if block is None or environ.get("DXPY_ENV_FILE"):
        return None
    chosen = environ.get("DXPY_CACHE_DIR")
    cache_dir = os.path.abspath(chosen) if chosen else default_cache_dir(environ)
    known = facts_since(script_record(cache_dir, file))
    environment = known.pop("environment", None) if known is not None else None
    if environment is None or known != _facts(file, block, environ):
        return None
    if unchanged(environment, state_facts("", environ)) is None:
        return None
    try:
        return launch(environment, ["python", *arguments], environ)
    except OSError:
        return None  # which the full program says in words


def remember_script(
    content: bytes, file: str, environment: str, stamps: dict[str, str], cache_dir: str | os.PathLike[str]
) -> None:
    """Record that the script `file`, run with no flags, has this environment while its block is that in `content`.

    And while the files that decide it too have these `stamps`.
    """
    block = _block(content)
    if block is not None:
        facts = {**_facts(file, block, os.environ), "environment": environment}
        write_record(script_record(os.fspath(cache_dir), file), facts, stamps, 0)


def _facts(file: str, block: str, environ: dict[str, str] | os._Environ[str]) -> dict[str, str]:
    return {**state_facts(f"script {file}", environ), "block": block}


def _content(file: str) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read(_MOST_BYTES)
    except OSError:
        return b""


def _block(content: bytes) -> str | None:
    """The comment that a script's only block of metadata stands in, without credentials; None where that is unclear."""
    start = 0 if content.startswith(_OPENING) else content.find(b"\n" + _OPENING) + 1
    if content.count(_OPENING) != 1 or not content.startswith(_OPENING, start):
        return None
    end = start
    while content.startswith(b"#", end):
        end = content.find(b"\n", end) + 1 or len(content)
    return without_credentials(content[start:end].decode("utf-8", "surrogateescape"))
