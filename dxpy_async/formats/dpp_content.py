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
        self._metadata: tuple[tuple[str, str, str], int, int, tuple[Any, ...]] | None = None
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

    def naming(self) -> tuple[str, str, str]:
        """Name, version and requires-python."""
        return self._metadata_plan()[0]

    def _metadata_plan(self) -> tuple[tuple[str, str, str], int, int, tuple[Any, ...]]:
        """The three texts, where METADATA and the text list begin, and the fields of the head."""
        if self._metadata is None:
            start, end = self.section(layout.METADATA)
            head = self._head(layout.METADATA_HEAD, start, end)
            place = start + layout.METADATA_HEAD.size
            version = place + head[0]
            python = version + head[1]
            text = python + head[2]
            texts = text + head[4]
            if texts + head[8] != end or head[4] > METADATA_BYTES:
                self.fail(
                    f"has metadata of {texts + head[8] - start} bytes in a section of {end - start}, "
                    f"and METADATA of {head[4]} bytes, the limit is {METADATA_BYTES}",
                    start,
                )
            naming = (self.text(place, head[0]), self.text(version, head[1]), self.text(python, head[2]))
            self._metadata = (naming, text, texts, head)
        return self._metadata

    def core_metadata(self) -> bytes:
        """The whole text of METADATA; empty when the package is not described."""
        _, text, texts, _ = self._metadata_plan()
        return self.data[text:texts]

    def identity(self) -> PackageIdentity:
        if self._identity is None:
            self._identity = self._read_identity()
        return self._identity

    def _read_identity(self) -> PackageIdentity:
        (name, version, requires_python), _, place, head = self._metadata_plan()
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
        start, end = self.section(layout.FILES)
        count, paths_size, unpacked, _ = self._head(layout.FILES_HEAD, start, end)
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
        plan = self.plan()
        place = plan.rows + index * layout.FILE.size
        size, offset = layout.PATH.unpack_from(self.data, place)
        if offset + size > plan.contents - plan.paths or not size:
            self.fail(f"has a path of {size} bytes at {offset} of {plan.contents - plan.paths}", place)
        return self.data[plan.paths + offset : plan.paths + offset + size]

    def path_text(self, index: int) -> str:
        """The same as text."""
        raw = self.path_bytes(index)
        return self._decoded(raw, self.plan().rows + index * layout.FILE.size)

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
        start, end = self.section(layout.BYTECODE)
        tags, count, tags_size = self._head(layout.BYTECODE_HEAD, start, end)
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
        start, end = self.section(layout.NATIVE)
        (count,) = self._head(layout.NATIVE_HEAD, start, end)
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
        start, end = self.section(layout.DEPENDENCIES)
        requirements, extras, size = self._head(layout.DEPENDENCIES_HEAD, start, end)
        place = start + layout.DEPENDENCIES_HEAD.size
        if place + size != end:
            self.fail(f"has dependencies of {place + size - start} bytes in a section of {end - start}", start)
        count = extras + layout.REQUIREMENT_TEXTS * requirements
        return self._texts(place, size, count, "dependencies"), extras

    # Bytes

    def section(self, number: int) -> tuple[int, int]:
        """Where a section begins and ends."""
        return self.offsets[number], self.offsets[number + 1]

    def _head(self, form: Struct, start: int, end: int) -> tuple[Any, ...]:
        if end - start < form.size:
            self.fail(f"has a section of {end - start} bytes, its head alone has {form.size}", start)
        return form.unpack_from(self.data, start)

    def text(self, place: int, size: int) -> str:
        return self._decoded(self.data[place : place + size], place)

    def _decoded(self, raw: bytes, place: int) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            self.fail(f"has a text that is not UTF-8: {error.reason}", place + error.start)

    def _texts(self, place: int, size: int, count: int, what: str) -> list[str]:
        """`count` texts with a NUL between each and the next."""
        if count > PACKAGE_TEXTS:
            self.fail(f"claims {count} texts of {what}, the limit is {PACKAGE_TEXTS}", place)
        if not count:
            return [] if not size else self.fail(f"has no {what}, but {size} bytes of them", place)
        raw = self.data[place : place + size]
        if (found := raw.count(b"\0") + 1) != count:
            self.fail(f"has {found} texts of {what}, expected {count}", place)
        return self._decoded(raw, place).split("\0")

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
