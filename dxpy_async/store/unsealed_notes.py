"""Where it is noted which entries of the store may be writable though environments link to them.

    bytecode-v1/unsealed-<random>       the digests (BLAKE3) of such entries, one a line

Loaded by what makes environments again, so it loads next to nothing.
"""

from __future__ import annotations

import os

from dxpy_async.store.locks import is_held

_PLACE, _NAME = "bytecode-v1", "unsealed-"


def new_note(root: str) -> str:
    """The path of a note that is not there yet, for the store at `root`."""
    return f"{root}/{_PLACE}/{_NAME}{os.urandom(8).hex()}"


def notes(root: str) -> list[str]:
    """The paths of those notes that this process can do something about."""
    place = f"{root}/{_PLACE}"
    if not os.access(place, os.W_OK):
        return []
    return [f"{place}/{name}" for name in os.listdir(place) if name.startswith(_NAME)]


def was_left_open(root: str) -> bool:
    """Whether something may be writable that nobody is at work on: its writer was killed."""
    return not all(is_held(note) for note in notes(root))
