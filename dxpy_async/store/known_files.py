"""Where in the store a file of given contents probably lies, so that it is linked and not written once more.

    files-v1/places    a table of hashed slots: part of a SHA-256 with the mode, part of an entry's key, the file's row

The table only gives hints. Whoever takes one compares the bytes of the file with those to be written, so a slot that
was overwritten, an entry that is gone and a file that was edited in place cost a written file and nothing else. That is
why the table may forget: a file is looked for in a few slots, and where these are full, the newest replaces one.

It is read mapped and written by position: written through the mapping, a full disk would kill the process.
"""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from struct import Struct
from typing import Protocol, Self

from dxpy_async.core.manifests import Manifest
from dxpy_async.errors import FormatError
from dxpy_async.formats.dpp_manifest import decode_manifest

FILES_BUCKET = "files-v1"

_HEAD = Struct("<4sIQ")
"""Magic, number of slots (a power of two), number of slots that were filled."""
_MAGIC = b"DXF\x01"
_SLOT = Struct("<8s8sI")
_TAG_BYTES = _KEY_BYTES = 8
_NO_TAG = bytes(_TAG_BYTES)
_LEAST_SLOTS = 4096
_WINDOW = 8
_REMEMBERED = 64
"""Manifests that are kept in memory; the known files of a wheel mostly lie in one or two entries."""


class FindTwin(Protocol):
    """Gives the path of a file that probably has this content and mode, or None."""

    def __call__(self, sha256: bytes, executable: bool, /) -> str | None: ...


def no_twin(_sha256: bytes, _executable: bool, /) -> None:
    """Finds nothing: every file is written."""


class KnownFiles:
    """The table of the store below `root`, whose entries are in `packages`."""

    def __init__(self, root: str, packages: str) -> None:
        self._path, self._packages = f"{root}/{FILES_BUCKET}/places", packages
        self._entries: dict[bytes, tuple[str, Manifest] | None] = {}

    @contextmanager
    def looking(self) -> Iterator[FindTwin]:
        """A way to find files in the table as it is now; it finds nothing when there is no table that can be read."""
        table = None
        with suppress(OSError, FormatError):
            table = _Table(io.FileIO(self._path, "rb"))
        if table is None:
            yield no_twin
            return
        with table:
            yield partial(self._find, table)

    def _find(self, table: _Table, sha256: bytes, executable: bool) -> str | None:
        hint = table.find(_tag(sha256, executable))
        if hint is None:
            return None
        key, row = hint
        entry = self._entry(key)
        if entry is None or row >= len(entry[1].files):
            return None
        directory, manifest = entry
        file = manifest.files[row]
        return f"{directory}/{file.path}" if (file.sha256, file.executable) == (sha256, executable) else None

    def add(self, manifest: Manifest) -> None:
        """Say where the files of a published wheel are. Whoever calls is alone in doing so. Raises OSError."""
        key = bytes.fromhex(manifest.blake3)[:_KEY_BYTES]
        records = [
            _SLOT.pack(_tag(file.sha256, file.executable), key, row)
            for row, file in enumerate(manifest.files)
            if file.size
        ]
        with self._writable(len(records)) as table:
            table.put(records)

    def _writable(self, more: int) -> _Table:
        """The table, with room for `more` files."""
        try:
            table = _Table(io.FileIO(self._path, "r+b"))
        except (FileNotFoundError, FormatError):
            return self._made(more, ())
        if table.filled + more <= table.slots // 2:
            return table
        with table:
            return self._made(table.filled + more, table.records())

    def _made(self, files: int, records: Iterable[bytes]) -> _Table:
        """A new table for so many files in the place of the old one, with those `records` whose entry is there."""
        slots = _LEAST_SLOTS
        while slots < 4 * files:
            slots *= 2
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        beside = f"{self._path}.new"
        with io.FileIO(beside, "wb") as file:
            file.write(_HEAD.pack(_MAGIC, slots, 0))
            file.truncate(_HEAD.size + (slots + _WINDOW) * _SLOT.size)
        table = _Table(io.FileIO(beside, "r+b"))
        try:
            table.put(self._living(records))
            os.replace(beside, self._path)
        except BaseException:
            table.close()
            raise
        return table

    def _living(self, records: Iterable[bytes]) -> Iterator[bytes]:
        """Those whose entry is in the store."""
        there: dict[bytes, bool] = {}
        for record in records:
            key = record[_TAG_BYTES : _TAG_BYTES + _KEY_BYTES]
            if key not in there:
                there[key] = self._manifest_path(key) is not None
            if there[key]:
                yield record

    def _entry(self, key: bytes) -> tuple[str, Manifest] | None:
        """The directory and manifest of the entry whose key begins with these bytes; None when there is none."""
        entries = self._entries
        if key in entries:
            return entries[key]
        if len(entries) >= _REMEMBERED:
            self._entries = entries = {}  # not cleared: another thread may be about to read what it found there
        entry = entries[key] = self._read_entry(key)
        return entry

    def _read_entry(self, key: bytes) -> tuple[str, Manifest] | None:
        path = self._manifest_path(key)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                return path.removesuffix(".dpp"), decode_manifest(file.read(), path)
        except (OSError, FormatError):
            return None

    def _manifest_path(self, key: bytes) -> str | None:
        start = key.hex()
        parent = f"{self._packages}/{start[:2]}/{start[2:4]}"
        try:
            names = os.listdir(parent)
        except OSError:
            return None
        return next((f"{parent}/{name}" for name in names if name.startswith(start) and name.endswith(".dpp")), None)


