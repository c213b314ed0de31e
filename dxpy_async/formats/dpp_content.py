"""The bytes of a DPP package as they are asked for: bounds and references checked, whatever the file may say.

Whatever is wrong is an `InvalidPackage` that names the place. Nothing is read on opening but the header; what is read
in one piece is bounded by the size of the file and by `core.limits`.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from struct import Struct
from typing import Any, NamedTuple, NoReturn

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.limits import ARCHIVE_BYTES, ARCHIVE_MEMBERS, BYTECODE_TAGS, METADATA_BYTES, PACKAGE_TEXTS
from dxpy_async.core.names import ProjectName
from dxpy_async.errors import InvalidPackage
from dxpy_async.formats import dpp_layout as layout

_Metadata = tuple[str, str, str, int, int]


class PackageIdentity(NamedTuple):
    """What a package says of itself. `filename`, `size`, `sha256` and `blake3` (hex) are of the archive it was made of.

    `dist_info` and `data` are directory names, `data` empty when there is none. `requires_python` is empty when nothing
    is required, and in a package that is not described.
    """

    name: ProjectName
    version: str
    requires_python: str
    filename: str
    dist_info: str
    data: str
    root_is_purelib: bool
    tags: tuple[str, ...]
    top_level: tuple[str, ...]
    entry_points: dict[str, dict[str, str]]
    size: int
    sha256: str
    blake3: str


class FilesPlan(NamedTuple):
    """Where the parts of the files section are."""

    files: int
    unpacked: int
    rows: int
    paths: int
    contents: int
    """Where the contents begin; the section ends there in a thin package."""


class DppContent:
    """A package in memory, which `file` names in errors. Opening checks the header. Raises InvalidPackage."""

    def __init__(self, data: bytes | mmap.mmap, file: str) -> None:
        self.data, self.file = data, file
        self.flags, self.offsets = self._read_header()
        self._identity: PackageIdentity | None = None
        self._metadata: _Metadata | None = None
        self._plan: FilesPlan | None = None

    @property
    def is_fat(self) -> bool:
        return bool(self.flags & layout.FAT)

    def fail(self, reason: str, offset: int | None = None) -> NoReturn:
        """Refuse the package."""
        raise InvalidPackage(self.file, reason, offset=offset)

    # Digests

    def verify(self) -> None:
        """Check the BLAKE3 of the whole package: a bit that has changed since it was written is found."""
        end = layout.HEADER.size
        with memoryview(self.data) as view, view[: layout.DIGEST_OFFSET] as before, view[end:] as after:
            self._compare(blake3_of(before, after), layout.DIGEST_OFFSET)

    def verify_manifest(self) -> None:
        """Check the BLAKE3 of everything but the contents of files and compiled code."""
        plan = self.plan()
        digest = self.offsets[layout.FILES] + layout.FILES_DIGEST_OFFSET
        spans = (
            (0, layout.DIGEST_OFFSET),
            (layout.HEADER.size, digest),
            (digest + 32, plan.contents),
            (self.offsets[layout.BYTECODE], self.code_plan()[3]),
            (self.offsets[layout.NATIVE], len(self.data)),
        )
        with memoryview(self.data) as view:
            parts = [view[start:end] for start, end in spans]
            try:
                actual = blake3_of(*parts)
            finally:
                for part in parts:
                    part.release()
        self._compare(actual, digest)

    def _compare(self, actual: bytes, place: int) -> None:
        expected = self.data[place : place + 32]
        if actual != expected:
            self.fail(f"is damaged: its content has BLAKE3 {actual.hex()}, expected {expected.hex()}", place)

    # Metadata

    def metadata(self) -> _Metadata:
        """Name, version and requires-python, and where METADATA and the text list begin."""
        return self._metadata or self._read_metadata()

    def _read_metadata(self) -> _Metadata:
        data, (start, end, head) = self.data, self._section(layout.METADATA, layout.METADATA_SIZES)
        name_size, version_size, python_size, text_size, texts_size = head
        place = start + layout.METADATA_HEAD.size
        version = place + name_size
        python = version + version_size
        text = python + python_size
        texts = text + text_size
        if texts + texts_size != end or text_size > METADATA_BYTES:
            self.fail(
                f"has metadata of {texts + texts_size - start} bytes in a section of {end - start}, "
                f"and METADATA of {text_size} bytes, the limit is {METADATA_BYTES}",
                start,
            )
        try:
            naming = data[place:version].decode(), data[version:python].decode(), data[python:text].decode()
        except UnicodeDecodeError as error:
            self.fail(f"has a name, version or requires-python that is not UTF-8: {error.reason}", place)
        self._metadata = (*naming, text, texts)
        return self._metadata

    def identity(self) -> PackageIdentity:
        if self._identity is None:
            self._identity = self._read_identity()
        return self._identity

    def _read_identity(self) -> PackageIdentity:
        name, version, requires_python, _, place = self.metadata()
        _, _, head = self._section(layout.METADATA, layout.METADATA_HEAD)
        _, _, _, flags, _, tags, top_level, entries, texts_size, size, sha256, blake3 = head
        count = layout.IDENTITY_TEXTS + tags + top_level + 3 * entries
        texts = self._texts(place, texts_size, count, "metadata")
        first_name = layout.IDENTITY_TEXTS + tags
        first_entry = first_name + top_level
        entry_points: dict[str, dict[str, str]] = {}
        if entries:
            for group, key, reference in zip(*[iter(texts[first_entry:])] * 3, strict=True):
                entry_points.setdefault(group, {})[key] = reference
        # In the order of the fields, which is faster than by their names, and a warm sync makes hundreds.
        return PackageIdentity(
            ProjectName(name),
            version,
            requires_python,
            texts[0],
            texts[1],
            texts[2],
            bool(flags & layout.PURELIB),
            tuple(texts[layout.IDENTITY_TEXTS : first_name]),
            tuple(texts[first_name:first_entry]),
            entry_points,
            size,
            sha256.hex(),
            blake3.hex(),
        )

    # Files

    def plan(self) -> FilesPlan:
        if self._plan is None:
            self._plan = self._read_plan()
        return self._plan

    def _read_plan(self) -> FilesPlan:
        start, end, (count, paths_size, unpacked, _) = self._section(layout.FILES, layout.FILES_HEAD)
        if count > ARCHIVE_MEMBERS:
            self.fail(f"has {count} files, a package may have {ARCHIVE_MEMBERS}", start)
        rows = start + layout.FILES_HEAD.size
        paths = rows + count * layout.FILE.size
        contents = paths + paths_size
        if contents > end:
            self.fail(f"claims {count} files and {paths_size} bytes of paths, more than it has room for", start)
        if contents != end and not self.is_fat:
            self.fail("is thin, and has something behind its files", contents)
        return FilesPlan(count, unpacked, rows, paths, contents)

    def paths(self) -> list[str]:
        """The paths of all files, in order. That the rows refer to them so is for `DppPackage.files` to see."""
        plan = self.plan()
        return self._texts(plan.paths, plan.contents - plan.paths, plan.files, "paths")

    def path_bytes(self, index: int) -> bytes:
        """The path of one file, which must be there."""
        start, end = self._path_span(index)
        return self.data[start:end]

    def path_text(self, index: int) -> str:
        """The same as text."""
        return self._text(*self._path_span(index))

    def _path_span(self, index: int) -> tuple[int, int]:
        plan = self.plan()
        place = plan.rows + index * layout.FILE.size
        size, offset = layout.PATH.unpack_from(self.data, place)
        if offset + size > plan.contents - plan.paths or not size:
            self.fail(f"has a path of {size} bytes at {offset} of {plan.contents - plan.paths}", place)
        return plan.paths + offset, plan.paths + offset + size

    def find(self, path: bytes) -> int | None:
        """The number of the file of that path, by halving; None when there is none."""
        low, high = 0, self.plan().files
        while low < high:
            middle = (low + high) // 2
            found = self.path_bytes(middle)
            if found == path:
                return middle
            low, high = (middle + 1, high) if found < path else (low, middle)
        return None

    def rows(self, form: Struct) -> Iterator[tuple[Any, ...]]:
        """The rows of all files, taken apart by `form`, which has their size."""
        plan = self.plan()
        return form.iter_unpack(self.data[plan.rows : plan.paths])

    # Compiled code

    def code_plan(self) -> tuple[int, int, int, int]:
        """Numbers of tags and of rows, and where the rows begin and end; the code follows."""
        start, end, (tags, count, tags_size) = self._section(layout.BYTECODE, layout.BYTECODE_HEAD)
        rows = start + layout.BYTECODE_HEAD.size + tags_size
        contents = rows + count * layout.CODE.size
        if contents > end:
            self.fail(f"claims {count} compiled files, more than it has room for", start)
        return tags, count, rows, contents

    def tags(self) -> list[str]:
        """The interpreter tags that there is code for, sorted."""
        tags, _, rows, _ = self.code_plan()
        place = self.offsets[layout.BYTECODE] + layout.BYTECODE_HEAD.size
        if tags > BYTECODE_TAGS:
            self.fail(f"has code for {tags} interpreters, the limit is {BYTECODE_TAGS}", place)
        return self._texts(place, rows - place, tags, "interpreter tags")

    # Machine code

    def native(self) -> list[tuple[int, int]]:
        """The numbers of files of machine code, ascending, and what kind each is."""
        start, end, (count,) = self._section(layout.NATIVE, layout.NATIVE_HEAD)
        rows = start + layout.NATIVE_HEAD.size
        if rows + count * layout.NATIVE_FILE.size != end:
            self.fail(f"claims {count} native files in a section of {end - start} bytes", start)
        found = list(layout.NATIVE_FILE.iter_unpack(self.data[rows:end]))
        before = -1
        for place, (index, kind) in zip(range(rows, end, layout.NATIVE_FILE.size), found, strict=True):
            if not before < index < self.plan().files or kind not in layout.NATIVE_KINDS:
                self.fail(f"has native file {index} of kind {kind}, out of order or unknown", place)
            before = index
        return found

    # Dependencies

    def dependency_texts(self) -> tuple[list[str], int]:
        """The texts of extras and requirements, and how many of them are extras."""
        start, end, (requirements, extras, size) = self._section(layout.DEPENDENCIES, layout.DEPENDENCIES_HEAD)
        place = start + layout.DEPENDENCIES_HEAD.size
        if place + size != end:
            self.fail(f"has dependencies of {place + size - start} bytes in a section of {end - start}", start)
        if not size and not requirements and not extras:
            return [], 0
        count = extras + layout.REQUIREMENT_TEXTS * requirements
        return self._texts(place, size, count, "dependencies"), extras

    # Bytes

    def _section(self, number: int, head: Struct) -> tuple[int, int, tuple[Any, ...]]:
        """Where a section begins and ends, and the fields of its head."""
        start, end = self.offsets[number], self.offsets[number + 1]
        if end - start < head.size:
            self.fail(f"has a section of {end - start} bytes, its head alone has {head.size}", start)
        return start, end, head.unpack_from(self.data, start)

    def _text(self, start: int, end: int) -> str:
        try:
            return self.data[start:end].decode()
        except UnicodeDecodeError as error:
            self.fail(f"has a text that is not UTF-8: {error.reason}", start + error.start)

    def _texts(self, place: int, size: int, count: int, what: str) -> list[str]:
        """`count` texts with a NUL between each and the next."""
        if count > PACKAGE_TEXTS:
            self.fail(f"claims {count} texts of {what}, the limit is {PACKAGE_TEXTS}", place)
        if not count:
            return [] if not size else self.fail(f"has no {what}, but {size} bytes of them", place)
        # one more than there should be shows that there are too many
        texts = self._text(place, place + size).split("\0", count)
        if len(texts) != count:
            found = self.data[place : place + size].count(b"\0") + 1
            self.fail(f"has {found} texts of {what}, expected {count}", place)
        return texts

    # The header

    def _read_header(self) -> tuple[int, Sequence[int]]:
        data = self.data
        if data[:4] != layout.MAGIC:
            self._refuse_foreign()
        if len(data) < layout.HEADER.size:
            self.fail(f"is cut short: it has {len(data)} bytes, the header alone has {layout.HEADER.size}", len(data))
        _, version, flags, *offsets, total, _ = layout.HEADER.unpack_from(data)
        if version != layout.VERSION:
            raise InvalidPackage(
                self.file,
                f"is in version {version} of the package format, this dxpy reads version {layout.VERSION}",
                offset=4,
                hints=("it was made by a newer dxpy: use that version or a later one",)
                if version > layout.VERSION
                else (),
            )
        if flags & ~layout.KNOWN_FLAGS or flags == layout.FAT:
            self.fail(f"has flags {flags:#x}, which mean nothing", 6)
        if total != len(data):
            self.fail(f"has {len(data)} bytes, its header says {total}", layout.DIGEST_OFFSET - 4)
        if total > ARCHIVE_BYTES:
            self.fail(f"has {total} bytes, a package may have {ARCHIVE_BYTES}", 0)
        offsets.append(total)
        if offsets[0] != layout.HEADER.size:
            self.fail(f"has its metadata at byte {offsets[0]}, expected at {layout.HEADER.size}", 8)
        for number, (start, end) in enumerate(pairwise(offsets)):
            if start > end:
                self.fail(f"has its {layout.SECTIONS[number]} from byte {start} to {end}", 8 + 4 * number)
        return flags, offsets

    def _refuse_foreign(self) -> NoReturn:
        start = self.data[:4]
        if not start:
            self.fail("is empty", 0)
        if layout.MAGIC.startswith(start):
            self.fail(f"is cut short: it has {len(start)} bytes", len(start))
        self.fail(f"is not a DPP package: it begins with {start!r}, expected {layout.MAGIC!r}", 0)
