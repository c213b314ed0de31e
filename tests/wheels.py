"""Real wheels for tests, made on the spot: correct ones with `build_wheel`, broken ones part by part.

A broken wheel is a correct one with one thing changed: take `wheel_members`, change the mapping, then `write_wheel` it
(`record=False` keeps a RECORD of one's own); for faults of the ZIP format itself, build its bytes with `zip_bytes`.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Contents = bytes | str

STORED, DEFLATED = 0, 8
REGULAR, EXECUTABLE, SYMLINK, DIRECTORY = 0o100644, 0o100755, 0o120777, 0o040755


def build_wheel(
    directory: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, Contents] | None = None,
    requires: Sequence[str] = (),
    requires_python: str = "",
    extras: Sequence[str] = (),
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    tags: str = "py3-none-any",
    build: str = "",
    data: Mapping[str, Contents] | None = None,
    metadata: Sequence[str] = (),
    root_is_purelib: bool = True,
    executable: Iterable[str] = (),
) -> Path:
    """Write a correct wheel into `directory` and give its path.

    `files` maps member names to contents (default: one module with the version in it); `data` maps names below the
    `.data` directory, such as `scripts/tool`; `entry_points` maps group to name to object reference; `metadata` are
    further lines of METADATA; `executable` names members that get the executable bit.
    """
    members = wheel_members(
        name,
        version,
        files=files,
        requires=requires,
        requires_python=requires_python,
        extras=extras,
        entry_points=entry_points,
        tags=tags,
        build=build,
        data=data,
        metadata=metadata,
        root_is_purelib=root_is_purelib,
    )
    directory.mkdir(parents=True, exist_ok=True)
    return write_wheel(
        directory / wheel_filename(name, version, tags=tags, build=build), members, executable=executable
    )


def escaped(name: str) -> str:
    """A project's name as it stands in file names."""
    return name.replace("-", "_").replace(".", "_").lower()


def wheel_filename(name: str, version: str, *, tags: str = "py3-none-any", build: str = "") -> str:
    parts = [escaped(name), version, *([build] if build else []), tags]
    return "-".join(parts) + ".whl"


def wheel_members(
    name: str,
    version: str,
    *,
    files: Mapping[str, Contents] | None = None,
    requires: Sequence[str] = (),
    requires_python: str = "",
    extras: Sequence[str] = (),
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    tags: str = "py3-none-any",
    build: str = "",
    data: Mapping[str, Contents] | None = None,
    metadata: Sequence[str] = (),
    root_is_purelib: bool = True,
) -> dict[str, bytes]:
    """The members of a correct wheel without its RECORD, by name, in the order they are written."""
    base = f"{escaped(name)}-{version}"
    dist_info = f"{base}.dist-info"
    if files is None:
        files = {f"{escaped(name)}/__init__.py": f"__version__ = {version!r}\n"}
    members = {path: as_bytes(contents) for path, contents in files.items()}
    members.update({f"{base}.data/{path}": as_bytes(contents) for path, contents in (data or {}).items()})
    headers = [
        "Metadata-Version: 2.3",
        f"Name: {name}",
        f"Version: {version}",
        *([f"Requires-Python: {requires_python}"] if requires_python else []),
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
        *metadata,
    ]
    members[f"{dist_info}/METADATA"] = as_bytes("\n".join(headers) + "\n\nA package for tests.\n")
    pythons, abi, platform = tags.split("-")
    wheel = [
        "Wheel-Version: 1.0",
        "Generator: tests (1.0)",
        f"Root-Is-Purelib: {'true' if root_is_purelib else 'false'}",
        *(
            f"Tag: {python}-{a}-{p}"
            for python in pythons.split(".")
            for a in abi.split(".")
            for p in platform.split(".")
        ),
        *([f"Build: {build}"] if build else []),
    ]
    members[f"{dist_info}/WHEEL"] = as_bytes("\n".join(wheel) + "\n")
    if entry_points:
        sections = (
            f"[{group}]\n" + "".join(f"{entry} = {reference}\n" for entry, reference in entries.items())
            for group, entries in entry_points.items()
        )
        members[f"{dist_info}/entry_points.txt"] = as_bytes("\n".join(sections))
    return members


def write_wheel(
    path: Path,
    members: Mapping[str, Contents],
    *,
    record: bool = True,
    executable: Iterable[str] = (),
    method: int = DEFLATED,
) -> Path:
    """Write `members` as a wheel; `record` adds the RECORD that fits them beside their METADATA."""
    everything = {name: as_bytes(contents) for name, contents in members.items()}
    if record:
        dist_info = next(name.partition("/")[0] for name in everything if name.partition("/")[0].endswith(".dist-info"))
        everything[f"{dist_info}/RECORD"] = record_of(everything, dist_info)
    marked = frozenset(executable)
    path.write_bytes(
        zip_bytes(
            Member(name, contents, method=method, mode=EXECUTABLE if name in marked else REGULAR)
            for name, contents in everything.items()
        )
    )
    return path


def record_of(members: Mapping[str, Contents], dist_info: str) -> bytes:
    """The RECORD of `members`: sha256 and size of each, its own row without either."""
    rows = [record_row(name, as_bytes(contents)) for name, contents in members.items() if not name.endswith("/")]
    return ("".join(rows) + f"{dist_info}/RECORD,,\n").encode()


