"""Entries that nothing can be written into, because environments link to their directories.

Whoever has to write into one all the same says so first, in a note whose lock it holds. When it is killed, the lock is
free and the note still there, by which the next one who looks makes the entries read-only again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from dxpy_async.core.manifests import Manifest
from dxpy_async.errors import StoreError
from dxpy_async.store.locks import FileLock
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.unsealed_notes import new_note, notes


def seal(entry: str, manifest: Manifest) -> None:
    """Make the directories in an entry read-only, so that nothing is written through a link to one. Raises OSError.

    The entry itself stays as it is: a directory that its owner may not write cannot be moved away either.
    """
    directories = _directories(entry, manifest)
    if directories and _is_writable(directories[-1]):
        _set_mode(directories, 0o555)


@contextmanager
def unsealed(store: Store, entries: Sequence[StoredWheel]) -> Iterator[None]:
    """The directories in those of `entries` that are read-only are writable while the block runs. Raises OSError."""
    found = {stored.manifest.blake3: _directories(str(stored.directory), stored.manifest) for stored in entries}
    sealed = {
        key: directories for key, directories in found.items() if directories and not _is_writable(directories[-1])
    }
    if not sealed:
        yield
        return
    note = new_note(str(store.root))
    with FileLock(note):
        Path(note).write_text("\n".join(sealed))
        try:
            for directories in sealed.values():
                _set_mode(directories, 0o755)
            yield
        finally:
            for stored in entries:
                if stored.manifest.blake3 in sealed:  # with the directories that are new
                    _set_mode(_directories(str(stored.directory), stored.manifest), 0o555)
            os.unlink(note)


def seal_what_was_left(store: Store) -> None:
    """Make read-only what somebody who was killed left writable. Raises OSError and StoreError."""
    for note in notes(str(store.root)):
        holder = FileLock(note)
        if not holder.try_acquire():
            continue  # it is at work
        try:
            for key in Path(note).read_text().split():
                with suppress(StoreError):  # not one of our notes
                    _seal_tree(str(store.entry(key)))
            os.unlink(note)
        finally:
            holder.release()


def _seal_tree(entry: str) -> None:
    """The same as `seal` for an entry of which nothing else is known."""
    for directory, _, _ in os.walk(entry):
        if directory != entry:
            with suppress(FileNotFoundError):  # a compiler's, or removed with the whole entry
                os.chmod(directory, 0o555)


def _is_writable(directory: str) -> bool:
    return bool(os.stat(directory).st_mode & 0o200)


def _set_mode(directories: Sequence[str], mode: int) -> None:
    for directory in directories:
        os.chmod(directory, mode)


def _directories(entry: str, manifest: Manifest) -> list[str]:
    """The directories in an entry and the `__pycache__` in them; the last one tells how far `seal` has come."""
    found: set[str] = set()
    for file in manifest.files:
        head = file.path.rpartition("/")[0]
        while head and head not in found:
            found.add(head)
            head = head.rpartition("/")[0]
    there = [f"{entry}/{directory}" for directory in sorted(found)]
    caches = [path for directory in (entry, *there) if os.path.isdir(path := f"{directory}/__pycache__")]
    return list(dict.fromkeys([*caches, *there]))
