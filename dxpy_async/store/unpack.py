"""Unpacking a wheel or a fat DPP: every file written once and hashed in passing, in a loop that does nothing else.

The caller gives an empty directory of its own. Nothing is written before the whole archive and its RECORD have been
understood, and nothing is kept when a digest turns out wrong.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from blake3 import blake3

from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.errors import InvalidPackage, InvalidWheel, SizeMismatch
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_archive import read_package
from dxpy_async.formats.members import CHUNK_BYTES, Member, MemberReader, shown
from dxpy_async.formats.wheel import WheelContents, WheelFile, read_wheel
from dxpy_async.formats.zip_archive import ZipArchive
from dxpy_async.store.failures import store_error

_CREATE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)  # fmt: skip
_READ_ONLY, _READ_ONLY_EXECUTABLE = 0o444, 0o555


def unpack_wheel(
    archive: Path,
    filename: str,
    into: Path,
    *,
    sha256: str,
    blake3: str,
    size: int,
) -> Manifest:
    """Write the files of the wheel or DPP at `archive` below the empty directory `into`, and say what they are.

    The files are made read-only. `filename` is the wheel's own name, whatever `archive` is called; the hashes (hex) and
    size are the archive's, and are taken as already checked. Raises InvalidWheel, InvalidPackage, SizeMismatch, and
    StoreError when a file cannot be written; then `into` holds a part of the wheel and must be removed.
    """
    try:
        if filename.endswith(".dpp"):
            contents, files = _unpack_package(archive, filename, into, size)
        else:
            with ZipArchive.open(archive, filename) as opened:
                _check_length(opened, archive, size)
                contents = read_wheel(opened, filename)
                files = _write_files(opened, contents, filename, str(into))
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
    archive: Path, filename: str, into: Path, size: int
) -> tuple[WheelContents, tuple[ManifestFile, ...]]:
    with DppPackage.open(archive, verify=Verify.EVERYTHING, name=filename) as package:
        opened, contents = read_package(package, filename)
        _check_length(opened, archive, size)
        files = _write_files(opened, contents, filename, str(into))
        promised = {file.path: file for file in package.files}
        for written in files:
            told = promised[written.path]
            if written.blake3 != told.blake3:
                raise InvalidPackage(
                    filename, f"has a file {shown(told.path)} whose BLAKE3 is another", offset=told.start
                )
    return contents, files


def _check_length(opened: MemberReader, archive: Path, size: int) -> None:
    if opened.length != size:
        raise SizeMismatch(opened.filename, expected=size, actual=opened.length, origin=f"`{archive}`")


def _write_files(archive: MemberReader, contents: WheelContents, filename: str, into: str) -> tuple[ManifestFile, ...]:
    _make_directories(into, (file.member.name for file in contents.files))
    writer = _Writer(archive, filename, into)
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

    def __init__(self, archive: MemberReader, filename: str, into: str) -> None:
        self._archive, self._filename, self._into = archive, filename, into

    def write_small(self, file: WheelFile) -> ManifestFile:
        """Inflate, check and write a file in one go."""
        member, algorithm, expected = file
        contents = self._archive.read(member)
        sha256 = hashlib.sha256(contents).digest()
        if (sha256 if algorithm == "sha256" else hashlib.new(algorithm, contents).digest()) != expected:
            raise self._wrong_hash(file, hashlib.new(algorithm, contents).hexdigest())
        descriptor = self._create(member)
        try:
            if os.write(descriptor, contents) != member.size:
                # A nearly full disk takes a part, and says why at the next try.
                _write_all(descriptor, contents, os.lseek(descriptor, 0, os.SEEK_CUR))
            mtime_ns = os.fstat(descriptor).st_mtime_ns
        finally:
            os.close(descriptor)
        return ManifestFile(member.name, member.size, member.executable, sha256, blake3(contents).digest(), mtime_ns)

    def write_large(self, file: WheelFile) -> ManifestFile:
        """Inflate and write a file piece by piece, so that memory does not grow with it."""
        member, algorithm, expected = file
        sha256, recorded, blake = hashlib.sha256(), hashlib.new(algorithm), blake3()
        hashers = (recorded, blake) if algorithm == "sha256" else (recorded, blake, sha256)
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
        return ManifestFile(member.name, member.size, member.executable, digest, blake.digest(), mtime_ns)

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
