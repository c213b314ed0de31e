"""Writing ZIP archives whose bytes depend on the members alone: no clock, no system, no compressor.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import BinaryIO

from dxpy_async.formats.members import Member

_LOCAL = Struct("<4s5H3I2H")
_CENTRAL = Struct("<4s6H3I5H2I")
_END = Struct("<4s4H2IH")
_END64 = Struct("<4sQ2H2I4Q")
_END64_LOCATOR = Struct("<4sIQI")
_WIDE_LOCAL, _WIDE_CENTRAL = Struct("<2H2Q"), Struct("<2HQ")

_VERSION, _VERSION_64 = 20, 45
_UNIX = 3 << 8
_UTF8 = 0x0800
_MIDNIGHT, _FIRST_OF_1980 = 0, 0x21
_REGULAR, _EXECUTABLE = 0o100644, 0o100755
_IN_ZIP64, _MANY = 0xFFFF_FFFF, 0xFFFF


class ZipWriter:
    """An archive in the making, written to `out` from front to back. At most 4 GiB long."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._directory: list[bytes] = []

    def add(self, member: Member, stored: Iterable[bytes]) -> None:
        """Write one member, whose data are `stored` as its method says; `start` and `end` give only their length."""
        name, offset, compressed = member.name.encode(), self._out.tell(), member.end - member.start
        wide = member.size >= _IN_ZIP64
        flags = 0 if member.name.isascii() else _UTF8
        fixed = (flags, member.method, _MIDNIGHT, _FIRST_OF_1980, member.crc)
        version = _VERSION_64 if wide else _VERSION
        sizes = (_IN_ZIP64, _IN_ZIP64) if wide else (compressed, member.size)
        extra = _WIDE_LOCAL.pack(1, 16, member.size, compressed) if wide else b""
        self._out.write(_LOCAL.pack(b"PK\x03\x04", version, *fixed, *sizes, len(name), len(extra)) + name + extra)
        for chunk in stored:
            self._out.write(chunk)
        extra = _WIDE_CENTRAL.pack(1, 8, member.size) if wide else b""
        mode = _EXECUTABLE if member.executable else _REGULAR
        self._directory.append(
            _CENTRAL.pack(
                b"PK\x01\x02", _UNIX | _VERSION, version, *fixed, compressed, sizes[1],
                len(name), len(extra), 0, 0, 0, mode << 16, offset,
            )
            + name
            + extra
        )  # fmt: skip

    def finish(self) -> None:
        """Write the directory of all members."""
        offset, count = self._out.tell(), len(self._directory)
        for entry in self._directory:
            self._out.write(entry)
        size, place = self._out.tell() - offset, self._out.tell()
        if count >= _MANY:
            self._out.write(
                _END64.pack(b"PK\x06\x06", 44, _VERSION_64, _VERSION_64, 0, 0, count, count, size, offset)
                + _END64_LOCATOR.pack(b"PK\x06\x07", 0, place, 1)
            )
        few = min(count, _MANY)
        self._out.write(_END.pack(b"PK\x05\x06", 0, 0, few, few, size, offset, 0))
