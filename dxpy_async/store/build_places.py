"""Environments in the cache, as far as the store has to do with them: where they are, and when they go.

They are for builds, and for scripts and `dxpy run --with` (`engine.kept_environments`).

They need entries in place as other environments of symbolic links do, but protect none: they are part of the cache, and
made again when they are needed. So one goes when it was not used for long, or with the first of its entries.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from dxpy_async.core.places import ENVIRONMENT_NAME, ENVIRONMENTS_BUCKET, STATE_NAME
from dxpy_async.store.roots import Root

BUILD_ENVIRONMENTS = "build-environments-v1"
READY = "dxpy-ready"
"""The file that is in a whole one; written to when it is used."""


def split_roots(store: Path, roots: Iterable[Root]) -> tuple[list[Root], list[Root]]:
    """Those of environments that the cache is made of, and those of all others: a project may lie beside them."""
    builds, others = list[Root](), list[Root]()
    buckets = [store / BUILD_ENVIRONMENTS, store / ENVIRONMENTS_BUCKET]
    for root in roots:
        (builds if any(map(root.environment.is_relative_to, buckets)) else others).append(root)
    return builds, others


def unused_since(store: Path, before: float) -> list[Path]:
    """The environments in the cache that nobody has used since `before`, or that are not whole. Raises OSError."""
    found = [place for place in _within(store / BUILD_ENVIRONMENTS) if _used_at(place / READY) < before]
    kept = (place / ENVIRONMENT_NAME for place in _within(store / ENVIRONMENTS_BUCKET))
    return [*found, *(place for place in kept if _used_at(place / STATE_NAME, reading=True) < before)]


def place_of(store: Path, environment: Path) -> Path:
    """What goes when an environment in the cache goes: the directory that its bucket has for it."""
    return store.joinpath(*environment.relative_to(store).parts[:2])


def _within(bucket: Path) -> list[Path]:
    if bucket.is_symlink():  # what is there is not the cache's
        return []
    try:
        return sorted(bucket.iterdir())
    except FileNotFoundError:
        return []


def _used_at(sign: Path, *, reading: bool = False) -> float:
    """When the file was written last, or with `reading`, read."""
    try:
        facts = os.stat(sign)
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
    return max(facts.st_mtime, facts.st_atime) if reading else facts.st_mtime


def spoil(roots: Iterable[Root], keys: Collection[str]) -> None:
    """Have those of `roots` that need one of the entries `keys` made anew by whoever needs them next."""
    for root in roots:
        if not root.keys.isdisjoint(keys):
            for sign in (READY, STATE_NAME):
                with suppress(FileNotFoundError):
                    os.unlink(root.environment / sign)
