"""The bytes of a DPP package: header, sections and their records. `docs/formats.md` describes them for everyone.

Everything is little-endian. Offsets count from the start of the file.
"""

from __future__ import annotations

from struct import Struct

MAGIC = b"DPP\x01"
VERSION = 1

FAT = 1
"""Flag: the files' contents are in the package."""
DESCRIBED = 2
"""Flag: the text of METADATA and the dependencies are in the package. The store's own leave them out: the text lies
unpacked beside them."""
KNOWN_FLAGS = FAT | DESCRIBED

HEADER = Struct("<4sHH5II32s")
"""Magic, version, flags, the offsets of the five sections, total size, BLAKE3 of all other bytes."""
DIGEST_OFFSET = HEADER.size - 32

METADATA, FILES, BYTECODE, NATIVE, DEPENDENCIES = range(5)
SECTIONS = ("metadata", "files", "bytecode", "native", "dependencies")
"""The sections in their order in the file; each begins where the one before it ends, the first after the header."""

METADATA_HEAD = Struct("<4H5IQ32s32s")
"""Lengths of name, version and requires-python, flags; size of the METADATA text; numbers of tags, top-level names and
entry points; size of the texts; size, SHA-256 and BLAKE3 of the archive."""
METADATA_SIZES = Struct("<3H2xI12xI72x")
"""The sizes in that head alone: of name, version, requires-python, METADATA and the texts."""
PURELIB = 1
"""Flag of the metadata: files outside `.data` go where pure Python code goes."""
IDENTITY_TEXTS = 3
"""File name, dist-info, data: the first texts of the metadata."""

FILES_HEAD = Struct("<2IQ32s")
"""Number of files, size of their paths, size of their contents, BLAKE3 of the manifest."""
FILES_DIGEST_OFFSET = FILES_HEAD.size - 32
FILE = Struct("<QBBHII32s32s8s")
"""Size, mode, method, size and place of the path, CRC-32, SHA-256, BLAKE3, place."""
PATH = Struct("<10xHI76x")
"""A file's path alone: size, and offset from the beginning of all paths."""
CONTENT = Struct("<II")
"""The place of a file in a fat package: offset and size of its stored contents."""
TIME = Struct("<q")
"""The place of a file in a thin package: when the unpacked file beside it was modified, in nanoseconds since 1970."""
EXECUTABLE = 1

BYTECODE_HEAD = Struct("<3I")
"""Number of interpreter tags, number of compiled files, size of the tags."""
CODE = Struct("<IHHIIII32s")
"""File, tag, method, size, CRC-32, offset and stored size, BLAKE3."""

NATIVE_HEAD = Struct("<I")
NATIVE_FILE = Struct("<II")
"""File, kind."""
EXTENSION_MODULE, SHARED_LIBRARY = NATIVE_KINDS = (1, 2)

DEPENDENCIES_HEAD = Struct("<3I")
"""Number of requirements, number of extras, size of the texts."""
REQUIREMENT_TEXTS = 5
"""Name, extras, specifier, URL, marker."""
