"""Whether an answer that is kept still holds, read off its first bytes alone (`http_cache` has the rest).

Looking at the hundreds of pages that one resolution rests on takes a few milliseconds this way, without decoding any.
"""

from __future__ import annotations

import os
import struct
from binascii import crc32
from typing import NamedTuple

from dxpy_async.formats.compact_page_layout import HEADER as PAGE_HEADER
from dxpy_async.formats.compact_page_layout import page_identity

MAGIC = b"DXH\x01"
HEADER = struct.Struct("<4sIddII")
UNCHECKED_BYTES = 16
"""Magic, checksum and moment of validation, which the checksum does not cover."""

_FIRST_BYTES = 1024
"""So much is read: the headers, and between them an ETag and a date."""


class KeptPage(NamedTuple):
    """A page in the cache. Seconds, moments since 1970."""

    identity: bytes
    validated_at: float
    lifetime: float


def is_fresh(validated_at: float, lifetime: float, now: float) -> bool:
    """Whether an answer may be used unasked. A validation in the future is none: some clock was wrong."""
    return validated_at <= now < validated_at + lifetime


def kept_page(path: str) -> KeptPage | None:
    """What is known of the page in the file `path`; None for a miss, and everything else that is not a page is one.

    Whether the page itself is whole is not looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            start, size = os.read(descriptor, _FIRST_BYTES), os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
    except OSError:
        return None
    if len(start) < HEADER.size:
        return None
    magic, checksum, validated_at, lifetime, head_size, body_size = HEADER.unpack_from(start)
    body = HEADER.size + head_size
    if magic != MAGIC or size != body + body_size or body + PAGE_HEADER.size > len(start):
        return None
    if crc32(start[UNCHECKED_BYTES:body]) != checksum:
        return None
    identity = page_identity(start[body:])
    return KeptPage(identity, validated_at, lifetime) if identity else None
