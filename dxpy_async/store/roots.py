"""Which environments need which entries of the store in place: those that link to it by symlink.

    roots-v1/<blake3 of the environment's path>    the path, NUL, and the keys of the entries, one a line

A hard-linked or copied environment needs nothing of the store. One that is a web of symbolic links breaks when an
entry goes, so it says here what it needs, before it links, and removing an entry asks here first. An environment that
is not on disk any more counts for nothing, and its root is removed by whoever finds that out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.hashing import blake3_of
from dxpy_async.store.failures import store_error
from dxpy_async.store.root_files import ROOTS_BUCKET, root_place, write_root

_NAME = re.compile("[0-9a-f]{64}")


class Root(NamedTuple):
    """An environment and the keys (hex) of the entries it needs."""

    environment: Path
    keys: frozenset[str]


class Roots:
    """The roots of the store below `store`."""

    def __init__(self, store: Path) -> None:
        self._store, self._directory = str(store), f"{store}/{ROOTS_BUCKET}"

    def register(self, environment: Path, keys: Iterable[str]) -> None:
        """Say that `environment` (an absolute path) needs the entries `keys`, and no longer others. None: forget it.

        Who registers holds the lock of the environment, and the store's lock shared. Raises StoreError.
        """
        try:
            write_root(self._store, str(environment), keys)
        except OSError as error:
            raise store_error(error, f"register the environment `{environment}` with the store") from error

    def holders(self, key: str) -> list[Path]:
        """The environments that need the entry `key`, sorted. Raises StoreError."""
        return [root.environment for root in self.living() if key in root.keys]

    def disturb(self, keys: Collection[str]) -> None:
        """Have whoever syncs an environment that needs one of `keys` look at it properly. Raises StoreError."""
        for root in self.living():
            if not root.keys.isdisjoint(keys):
                with suppress(OSError):  # in a store that may only be read nothing is removed either
                    os.utime(root_place(self._store, str(root.environment)))

    def living(self) -> list[Root]:
        """All roots whose environment is on disk, sorted; the others are removed. Raises StoreError."""
        found: list[Root] = []
        try:
            for name in filter(_NAME.fullmatch, _names(self._directory)):
                root = _read(f"{self._directory}/{name}")
                if root is not None and os.path.isdir(root.environment):
                    found.append(root)
                elif not os.path.islink(self._directory):  # what is behind a link is not ours to remove
                    _remove(f"{self._directory}/{name}")
        except OSError as error:
            raise store_error(error, f"read the environments that need the store (`{self._directory}`)") from error
        return sorted(found)


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []


def _read(place: str) -> Root | None:
    """The root at `place`; None when it is gone, or not a root at all."""
    try:
        with open(place, "rb") as file:
            path, end, keys = file.read().partition(b"\0")
    except FileNotFoundError:
        return None
    environment = os.fsdecode(path)
    if not end or blake3_of(path).hex() != os.path.basename(place) or os.path.abspath(environment) != environment:
        return None
    return Root(Path(environment), frozenset(keys.decode("ascii", "replace").split("\n")))


def _remove(place: str) -> None:
    with suppress(OSError):  # in a store that may only be read, a dead root does no harm
        os.unlink(place)
