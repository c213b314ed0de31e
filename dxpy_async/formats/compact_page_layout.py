"""The first bytes of a project page in its compact form, for those who need not open it (see `compact_page`)."""

from __future__ import annotations

import struct

MAGIC = b"DXS\x04"
HEADER = struct.Struct("<4s4I")
PAGE_IDENTITY_BYTES = 8


def page_identity(start: bytes | memoryview) -> bytes:
    """The identity of a page, its checksum and size, by the first bytes of its compact form; empty for other bytes."""
    if len(start) < HEADER.size or start[:4] != MAGIC:
        return b""
    return bytes(start[4 : 4 + PAGE_IDENTITY_BYTES])
