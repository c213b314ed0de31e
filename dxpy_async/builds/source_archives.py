"""Unpacking an sdist so that nothing of it lands, or leads, outside of the directory it is given.

An sdist is a gzipped tar archive with one directory at its top; older ones are zip, bzip2, xz or plain tar archives.
Python's `tarfile` reads the headers; which members are taken is decided here, with the rules of tar's `data` filter and
stricter ones, because that filter was bypassed more than once:

- links are made last, so that nothing is ever written through one; a symbolic link leads, not by way of another link,
  to something below the top directory, and a hard link to a file that was unpacked before it;
- devices, FIFOs and sparse files are refused, as is a name that comes twice or leaves the root;
- a file keeps its time, which build systems compare, and of its mode only whether it is executable;
- the archive is read to its end, so that the compression's checksum is checked, and nothing but zeros may follow.

Source: https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-archive-features
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import posixpath
import tarfile
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from dxpy_async.core.limits import ARCHIVE_BYTES, ARCHIVE_MEMBERS, INFLATE_RATIO, UNPACKED_BYTES
from dxpy_async.errors import InvalidSourceArchive, InvalidWheel
from dxpy_async.formats.members import name_problem, shown
from dxpy_async.formats.zip_archive import ZipArchive

_CHUNK = 256 * 1024
_HEADER_BYTES = 16 * 1024**2
"""The longest header that is read at once; names and comments are in them."""
_RATIO_FLOOR = 256 * 1024**2
"""Below this size an archive may shrink to whatever it likes."""
_LATEST = 2**33
"""The latest time of a file, in seconds since 1970."""
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_STREAM_ERRORS = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


class Readable(Protocol):
    """What is read from the beginning to the end."""

    def read(self, size: int, /) -> bytes: ...


def unpack_source_archive(archive: Path, filename: str, into: Path) -> Path:
    """Unpack the source archive at `archive`, called `filename`, below the empty directory `into`; its top directory.

    Raises InvalidSourceArchive, and OSError for what cannot be read or written; then `into` holds a part of it.
    """
    size = archive.stat().st_size
    if size > ARCHIVE_BYTES:
        raise InvalidSourceArchive(filename, f"has {size} bytes, an archive may have {ARCHIVE_BYTES}")
    if filename.lower().endswith(".zip"):
        names = _unpack_zip(archive, filename, str(into))
    else:
        with _decompressed(archive, filename) as stream:
            names = _TarUnpacker(stream, filename, size, str(into)).unpack()
    tops = sorted({name.partition("/")[0] for name in names})
    if len(tops) != 1 or not (into / tops[0]).is_dir():
        found = ", ".join(shown(top) for top in tops[:5]) or "nothing"
        raise InvalidSourceArchive(filename, f"has not one directory at its top, but {found}")
    return into / tops[0]


def _unpack_zip(archive: Path, filename: str, into: str) -> list[str]:
    try:
        with ZipArchive.open(archive, filename) as opened:
            for member in opened.members:
                path = os.path.join(into, member.name)
                if member.is_directory:
                    os.makedirs(path, exist_ok=True)
                    continue
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with _created(path, filename, executable=member.executable) as file:
                    for chunk in opened.chunks(member):
                        file.write(chunk)
            return [member.name for member in opened.members]
    except InvalidWheel as error:
        raise InvalidSourceArchive(filename, error.reason, offset=error.offset) from error


@contextmanager
def _decompressed(archive: Path, filename: str) -> Iterator[Readable]:
    """The tar archive inside, by what the file begins with, whatever its name says."""
    with open(archive, "rb") as file:
        start = file.read(6)
        file.seek(0)
        if start.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file, mode="rb") as stream:
                yield stream
        elif start.startswith(b"BZh"):
            with bz2.BZ2File(file) as stream:
                yield stream
        elif start == b"\xfd7zXZ\0":
            with lzma.LZMAFile(file) as stream:
                yield stream
        elif filename.lower().endswith(".tar"):
            yield file
        else:
            raise InvalidSourceArchive(filename, "is neither a gzip, bzip2 nor xz archive")


class _Bounded(io.RawIOBase):
    """A stream that is read forwards only, and not without end."""

    def __init__(self, stream: Readable, filename: str, most: int) -> None:
        self._stream, self._filename, self._most = stream, filename, most
        self._position = 0
        self.last = b""
        """What was read last: the header that `tarfile` took for the end, which it does with a damaged one too."""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER_BYTES:
            raise InvalidSourceArchive(self._filename, f"has a header of more than {_HEADER_BYTES} bytes")
        try:
            data = self._stream.read(size)
        except (OSError, *_STREAM_ERRORS) as error:
            raise InvalidSourceArchive(self._filename, f"is damaged: {error}", offset=self._position) from error
        self._position += len(data)
        if self._position > self._most:
            raise InvalidSourceArchive(self._filename, f"unpacks to more than {self._most} bytes")
        self.last = data
        return data

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or place < self._position:
            raise InvalidSourceArchive(self._filename, "is damaged: its parts overlap", offset=self._position)
        while self._position < place and self.read(min(_CHUNK, place - self._position)):
            pass
        return self._position

    def tell(self) -> int:
        return self._position


class _TarUnpacker:
    """One tar archive while it is unpacked. `size` is that of the compressed archive."""

    def __init__(self, stream: Readable, filename: str, size: int, into: str) -> None:
        most = min(UNPACKED_BYTES, max(_RATIO_FLOOR, size * INFLATE_RATIO))
        self._stream, self._filename, self._into = _Bounded(stream, filename, most), filename, into
        self._names: list[str] = []
        self._files: set[str] = set()
        self._directories: set[str] = {""}
        self._links: dict[str, str] = {}

    def unpack(self) -> list[str]:
        """Write all members; their names, those of directories with `/` at the end."""
        try:
            # no encoding errors: a name that is not UTF-8 is refused with all others that are not plain
            with tarfile.open(fileobj=self._stream, mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
                kept: list[tarfile.TarInfo] = archive.__dict__["members"]
                while (member := archive.next()) is not None:
                    kept.clear()  # for reading backwards, which nobody does; half a million of them take memory
                    self._take(member)
            self._check_rest()
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise self._refused(f"is not a tar archive that can be read: {error}") from error
        self._make_links()
        return self._names

    def _take(self, member: tarfile.TarInfo) -> None:
        name = self._name(member)
        if not name:
            return  # the root itself, which some archives list
        if len(self._names) >= ARCHIVE_MEMBERS:
            raise self._refused(f"has more than {ARCHIVE_MEMBERS} members")
        self._make_directories(posixpath.dirname(name) if not member.isdir() else name, name)
        if member.isdir():
            self._names.append(f"{name}/")
            return
        if name in self._files or name in self._links or name in self._directories:
            raise self._refused(f"has two members named {shown(name)}")
        self._names.append(name)
        if member.type in _FILES and not member.issparse():
            self._write(member, name)
        elif member.islnk():
            self._link(name, self._plain(member.linkname))
        elif member.issym():
            self._links[name] = member.linkname
        else:
            raise self._refused(f"has a member {shown(name)} that is neither a file, a directory nor a link")

    def _name(self, member: tarfile.TarInfo) -> str:
        name = self._plain(member.name)
        try:
            problem = name_problem(name) if name else None
        except UnicodeEncodeError:
            problem = "is not UTF-8"
        if problem is not None:
            raise self._refused(f"has a member {shown(name)} whose name {problem}")
        return name

    @staticmethod
    def _plain(name: str) -> str:
        while name.startswith("./"):
            name = name[2:].lstrip("/")
        return "" if name == "." else name.rstrip("/")

    def _make_directories(self, directory: str, name: str) -> None:
        missing = []
        while directory not in self._directories:
            if directory in self._files or directory in self._links:
                raise self._refused(f"has a member {shown(name)} below another that is not a directory")
            missing.append(directory)
            directory = posixpath.dirname(directory)
        for path in reversed(missing):
            os.mkdir(os.path.join(self._into, path))
            self._directories.add(path)

    def _write(self, member: tarfile.TarInfo, name: str) -> None:
        path = os.path.join(self._into, name)
        self._stream.seek(member.offset_data)
        left = member.size
        with _created(path, self._filename, executable=bool(member.mode & 0o100)) as file:
            while left:
                chunk = self._stream.read(min(_CHUNK, left))
                if not chunk:
                    raise self._refused(f"ends in the middle of {shown(name)}")
                file.write(chunk)
                left -= len(chunk)
        time = min(max(member.mtime, 0), _LATEST)
        os.utime(path, (time, time))
        self._files.add(name)

    def _link(self, name: str, target: str) -> None:
        if target not in self._files:
            raise self._refused(f"has a hard link {shown(name)} to {shown(target)}, which is no file before it")
        os.link(os.path.join(self._into, target), os.path.join(self._into, name), follow_symlinks=False)
        self._files.add(name)

    def _make_links(self) -> None:
        links = frozenset(map(_folded, self._links))
        for name, target in self._links.items():
            self._check_target(name, target, links)
        for name, target in self._links.items():
            os.symlink(target, os.path.join(self._into, name))

    def _check_target(self, name: str, target: str, links: frozenset[str]) -> None:
        """Walk to the target of a symbolic link, part by part; only its last part may be one of `links` itself."""
        top = name.partition("/")[0]
        place = posixpath.dirname(name).split("/") if "/" in name else []
        parts = target.split("/")
        leaves = not target or target.startswith("/") or "\\" in target or "\0" in target
        for part in parts:
            if _folded("/".join(place)) in links:
                raise self._refused(f"has a link {shown(name)} that leads through another")
            if part == "..":
                leaves = leaves or not place
                del place[-1:]
            elif part not in ("", "."):
                place.append(part)
        if leaves or place[:1] != [top]:
            raise self._refused(f"has a link {shown(name)} that leads out of it, to {shown(target)}")

    def _check_rest(self) -> None:
        if self._stream.last.strip(b"\0"):
            raise self._refused("has a damaged header")
        while chunk := self._stream.read(_CHUNK):
            if chunk.strip(b"\0"):
                raise self._refused("goes on after its end")

    def _refused(self, reason: str) -> InvalidSourceArchive:
        return InvalidSourceArchive(self._filename, reason)


def _folded(name: str) -> str:
    """`name` as a disk may take it that does not tell cases or Unicode forms apart."""
    return unicodedata.normalize("NFC", name).casefold()


@contextmanager
def _created(path: str, filename: str, *, executable: bool) -> Iterator[IO[bytes]]:
    """A new file; the system's own word is not enough where the disk takes two names for one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags, 0o755 if executable else 0o644)
    except FileExistsError as error:
        name = os.path.basename(path)
        raise InvalidSourceArchive(filename, f"has a file {shown(name)} that this disk takes for another") from error
    with open(descriptor, "wb") as file:
        yield file
