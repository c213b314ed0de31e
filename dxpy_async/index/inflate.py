"""Undoing gzip with a limit on what comes out."""

from __future__ import annotations

import zlib

try:
    from isal import isal_zlib as inflating  # nearly twice as fast as zlib
except ImportError:  # no build of isal for this platform
    import zlib as inflating  # type: ignore[no-redef]

_GZIP = 31
_ERRORS: tuple[type[Exception], ...] = (inflating.error, zlib.error)  # type: ignore[assignment]


class DamagedGzip(Exception):
    """Bytes that are not gzip, or end before it does."""


class TooLong(Exception):
    """More comes out than is allowed."""


def gunzip(data: bytes, limit: int) -> bytes:
    """The contents of a gzip stream of one or more members. Raises DamagedGzip, or TooLong past `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    while data:
        stream = inflating.decompressobj(wbits=_GZIP)
        try:
            part = stream.decompress(data, limit - size + 1)
        except _ERRORS as error:
            raise DamagedGzip(str(error)) from error
        size += len(part)
        if size > limit:
            raise TooLong
        if not stream.eof:
            raise DamagedGzip("it ends too early")
        parts.append(part)
        data = stream.unused_data
    return parts[0] if len(parts) == 1 else b"".join(parts)
