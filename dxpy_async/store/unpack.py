"""Unpacking a wheel or a fat DPP: every file written once and hashed in passing, in a loop that does nothing else.

The caller gives an empty directory of its own. Nothing is written before the whole archive and its RECORD have been
understood, and nothing is kept when a digest turns out wrong. A file that a twin is known of, with the same bytes and
permissions, becomes another link to that one.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from blake3 import blake3

from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.errors import InvalidPackage, InvalidWheel, SizeMismatch
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_archive import read_package
from dxpy_async.formats.members import CHUNK_BYTES, Member, MemberReader, shown
from dxpy_async.formats.wheel import WheelContents, WheelFile, read_wheel
from dxpy_async.formats.zip_archive import ZipArchive
from dxpy_async.store.bytecode import LIST_PREFIX
from dxpy_async.store.failures import store_error
from dxpy_async.store.known_files import FindTwin, no_twin

MOST_LINKS = 256
"""A file with so many names gets no further one here: file systems allow 1 023 to 65 000 of them, and an environment
needs as many as the store has."""

_CREATE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)  # fmt: skip
_OPEN = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ_ONLY, _READ_ONLY_EXECUTABLE = 0o444, 0o555
_MODE_BITS = stat.S_IXUSR | stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def unpack_wheel(
    archive: Path,
    filename: str,
    into: Path,
    *,
    sha256: str,
    blake3: str,
    size: int,
    twin: FindTwin = no_twin,
) -> Manifest:
    """Write the files of the wheel or DPP at `archive` below the empty directory `into`, and say what they are.

    The files are made read-only. `filename` is the wheel's own name, whatever `archive` is called; the hashes (hex) and
    size are the archive's, and are taken as already checked. `twin` finds files to link instead of writing them. Raises
    InvalidWheel, InvalidPackage, SizeMismatch, and StoreError when a file cannot be written; then `into` holds a part
    of the wheel and must be removed.
    """
    try:
        if filename.endswith(".dpp"):
            contents, files = _unpack_package(archive, filename, into, size, twin)
        else:
            with ZipArchive.open(archive, filename) as opened:
                _check_length(opened, archive, size)
                contents = read_wheel(opened, filename)
                files = _write_files(opened, contents, filename, str(into), twin)
    except OSError as error:
        raise store_error(error, f"unpack `{filename}`") from error
    return Manifest(
        name=contents.name,
        version=contents.version,
        filename=filename,
        sha256=sha256,
        blake3=blake3,
        size=size,
        root_is_purelib=contents.root_is_purelib,
        dist_info=contents.dist_info,
        data=contents.data,
        tags=contents.tags,
        files=files,
        entry_points=contents.entry_points,
        top_level=contents.top_level,
    )


def _unpack_package(
    archive: Path, filename: str, into: Path, size: int, twin: FindTwin
) -> tuple[WheelContents, tuple[ManifestFile, ...]]:
    with DppPackage.open(archive, verify=Verify.EVERYTHING, name=filename) as package:
        opened, contents = read_package(package, filename)
        _check_length(opened, archive, size)
        files = _write_files(opened, contents, filename, str(into), twin)
        for told in package.files:
            if blake3().update_mmap(f"{into}/{told.path}").digest() != told.blake3:
                raise InvalidPackage(
                    filename, f"has a file {shown(told.path)} whose BLAKE3 is another", offset=told.start
                )
    return contents, files


def _check_length(opened: MemberReader, archive: Path, size: int) -> None:
    if opened.length != size:
        raise SizeMismatch(opened.filename, expected=size, actual=opened.length, origin=f"`{archive}`")


def _write_files(
    archive: MemberReader, contents: WheelContents, filename: str, into: str, twin: FindTwin
) -> tuple[ManifestFile, ...]:
    for name in contents.top_level:
        if name.lower().startswith(LIST_PREFIX):  # it would be read as what the store says of this wheel
            raise InvalidWheel(filename, f"has a member {shown(name)}, a name that the store keeps for its own lists")
    _make_directories(into, (file.member.name for file in contents.files))
    writer = _Writer(archive, filename, into, twin)
    files = [
        writer.write_small(file) if file.member.size <= CHUNK_BYTES else writer.write_large(file)
        for file in contents.files
    ]
    files.sort()
    return tuple(files)


def _make_directories(into: str, names: Iterable[str]) -> None:
    """Make every directory that a file needs, parents first, each once."""
    known = {""}
    for directory in sorted({name.rpartition("/")[0] for name in names}):
        missing: list[str] = []
        ancestor = directory
        while ancestor not in known:
            known.add(ancestor)
            missing.append(ancestor)
            ancestor = ancestor.rpartition("/")[0]
        for path in reversed(missing):
            try:
                os.mkdir(f"{into}/{path}")
            except FileExistsError:  # a disk that takes `A` and `a` for one; files in them still may not collide
                continue


class _Writer:
    """Writes the files of one wheel. `write_small` is where an unpack spends its time."""

    def __init__(self, archive: MemberReader, filename: str, into: str, twin: FindTwin) -> None:
        self._archive, self._filename, self._into, self._twin = archive, filename, into, twin

    def write_small(self, file: WheelFile) -> ManifestFile:
        """Inflate, check and write a file in one go."""
        member, algorithm, expected = file
        contents = self._archive.read(member)
        sha256 = hashlib.sha256(contents).digest()
        if (sha256 if algorithm == "sha256" else hashlib.new(algorithm, contents).digest()) != expected:
            raise self._wrong_hash(file, hashlib.new(algorithm, contents).hexdigest())
        mtime_ns = self._link(member, sha256, (contents,)) if contents else None
        if mtime_ns is None:
            descriptor = self._create(member)
            try:
                if os.write(descriptor, contents) != member.size:
                    # A nearly full disk takes a part, and says why at the next try.
                    _write_all(descriptor, contents, os.lseek(descriptor, 0, os.SEEK_CUR))
                mtime_ns = os.fstat(descriptor).st_mtime_ns
            finally:
                os.close(descriptor)
        return ManifestFile(member.name, member.size, member.executable, sha256, mtime_ns)

    def write_large(self, file: WheelFile) -> ManifestFile:
        """Inflate and write a file piece by piece, so that memory does not grow with it."""
        member, algorithm, expected = file
        if algorithm == "sha256":
            sha256 = hashlib.sha256()
            mtime_ns = self._link(member, expected, _hashed(self._archive.chunks(member), sha256))
            if mtime_ns is not None:
                if sha256.digest() != expected:
                    raise self._wrong_hash(file, sha256.hexdigest())
                return ManifestFile(member.name, member.size, member.executable, expected, mtime_ns)
        sha256, recorded = hashlib.sha256(), hashlib.new(algorithm)
        hashers = (recorded,) if algorithm == "sha256" else (recorded, sha256)
        descriptor = self._create(member)
        try:
            for chunk in self._archive.chunks(member):
                for hasher in hashers:
                    hasher.update(chunk)
                _write_all(descriptor, chunk, 0)
            mtime_ns = os.fstat(descriptor).st_mtime_ns
        finally:
            os.close(descriptor)
        if recorded.digest() != expected:
            raise self._wrong_hash(file, recorded.hexdigest())
        digest = expected if algorithm == "sha256" else sha256.digest()
        return ManifestFile(member.name, member.size, member.executable, digest, mtime_ns)

    def _link(self, member: Member, sha256: bytes, chunks: Iterable[bytes]) -> int | None:
        """Link the twin of a file, if one is known that has these bytes and permissions; its modification time.

        The bytes are compared one by one: the twin may have been edited since it was said to have this digest.
        """
        twin = self._twin(sha256, member.executable)
        if twin is None:
            return None
        try:
            descriptor = os.open(twin, _OPEN)
            try:
                facts = os.fstat(descriptor)
                if not _is_linkable(facts, member) or not _has(descriptor, chunks):
                    return None
            finally:
                os.close(descriptor)
            os.link(twin, f"{self._into}/{member.name}")
        except OSError:
            return None  # it is gone, or may have no more links; and a full disk says so again when the file is written
        return facts.st_mtime_ns

    def _create(self, member: Member) -> int:
        mode = _READ_ONLY_EXECUTABLE if member.executable else _READ_ONLY
        try:
            return os.open(f"{self._into}/{member.name}", _CREATE, mode)
        except FileExistsError as error:
            reason = f"has a member {member.name!a} whose name this disk cannot tell from another's"
            raise InvalidWheel(self._filename, reason) from error

    def _wrong_hash(self, file: WheelFile, actual: str) -> InvalidWheel:
        member, algorithm, expected = file
        return InvalidWheel(
            self._filename, f"has a member {member.name!a} with {algorithm} {actual}, RECORD says {expected.hex()}"
        )


def _write_all(descriptor: int, data: bytes, written: int) -> None:
    """Write `data` from byte `written` on."""
    while written < len(data):
        written += os.write(descriptor, data[written:] if written else data)


def _hashed(chunks: Iterable[bytes], hasher: hashlib._Hash) -> Iterator[bytes]:
    """`chunks`, each hashed in passing."""
    for chunk in chunks:
        hasher.update(chunk)
        yield chunk


def _is_linkable(facts: os.stat_result, member: Member) -> bool:
    """Whether a file of the store can be a member too: read-only, as executable, as large, not linked too often."""
    return (
        stat.S_ISREG(facts.st_mode)
        and facts.st_mode & _MODE_BITS == (stat.S_IXUSR if member.executable else 0)
        and facts.st_size == member.size
        and facts.st_nlink < MOST_LINKS
    )


def _has(descriptor: int, chunks: Iterable[bytes]) -> bool:
    """Whether the file open as `descriptor` consists of `chunks`, or of those and more."""
    for chunk in chunks:
        done = 0
        while done < len(chunk):
            read = os.read(descriptor, len(chunk) - done)
            if not read or read != chunk[done : done + len(read)]:
                return False
            done += len(read)
    return True
