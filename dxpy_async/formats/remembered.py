"""Answers of the solver as they are remembered: what was asked, what the answer rests on, the answer itself.

One file per answer. Layout, integers little-endian:

    header     magic `DXR\\x01`, BLAKE3 of all that follows, key of the question (32 bytes), number of packages (u32),
               lengths of the parts (u32)
    roots      the projects that were asked for, sorted, each ended by NUL
    projects   the projects whose pages were looked at, sorted, each ended by NUL
    pages      for each of them, 9 bytes: which index answered (u8, 255: none had it), and the identity of its page
    archives   files of this machine that were referred to directly: path, size, time of change, each ended by NUL
    warnings   sentences for people, each ended by NUL
    answer     whatever the caller stores

Read without msgspec and dataclasses, whose import costs more than all the rest of an answer from memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from dxpy_async.core.hashing import BLAKE3_BYTES, blake3_of
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_page_layout import PAGE_IDENTITY_BYTES

MAGIC = b"DXR\x01"
BUCKET = "hints-v1"
"""The cache's directory of such files."""

_NUMBERS = struct.Struct("<7I")
_KEY = len(MAGIC) + BLAKE3_BYTES
_PARTS = _KEY + BLAKE3_BYTES + _NUMBERS.size
_PAGE = struct.Struct(f"<B{PAGE_IDENTITY_BYTES}s")
_NOBODY = 255
_NO_PAGE = bytes(PAGE_IDENTITY_BYTES)

MOST_INDEXES = _NOBODY
"""An answer from more indexes cannot be written."""


def remembered_path(cache_dir: str, context: str, key: bytes) -> str:
    """Where the answer to the question with that key lies; `context` is the directory it shares with similar ones."""
    return f"{cache_dir}/{BUCKET}/{context}/{key.hex()}"


class PageSeen(NamedTuple):
    """A project page that an answer rests on, by its `identity`, and the place of the index that had it.

    None had it where `place` is None; the identity is empty then.
    """

    project: ProjectName
    place: int | None = None
    identity: bytes = b""


class FileSeen(NamedTuple):
    """A file of this machine that an answer rests on: bytes, and nanoseconds since 1970."""

    path: str
    size: int
    modified: int


class Remembered(NamedTuple):
    """One answer, of so many `packages`.

    `key` is that of the question, `roots` are the projects that it asked for; `pages` go by project.
    """

    key: bytes
    roots: frozenset[ProjectName]
    answer: bytes
    packages: int
    pages: tuple[PageSeen, ...]
    archives: tuple[FileSeen, ...] = ()
    warnings: tuple[str, ...] = ()


def encode_remembered(remembered: Remembered) -> bytes:
    """The bytes of one answer."""
    pages = [
        _PAGE.pack(_NOBODY, _NO_PAGE) if page.place is None else _PAGE.pack(page.place, page.identity)
        for page in remembered.pages
    ]
    parts = (
        _texts(sorted(remembered.roots)),
        _texts(page.project for page in remembered.pages),
        b"".join(pages),
        _texts(str(field) for file in remembered.archives for field in file),
        _texts(remembered.warnings),
        remembered.answer,
    )
    rest = b"".join([remembered.key, _NUMBERS.pack(remembered.packages, *map(len, parts)), *parts])
    return MAGIC + blake3_of(rest) + rest


def decode_remembered(data: bytes, name: str) -> Remembered:
    """What `encode_remembered` was given. Raises FormatError, naming `name`, for bytes that are not whole."""
    view = memoryview(data)
    key, count, bounds = _head(data, name)
    if bounds[-1] != len(data):
        raise FormatError(name, f"should have {bounds[-1]} bytes and has {len(data)}", offset=_KEY + BLAKE3_BYTES)
    if blake3_of(view[_KEY:]) != data[len(MAGIC) : _KEY]:
        raise FormatError(name, "is damaged: its BLAKE3 does not match", offset=len(MAGIC))
    roots, projects, pages, archives, warnings, answer = (data[start:stop] for start, stop in pairwise(bounds))
    names, fields = _split(projects), _split(archives)
    if len(pages) != len(names) * _PAGE.size or len(fields) % 3:
        raise FormatError(name, "has parts that do not fit together", offset=bounds[1])
    try:
        return Remembered(
            key=key,
            roots=frozenset(map(ProjectName, _split(roots))),
            pages=tuple(map(_page, names, _PAGE.iter_unpack(pages))),
            archives=tuple(
                FileSeen(path, int(size), int(modified))
                for path, size, modified in zip(fields[::3], fields[1::3], fields[2::3], strict=True)
            ),
            warnings=tuple(_split(warnings)),
            answer=answer,
            packages=count,
        )
    except ValueError as error:
        raise FormatError(name, f"has a number that is none: {error}", offset=bounds[3]) from error


def roots_of_remembered(start: bytes, name: str) -> frozenset[ProjectName]:
    """The projects that were asked for, by the first bytes of an answer, unchecked: good for a guess.

    Raises FormatError when it is not an answer or they are not all there.
    """
    *_, bounds = _head(start, name)
    if bounds[1] > len(start):
        raise FormatError(name, f"names projects up to byte {bounds[1]} and has {len(start)}", offset=_PARTS)
    return frozenset(map(ProjectName, _split(start[bounds[0] : bounds[1]])))


def _head(data: bytes, name: str) -> tuple[bytes, int, list[int]]:
    """The key, the number of packages, and where each part begins, and the last one ends."""
    if len(data) < _PARTS or not data.startswith(MAGIC):
        raise FormatError(name, "is not a remembered answer", offset=0)
    count, *lengths = _NUMBERS.unpack_from(data, _KEY + BLAKE3_BYTES)
    bounds = [_PARTS]
    for length in lengths:
        bounds.append(bounds[-1] + length)
    return data[_KEY : _KEY + BLAKE3_BYTES], count, bounds


def _page(project: str, row: tuple[int, bytes]) -> PageSeen:
    place, identity = row
    return PageSeen(ProjectName(project)) if place == _NOBODY else PageSeen(ProjectName(project), place, identity)


def _texts(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\0" for text in texts).encode("utf-8", "surrogateescape")


def _split(part: bytes) -> list[str]:
    return part.decode("utf-8", "surrogateescape").split("\0")[:-1]
