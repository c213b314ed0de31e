"""Writing down that an environment needs entries of the store; with hardly an import, for a sync that only links."""

from __future__ import annotations

import os

from blake3 import blake3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

ROOTS_BUCKET = "roots-v1"
UNFINISHED = ".new"


def root_place(store: str, environment: str) -> str:
    """The file that says what `environment` (an absolute path) needs of the store below `store`."""
    return f"{store}/{ROOTS_BUCKET}/{blake3(os.fsencode(environment)).hexdigest()}"


def write_root(store: str, environment: str, keys: Iterable[str]) -> None:
    """Say that `environment` needs the entries `keys`, and no others. None: forget it. Raises OSError."""
    place, wanted = root_place(store, environment), sorted(set(keys))
    if not wanted:
        try:
            os.unlink(place)
        except FileNotFoundError:
            return
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place + UNFINISHED, "wb") as file:
        file.write(os.fsencode(environment) + b"\0" + "\n".join(wanted).encode())
    os.replace(place + UNFINISHED, place)
