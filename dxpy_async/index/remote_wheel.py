"""Finding METADATA in a wheel of which only some bytes are at hand: what to read next, never how it is read.

`read_metadata` is a generator: it yields the span of bytes that it needs, is sent them, and returns METADATA. A wheel's
tail holds its end record, the central directory and, in nearly all wheels, METADATA too, so the tail is enough most of
the time. What is checked here keeps a lying server from being believed in silence; the whole wheel, when it is fetched,
is held against much stricter rules (`formats.zip_archive`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator
from struct import Struct
from struct import error as StructError  # noqa: N812
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

from dxpy_async.core.limits import ARCHIVE_MEMBERS, METADATA_BYTES
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.errors import InvalidWheel
from dxpy_async.index.byte_ranges import Span

TAIL_BYTES = 64 * 1024
"""How much of a wheel's end is asked for first."""

_DIRECTORY_BYTES = 64 * 1024**2
_SPARE = 1024  # a local header's extra fields may be longer than those of the directory
_END = Struct("<4s4H2IH")
_END64 = Struct("<4sQ2H2I4Q")
_LOCATOR = Struct("<4sIQI")
_CENTRAL = Struct("<4s6H3I5H2I")
_LOCAL = Struct("<4s5H3I2H")
_EXTRA = Struct("<2H")
_NUMBER = Struct("<Q")
_SENTINEL_16, _SENTINEL_32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED = 0x0041
_STORED, _DEFLATED = 0, 8
_METADATA = re.compile(rb"([^/]+)\.dist-info/METADATA")


class _Directory(NamedTuple):
    members: int
    size: int
    offset: int


class _Member(NamedTuple):
    name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int


def read_metadata(
    tail: bytes, size: int, *, filename: str, project: ProjectName, version: Version
) -> Generator[Span, bytes, bytes]:
    """METADATA of the wheel of `size` bytes that ends in `tail`. Raises InvalidWheel, also when parts contradict."""
    wheel = _PartialWheel(tail, size, filename)
    try:
        place = yield from wheel.directory()
        listing = yield from wheel.read(place.offset, place.size)
        members = [each for each in _members(listing, place.members) if is_metadata_of(each.name, project, version)]
        if len(members) != 1:
            raise InvalidWheel(filename, f"has {len(members)} METADATA files of `{project}` {version}, not one")
        data = yield from wheel.data_of(members[0], place.offset)
    except StructError as error:
        raise InvalidWheel(filename, f"has a damaged directory: {error}") from error
    return _contents(members[0], data, filename)


class _PartialWheel:
    """The parts of a wheel that were read so far."""

    def __init__(self, tail: bytes, size: int, filename: str) -> None:
        self._size, self._filename = size, filename
        self._parts = [(size - len(tail), tail)]

    def read(self, start: int, length: int) -> Generator[Span, bytes, bytes]:
        stop = start + length
        if stop > self._size:
            raise InvalidWheel(self._filename, f"has {self._size} bytes, and a part of it would end at byte {stop}")
        for begin, data in self._parts:
            if begin <= start and stop <= begin + len(data):
                return data[start - begin : stop - begin]
        data = yield Span(start, stop)
        if len(data) != length:
            raise InvalidWheel(self._filename, f"is cut short: {len(data)} bytes instead of {length}", offset=start)
        self._parts.append((start, data))
        return data

    def directory(self) -> Generator[Span, bytes, _Directory]:
        """Where the central directory is. The end record must be the last thing in the file."""
        begin, tail = self._parts[0]
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise InvalidWheel(self._filename, "is not a ZIP archive: it has no end record")
        _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(tail, at)
        if at + _END.size + comment != len(tail):
            raise InvalidWheel(self._filename, "has something after its end record", offset=begin + at)
        end = begin + at
        if count == _SENTINEL_16 or _SENTINEL_32 in (size, offset):
            end, here, count, size, offset = yield from self._zip64(end)
        if disk or first_disk or here != count or offset + size != end:
            raise InvalidWheel(self._filename, "has a gap before its end record, or several disks", offset=begin + at)
        if count > ARCHIVE_MEMBERS or size > _DIRECTORY_BYTES:
            raise InvalidWheel(
                self._filename,
                f"lists {count} files in {size} bytes, over the limit of {ARCHIVE_MEMBERS} in {_DIRECTORY_BYTES}",
            )
        return _Directory(count, size, offset)

    def _zip64(self, end: int) -> Generator[Span, bytes, tuple[int, int, int, int, int]]:
        locator = _LOCATOR.unpack((yield from self.read(max(0, end - _LOCATOR.size), _LOCATOR.size)))
        record = _END64.unpack((yield from self.read(locator[2], _END64.size)))
        if locator[0] != b"PK\x06\x07" or record[0] != b"PK\x06\x06" or locator[2] + _END64.size != end - _LOCATOR.size:
            raise InvalidWheel(self._filename, "has a ZIP64 end record that is not where it should be", offset=end)
        return locator[2], record[6], record[7], record[8], record[9]

    def data_of(self, member: _Member, directory_at: int) -> Generator[Span, bytes, bytes]:
        """The member's data as it is stored."""
        least = _LOCAL.size + len(member.name)
        room = directory_at - member.offset
        if member.compressed > METADATA_BYTES or room < least + member.compressed:
            raise InvalidWheel(self._filename, "has METADATA that is too large, or reaches into the directory")
        head = yield from self.read(member.offset, min(room, least + member.compressed + _SPARE))
        fields = _LOCAL.unpack_from(head)
        if fields[0] != b"PK\x03\x04" or head[_LOCAL.size : _LOCAL.size + fields[9]] != member.name:
            raise InvalidWheel(self._filename, "has two headers of METADATA that disagree", offset=member.offset)
        start = _LOCAL.size + fields[9] + fields[10]
        if start + member.compressed <= len(head):
            return head[start : start + member.compressed]
        return (yield from self.read(member.offset + start, member.compressed))


