"""The bytes of a DPL lock: its header, its sections and their records. `docs/formats.md` describes them for everyone.

Everything is little-endian. A reference to a string is its number, a reference to a list is the number of its first
word; `NONE` stands for no reference.
"""

from __future__ import annotations

from struct import Struct

from dxpy_async.core.locks import SourceKind

MAGIC = b"DPL\x01"
VERSION = 2
TREE_VERSION = 3
"""The version of locks that have a release from a tree of files, which readers of version 2 know nothing of."""

NONE = 0xFFFF_FFFF
"""No reference; also an empty slot of the hash table."""
UNKNOWN_SIZE = 0xFFFF_FFFF_FFFF_FFFF
UNKNOWN_TIME = -(2**63)
NO_KEY = b"\xff" * 16
"""The packed version of an entry whose version does not fit."""

HEADER = Struct("<4sHHIIIIQ16s32s11I11I32s")
"""Magic, version, flags, total size, project, requires-python, reserved, resolved_at, python, platform, the counts of
the eleven sections, their offsets, BLAKE3 of all that and of the first section."""
DIGEST_OFFSET = HEADER.size - 32

BLOCK_BYTES = 8192
"""What comes after the block digests has one for every so many bytes, so that who reads little checks little. Blocks of
half the size would take nearly as long each."""

ENTRY = Struct("<QII16sBBHI32sIIIIIIII24x")
"""Name hash, name, version, packed version, source kind, hash algorithm, reserved, source url, source hash,
requires-python, extras, first requirement, requirements, first file, wheels, sdists, next entry of the name."""
FILE = Struct("<IIIIQqII32s")
"""File name head and tail, url, url digest, size, upload time, other hashes, flags, sha256."""
DIGEST = Struct("<32s")
REQUIREMENT = Struct("<IIIII")
"""Name, extras, specifier, url, marker."""
WORD = Struct("<I")
ROOT_SET = Struct("<IIII")
"""Kind, name, first requirement, requirements."""
PAIR = Struct("<III")
"""Table, key, value."""
STRING_SPAN = Struct("<II")
NAME_HASH = Struct("<QI")

SECTIONS: tuple[tuple[str, int], ...] = (
    ("block digests", DIGEST.size),
    ("entries", ENTRY.size),
    ("files", FILE.size),
    ("digests", DIGEST.size),
    ("requirements", REQUIREMENT.size),
    ("slots", WORD.size),
    ("words", WORD.size),
    ("root sets", ROOT_SET.size),
    ("pairs", PAIR.size),
    ("string offsets", WORD.size),
    ("strings", 1),
)
SECTION_SIZES = tuple(size for _, size in SECTIONS)
"""Name and record size of the sections in their order in the file; each begins where the one before it ends."""

BLOCKS, ENTRIES, FILES, DIGESTS, REQUIREMENTS, SLOTS, WORDS, ROOT_SETS, PAIRS, STRING_OFFSETS, STRINGS = range(11)

SOURCE_KINDS = {
    SourceKind.INDEX: 1,
    SourceKind.DIRECTORY: 2,
    SourceKind.DIRECT: 3,
    SourceKind.GIT: 4,
    SourceKind.TREE: 5,
}
NO_HASH, SHA256 = 0, 1

ROOT_REQUIREMENTS, ROOT_EXTRA, ROOT_GROUP = 0, 1, 2
ENVIRONMENT_TABLE, SETTINGS_TABLE = 0, 1

HAS_SHA256 = 1
URL_JOINED, URL_DIGEST, URL_WHOLE = 0, 1, 2
URL_KIND_SHIFT = 1

PART_BYTES = 255
"""The longest string that is ever put together with another, so that a small file cannot ask for much memory."""
HASHES_PER_FILE = 16

SMALLEST_TABLE = 2
"""The smallest hash table; a table has at least twice as many slots as there are names."""
