"""Making DPP packages: from a wheel, or from files one by one. The same files give the same bytes, in any order.

Contents go straight to the file that is written, so that memory does not grow with them. A deflate stream of the wheel
is taken over as it is when it is smaller than what it inflates to; other contents are deflated here.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple, Self

from blake3 import blake3

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.limits import ARCHIVE_BYTES, ARCHIVE_MEMBERS, BYTECODE_BYTES, BYTECODE_TAGS, UNPACKED_BYTES
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import InvalidPackage, InvalidWheel
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats import dpp_sections as sections
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.dpp_content import PackageIdentity
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
from dxpy_async.formats.wheel import read_wheel
from dxpy_async.formats.zip_archive import ZipArchive

_LEVEL = 6
_COPY_BYTES = 1024**2


class _Source(NamedTuple):
    """A file to put in: where it is read from, and the digest that it must have, if one is known."""

    reader: MemberReader
    member: Member
    algorithm: str = ""
    digest: bytes = b""


class _Written(NamedTuple):
    """How a file stands in the package."""

    method: int
    start: int
    stored: int
    sha256: bytes
    blake3: bytes


class DppBuilder:
    """One package in the making: say what it is, add files and compiled code, and `write` it."""

    def __init__(
        self,
        identity: PackageIdentity,
        *,
        core_metadata: bytes,
        dependencies: Sequence[Requirement] = (),
        extras: Iterable[str] = (),
        fat: bool,
    ) -> None:
        self.identity, self._fat = identity, fat
        self._core_metadata, self._dependencies, self._extras = core_metadata, dependencies, sorted(extras)
        self._sources: dict[str, _Source] = {}
        self._code: dict[str, dict[str, bytes]] = {}

    @classmethod
    def from_wheel(cls, archive: ZipArchive, filename: str, *, sha256: str, blake3: str, fat: bool) -> Self:
        """A package of the open wheel `filename`, whose digests (hex) are given.

        The archive must stay open until the package is written. Raises InvalidWheel and InvalidMetadata.
        """
        wheel = read_wheel(archive, filename)
        members = {member.name: member for member in archive.members}
        text = archive.read(members[f"{wheel.dist_info}/METADATA"])
        metadata = parse_core_metadata(text, origin=f"METADATA of {filename}", project=wheel.name, version=None)
        # Directories are no files, and what has none in it is not there.
        roots = {file.member.name.partition("/")[0] for file in wheel.files}
        identity = PackageIdentity(
            name=wheel.name,
            version=wheel.version,
            requires_python=metadata.requires_python,
            filename=filename,
            dist_info=wheel.dist_info,
            data=wheel.data if wheel.data in roots else "",
            root_is_purelib=wheel.root_is_purelib,
            tags=wheel.tags,
            top_level=tuple(sorted(roots - {wheel.dist_info, wheel.data})),
            entry_points={group: dict(names) for group, names in wheel.entry_points.items()},
            size=archive.length,
            sha256=sha256,
            blake3=blake3,
        )
        builder = cls(identity, core_metadata=text, dependencies=metadata.requirements, extras=metadata.extras, fat=fat)
        for file in wheel.files:
            builder._add(_Source(archive, file.member, file.algorithm, file.digest))
        return builder

    def add_file(self, path: str, contents: bytes, *, executable: bool = False) -> None:
        """Put one more file in. Raises InvalidPackage for a path that cannot be a package's."""
        member = Member(path, STORED, len(contents), zlib.crc32(contents), executable, 0, len(contents))
        self._add(_Source(MemberReader(contents, self.identity.filename), member))

    def add_bytecode(self, tag: str, code: Mapping[str, bytes]) -> None:
        """Put compiled code in: for the interpreter `tag` (`cp311`), the contents of `.pyc` files by source path.

        Raises InvalidPackage for code of a file that is not there or over the limit.
        """
        for path, compiled in code.items():
            if path not in self._sources or len(compiled) > BYTECODE_BYTES:
                raise self._refused(f"cannot have {len(compiled)} bytes of compiled code for {shown(path)}")
        self._code[tag] = dict(code)
        if len(self._code) > BYTECODE_TAGS:
            raise self._refused(f"has code for {len(self._code)} interpreters, the limit is {BYTECODE_TAGS}")

    def python_sources(self) -> Iterator[tuple[str, bytes]]:
        """The files that can be compiled, sorted by path, with their contents."""
        for path, source in sorted(self._sources.items()):
            if path.endswith(".py") and source.member.size <= BYTECODE_BYTES:
                yield path, source.reader.read(source.member)

    def write(self, out: BinaryIO) -> None:
        """Write the package to an empty file that can be read and written anywhere.

        Raises InvalidWheel for contents that are not what RECORD says, and InvalidPackage for a package over a limit;
        what has been written until then is of no use.
        """
        paths = sorted(self._sources)
        self._check(paths)
        origin = self.identity.filename
        metadata = sections.metadata_section(self.identity, self._core_metadata)
        empty_rows = [bytes(layout.FILE.size)] * len(paths)
        files_size = len(sections.files_section(paths, empty_rows, 0, origin))
        place = layout.HEADER.size + len(metadata)
        out.seek(place + files_size)
        rows = self._write_files(out, paths)
        contents_size = out.tell() - place - files_size
        unpacked = sum(self._sources[path].member.size for path in paths)
        files = sections.files_section(paths, rows, unpacked, origin)
        bytecode, code_size = self._write_code(out, paths)
        native = sections.native_section(paths)
        dependencies = sections.dependencies_section(self._dependencies, self._extras, origin)
        out.write(native + dependencies)
        self._check_size(out.tell())
        sizes = (
            len(metadata), len(files) + contents_size, len(bytecode) + code_size, len(native), len(dependencies),
        )  # fmt: skip
        beginning = sections.header(layout.DESCRIBED | (layout.FAT if self._fat else 0), sizes)
        out.seek(layout.HEADER.size)
        out.write(metadata)
        out.write(sections.with_manifest_digest(beginning, metadata, files, bytecode, native, dependencies))
        out.seek(0)
        out.write(beginning + _digest(out, beginning))
        out.seek(0, 2)

    def _add(self, source: _Source) -> None:
        path = source.member.name
        problem = name_problem(path)
        if not path or path.endswith("/"):
            problem = "is none of a file"
        if path in self._sources:
            problem = "is another's already"
        if problem is not None:
            raise self._refused(f"cannot have a file {shown(path)} whose name {problem}")
        self._sources[path] = source

    def _check(self, paths: Sequence[str]) -> None:
        if len(paths) > ARCHIVE_MEMBERS:
            raise self._refused(f"has {len(paths)} files, a package may have {ARCHIVE_MEMBERS}")
        if (problem := twin_problem(paths)) is not None:
            raise self._refused(problem)
        unpacked = sum(source.member.size for source in self._sources.values())
        if unpacked > UNPACKED_BYTES:
            raise self._refused(f"unpacks to {unpacked} bytes, a package may unpack to {UNPACKED_BYTES}")

    def _check_size(self, size: int) -> None:
        if size > ARCHIVE_BYTES:
            raise self._refused(f"has {size} bytes or more, a package may have {ARCHIVE_BYTES}")

    def _write_files(self, out: BinaryIO, paths: Sequence[str]) -> list[bytes]:
        """Write the contents, and give the rows that say where they are."""
        rows = []
        for path, (path_size, path_place) in zip(paths, sections.path_places(paths), strict=True):
            source = self._sources[path]
            written = self._write_file(out, source)
            fat = layout.CONTENT.pack(written.start, written.stored)
            member = source.member
            rows.append(
                layout.FILE.pack(
                    member.size,
                    layout.EXECUTABLE if member.executable else 0,
                    written.method if self._fat else 0,
                    path_size,
                    path_place,
                    member.crc,
                    written.sha256,
                    written.blake3,
                    fat if self._fat else layout.TIME.pack(0),
                )
            )
        return rows

    def _write_file(self, out: BinaryIO, source: _Source) -> _Written:
        """Read a file, compare it with what it should be, and write it if this is a fat package."""
        start, member = out.tell(), source.member
        hashing = _Hashing(source)
        method = STORED
        if not self._fat:
            for _ in hashing.chunks():
                pass
        elif member.method == DEFLATED and _is_worth_it(member.end - member.start, member.size):
            method = DEFLATED
            for _ in hashing.chunks():
                pass
            for raw in source.reader.stored(member):
                out.write(raw)
        else:
            method = self._deflate_or_store(out, hashing)
        self._check_size(out.tell())
        sha256, digest = hashing.checked()
        return _Written(method, start, out.tell() - start, sha256, digest)

    def _deflate_or_store(self, out: BinaryIO, hashing: _Hashing) -> int:
        start, member = out.tell(), hashing.source.member
        deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
        for chunk in hashing.chunks():
            out.write(deflater.compress(chunk))
        out.write(deflater.flush())
        if _is_worth_it(out.tell() - start, member.size):
            return DEFLATED
        out.seek(start)
        out.truncate()
        for chunk in hashing.source.reader.chunks(member):
            out.write(chunk)
        return STORED

    def _write_code(self, out: BinaryIO, paths: Sequence[str]) -> tuple[bytes, int]:
        """Write the section of compiled code; give its bytes without the code, and the size of the code."""
        numbers = {path: number for number, path in enumerate(paths)}
        tags = sorted(self._code)
        blocks = [
            (number, numbers[path], code)
            for number, tag in enumerate(tags)
            for path, code in sorted(self._code[tag].items())
        ]
        empty = sections.bytecode_section(tags, [bytes(layout.CODE.size)] * len(blocks), self.identity.filename)
        start = out.tell()
        out.write(empty)
        rows = []
        for tag, file, code in blocks:
            method, stored = _deflated_or_stored(code)
            rows.append(
                layout.CODE.pack(
                    file, tag, method, len(code), zlib.crc32(code), out.tell(), len(stored), blake3_of(code)
                )
            )
            out.write(stored)
            self._check_size(out.tell())
        section = sections.bytecode_section(tags, rows, self.identity.filename)
        end = out.tell()
        out.seek(start)
        out.write(section)
        out.seek(end)
        return section, end - start - len(section)

    def _refused(self, reason: str) -> InvalidPackage:
        return InvalidPackage(self.identity.filename, reason)


