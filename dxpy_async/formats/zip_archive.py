"""ZIP archives, read so that they have one meaning or none.

A ZIP file says everything twice: in a local header before each member's data and in the central directory at its end.
Readers that trust one or the other, or that look for either in different ways, can be shown different contents. This
reader takes an archive only when nothing in it can be read in two ways: the members' headers and data fill it from the
first byte to the central directory, in the directory's order, without gap or overlap; both headers of a member agree;
the end record is the last thing in the file, and nothing in it contradicts what was found.

What is refused although some tool can read it: encryption, methods other than stored and deflate, several disks, links
and devices, names that leave the root or that two systems spell differently, and sizes over `core.limits`. What is
taken because real wheels have it: directory entries, ZIP64, data descriptors that agree, any permission bits (only
"executable" is kept), unknown extra fields.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import mmap
import re
import zlib
from os import PathLike
from struct import Struct
from typing import NamedTuple, Self

from dxpy_async.core.limits import (
    ARCHIVE_BYTES,
    ARCHIVE_MEMBERS,
    UNPACKED_BYTES,
)
from dxpy_async.errors import InvalidWheel
from dxpy_async.formats.members import (
    DEFLATED,
    STORED,
    Member,
    MemberReader,
    name_problem,
    ratio_problem,
    shown,
    twin_problem,
)

_END = Struct("<4s4H2IH")
_END64_LOCATOR = Struct("<4sIQI")
_END64 = Struct("<4sQ2H2I4Q")
_CENTRAL = Struct("<4s6H3I5H2I")
_LOCAL = Struct("<4s5H3I2H")
_EXTRA = Struct("<2H")
_DESCRIPTORS = {12: Struct("<3I"), 16: Struct("<4x3I"), 20: Struct("<I2Q"), 24: Struct("<4xI2Q")}

_END_SIGNATURE, _CENTRAL_SIGNATURE, _LOCAL_SIGNATURE = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_END64_SIGNATURE, _LOCATOR_SIGNATURE, _DESCRIPTOR_SIGNATURE = b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"
_ANY_SIGNATURE = re.compile(rb"PK[\x01-\x08]")

_LONGEST_COMMENT = 0xFFFF
_IN_ZIP64 = 0xFFFF_FFFF
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075

_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x0001, 0x0008, 0x0800
_NEWEST_VERSION = 63  # in tenths; what it brought is refused by its method or flags
_KNOWN_FLAGS = 0x0006 | _DESCRIPTOR | _UTF8  # 0x0006: how hard deflate tried

_TYPE_BITS, _REGULAR_TYPE, _DIRECTORY_TYPE, _EXECUTE_BITS = 0o170000, 0o100000, 0o040000, 0o111
_TYPES = {0o120000: "a symbolic link", 0o010000: "a FIFO", 0o140000: "a socket", _DIRECTORY_TYPE: "a directory"}


class _Entry(NamedTuple):
    """One header of the central directory. `fixed` are the bytes that the local header repeats."""

    name: str
    raw_name: bytes
    fixed: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    executable: bool
    offset: int
    position: int
    """Where in the file the header itself is, for messages."""
    has_extra: bool


class _End(NamedTuple):
    """What the end record, or its ZIP64 form, says of the central directory."""

    members: int
    size: int
    offset: int
    position: int


class ZipArchive(MemberReader):
    """An open archive whose structure has been checked; the members' data are checked as they are read."""

    def __init__(self, data: bytes | mmap.mmap, filename: str) -> None:
        """Check the archive in `data`, which errors call `filename`. Raises InvalidWheel."""
        super().__init__(data, filename)
        end = self._find_end()
        self.members = self._match_locals(self._read_directory(end), end.offset)
        if (problem := twin_problem(member.name for member in self.members)) is not None:
            raise self._refused(problem)

    @classmethod
    def open(cls, path: str | PathLike[str], filename: str) -> Self:
        """Map the file at `path` into memory and check it. Raises InvalidWheel, and OSError if it cannot be read."""
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            if size < _END.size:
                raise InvalidWheel(filename, f"is not a ZIP archive: it has only {size} bytes")
            if size > ARCHIVE_BYTES:
                raise InvalidWheel(filename, f"has {size} bytes, an archive may have {ARCHIVE_BYTES}")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls._of(data, filename)

    def _find_end(self) -> _End:
        data, length = self._data, len(self._data)
        position = data.rfind(_END_SIGNATURE, max(0, length - _END.size - _LONGEST_COMMENT))
        if position < 0 or position + _END.size > length:
            raise self._refused("is not a ZIP archive: it has no end record")
        _, disk, start_disk, disk_count, count, size, offset, comment = _END.unpack_from(data, position)
        if position + _END.size + comment != length:
            raise self._refused("does not end where its end record says", position)
        if _ANY_SIGNATURE.search(data[position + _END.size : length]):
            raise self._refused("has a comment that holds another ZIP record", position)
        if disk or start_disk or disk_count != count:
            raise self._refused("is one part of several, or its end record contradicts itself", position)
        end = self._find_end64(_End(count, size, offset, position))
        if end.offset + end.size != end.position:
            raise self._refused("has a central directory that does not end at the end record", position)
        if end.members > ARCHIVE_MEMBERS:
            raise self._refused(f"has {end.members} members, an archive may have {ARCHIVE_MEMBERS}", position)
        return end

    def _find_end64(self, plain: _End) -> _End:
        data, locator = self._data, plain.position - _END64_LOCATOR.size
        if locator < 0 or data[locator : locator + 4] != _LOCATOR_SIGNATURE:
            if _IN_ZIP64 in (plain.size, plain.offset):
                raise self._refused("lacks the ZIP64 end record that its end record points to", plain.position)
            return plain
        _, disk, position, disks = _END64_LOCATOR.unpack_from(data, locator)
        if disk or disks != 1 or position + _END64.size != locator or data[position : position + 4] != _END64_SIGNATURE:
            raise self._refused("has a ZIP64 locator that does not point to a ZIP64 end record", locator)
        _, length, _, _, disk, start_disk, disk_count, count, size, offset = _END64.unpack_from(data, position)
        if length != _END64.size - 12 or disk or start_disk or disk_count != count:
            raise self._refused("has a ZIP64 end record that contradicts itself", position)
        if plain.members not in (0xFFFF, count) or plain.size not in (_IN_ZIP64, size):
            raise self._refused("has two end records that contradict each other", position)
        if plain.offset not in (_IN_ZIP64, offset):
            raise self._refused("has two end records that contradict each other", position)
        return _End(count, size, offset, position)

    def _read_directory(self, end: _End) -> list[_Entry]:
        directory = self._data[end.offset : end.position]
        entries: list[_Entry] = []
        position = total = 0
        for _ in range(end.members):
            if position + _CENTRAL.size > len(directory):
                raise self._refused("has fewer members than its end record says", end.offset + position)
            entry, position = self._read_entry(directory, position, end.offset)
            total += entry.size
            entries.append(entry)
        if position != len(directory):
            raise self._refused("has more in its central directory than its end record says", end.offset + position)
        if total > UNPACKED_BYTES:
            raise self._refused(f"unpacks to {total} bytes, an archive may unpack to {UNPACKED_BYTES}")
        return entries

    def _read_entry(self, directory: bytes, position: int, origin: int) -> tuple[_Entry, int]:
        """The header at `position` of the central directory, which begins at `origin`, and where the next one is."""
        (
            signature, _, needed, flags, method, _, _, crc, compressed, size,
            name_length, extra_length, comment_length, disk, _, external, offset,
        ) = _CENTRAL.unpack_from(directory, position)  # fmt: skip
        at, name_start = origin + position, position + _CENTRAL.size
        extra_start = name_start + name_length
        following = extra_start + extra_length + comment_length
        if signature != _CENTRAL_SIGNATURE or following > len(directory):
            raise self._refused("has a damaged central directory", at)
        if needed & 0xFF > _NEWEST_VERSION:
            raise self._refused(f"needs version {(needed & 0xFF) / 10} of ZIP, 6.3 is known", at)
        raw_name = directory[name_start:extra_start]
        name = self._decoded_name(raw_name, flags, at)
        if extra_length:
            extra = directory[extra_start : extra_start + extra_length]
            size, compressed, offset = self._extended(name, raw_name, extra, (size, compressed, offset), at)
        if disk or flags & ~_KNOWN_FLAGS or method not in (STORED, DEFLATED):
            raise self._unsupported(name, flags, method, disk, at)
        self._check_sizes(name, method, compressed, size, at)
        executable = self._is_executable(name, external >> 16, at)
        fixed = directory[position + 8 : position + 30]
        return (
            _Entry(
                name, raw_name, fixed, flags, method, crc, compressed, size, executable, offset, at, extra_length > 0
            ),
            following,
        )

    def _decoded_name(self, raw_name: bytes, flags: int, at: int) -> str:
        try:
            name = raw_name.decode() if flags & _UTF8 else raw_name.decode("ascii")
        except UnicodeDecodeError as error:
            raise self._refused(f"has a member whose name is not UTF-8: {shown(raw_name)}", at) from error
        if (problem := name_problem(name)) is not None:
            raise self._refused(f"has a member {shown(name)} whose name {problem}", at)
        return name

    def _extended(
        self, name: str, raw_name: bytes, extra: bytes, values: tuple[int, int, int], at: int
    ) -> tuple[int, int, int]:
        """Size, compressed size and offset with those that ZIP64 moved into the extra field put in their place."""
        fields = self._extra_fields(name, extra, at)
        self._check_unicode_path(name, raw_name, fields, at)
        moved = [index for index, value in enumerate(values) if value == _IN_ZIP64]
        wide = fields.get(_ZIP64_EXTRA)
        if wide is None and not moved:
            return values
        if wide is None or len(wide) != 8 * len(moved) or not moved:
            raise self._refused(f"has a member {shown(name)} whose ZIP64 sizes contradict its header", at)
        actual = list(values)
        for index, start in zip(moved, range(0, len(wide), 8), strict=True):
            actual[index] = int.from_bytes(wide[start : start + 8], "little")
        return actual[0], actual[1], actual[2]

    def _extra_fields(self, name: str, extra: bytes, at: int) -> dict[int, bytes]:
        fields: dict[int, bytes] = {}
        position = 0
        while position < len(extra):
            if position + _EXTRA.size > len(extra):
                if any(extra[position:]):
                    raise self._refused(f"has a member {shown(name)} with a damaged extra field", at)
                break  # some writers pad with zeros to align what follows
            kind, length = _EXTRA.unpack_from(extra, position)
            position += _EXTRA.size
            if position + length > len(extra) or (kind in fields and kind in (_ZIP64_EXTRA, _UNICODE_PATH_EXTRA)):
                raise self._refused(f"has a member {shown(name)} with a damaged extra field", at)
            fields[kind] = extra[position : position + length]
            position += length
        return fields

    def _check_unicode_path(self, name: str, raw_name: bytes, fields: dict[int, bytes], at: int) -> None:
        # Newer versions of Python's zipfile obey this field, older ones and other tools do not.
        unicode_path = fields.get(_UNICODE_PATH_EXTRA)
        if unicode_path is None:
            return
        expected = b"\x01" + zlib.crc32(raw_name).to_bytes(4, "little") + raw_name
        if unicode_path != expected:
            raise self._refused(f"has a member {shown(name)} with a second, different name", at)

    def _check_sizes(self, name: str, method: int, compressed: int, size: int, at: int) -> None:
        if method == STORED and size != compressed:
            raise self._refused(f"has a stored member {shown(name)} of two sizes: {compressed} and {size} bytes", at)
        if (problem := ratio_problem(compressed, size)) is not None:
            raise self._refused(f"has a member {shown(name)} that {problem}", at)
        if size and name.endswith("/"):
            raise self._refused(f"has a directory {shown(name)} with contents", at)

    def _is_executable(self, name: str, mode: int, at: int) -> bool:
        kind = mode & _TYPE_BITS
        if kind not in (0, _REGULAR_TYPE) and not (kind == _DIRECTORY_TYPE and name.endswith("/")):
            raise self._refused(f"has a member {shown(name)} that is {_TYPES.get(kind, 'a device')}", at)
        return bool(mode & _EXECUTE_BITS) and not name.endswith("/")

    def _match_locals(self, entries: list[_Entry], directory_offset: int) -> tuple[Member, ...]:
        """The members, each local header compared with the central one; together they fill the archive."""
        members: list[Member] = []
        data, position = self._data, 0
        for index, entry in enumerate(entries):
            following = entries[index + 1].offset if index + 1 < len(entries) else directory_offset
            if entry.offset != position:
                raise self._refused(
                    f"has a gap, an overlap or a hidden member before {shown(entry.name)}", min(position, entry.offset)
                )
            name_start = position + _LOCAL.size
            start = name_start + len(entry.raw_name)
            if (
                data[position : position + 4] == _LOCAL_SIGNATURE
                and data[position + 6 : position + 28] == entry.fixed
                and data[position + 28 : name_start] == b"\0\0"
                and not entry.has_extra
                and not entry.flags & _DESCRIPTOR
                and data[name_start:start] == entry.raw_name
            ):  # nearly every member of nearly every wheel
                end = following_header = start + entry.compressed
            else:
                start, end, following_header = self._match_local(entry, position, following)
            if following_header != following or end > directory_offset:
                raise self._refused(f"has a gap, an overlap or a hidden member after {shown(entry.name)}", position)
            members.append(Member(entry.name, entry.method, entry.size, entry.crc, entry.executable, start, end))
            position = following
        if position != directory_offset:
            raise self._refused("has something before its central directory that it does not list", position)
        return tuple(members)

    def _match_local(self, entry: _Entry, position: int, following: int) -> tuple[int, int, int]:
        """Where the data begin and end and where the next header must be, for a member with anything unusual."""
        if position + _LOCAL.size > len(self._data):
            raise self._refused(f"has no header for {shown(entry.name)}", position)
        signature, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = _LOCAL.unpack_from(
            self._data, position
        )
        name_start = position + _LOCAL.size
        start = name_start + name_length + extra_length
        end = start + entry.compressed
        raw_name = self._data[name_start : name_start + name_length]
        if signature != _LOCAL_SIGNATURE or start > len(self._data):
            raise self._refused(f"has no header for {shown(entry.name)}", position)
        if (raw_name, flags, method) != (entry.raw_name, entry.flags, entry.method):
            raise self._refused(f"has two headers for {shown(entry.name)} that contradict each other", position)
        extra = self._data[start - extra_length : start]
        size, compressed = self._local_sizes(entry, extra, size, compressed, position)
        told = (crc, compressed, size)
        if told != (entry.crc, entry.compressed, entry.size):
            later = bool(flags & _DESCRIPTOR) and told == (0, 0, 0)
            if not later or (method == STORED and entry.size):
                # A stored member of unknown size ends wherever a reader thinks it does.
                raise self._refused(f"has two headers for {shown(entry.name)} that contradict each other", position)
        if flags & _DESCRIPTOR:
            self._check_descriptor(entry, end, following)
            return start, end, following
        return start, end, end

    def _local_sizes(self, entry: _Entry, extra: bytes, size: int, compressed: int, at: int) -> tuple[int, int]:
        fields = self._extra_fields(entry.name, extra, at)
        self._check_unicode_path(entry.name, entry.raw_name, fields, at)
        wide = fields.get(_ZIP64_EXTRA)
        if wide is None:
            return size, compressed
        if len(wide) != 16:
            raise self._refused(f"has a member {shown(entry.name)} whose ZIP64 sizes contradict its header", at)
        wide_size, wide_compressed = int.from_bytes(wide[:8], "little"), int.from_bytes(wide[8:], "little")
        if size not in (_IN_ZIP64, wide_size) or compressed not in (_IN_ZIP64, wide_compressed):
            raise self._refused(f"has a member {shown(entry.name)} whose ZIP64 sizes contradict its header", at)
        return wide_size, wide_compressed

    def _check_descriptor(self, entry: _Entry, end: int, following: int) -> None:
        layout = _DESCRIPTORS.get(following - end)
        signed = layout is not None and following - end in (16, 24)
        if (
            layout is None
            or following > len(self._data)
            or (signed and self._data[end : end + 4] != _DESCRIPTOR_SIGNATURE)
            or layout.unpack_from(self._data, end) != (entry.crc, entry.compressed, entry.size)
        ):
            raise self._refused(f"has a member {shown(entry.name)} whose data descriptor contradicts its header", end)

    def _unsupported(self, name: str, flags: int, method: int, disk: int, at: int) -> InvalidWheel:
        if flags & _ENCRYPTED:
            reason = "is encrypted"
        elif method not in (STORED, DEFLATED):
            reason = f"is compressed by method {method}; only stored and deflate are known"
        elif disk:
            reason = "is on another disk"
        else:
            reason = f"has flags that are not known ({flags:#06x})"
        return self._refused(f"has a member {shown(name)} that {reason}", at)

    def _refused(self, reason: str, offset: int | None = None) -> InvalidWheel:
        return InvalidWheel(self.filename, reason, offset=offset)
