"""Project pages in the compact form that the cache keeps: quick to open, and files are decoded only when looked at.

A resolution opens hundreds of pages with thousands of versions each and looks at the files of a handful, so opening
reads the list of versions and nothing else. Layout, all integers little-endian:

    header   magic `DXS\x01`, CRC-32 of all that follows, total size, size of the head, number of releases; u32 each
    head     MessagePack: project, index url, base url of relative links, common beginning of links, versions
    table    where each release begins in the blobs, and where the last one ends, u32 each
    blobs    for each release, newest first, a MessagePack array of its files (`FileRow`)

The checksum finds accidents of disks, and is all that is needed: files that a page names are checked by their hashes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from packaging.version import InvalidVersion, Version

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.errors import FormatError

try:
    from isal.isal_zlib import crc32  # five times as fast, same checksum
except ImportError:  # no build of isal for this platform
    from zlib import crc32

__all__ = ["FileRow", "PageRecord", "crc32", "decode_page", "encode_page"]

MAGIC = b"DXS\x01"
WITH_PREFIX = "\0"
"""A link that begins so stands for the page's common beginning; one that ends in `/` goes on with the file's name."""

_HEADER = struct.Struct("<4s4I")
_BOUNDS = struct.Struct("<2I")
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,4})?/[A-Za-z0-9%/:@!$&'()*+,;=~._-]*", re.ASCII)
"""A url that is absolute, allowed and in no need of a second look; nearly all are."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FileRow = tuple[
    str,  # filename
    str,  # url, see WITH_PREFIX
    bytes | None,  # sha256
    dict[str, str] | None,  # digests by other algorithms, hex
    int | None,  # size
    str | None,  # upload time, ISO 8601
    str | None,  # requires-python
    str | None,  # why it is yanked; None: it is not
    dict[str, str] | bytes | None,  # announced metadata: its digests, or only its sha256; None: not announced
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecord:
    """One project page as it came from an index: releases newest first, each with its files in the page's order.

    Versions are normalised text, links not yet made absolute against `base_url`; neither url carries credentials.
    """

    project: ProjectName
    index_url: str
    base_url: str
    prefix: str
    releases: Sequence[tuple[str, Sequence[FileRow]]]


def encode_page(record: PageRecord) -> bytes:
    """The compact form of a page."""
    encode = msgspec.msgpack.Encoder().encode
    versions = "\n".join(version for version, _ in record.releases)
    head = encode((record.project, record.index_url, record.base_url, record.prefix, versions))
    blobs = [encode(rows) for _, rows in record.releases]
    bounds = [0]
    for blob in blobs:
        bounds.append(bounds[-1] + len(blob))
    content = b"".join([head, struct.pack(f"<{len(bounds)}I", *bounds), *blobs])
    rest = struct.pack("<3I", _HEADER.size + len(content), len(head), len(blobs))
    return MAGIC + struct.pack("<I", crc32(content, crc32(rest))) + rest + content


def decode_page(data: bytes | memoryview, *, origin: str) -> ProjectPage:
    """Open a page in its compact form; the files of a version are decoded when it is asked for.

    `origin` names the bytes in errors. Raises FormatError for bytes that are not a whole and undamaged page.
    """
    view = memoryview(data)
    if len(view) < _HEADER.size:
        raise FormatError(origin, f"has {len(view)} bytes, fewer than the header of a compact page")
    magic, checksum, total, head_size, count = _HEADER.unpack_from(view)
    if magic != MAGIC:
        raise FormatError(origin, "is not a compact page", offset=0)
    if total != len(view):
        raise FormatError(origin, f"should have {total} bytes and has {len(view)}", offset=8)
    if crc32(view[8:]) != checksum:
        raise FormatError(origin, "is damaged: its checksum does not match", offset=4)
    table = _HEADER.size + head_size
    blobs = table + 4 * (count + 1)
    if blobs > total:
        raise FormatError(origin, f"has {total} bytes, too few for {count} releases", offset=16)
    try:
        project, index_url, base_url, prefix, joined = _decode_head(view[_HEADER.size : table])
        texts = joined.split("\n") if joined else []
        versions = tuple([_version(text) for text in texts])
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidVersion) as error:
        raise FormatError(origin, f"has a damaged head: {error}", offset=_HEADER.size) from error
    if len(versions) != count:
        raise FormatError(origin, f"has {count} releases and {len(versions)} versions", offset=16)
    releases = _Releases(
        view,
        table=table,
        blobs=blobs,
        texts=texts,
        versions=versions,
        links=_Links(base_url, prefix),
        origin=origin,
    )
    return ProjectPage(ProjectName(project), versions, releases.files, index_url=index_url)