def _members(listing: bytes, count: int) -> list[_Member]:
    """What the directory lists. Raises StructError when it ends too early, or goes on."""
    members, at = [], 0
    for _ in range(count):
        fields = _CENTRAL.unpack_from(listing, at)
        if fields[0] != b"PK\x01\x02":
            raise StructError("a header without its signature")
        flags, method = fields[3:5]
        crc, compressed, size, name_size, extra_size, comment_size = fields[7:13]
        start = at + _CENTRAL.size
        name = listing[start : start + name_size]
        extra = listing[start + name_size : start + name_size + extra_size]
        size, compressed, offset = _widened(extra, size, compressed, fields[16])
        members.append(_Member(name, flags, method, crc, compressed, size, offset))
        at = start + name_size + extra_size + comment_size
    if at != len(listing):
        raise StructError("a directory of another length than its headers")
    return members


def _widened(extra: bytes, *values: int) -> list[int]:
    """Size, compressed size and offset, with those that do not fit 32 bits taken from the ZIP64 extra field."""
    numbers = list(values)
    if _SENTINEL_32 not in numbers:
        return numbers
    at = 0
    while at < len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == 1:
            for index, value in enumerate(numbers):
                if value == _SENTINEL_32:
                    numbers[index] = _NUMBER.unpack_from(extra, at)[0]
                    at += _NUMBER.size
            break
        at += length
    return numbers


def is_metadata_of(name: bytes, project: ProjectName, version: Version) -> bool:
    """Whether a member of that name is the METADATA of this release."""
    match = _METADATA.fullmatch(name)
    if match is None:
        return False
    own_name, dash, own_version = match[1].decode("utf-8", errors="replace").partition("-")
    try:
        return bool(dash) and normalize(own_name) == project and Version(own_version.replace("_", "-")) == version
    except InvalidVersion:
        return False


def _contents(member: _Member, data: bytes, filename: str) -> bytes:
    if member.flags & _ENCRYPTED or member.method not in (_STORED, _DEFLATED):
        raise InvalidWheel(filename, f"has METADATA that is encrypted or packed by method {member.method}")
    if member.size > METADATA_BYTES:
        raise InvalidWheel(filename, f"has METADATA of {member.size} bytes, over the limit of {METADATA_BYTES}")
    if member.method == _DEFLATED:
        inflater = zlib.decompressobj(-15)
        try:
            data = inflater.decompress(data, member.size + 1)
        except zlib.error as error:
            raise InvalidWheel(filename, f"has METADATA that does not inflate: {error}") from error
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise InvalidWheel(filename, "has METADATA that is damaged")
    return data
