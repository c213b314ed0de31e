"""Bringing a wheel's archive into the store; apart from `store`, because a sync that only reads need not load this."""

from __future__ import annotations

from pathlib import Path

from dxpy_async.store.failures import store_error
from dxpy_async.store.store import Store, StoredWheel
from dxpy_async.store.unpack import unpack_wheel


def add_wheel(store: Store, archive: Path, filename: str, *, sha256: str, blake3: str, size: int) -> StoredWheel:
    """Unpack the wheel at `archive` into `store`, unless it is there already.

    `filename` is the wheel's own name; the hashes (hex) and size are the archive's, already checked by who read it.
    Raises InvalidWheel, SizeMismatch and StoreError, and then leaves nothing behind. Any number of processes may add
    the same wheel at once.
    """
    stored = store.find_archive(sha256, blake3)
    if stored is not None and store.find(sha256) is not None:
        return stored
    with store.staging_directory() as staging:
        unpacked = staging / "wheel"
        try:
            unpacked.mkdir()
        except OSError as error:
            raise store_error(error, f"unpack `{filename}`") from error
        with store.known_files.looking() as twin:
            manifest = unpack_wheel(archive, filename, unpacked, sha256=sha256, blake3=blake3, size=size, twin=twin)
        return store.publish(unpacked, manifest)
