"""What a blueprint hangs on besides the project's files, and whether one may be used; for the rungs that look first."""

from __future__ import annotations

import os
import sys
import time

from blake3 import blake3

from dxpy_async.cli.quick import SEARCHED, state_facts
from dxpy_async.core.places import COMPILING
from dxpy_async.installer.blueprints import Blueprint, blueprint_time, kernel_of
from dxpy_async.project.cache_place import default_cache_dir
from dxpy_async.store.locks import is_held

_DAY_NS = 24 * 60 * 60 * 1_000_000_000


def circumstances(request: str, environ: dict[str, str] | os._Environ[str]) -> blake3:
    """A digest of what a blueprint hangs on besides files: our version, the flags, the variables, the search path."""
    texts = [*state_facts(request, environ).values(), sys.executable, *(environ.get(name, "") for name in SEARCHED)]
    return blake3("\0".join(texts).encode("utf-8", "surrogateescape"))


def cache_place(environ: dict[str, str] | os._Environ[str]) -> str | None:
    """Where the cache is; None when that is not said as a path from the root."""
    chosen = environ.get("DXPY_CACHE_DIR") or default_cache_dir(environ)
    return chosen if os.path.isabs(chosen) else None


def usable_blueprint(cache_dir: str, key: str, *, frozen: bool) -> Blueprint | None:
    """The blueprint of this key, if it may be used: it is of today, and since then nothing has changed.

    One is used for a day, and not after the machine was started again: then the next rung looks at everything once
    more, and the store learns that the wheels are in use.
    """
    written = blueprint_time(cache_dir, key)
    if written is None or written < time.time_ns() - min(_DAY_NS, _running_ns()):
        return None
    blueprint = Blueprint.read(cache_dir, key)
    if blueprint is None or not (frozen or blueprint.checked) or not blueprint.still_fits(kernel_of(os.uname())):
        return None
    if blueprint.compiling and not is_held(f"{cache_dir}/{COMPILING}"):
        return None  # whoever was making bytecode was killed: the next rung starts another
    return blueprint


def _running_ns() -> int:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime_ns(clock) if clock is not None else time.monotonic_ns()
