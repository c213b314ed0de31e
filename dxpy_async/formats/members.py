"""The files inside an archive, whatever kind of archive it is: their names checked, their data read with all checks.

ZIP archives and DPP packages keep their files alike: whole, each as a run of bytes that is stored or deflated.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from dxpy_async.core.limits import INFLATE_RATIO, MEMBER_DEPTH, MEMBER_NAME_BYTES
from dxpy_async.errors import FormatError, InvalidWheel
from dxpy_async.formats.mapped_files import Mapped

try:  # up to three times as fast as zlib, and not there for every platform
    from isal import isal_zlib as inflating
except ImportError:
    import zlib as inflating  # type: ignore[no-redef]

CHUNK_BYTES = 1024**2
"""The most that is inflated at once; a member that is not larger may be read whole."""

STORED, DEFLATED = 0, 8
"""The methods by which data may be kept, in ZIP's numbers."""

_INFLATE_ERRORS: tuple[type[Exception], ...] = (inflating.error, zlib.error)  # type: ignore[assignment]
_INPUT_BYTES = 256 * 1024
_RATIO_FLOOR = 16 * 1024**2
"""Below this size a member of mere zeros, which deflate shrinks a thousandfold, does no harm."""

_PLAIN_NAME = re.compile(r"(?:[A-Za-z0-9_+@-][A-Za-z0-9_.+@-]{0,199}/)*(?:[A-Za-z0-9_+@-][A-Za-z0-9_.+@-]{0,199})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_COMPONENT_BYTES = 255
_SHOWN_CHARACTERS = 200


class Member(NamedTuple):
    """One member: its name (a directory's ends in `/`), what it inflates to, and where its data are in the archive."""

    name: str
    method: int
    size: int
    crc: int
    executable: bool
    start: int
    end: int

    @property
    def is_directory(self) -> bool:
        return self.name.endswith("/")


class MemberReader(Mapped):
    """An open archive that has been understood: `members` say where their data are, which are checked as they are read.

    `length` is the archive's own, in bytes.
    """

    members: tuple[Member, ...]

    def __init__(self, data: bytes | mmap.mmap, filename: str) -> None:
        self._data, self.filename = data, filename
        self.length = len(data)

    def read(self, member: Member) -> bytes:
        """The whole contents of a member, size and CRC checked. Raises InvalidWheel."""
        contents = self._data[member.start : member.end]
        if member.method == DEFLATED:
            inflater = inflating.decompressobj(-15)
            try:
                inflated: bytes = inflater.decompress(contents, member.size + 1)
            except _INFLATE_ERRORS as error:
                raise self._damaged(member, str(error)) from error
            if not inflater.eof or inflater.unused_data:
                raise self._damaged(member, _stream_fault(len(inflated), member.size, ended=inflater.eof))
            contents = inflated
        if len(contents) != member.size:
            raise self._damaged(member, f"it has {len(contents)} bytes, its header says {member.size}")
        if inflating.crc32(contents) != member.crc:
            raise self._damaged(member, "its CRC is wrong")
        return contents

    def chunks(self, member: Member) -> Iterator[bytes]:
        """The contents of a member piece by piece, at most CHUNK_BYTES each.

        Never gives more than the member's size. Raises InvalidWheel at the end when size or CRC are wrong: what was
        given until then must not be kept.
        """
        crc = size = 0
        for chunk in self._inflated(member) if member.method == DEFLATED else self._slices(member, CHUNK_BYTES):
            size += len(chunk)
            if size > member.size:
                raise self._damaged(member, f"it inflates to more than the {member.size} bytes its header says")
            crc = inflating.crc32(chunk, crc)
            yield chunk
        if size != member.size:
            raise self._damaged(member, f"it has {size} bytes, its header says {member.size}")
        if crc != member.crc:
            raise self._damaged(member, "its CRC is wrong")

    def stored(self, member: Member) -> Iterator[bytes]:
        """The data of a member as they are kept, piece by piece; nothing is checked."""
        return self._slices(member, CHUNK_BYTES)

    def _slices(self, member: Member, length: int) -> Iterator[bytes]:
        for start in range(member.start, member.end, length):
            yield self._data[start : min(start + length, member.end)]

    def _inflated(self, member: Member) -> Iterator[bytes]:
        inflater = inflating.decompressobj(-15)
        inputs = self._slices(member, _INPUT_BYTES)
        pending = b""
        while not inflater.eof:
            pending = pending or next(inputs, b"")
            exhausted = not pending
            try:
                chunk = inflater.decompress(pending, CHUNK_BYTES)
            except _INFLATE_ERRORS as error:
                raise self._damaged(member, str(error)) from error
            pending = inflater.unconsumed_tail
            if chunk:
                yield chunk
            elif exhausted and not inflater.eof:
                raise self._damaged(member, "its data end too early")
        if inflater.unused_data or next(inputs, b""):
            raise self._damaged(member, "there is more after the end of its data")

    def _damaged(self, member: Member, reason: str) -> FormatError:
        return self._refused(f"has a damaged member {shown(member.name)}: {reason}", member.start)

    def _refused(self, reason: str, offset: int | None = None) -> FormatError:
        return InvalidWheel(self.filename, reason, offset=offset)


def _stream_fault(inflated: int, size: int, *, ended: bool) -> str:
    if ended:
        return "there is more after the end of its data"
    if inflated > size:
        return f"it inflates to more than the {size} bytes its header says"
    return "its data end too early"


def twin_problem(names: Iterable[str]) -> str | None:
    """Why these names cannot all be an archive's: one twice, or a file where another needs a directory; else None."""
    # With NUL, which no name has, for the slash, a file stands right before what would lie below it.
    ordered = sorted([name.replace("/", "\0") for name in names])
    for key, following in pairwise(ordered):
        if following.startswith(key):
            name = shown(key.replace("\0", "/"))
            if key == following:
                return f"has two members named {name}"
            if following[len(key)] == "\0" != key[-1]:
                return f"has a member {name} that is a file and a directory"
    return None


def ratio_problem(compressed: int, size: int) -> str | None:
    """Why deflated data of these sizes are not inflated, or None."""
    if size > _RATIO_FLOOR and size > compressed * INFLATE_RATIO:
        return f"would inflate from {compressed} to {size} bytes, more than {INFLATE_RATIO} times"
    return None


def name_problem(name: str) -> str | None:
    """Why `name` may not be a member's, or None: it must be one path below the root, on any system.

    Names that differ in case or Unicode form only are let through: some wheels for Linux have them. A disk that cannot
    tell them apart says so when the second is created, and nothing is ever overwritten.
    """
    if len(name) > MEMBER_NAME_BYTES or name.count("/") > MEMBER_DEPTH:
        return f"is longer than {MEMBER_NAME_BYTES} bytes or deeper than {MEMBER_DEPTH} directories"
    if _PLAIN_NAME.fullmatch(name) and name:
        return None
    components = name.removesuffix("/").split("/")
    if _CONTROL.search(name):
        return "has control characters"
    if "\\" in name:
        return "has a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "is absolute"
    if ".." in components:
        return "leaves the archive's root"
    if "" in components or "." in components:
        return "has an empty part"
    if len(name.encode()) > MEMBER_NAME_BYTES or any(len(part.encode()) > _COMPONENT_BYTES for part in components):
        return f"is longer than {MEMBER_NAME_BYTES} bytes, or a part of it than {_COMPONENT_BYTES}"
    return None


def shown(name: str | bytes) -> str:
    """A name for a message, without anything that could act on a terminal."""
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return ascii(text) if len(text) <= _SHOWN_CHARACTERS else ascii(text[:_SHOWN_CHARACTERS]) + "…"