def record_row(name: str, contents: bytes, algorithm: str = "sha256") -> str:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, contents).digest()).rstrip(b"=").decode()
    quoted = f'"{name}"' if "," in name else name
    return f"{quoted},{algorithm}={digest},{len(contents)}\n"


def as_bytes(contents: Contents) -> bytes:
    return contents.encode() if isinstance(contents, str) else contents


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex, as an index gives it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(kw_only=True)
class Fields:
    """The fields that a member has twice, in its local header and in the central directory; None means the truth."""

    name: bytes | None = None
    flags: int | None = None
    method: int | None = None
    crc: int | None = None
    compressed: int | None = None
    size: int | None = None
    extra: bytes = b""
    version_needed: int = 20


@dataclass
class Member:
    """One member of a ZIP archive, honest unless told otherwise.

    `local` and `central` change what the two headers say; `descriptor` writes sizes and CRC after the data instead of
    before (`descriptor_bytes` replaces it); `junk` are bytes between the member and the next.
    """

    name: str
    contents: bytes = b""
    method: int = DEFLATED
    mode: int = REGULAR
    local: Fields = field(default_factory=Fields)
    central: Fields = field(default_factory=Fields)
    payload: bytes | None = None
    descriptor: bool = False
    descriptor_bytes: bytes | None = None
    junk: bytes = b""
    system: int = 3
    external: int | None = None
    hidden: bool = False
    """Left out of the central directory."""
    offset: int | None = None
    """What the central directory says of where the local header is; None means the truth."""


@dataclass(kw_only=True)
class End:
    """What the end record says; None means the truth."""

    count: int | None = None
    total: int | None = None
    size: int | None = None
    offset: int | None = None
    disk: int = 0
    comment: bytes = b""
    comment_length: int | None = None
    zip64: bool = False
    zip64_record: bytes | None = None
    zip64_locator_offset: int | None = None


def deflate(contents: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return compressor.compress(contents) + compressor.flush()


def zip_bytes(members: Iterable[Member], *, end: End | None = None, prefix: bytes = b"", suffix: bytes = b"") -> bytes:
    """The bytes of a ZIP archive with these members, between `prefix` and `suffix`."""
    out, directory, count = bytearray(prefix), bytearray(), 0
    for member in members:
        offset = len(out)
        payload = _payload(member)
        out += _local_header(member, payload)
        out += payload
        if member.descriptor:
            descriptor = member.descriptor_bytes
            if descriptor is None:
                descriptor = struct.pack("<4s3I", b"PK\x07\x08", _crc(member), len(payload), len(member.contents))
            out += descriptor
        out += member.junk
        if not member.hidden:
            directory += _central_header(member, payload, offset if member.offset is None else member.offset)
            count += 1
    start = len(out)
    out += directory
    out += _end_records(end or End(), count, start, len(directory))
    return bytes(out + suffix)


def _payload(member: Member) -> bytes:
    if member.payload is not None:
        return member.payload
    return deflate(member.contents) if member.method == DEFLATED else member.contents


def _crc(member: Member) -> int:
    return zlib.crc32(member.contents)


def _said(value: int | None, truth: int) -> int:
    return truth if value is None else value


def _local_header(member: Member, payload: bytes) -> bytes:
    says = member.local
    name = member.name.encode() if says.name is None else says.name
    return (
        struct.pack(
            "<4s5H3I2H",
            b"PK\x03\x04",
            says.version_needed,
            _said(says.flags, _flags(member)),
            _said(says.method, member.method),
            0,
            0x21,
            _said(says.crc, 0 if member.descriptor else _crc(member)),
            _said(says.compressed, 0 if member.descriptor else len(payload)),
            _said(says.size, 0 if member.descriptor else len(member.contents)),
            len(name),
            len(says.extra),
        )
        + name
        + says.extra
    )


def _central_header(member: Member, payload: bytes, offset: int) -> bytes:
    says = member.central
    name = member.name.encode() if says.name is None else says.name
    return (
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02",
            member.system << 8 | 20,
            says.version_needed,
            _said(says.flags, _flags(member)),
            _said(says.method, member.method),
            0,
            0x21,
            _said(says.crc, _crc(member)),
            _said(says.compressed, len(payload)),
            _said(says.size, len(member.contents)),
            len(name),
            len(says.extra),
            0,
            0,
            0,
            _said(member.external, member.mode << 16),
            offset,
        )
        + name
        + says.extra
    )


def _flags(member: Member) -> int:
    return (0 if member.name.isascii() else 0x800) | (0x8 if member.descriptor else 0)


def _end_records(end: End, count: int, start: int, size: int) -> bytes:
    records = b""
    if end.zip64:
        record = end.zip64_record
        if record is None:
            record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
        locator = start + size if end.zip64_locator_offset is None else end.zip64_locator_offset
        records = record + struct.pack("<4sIQI", b"PK\x06\x07", 0, locator, 1)
    return (
        records
        + struct.pack(
            "<4s4H2IH",
            b"PK\x05\x06",
            end.disk,
            end.disk,
            _said(end.count, 0xFFFF if end.zip64 else count),
            _said(end.total, 0xFFFF if end.zip64 else count),
            _said(end.size, 0xFFFFFFFF if end.zip64 else size),
            _said(end.offset, 0xFFFFFFFF if end.zip64 else start),
            _said(end.comment_length, len(end.comment)),
        )
        + end.comment
    )
