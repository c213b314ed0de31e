"""Manifests as bytes: what the store keeps beside each unpacked wheel, small and quick to read.

    header    magic `DPM\\x01`, flags, counts, lengths, the archive's size, SHA-256 and BLAKE3
    texts     UTF-8, separated by NUL: name, version, file name, dist-info, data; tags; top level; entry points as
              triples of group, name and reference; paths of the files
    files     rows of fixed width: size, executable, SHA-256, BLAKE3, modification time
    check     BLAKE3 of everything before

All integers are little-endian. The check tells damage from health; it does not tell friend from foe, so a manifest is
as trustworthy as the directory it lies in.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from struct import Struct

from dxpy_async.core.hashing import BLAKE3_BYTES, blake3_of
from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import FormatError

_MAGIC = b"DPM\x01"
_HEADER = Struct("<4s5IQ32s32s")
_ROW = Struct("<Q?32s32sq")
_PURELIB = 0x1
_IDENTITY = 5


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of a manifest. Raises ValueError for a text with a NUL character, which nothing that is valid has."""
    entries = [
        text
        for group, names in manifest.entry_points.items()
        for name, reference in names.items()
        for text in (group, name, reference)
    ]
    identity = (manifest.name, manifest.version, manifest.filename, manifest.dist_info, manifest.data)
    paths = [file.path for file in manifest.files]
    texts = [*identity, *manifest.tags, *manifest.top_level, *entries, *paths]
    heap = "\0".join(texts).encode()
    if heap.count(b"\0") != len(texts) - 1:
        raise ValueError(f"the manifest of {manifest.filename!r} has a NUL character in a text")
    header = _HEADER.pack(
        _MAGIC,
        _PURELIB if manifest.root_is_purelib else 0,
        len(manifest.tags),
        len(manifest.top_level),
        len(entries) // 3,
        len(paths),
        manifest.size,
        bytes.fromhex(manifest.sha256),
        bytes.fromhex(manifest.blake3),
    )
    rows = b"".join(
        [_ROW.pack(size, executable, sha, b3, mtime) for _, size, executable, sha, b3, mtime in manifest.files]
    )
    body = header + heap + rows
    return body + blake3_of(body)


def decode_manifest(data: bytes, origin: str) -> Manifest:
    """The manifest in `data`, which errors call `origin`. Raises FormatError for bytes that are not just as written."""
    if len(data) < _HEADER.size + BLAKE3_BYTES or data[:4] != _MAGIC:
        raise FormatError(origin, "is not a manifest")
    body = memoryview(data)[:-BLAKE3_BYTES]
    if blake3_of(body) != data[-BLAKE3_BYTES:]:
        raise FormatError(origin, "is damaged: its checksum is wrong")
    _, flags, tags, top_level, entries, count, size, sha256, blake3 = _HEADER.unpack_from(data)
    start = len(body) - count * _ROW.size
    if start < _HEADER.size:
        raise FormatError(origin, f"has no room for the {count} files it counts")
    try:
        texts = str(body[_HEADER.size : start], "utf-8").split("\0")
    except UnicodeDecodeError as error:
        raise FormatError(origin, "has texts that are not UTF-8") from error
    if len(texts) != _IDENTITY + tags + top_level + 3 * entries + count:
        raise FormatError(origin, "has more or fewer texts than it counts")
    rest = iter(texts)
    name, version, filename, dist_info, data_directory = islice(rest, _IDENTITY)
    return Manifest(
        name=ProjectName(name),
        version=version,
        filename=filename,
        sha256=sha256.hex(),
        blake3=blake3.hex(),
        size=size,
        root_is_purelib=bool(flags & _PURELIB),
        dist_info=dist_info,
        data=data_directory,
        tags=tuple(islice(rest, tags)),
        top_level=tuple(islice(rest, top_level)),
        entry_points=_entry_points(rest, entries),
        files=_files(rest, body[start:]),
    )


def _entry_points(texts: Iterator[str], count: int) -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}
    for _ in range(count):
        group, name, reference = islice(texts, 3)
        groups.setdefault(group, {})[name] = reference
    return groups


def _files(paths: Iterator[str], rows: memoryview) -> tuple[ManifestFile, ...]:
    new = tuple.__new__  # half the time of calling ManifestFile, and there are tens of thousands of rows
    return tuple([new(ManifestFile, (path, *row)) for path, row in zip(paths, _ROW.iter_unpack(rows), strict=True)])
