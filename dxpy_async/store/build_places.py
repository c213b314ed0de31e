"""Environments for builds, as far as the store has to do with them: where they are, and when they go.

They need entries in place as other environments of symbolic links do, but protect none: they are part of the cache, and
made again when they are needed. So one goes when it was not used for long, or with the first of its entries.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from dxpy_async.store.roots import Root

BUILD_ENVIRONMENTS = "build-environments-v1"
READY = "dxpy-ready"
"""The file that is in a whole one; written to when it is used."""


def split_roots(store: Path, roots: Iterable[Root]) -> tuple[list[Root], list[Root]]:
    """Those of environments for builds, and those of all others."""
    builds, others = list[Root](), list[Root]()
    for root in roots:
        (builds if root.environment.parent == store / BUILD_ENVIRONMENTS else others).append(root)
    return builds, others


def unused_since(store: Path, before: float) -> list[Path]:
    """The environments for builds that nobody has used since `before`, or that are not whole. Raises OSError."""
    try:
        names = sorted(os.listdir(store / BUILD_ENVIRONMENTS))
    except FileNotFoundError:
        return []
    found = [store / BUILD_ENVIRONMENTS / name for name in names]
    return [place for place in found if _used_at(place) < before]


def _used_at(place: Path) -> float:
    try:
        return os.stat(place / READY).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0


def spoil(roots: Iterable[Root], keys: Collection[str]) -> None:
    """Have those of `roots` that need one of the entries `keys` made anew by whoever needs them next."""
    for root in roots:
        if not root.keys.isdisjoint(keys):
            with suppress(FileNotFoundError):
                os.unlink(root.environment / READY)
