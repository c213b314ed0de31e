"""A fat DPP package seen as a wheel: the same members, with the RECORD that belongs to them.

Whoever can read a wheel can so read a package, with all of a wheel's checks: `read_package` also compares what the
package says of itself with what its files say, so that it has one meaning.
"""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from dxpy_async.errors import InvalidPackage
from dxpy_async.formats.dpp import DppPackage
from dxpy_async.formats.members import STORED, Member, MemberReader, name_problem, shown
from dxpy_async.formats.record import format_record
from dxpy_async.formats.wheel import WheelContents, read_wheel
from dxpy_async.formats.zip_writer import ZipWriter


class DppArchive(MemberReader):
    """The members of an open fat package, which errors call `filename`. Raises InvalidPackage for a thin one."""

    def __init__(self, package: DppPackage, filename: str) -> None:
        super().__init__(package.content.data, filename)
        package.require_fat()
        path = f"{package.identity.dist_info}/RECORD"
        rows = [
            (file.path, "sha256", urlsafe_b64encode(file.sha256).rstrip(b"=").decode(), file.size)
            for file in package.files
        ]
        self.record = format_record([*rows, (path, "", "", None)])
        self._record_member = Member(
            path, STORED, len(self.record), zlib.crc32(self.record), False, 0, len(self.record)
        )
        if package.file(path) is not None:
            raise self._refused(f"has a file {shown(path)}, which packages leave out")
        self.members = (*[file.member for file in package.files], self._record_member)

    def read(self, member: Member) -> bytes:
        return self.record if member is self._record_member else super().read(member)

    def chunks(self, member: Member) -> Iterator[bytes]:
        return iter((self.record,)) if member is self._record_member else super().chunks(member)

    def stored(self, member: Member) -> Iterator[bytes]:
        return iter((self.record,)) if member is self._record_member else super().stored(member)

    def _refused(self, reason: str, offset: int | None = None) -> InvalidPackage:
        return InvalidPackage(self.filename, reason, offset=offset)


def read_package(package: DppPackage, filename: str) -> tuple[DppArchive, WheelContents]:
    """Understand an open fat package called `filename` as a wheel.

    Raises InvalidWheel for what a wheel may not be either, and InvalidPackage when its metadata and its files disagree.
    Its dependencies are not compared: that needs the parser of requirements, and whoever resolves has it.
    """
    archive = DppArchive(package, filename)
    contents, identity = read_wheel(archive, filename), package.identity
    told: Mapping[str, object] = identity._asdict()
    for field in ("name", "version", "root_is_purelib", "dist_info", "data", "entry_points", "top_level", "tags"):
        if told[field] != getattr(contents, field):
            raise InvalidPackage(
                filename,
                f"says that its {field.replace('_', '-')} is {shown(str(told[field]))}, "
                f"but its files say {shown(str(getattr(contents, field)))}",
            )
    if package.read(f"{contents.dist_info}/METADATA") != package.core_metadata:
        raise InvalidPackage(filename, "has two METADATA that differ")
    return archive, contents


def write_wheel(package: DppPackage, out: BinaryIO) -> None:
    """Write the wheel that a fat package was made from, or one with the same files, to an empty file.

    The bytes depend on the package alone. Raises InvalidPackage and InvalidWheel when anything in it is damaged.
    """
    archive, contents = read_package(package, wheel_filename(package))
    package.check()
    writer = ZipWriter(out)
    in_metadata = f"{contents.dist_info}/"
    # The specification wants the metadata at the end of the archive; RECORD, which lists all others, is last here.
    ordered = sorted(archive.members[:-1], key=lambda member: (member.name.startswith(in_metadata), member.name))
    for member in (*ordered, archive.members[-1]):
        writer.add(member, archive.stored(member))
    writer.finish()


def wheel_filename(package: DppPackage) -> str:
    """The file name of the wheel that a package was made from. Raises InvalidPackage when it is not one."""
    filename = package.identity.filename
    if not filename.endswith(".whl") or "/" in filename or name_problem(filename) is not None:
        raise InvalidPackage(package.content.file, f"was not made from a wheel, but from {shown(filename)}")
    return filename
