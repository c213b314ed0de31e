"""Project pages in the compact form that the cache keeps: quick to make, quick to open, files decoded when looked at.

A resolution opens hundreds of pages with thousands of files each and looks at the files of a handful of versions. So
files stay the JSON text that the index sent, sorted into their releases and deflated; opening reads the list of
versions and nothing else. (Taking every file apart when the page comes was twice the work, nearly all of it for
nothing.) Layout, all integers little-endian:

    header   magic `DXS\x04`, CRC-32 of all that follows up to the blobs, total size, size of the head, number of
             releases; u32 each
    head     MessagePack: project, index url, base url of relative links, versions
    keys     the packed keys of the versions, oldest first, 16 bytes each, most significant byte first
    table    where each release begins in the blobs, and where the last one ends; the CRC-32 of each; u32 each
    blobs    for each release, newest first, a JSON array of its files (`ListedFile`): `J` and the text, or `D` and the
             text deflated, where that is shorter

The checksums find accidents of disks, and are all that is needed: files that a page names are checked by their hashes.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from packaging.version import InvalidVersion, Version

from dxpy_async.core.dataclass import dataclass, from_rows
from dxpy_async.core.limits import PAGE_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.core.packed_versions import PACKED_KEY_BYTES, key_table
from dxpy_async.core.releases import DistributionFile, LazyVersions, ProjectPage
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_page_layout import HEADER, MAGIC, page_identity

try:  # five times as fast
    from isal import isal_zlib as deflating

    _LEVEL = 0
except ImportError:  # no build of isal for this platform
    import zlib as deflating  # type: ignore[no-redef]

    _LEVEL = 1

__all__ = ["ListedFile", "PageRecord", "crc32", "decode_page", "encode_page", "map_page", "parsed_version"]

_BOUNDS = struct.Struct("<2I")
_WORD = struct.Struct("<I")
_RAW_DEFLATE = -15
_RELEASE_ERRORS: tuple[type[Exception], ...] = (  # type: ignore[assignment]
    deflating.error,
    zlib.error,
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
)
_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[1-5]?\d{1,4})?/[A-Za-z0-9%/:@!$&'()*+,;=~._-]*", re.ASCII)
"""A url that is absolute, allowed and in no need of a second look; nearly all are."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

crc32: Callable[[bytes | memoryview, int], int] = deflating.crc32


