"""DPP packages: one distribution in a file that is opened by mapping it into memory and read without parsing.

A *fat* package carries its files' contents and can be installed; a *thin* one says what they are. Opening checks the
header and, as asked, the BLAKE3 of the manifest or of everything; `check` compares every content with its digests.
Whatever is wrong with the file is an `InvalidPackage` that names the place.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple, NoReturn, Self, cast

from blake3 import blake3

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.limits import ARCHIVE_BYTES, BYTECODE_BYTES, UNPACKED_BYTES
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.requirement_values import Requirement, new_tuple
from dxpy_async.errors import InvalidPackage
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats.dpp_content import DppContent, PackageIdentity
from dxpy_async.formats.mapped_files import Mapped, map_file
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


class Verify(Enum):
    """What is compared with its BLAKE3 when a package is opened."""

    HEADER = "header"
    """Nothing; the header is checked in any case."""
    MANIFEST = "manifest"
    """Everything but the contents of files and compiled code."""
    EVERYTHING = "everything"


class PackageFile(NamedTuple):
    """One file of a package. `path` is relative, with forward slashes; digests are raw bytes (32 each).

    `crc32`, `method`, `start` and `end` say how and where a fat package keeps the contents; `mtime_ns` is when the
    unpacked file beside a thin one was modified, 0 where there is none.
    """

    path: str
    size: int
    executable: bool
    sha256: bytes
    blake3: bytes
    mtime_ns: int
    crc32: int
    method: int
    start: int
    end: int

    @property
    def member(self) -> Member:
        """The file as archives have it."""
        return Member(self.path, self.method, self.size, self.crc32, self.executable, self.start, self.end)


class CompiledFile(NamedTuple):
    """The compiled code of one file for one interpreter."""

    path: str
    tag: str
    size: int
    blake3: bytes


class NativeKind(Enum):
    """What a file of machine code is."""

    EXTENSION_MODULE = 1
    SHARED_LIBRARY = 2


class NativeFile(NamedTuple):
    """A file of machine code."""

    path: str
    kind: NativeKind


class _Contents(MemberReader):
    """The contents of a package's files and of its compiled code."""

    def _refused(self, reason: str, offset: int | None = None) -> InvalidPackage:
        return InvalidPackage(self.filename, reason, offset=offset)