class _Table:
    """The table as an open file, which it closes at the end. Raises FormatError for what is no table, and OSError."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        try:
            head = file.read(_HEAD.size)
            magic, self.slots, self.filled = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, 0)
            expected = _HEAD.size + (self.slots + _WINDOW) * _SLOT.size
            sound = os.fstat(file.fileno()).st_size == expected and self.slots.bit_count() == 1
            if magic != _MAGIC or not sound or self.filled > self.slots:
                raise FormatError(str(file.name), "is not a table of files")
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._data.close()
        self._file.close()

    def find(self, tag: bytes) -> tuple[bytes, int] | None:
        """The entry's key and the row under `tag`."""
        start = _HEAD.size + (int.from_bytes(tag, "little") & (self.slots - 1)) * _SLOT.size
        window = self._data[start : start + _WINDOW * _SLOT.size]
        if (found := _position(window, tag)) < 0:
            return None
        _, key, row = _SLOT.unpack_from(window, found)
        return key, row

    def put(self, records: Iterable[bytes]) -> None:
        """Write slots: each over that of the same file, else into an empty one, else over the first it may be in."""
        data, seek, write = self._data, self._file.seek, self._file.write
        head, size, width, mask = _HEAD.size, _SLOT.size, _WINDOW * _SLOT.size, self.slots - 1
        for record in records:
            tag = record[:_TAG_BYTES]
            start = head + (int.from_bytes(tag, "little") & mask) * size
            window = data[start : start + width]
            if window[:_TAG_BYTES] == _NO_TAG:
                place = 0
                self.filled += 1
            elif (place := _position(window, tag)) < 0:
                place = max(0, _position(window, _NO_TAG))
                self.filled += place > 0
            seek(start + place)
            write(record)
        seek(0)
        write(_HEAD.pack(_MAGIC, self.slots, self.filled))

    def records(self) -> Iterator[bytes]:
        """All slots that are filled."""
        for place in range(_HEAD.size, len(self._data), _SLOT.size):
            record = self._data[place : place + _SLOT.size]
            if not record.startswith(_NO_TAG):
                yield record


def _tag(sha256: bytes, executable: bool) -> bytes:
    """What a file is found by: content and mode. Never all zeros, which is an empty slot."""
    return sha256[: _TAG_BYTES - 1] + (b"\2" if executable else b"\1")


def _position(window: bytes, tag: bytes) -> int:
    """Where in `window` the slot of `tag` begins; -1 when it is not there."""
    found = window.find(tag)
    while found > 0 and found % _SLOT.size:
        found = window.find(tag, found + 1)
    return found