_decode_head = msgspec.msgpack.Decoder(tuple[str, str, str, str, str]).decode
_decode_rows = msgspec.msgpack.Decoder(list[FileRow]).decode
_version = lru_cache(maxsize=131_072)(Version)


class _Releases:
    """The files of a page's releases, decoded one release at a time."""

    __slots__ = ("_blobs", "_links", "_origin", "_places", "_table", "_texts", "_versions", "_view")

    def __init__(
        self,
        view: memoryview,
        *,
        table: int,
        blobs: int,
        texts: list[str],
        versions: tuple[Version, ...],
        links: _Links,
        origin: str,
    ) -> None:
        self._view, self._table, self._blobs, self._links, self._origin = view, table, blobs, links, origin
        self._texts, self._versions = texts, versions
        self._places: dict[str, int] = {}

    def files(self, version: Version) -> tuple[DistributionFile, ...]:
        place = self._place(version)
        if place is None:
            return ()
        start, stop = _BOUNDS.unpack_from(self._view, self._table + 4 * place)
        try:
            rows = _decode_rows(self._view[self._blobs + start : self._blobs + stop])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FormatError(self._origin, f"has a damaged release {version}: {error}") from error
        return tuple([file for row in rows if (file := self._file(row)) is not None])

    def _place(self, version: Version) -> int | None:
        if not self._places and self._texts:
            self._places.update(zip(self._texts, range(len(self._texts)), strict=True))
        place = self._places.get(str(version))
        if place is None and version in self._versions:  # 1.0 asked for, 1.0.0 on the page
            place = self._versions.index(version)
        return place

    def _file(self, row: FileRow) -> DistributionFile | None:
        """The file of a row, or None for one that no installer may touch: an unsafe name, or a link of another kind."""
        filename, link, sha256, others, size, upload_time, requires_python, yanked, metadata = row
        url = self._links.absolute(link, filename)
        if url is None or _FILENAME.fullmatch(filename) is None:
            return None
        return DistributionFile(
            filename=filename,
            url=url,
            hashes=_digests(sha256, others),
            size=size if size is None or size >= 0 else None,
            upload_time=_microseconds(upload_time),
            requires_python=requires_python or "",
            yanked=yanked,
            metadata_hashes=_digests(metadata, None) if isinstance(metadata, bytes) else metadata,
        )


class _Links:
    """Makes links absolute. A page that came over http(s) may only point at http(s), never at local files."""

    __slots__ = ("_base", "_local", "_prefix")

    def __init__(self, base: str, prefix: str) -> None:
        self._base, self._prefix = base, prefix
        self._local = base.startswith("file:")

    def absolute(self, link: str, filename: str) -> str | None:
        if link.startswith(WITH_PREFIX):
            link = self._prefix + link[1:]
        if link.endswith("/"):
            link += filename
        if _PLAIN_URL.fullmatch(link) is not None:
            return link
        try:
            url = urljoin(self._base, link)
            parts = urlsplit(url)
            _ = parts.port  # raises for one that is not a number
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") and not (self._local and parts.scheme == "file"):
            return None
        if parts.scheme != "file" and not parts.hostname:
            return None
        if "@" in parts.netloc:  # credentials on a page are nobody's to send, and must not reach a lock
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        # What may not stand in a request is escaped; what is escaped already stays as it is.
        return quote(parts._replace(fragment="").geturl(), safe="%/:?#[]@!$&'()*+,;=~-._")


def _digests(sha256: bytes | None, others: Mapping[str, str] | None) -> dict[str, str]:
    digests = {} if sha256 is None else {"sha256": sha256.hex()}
    if others:
        digests.update(others)
    return digests


def _microseconds(text: str | None) -> int | None:
    """An upload time in microseconds since 1970 UTC; None for one that is missing or not a time."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