class DppPackage(Mapped):
    """An open package; what it says is read when it is asked for. Close it, or use `with`."""

    def __init__(self, data: bytes | mmap.mmap, *, file: str, verify: Verify = Verify.MANIFEST) -> None:
        """Read the package that `data` is; `file` is what errors call it. Raises InvalidPackage."""
        self._data = data
        self.content = DppContent(data, file)
        self._contents = _Contents(data, file)
        self._files: tuple[PackageFile, ...] | None = None
        if verify is Verify.EVERYTHING:
            self.content.verify()
        elif verify is Verify.MANIFEST:
            self.content.verify_manifest()

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: Verify = Verify.MANIFEST, name: str | None = None) -> Self:
        """Map the package at `path` and check what `verify` says; errors call it `name`, else by its path.

        Raises InvalidPackage, also when the file cannot be read.
        """
        name = name or os.fspath(path)
        try:
            data = map_file(path, name, what="package", limit=ARCHIVE_BYTES, refuse=InvalidPackage)
        except OSError as error:
            raise InvalidPackage(name, f"cannot be read: {error.strerror or error}") from error
        return cls._of(data, file=name, verify=verify)

    # What it is

    @property
    def is_fat(self) -> bool:
        """Whether the files' contents are in it."""
        return self.content.is_fat

    @property
    def is_described(self) -> bool:
        """Whether METADATA and the dependencies are in it."""
        return bool(self.content.flags & layout.DESCRIBED)

    @property
    def size(self) -> int:
        """In bytes."""
        return self._contents.length

    @property
    def sections(self) -> dict[str, tuple[int, int]]:
        """Where each section begins, and its size."""
        offsets = self.content.offsets
        return {name: (offsets[n], offsets[n + 1] - offsets[n]) for n, name in enumerate(layout.SECTIONS)}

    @property
    def digest(self) -> str:
        """The BLAKE3 that the header gives, in hex."""
        return self.content.data[layout.DIGEST_OFFSET : layout.HEADER.size].hex()

    @property
    def identity(self) -> PackageIdentity:
        """All that the metadata section says in short."""
        return self.content.identity()

    @property
    def name(self) -> ProjectName:
        return cast("ProjectName", self.content.metadata()[0])

    @property
    def version(self) -> str:
        return self.content.metadata()[1]

    @property
    def requires_python(self) -> str:
        return self.content.metadata()[2]

    @property
    def entry_points(self) -> Mapping[str, Mapping[str, str]]:
        """Group to name to object reference."""
        return self.identity.entry_points

    @property
    def core_metadata(self) -> bytes:
        """The whole text of METADATA; empty when the package is not described."""
        _, _, _, start, end = self.content.metadata()
        return self.content.data[start:end]

    # Dependencies

    @property
    def dependencies(self) -> tuple[Requirement, ...]:
        """What it requires, already taken apart; none when the package is not described."""
        texts, extras = self.content.dependency_texts()
        if not texts:
            return ()
        found = []
        for first in range(extras, len(texts), layout.REQUIREMENT_TEXTS):
            listed = texts[first + 1]
            row = (
                texts[first],
                tuple(listed.split(",")) if listed else (),
                texts[first + 2],
                texts[first + 3] or None,
                texts[first + 4],
            )
            found.append(new_tuple(Requirement, row))
        return tuple(found)

    @property
    def extras(self) -> tuple[ExtraName, ...]:
        """The extras it has, sorted."""
        texts, extras = self.content.dependency_texts()
        return tuple(map(ExtraName, texts[:extras]))

    # Files

    @property
    def file_count(self) -> int:
        return self.content.plan().files

    @property
    def unpacked_size(self) -> int:
        """The bytes of all files together."""
        return self.content.plan().unpacked

    @property
    def files(self) -> tuple[PackageFile, ...]:
        """All files, sorted by path. Checks that their paths may be a package's and that nothing overlaps."""
        if self._files is None:
            self._files = tuple(self._read_files())
        return self._files

    def file(self, path: str) -> PackageFile | None:
        """The file of that path, by halving; None when there is none."""
        index = self.content.find(path.encode(errors="replace"))
        return None if index is None else self._file(index, path)

    def read(self, path: str) -> bytes:
        """The whole contents of a file, compared with its digest. Raises KeyError, and InvalidPackage when damaged."""
        file = self._in_fat(path)
        contents = self._contents.read(file.member)
        if blake3_of(contents) != file.blake3:
            self._damaged(file)
        return contents

    def chunks(self, path: str) -> Iterator[bytes]:
        """The contents of a file piece by piece; raises InvalidPackage at the end when they are damaged."""
        file = self._in_fat(path)
        digest = blake3()
        for chunk in self._contents.chunks(file.member):
            digest.update(chunk)
            yield chunk
        if digest.digest() != file.blake3:
            self._damaged(file)

    def _in_fat(self, path: str) -> PackageFile:
        if (file := self.file(path)) is None:
            raise KeyError(path)
        self.require_fat()
        return file

    def require_fat(self) -> None:
        """Raise InvalidPackage when the contents are not here."""
        if not self.is_fat:
            self.content.fail("is thin: it says what its files are, and does not contain them", 6)

    def _damaged(self, file: PackageFile) -> NoReturn:
        self.content.fail(f"has a damaged file {shown(file.path)}: its digest is wrong", file.start)

    def _read_files(self) -> Iterator[PackageFile]:
        content = self.content
        self._check_paths()
        plan = content.plan()
        paths = content.paths()
        if (problem := twin_problem(paths)) is not None:
            content.fail(problem, plan.paths)
        position, unpacked = plan.contents, 0
        for index, path in enumerate(paths):
            if (problem := name_problem(path)) is not None or path.endswith("/"):
                content.fail(f"has a file {shown(path)} whose name {problem or 'is a directory'}", plan.paths)
            file = self._file(index, path)
            if content.is_fat and file.start != position:
                content.fail(f"has the contents of {shown(path)} at {file.start}, expected at {position}", plan.rows)
            position, unpacked = file.end, unpacked + file.size
            yield file
        if content.is_fat and position != content.offsets[layout.BYTECODE]:
            content.fail("has contents that belong to no file", position)
        if unpacked != plan.unpacked or (content.is_fat and unpacked > UNPACKED_BYTES):
            content.fail(
                f"unpacks to {unpacked} bytes, it says {plan.unpacked}, the limit is {UNPACKED_BYTES}", plan.rows
            )

    def _check_paths(self) -> None:
        """Check that the paths are sorted, each there once, and each row's where it should be."""
        content, plan = self.content, self.content.plan()
        before, expected = b"", 0
        for index, (size, offset) in enumerate(content.rows(layout.PATH)):
            place = plan.rows + index * layout.FILE.size
            if offset != expected:
                content.fail(f"has a path at {offset}, expected at {expected}", place)
            path = content.path_bytes(index)
            if path <= before:
                content.fail(f"has {shown(path)} behind {shown(before)}, and paths should be sorted", place)
            before, expected = path, expected + size + 1
        if plan.files and expected - 1 != plan.contents - plan.paths:
            content.fail("has paths that belong to no file", plan.paths)

    def _file(self, index: int, path: str) -> PackageFile:
        """File number `index`, which must be there."""
        content, plan = self.content, self.content.plan()
        place = plan.rows + index * layout.FILE.size
        size, mode, method, _, _, crc, sha256, digest, where = layout.FILE.unpack_from(content.data, place)
        if mode & ~layout.EXECUTABLE:
            content.fail(f"has a file {shown(path)} of mode {mode:#x}, which means nothing", place)
        start = end = mtime_ns = 0
        if content.is_fat:
            start, stored = layout.CONTENT.unpack(where)
            end = start + stored
            self._check_stored(method, size, start, stored, (plan.contents, content.offsets[layout.BYTECODE]), place)
        else:
            (mtime_ns,) = layout.TIME.unpack(where)
        return PackageFile(path, size, bool(mode), sha256, digest, mtime_ns, crc, method, start, end)

    def _check_stored(
        self, method: int, size: int, start: int, stored: int, within: tuple[int, int], place: int
    ) -> None:
        """Check how some data are kept: in a known way, in their part of the file, and not absurdly small."""
        if method not in (STORED, DEFLATED) or (method == STORED and size != stored):
            self.content.fail(f"has {size} bytes stored in {stored} by method {method}", place)
        if start < within[0] or start + stored > within[1]:
            self.content.fail(
                f"has contents from {start} to {start + stored}, outside {within[0]} to {within[1]}", place
            )
        if (problem := ratio_problem(stored, size)) is not None:
            self.content.fail(f"has contents that {problem}", place)

    # Compiled code and machine code

    @property
    def bytecode_tags(self) -> tuple[str, ...]:
        """The interpreters that there is compiled code for: `cp311`, …"""
        return tuple(self.content.tags())

    @property
    def compiled(self) -> tuple[CompiledFile, ...]:
        """All the compiled code, by interpreter, then path. Checks that it is in order."""
        tags, before = self.content.tags(), (-1, -1)
        _, count, _, position = self.content.code_plan()
        found = []
        for index in range(count):
            file, tag, member, digest, place = self._code(index)
            if (tag, file) <= before or tag >= len(tags) or member.start != position:
                self.content.fail("has compiled code out of order", place)
            before, position = (tag, file), member.end
            found.append(CompiledFile(member.name, tags[tag], member.size, digest))
        if position != self.content.offsets[layout.NATIVE] or tags != sorted(set(tags)):
            self.content.fail("has compiled code of no file, or for tags that are not sorted", position)
        return tuple(found)

    def bytecode(self, path: str, tag: str) -> bytes | None:
        """The compiled code of a file for an interpreter, as it stands in a `.pyc` file; None when there is none."""
        wanted = self.content.find(path.encode(errors="replace"))
        tags = self.content.tags()
        if wanted is None or tag not in tags:
            return None
        key, (low, high) = (tags.index(tag), wanted), (0, self.content.code_plan()[1])
        while low < high:
            middle = (low + high) // 2
            file, number, member, digest, place = self._code(middle)
            if (number, file) == key:
                code = self._contents.read(member)
                if blake3_of(code) != digest:
                    self.content.fail(f"has damaged compiled code of {shown(path)}: its digest is wrong", place)
                return code
            low, high = (middle + 1, high) if (number, file) < key else (low, middle)
        return None

    def _code(self, index: int) -> tuple[int, int, Member, bytes, int]:
        """A row of the compiled code: file, tag, where it is, its BLAKE3, and where the row is."""
        content = self.content
        _, _, rows, contents = content.code_plan()
        place = rows + index * layout.CODE.size
        file, tag, method, size, crc, start, stored, digest = layout.CODE.unpack_from(content.data, place)
        if file >= content.plan().files or size > BYTECODE_BYTES:
            content.fail(f"has {size} bytes of code for file {file}; it has {content.plan().files} files", place)
        self._check_stored(method, size, start, stored, (contents, content.offsets[layout.NATIVE]), place)
        path = content.path_text(file)
        return file, tag, Member(path, method, size, crc, False, start, start + stored), digest, place

    @property
    def native(self) -> tuple[NativeFile, ...]:
        """The extension modules and shared libraries among the files, sorted by path."""
        return tuple(
            NativeFile(self.content.path_text(index), NativeKind(kind)) for index, kind in self.content.native()
        )

    # All of it

    def check(self) -> None:
        """Compare everything in the package with everything else that it says. Raises InvalidPackage."""
        self.content.verify()
        self.content.verify_manifest()
        _ = self.identity, self.core_metadata, self.dependencies, self.native
        for file in self.files if self.is_fat else ():
            sha256, digest = hashlib.sha256(), blake3()
            for chunk in self._contents.chunks(file.member):
                sha256.update(chunk)
                digest.update(chunk)
            if (sha256.digest(), digest.digest()) != (file.sha256, file.blake3):
                self._damaged(file)
        _ = self.files
        for compiled in self.compiled:
            self.bytecode(compiled.path, compiled.tag)