class _Hashing:
    """A file that is read while its digests are computed."""

    def __init__(self, source: _Source) -> None:
        self.source = source
        self._sha256, self._blake3 = hashlib.sha256(), blake3()
        self._recorded = hashlib.new(source.algorithm) if source.algorithm not in ("", "sha256") else self._sha256

    def chunks(self) -> Iterator[bytes]:
        for chunk in self.source.reader.chunks(self.source.member):
            self._blake3.update(chunk)
            self._sha256.update(chunk)
            if self._recorded is not self._sha256:
                self._recorded.update(chunk)
            yield chunk

    def checked(self) -> tuple[bytes, bytes]:
        """SHA-256 and BLAKE3. Raises InvalidWheel when the file is not what RECORD says."""
        source = self.source
        if source.algorithm and self._recorded.digest() != source.digest:
            raise InvalidWheel(
                source.reader.filename,
                f"has a member {shown(source.member.name)} with {source.algorithm} {self._recorded.hexdigest()}, "
                f"RECORD says {source.digest.hex()}",
            )
        return self._sha256.digest(), self._blake3.digest()


def _is_worth_it(compressed: int, size: int) -> bool:
    return compressed < size and ratio_problem(compressed, size) is None


def _deflated_or_stored(data: bytes) -> tuple[int, bytes]:
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    deflated = deflater.compress(data) + deflater.flush()
    return (DEFLATED, deflated) if _is_worth_it(len(deflated), len(data)) else (STORED, data)


def _digest(out: BinaryIO, beginning: bytes) -> bytes:
    """The BLAKE3 of `beginning` and all that was written behind the header."""
    digest = blake3(beginning)
    out.flush()
    place = out.tell()
    out.seek(layout.HEADER.size)
    while chunk := out.read(_COPY_BYTES):
        digest.update(chunk)
    out.seek(place)
    return digest.digest()