class ListedFile(msgspec.Struct, omit_defaults=True, gc=False):
    """One file as a page lists it. `url` may be relative; `yanked` is a reason, or whether it is at all."""

    filename: str
    url: str
    hashes: dict[str, str] | None = None
    size: int | None = None
    upload_time: str | None = msgspec.field(default=None, name="upload-time")
    requires_python: str | None = msgspec.field(default=None, name="requires-python")
    yanked: bool | str | None = None
    core_metadata: bool | dict[str, str] | None = msgspec.field(default=None, name="core-metadata")
    dist_info_metadata: bool | dict[str, str] | None = msgspec.field(default=None, name="dist-info-metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRecord:
    """One project page as it came from an index: releases newest first, each with its files in the page's order.

    Versions are normalised text; a file is the JSON text of a `ListedFile`, whose link is not yet made absolute against
    `base_url`. Neither url carries credentials.
    """

    project: ProjectName
    index_url: str
    base_url: str
    releases: Sequence[tuple[str, Sequence[bytes | msgspec.Raw]]]


def encode_page(record: PageRecord) -> bytes:
    """The compact form of a page."""
    encode = msgspec.msgpack.Encoder().encode
    versions = "\n".join(version for version, _ in record.releases)
    head = encode((record.project, record.index_url, record.base_url, versions))
    blobs = [_packed(b"[" + b",".join(files) + b"]") for _, files in record.releases]
    bounds = [0]
    for blob in blobs:
        bounds.append(bounds[-1] + len(blob))
    keys = key_table(parsed_version(version) for version, _ in reversed(record.releases))
    table = struct.pack(f"<{2 * len(blobs) + 1}I", *bounds, *[crc32(blob, 0) for blob in blobs])
    size = HEADER.size + len(head) + len(keys) + len(table) + bounds[-1]
    start = b"".join([struct.pack("<3I", size, len(head), len(blobs)), head, keys, table])
    return b"".join([MAGIC, struct.pack("<I", crc32(start, 0)), start, *blobs])


def decode_page(data: bytes | memoryview, *, origin: str) -> ProjectPage:
    """Open a page in its compact form; the files of a version are decoded when it is asked for.

    `origin` names the bytes in errors. Raises FormatError for bytes that are not a whole and undamaged page.
    """
    page, releases = _open(data, origin)
    releases.verify()
    return page


def map_page(data: memoryview, *, origin: str) -> ProjectPage:
    """Open a page in a file that is mapped: what is not looked at is not even read, nor checked.

    Raises FormatError as `decode_page` does for the start of the page; the page does so later for its releases.
    """
    return _open(data, origin)[0]


def _open(data: bytes | memoryview, origin: str) -> tuple[ProjectPage, _Releases]:
    view = memoryview(data)
    if len(view) < HEADER.size:
        raise FormatError(origin, f"has {len(view)} bytes, fewer than the header of a compact page")
    magic, checksum, total, head_size, count = HEADER.unpack_from(view)
    if magic != MAGIC:
        raise FormatError(origin, "is not a compact page", offset=0)
    if total != len(view):
        raise FormatError(origin, f"should have {total} bytes and has {len(view)}", offset=8)
    keys = HEADER.size + head_size
    table = keys + PACKED_KEY_BYTES * count
    blobs = table + 4 * (2 * count + 1)
    if blobs > total:
        raise FormatError(origin, f"has {total} bytes, too few for {count} releases", offset=16)
    if crc32(view[8:blobs], 0) != checksum:
        raise FormatError(origin, "is damaged: its checksum does not match", offset=4)
    try:
        project, index_url, base_url, joined = _decode_head(view[HEADER.size : keys])
        texts = joined.split("\n") if joined else []
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FormatError(origin, f"has a damaged head: {error}", offset=HEADER.size) from error
    if len(texts) != count:
        raise FormatError(origin, f"has {count} releases and {len(texts)} versions", offset=16)

    def parse(text: str) -> Version:
        try:
            return parsed_version(text)
        except InvalidVersion as error:
            raise FormatError(origin, f"has a version that is none: {error}", offset=HEADER.size) from error

    versions = LazyVersions(texts, parse)
    releases = _Releases(
        view,
        table=table,
        blobs=blobs,
        texts=texts,
        versions=versions,
        links=_Links(base_url),
        origin=origin,
    )
    page = ProjectPage(
        ProjectName(project),
        versions,
        releases.files,
        index_url=index_url,
        keys=bytes(view[keys:table]),
        identity=page_identity(view),
    )
    return page, releases


_decode_head = msgspec.msgpack.Decoder(tuple[str, str, str, str]).decode
_decode_files = msgspec.json.Decoder(list[ListedFile]).decode
parsed_version = lru_cache(maxsize=131_072)(Version)
"""A version, which many projects have."""


class _Releases:
    """The files of a page's releases, decoded one release at a time."""

    __slots__ = ("_blobs", "_decoded", "_links", "_origin", "_places", "_table", "_texts", "_versions", "_view")

    def __init__(
        self,
        view: memoryview,
        *,
        table: int,
        blobs: int,
        texts: list[str],
        versions: LazyVersions,
        links: _Links,
        origin: str,
    ) -> None:
        self._view, self._table, self._blobs, self._links, self._origin = view, table, blobs, links, origin
        self._texts, self._versions = texts, versions
        self._places: dict[str, int] = {}
        self._decoded: dict[int, tuple[DistributionFile, ...]] = {}

    def files(self, version: Version) -> tuple[DistributionFile, ...]:
        place = self._place(version)
        if place is None:
            return ()
        files = self._decoded.get(place)
        if files is None:
            files = self._decoded[place] = self._decode(place)
        return files

    def _decode(self, place: int) -> tuple[DistributionFile, ...]:
        blob = self._blob(place)
        try:
            listed = _decode_files(_unpacked(blob))
        except _RELEASE_ERRORS as error:
            raise FormatError(self._origin, f"has an invalid file of {self._texts[place]}: {error}") from error
        return tuple(from_rows(DistributionFile, self._rows(listed)))

    def verify(self) -> None:
        """Raises FormatError when anything is damaged."""
        for place in range(len(self._texts)):
            self._blob(place)

    def _blob(self, place: int) -> memoryview:
        start, stop = _BOUNDS.unpack_from(self._view, self._table + 4 * place)
        (checksum,) = _WORD.unpack_from(self._view, self._table + 4 * (len(self._texts) + 1 + place))
        blob = self._view[self._blobs + start : self._blobs + stop]
        if crc32(blob, 0) != checksum:
            raise FormatError(
                self._origin, f"is damaged where it lists {self._texts[place]}", offset=self._blobs + start
            )
        return blob

    def _place(self, version: Version) -> int | None:
        if not self._places and self._texts:
            self._places.update(zip(self._texts, range(len(self._texts)), strict=True))
        place = self._places.get(str(version))
        if place is None and version in self._versions:  # 1.0 asked for, 1.0.0 on the page
            place = self._versions.index(version)
        return place

    def _rows(self, listed: list[ListedFile]) -> list[tuple[object, ...]]:
        """The fields of a `DistributionFile` for each but those that no installer may touch.

        Those have an unsafe name, or a link of another kind.
        """
        rows: list[tuple[object, ...]] = []
        is_plain, is_name, absolute = _PLAIN_URL.fullmatch, _FILENAME.fullmatch, self._links.absolute
        for item in listed:
            filename, link = item.filename, item.url
            url = link if is_plain(link) is not None else absolute(link)
            if url is None or is_name(filename) is None:
                continue
            size, yanked = item.size, item.yanked
            announced = item.dist_info_metadata if item.core_metadata is None else item.core_metadata
            rows.append(
                (
                    filename,
                    url,
                    item.hashes or {},
                    size if size is None or size >= 0 else None,
                    _microseconds(item.upload_time),
                    item.requires_python or "",
                    None if not yanked else "" if yanked is True else yanked,
                    None if not announced else {} if announced is True else announced,
                )
            )
        return rows


class _Links:
    """Makes links absolute. A page that came over http(s) may only point at http(s), never at local files."""

    __slots__ = ("_base", "_local")

    def __init__(self, base: str) -> None:
        self._base, self._local = base, base.startswith("file:")

    def absolute(self, link: str) -> str | None:
        """The address that `link` means, which is not plain; None for one that is not allowed."""
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


def _packed(text: bytes) -> bytes:
    deflated: bytes = deflating.compress(text, _LEVEL, _RAW_DEFLATE)
    return b"D" + deflated if len(deflated) < len(text) else b"J" + text


def _unpacked(blob: memoryview) -> bytes | memoryview:
    if bytes(blob[:1]) == b"J":
        return blob[1:]
    text: bytes = deflating.decompressobj(_RAW_DEFLATE).decompress(blob[1:], PAGE_BYTES)
    return text


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
