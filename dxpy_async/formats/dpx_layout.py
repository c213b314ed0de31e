"""The bytes of a pyproject.dx: its header, its nodes and their values. `docs/formats.md` describes them for everyone.

A document is a tree of nodes. The children of each table or array stand together, level by level, so that a whole
document is read in one sweep, and one value without the others. Strings are sorted and each is kept once; a string is
referred to by its number, and keys compare as their numbers do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from struct import Struct

MAGIC = b"DPX\x01"
VERSION = 1

NONE = 0xFFFF_FFFF
"""The key of a node that has none: of the document itself, and of the elements of arrays."""

HEADER = Struct("<4sHHI3I3I32s32s")
"""Magic, version, flags, total size, the counts of the three sections, their offsets, BLAKE3 of the source, BLAKE3."""
DIGEST_OFFSET = HEADER.size - 32

NODE = Struct("<IIBBhq")
"""Key, order, kind, reserved, minutes from UTC, payload."""
WORD = Struct("<I")
BITS = Struct("<q")
FLOAT = Struct("<d")

SECTIONS: tuple[tuple[str, int], ...] = (("nodes", NODE.size), ("string offsets", WORD.size), ("strings", 1))
"""Name and record size of the sections in their order in the file; each begins where the one before it ends."""

NODES, STRING_OFFSETS, STRINGS = range(3)

TABLE, ARRAY, STRING, INTEGER, BIG_INTEGER, FLOATING, BOOLEAN = range(1, 8)
OFFSET_DATE_TIME, LOCAL_DATE_TIME, LOCAL_DATE, LOCAL_TIME = range(8, 12)

COUNT_SHIFT = 32
"""The payload of a table or an array: the number of its first child, and above that how many there are."""

LEAST_INTEGER, MOST_INTEGER = -(2**63), 2**63 - 1
NEGATIVE_BITS = 14_000
"""The longest negative integer; TOML writes these in decimal, of which Python reads no more than 4 300 digits."""

MICROSECOND = timedelta(microseconds=1)
DAY_MICROSECONDS = 24 * 60 * 60 * 1_000_000
YEAR_ONE = datetime(1, 1, 1)
MOST_MINUTES = 24 * 60 - 1
"""The farthest from UTC, in either direction."""
