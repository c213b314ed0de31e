"""What is known of a wheel that lies unpacked in the store: its identity and the table of its files.

Named tuples, not dataclasses: a warm sync makes thirty thousand of these, and they are made three times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dxpy_async.core.names import ProjectName

_NO_ENTRY_POINTS: Mapping[str, Mapping[str, str]] = MappingProxyType({})


NO_DIGEST = bytes(32)
"""What bytecode that was made in the store has in place of a digest."""


class ManifestFile(NamedTuple):
    """One file of an unpacked wheel. `path` is relative, with forward slashes; `sha256` is raw bytes."""

    path: str
    size: int
    executable: bool
    sha256: bytes
    mtime_ns: int
    """What the file in the store had when it was published; a difference later means somebody changed it."""


class Manifest(NamedTuple):
    """A wheel's identity, files (sorted by path) and what an installer needs to know without opening any of them.

    `sha256` and `blake3` are the archive's, in hex. `dist_info` and `data` are directory names inside the wheel, `data`
    empty when there is none. `entry_points` maps group to name to object reference. `top_level` are the first path
    components below the wheel's root, without `dist_info` and `data`.
    """

    name: ProjectName
    version: str
    filename: str
    sha256: str
    blake3: str
    size: int
    root_is_purelib: bool
    dist_info: str
    data: str
    tags: tuple[str, ...]
    files: tuple[ManifestFile, ...]
    entry_points: Mapping[str, Mapping[str, str]] = _NO_ENTRY_POINTS
    top_level: tuple[str, ...] = ()
