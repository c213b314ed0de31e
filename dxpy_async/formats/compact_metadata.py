"""Core metadata in the compact form that the cache keeps: requirements already taken apart, so nothing is parsed.

Layout: magic `DXM\x01`, CRC-32 of the rest (u32, little-endian), then one MessagePack array: why it is not usable
(empty when it is), name, version, requires-python, extras, requirements (name, extras, specifier, url, marker).
What is known to be unusable is kept as well, or every resolution would fetch it again to be told the same.
"""

from __future__ import annotations

import struct

import msgspec
from packaging.version import InvalidVersion, Version

from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, Unavailable
from dxpy_async.core.requirement_values import RequirementRow, requirements_of
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_page import crc32

MAGIC = b"DXM\x01"
_HEADER = struct.Struct("<4sI")
_decode = msgspec.msgpack.Decoder(tuple[str, str, str, str, tuple[str, ...], tuple[RequirementRow, ...]]).decode
_encode = msgspec.msgpack.Encoder().encode


def encode_metadata(answer: CoreMetadata | Unavailable) -> bytes:
    """The compact form of core metadata, or of the reason why a distribution's metadata is not usable."""
    if isinstance(answer, Unavailable):
        content = _encode((answer.reason, "", "", "", (), ()))
    else:
        facts = (answer.name, str(answer.version), answer.requires_python, sorted(answer.extras), answer.requirements)
        content = _encode(("", *facts))
    return _HEADER.pack(MAGIC, crc32(content, 0)) + content


def decode_metadata(data: bytes | memoryview, *, origin: str) -> CoreMetadata | Unavailable:
    """What `encode_metadata` was given. Raises FormatError, naming `origin`, for bytes that are not whole."""
    view = memoryview(data)
    if len(view) < _HEADER.size or view[:4] != MAGIC:
        raise FormatError(origin, "is not compact core metadata", offset=0)
    if crc32(view[_HEADER.size :], 0) != _HEADER.unpack_from(view)[1]:
        raise FormatError(origin, "is damaged: its checksum does not match", offset=4)
    try:
        reason, name, version, requires_python, extras, rows = _decode(view[_HEADER.size :])
        if reason:
            return Unavailable(reason)
        return CoreMetadata(
            name=ProjectName(name),
            version=Version(version),
            requires_python=requires_python,
            requirements=requirements_of(rows),
            extras=frozenset(ExtraName(extra) for extra in extras),
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidVersion) as error:
        raise FormatError(origin, f"is damaged: {error}", offset=_HEADER.size) from error
