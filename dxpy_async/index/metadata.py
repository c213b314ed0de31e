"""Core metadata of wheels, by the cheapest way that works.

First the metadata file that the page announces; then byte ranges of the wheel itself; then a metadata file that nobody
announced; then the whole wheel. Ranges go before unannounced files because the wheel cannot contradict itself, and one
request is enough for most wheels. What an origin was found not to do is not tried there again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from packaging.version import Version

from dxpy_async.core.limits import METADATA_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, Unavailable
from dxpy_async.errors import (
    HashMismatch,
    IndexUnavailable,
    InvalidIndexPage,
    InvalidMetadata,
    InvalidPackage,
    InvalidWheel,
)
from dxpy_async.formats.compact_metadata import encode_metadata
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.dpp import DppPackage
from dxpy_async.formats.source_metadata import static_pkg_info
from dxpy_async.formats.zip_archive import ZipArchive
from dxpy_async.index.byte_ranges import Span, parse_content_range, range_header
from dxpy_async.index.downloads import KNOWN_ALGORITHMS
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.http_cache import FOREVER, HttpCache, Validators
from dxpy_async.index.kept import kept_metadata, metadata_name
from dxpy_async.index.mirrors import Mirrors
from dxpy_async.index.remote_wheel import TAIL_BYTES, is_metadata_of, read_metadata
from dxpy_async.index.safe_url import Origin, origin_of
from dxpy_async.index.sharing import SharedWork
from dxpy_async.index.transport import Reply, Transport


class MetadataSource:
    """Core metadata of wheels behind http(s). `fetch_wheel` brings the whole wheel of a file to a path."""

    def __init__(
        self,
        transport: Transport,
        cache: HttpCache,
        work: SharedWork[str, CoreMetadata | Unavailable],
        fetch_wheel: Callable[[DistributionFile, Path], Awaitable[object]],
        *,
        now: Callable[[], float],
        offline: bool,
        mirrors: Mirrors,
    ) -> None:
        self._mirrors = mirrors
        self._transport, self._cache, self._work, self._now = transport, cache, work, now
        self._fetch_wheel, self._offline = fetch_wheel, offline
        self._without_ranges: set[Origin] = set()
        self._without_metadata_files: set[Origin] = set()

    async def metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        """The metadata of the wheel `file`, from the cache if it is there."""
        kept = kept_metadata(self._cache, file)
        if kept is not None:
            return kept
        if self._offline:
            raise IndexUnavailable(
                f"the metadata of `{file.filename}` is not in the cache, and the network is not used (offline)",
                url=file.url,
            )
        name = metadata_name(file)
        return await self._work.run(name or file.url, lambda: self._fetch_and_keep(project, version, file))

    async def of_sdist(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable | None:
        """What is known of an sdist without having it: kept, or served by the index and static; None for nothing."""
        kept = kept_metadata(self._cache, file)
        if kept is not None or file.metadata_hashes is None or self._offline or not file.url.startswith("http"):
            return kept
        data = await self._mirrors.had(file, self._metadata_file)
        answer = static_pkg_info(data, origin=f"METADATA of {file.filename}") if data is not None else None
        if answer is None or (answer.name, answer.version) != (project, version):
            return None
        self.keep(file, answer)
        return answer

    def keep(self, file: DistributionFile, answer: CoreMetadata | Unavailable) -> None:
        """Remember metadata of a file whose bytes are known by their hashes; of others nothing is kept."""
        name = metadata_name(file)
        if name is not None:
            # The file's digest is part of the name, so the answer can never become wrong.
            kept = Validators(validated_at=self._now(), lifetime=FOREVER)
            self._cache.write(name, kept, encode_metadata(answer))

    async def _fetch_and_keep(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        answer = await self._mirrors.had(file, partial(self._fetch, project, version))
        self.keep(file, answer)
        return answer

    async def _fetch(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        origin = _origin_of(file.url)
        if file.metadata_hashes is not None and (data := await self._metadata_file(file)) is not None:
            answer = _understood(data, file.filename, project, version)
            # Without a digest it may be a page that says "not found" with status 200.
            if isinstance(answer, CoreMetadata) or file.metadata_hashes:
                return answer
        if origin not in self._without_ranges:
            data = await self._metadata_by_ranges(project, version, file, origin)
            if data is not None:
                return _understood(data, file.filename, project, version)
        if file.metadata_hashes is None and origin not in self._without_metadata_files:
            data = await self._metadata_file(file)
            if data is None:
                self._without_metadata_files.add(origin)
            elif isinstance(answer := _understood(data, file.filename, project, version), CoreMetadata):
                return answer
        return await self._metadata_of_whole_wheel(project, version, file)

    async def _metadata_file(self, file: DistributionFile) -> bytes | None:
        """The separate metadata file; None when there is none, whatever was announced."""

        async def receive(reply: Reply) -> bytes | None:
            if reply.status != 200:
                return None  # stores that keep their lists to themselves say 403 for what is not there
            return reply.plain(await reply.body(METADATA_BYTES), METADATA_BYTES)

        parts = urlsplit(file.url)
        url = parts._replace(path=f"{parts.path}.metadata").geturl()
        data = await self._transport.request(url, receive, headers={"Accept-Encoding": "gzip"})
        if data is not None:
            _check_digests(data, f"{file.filename}.metadata", file.metadata_hashes or {}, url)
        return data

    async def _metadata_by_ranges(
        self, project: ProjectName, version: Version, file: DistributionFile, origin: Origin
    ) -> bytes | None:
        """METADATA out of the wheel on the server; None when its answers cannot be used."""
        try:
            tail, size = await self._tail(file)
            steps = read_metadata(tail, size, filename=file.filename, project=project, version=version)
            return await self._follow(steps, file.url, size)
        except _NoRanges:
            self._without_ranges.add(origin)
            return None
        except InvalidWheel:
            # Perhaps the wheel, perhaps the server: the whole wheel can be held against its digest, and will tell.
            return None

    async def _tail(self, file: DistributionFile) -> tuple[bytes, int]:
        if file.size is None:
            return await self._span(file.url, f"bytes=-{TAIL_BYTES}", None, None)
        span = Span(max(0, file.size - TAIL_BYTES), file.size)
        return await self._span(file.url, range_header(span), span, file.size)

    async def _follow(self, steps: Generator[Span, bytes, bytes], url: str, size: int) -> bytes:
        data: bytes | None = None
        while True:
            try:
                span = next(steps) if data is None else steps.send(data)
            except StopIteration as done:
                metadata: bytes = done.value
                return metadata
            data, _ = await self._span(url, range_header(span), span, size)

    async def _span(self, url: str, wanted: str, span: Span | None, size: int | None) -> tuple[bytes, int]:
        """Some bytes of a file, and its size. Raises _NoRanges when the answer is not what was asked for."""

        async def receive(reply: Reply) -> tuple[bytes, int]:
            if reply.status not in (200, 206, 416):
                raise reply.refusal()
            found = parse_content_range(reply.headers.get("Content-Range")) if reply.status == 206 else None
            if found is None or reply.headers.get("Content-Encoding", "identity") != "identity":
                raise _NoRanges
            got, total = found
            is_asked = got == span if span is not None else got.stop == total and got.length <= TAIL_BYTES
            if not is_asked or (size is not None and total != size):
                raise _NoRanges
            try:
                data = await reply.body(got.length)
            except InvalidIndexPage as error:  # longer than it says
                raise _NoRanges from error
            if len(data) != got.length:
                raise _NoRanges
            return data, total

        return await self._transport.request(url, receive, headers={"Range": wanted, "Accept-Encoding": "identity"})

    async def _metadata_of_whole_wheel(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        with tempfile.TemporaryDirectory(prefix="dxpy-metadata-") as directory:
            path = Path(directory) / "wheel.whl"
            await self._fetch_wheel(file, path)
            return await in_thread(metadata_of_file, path, project, version, file.filename)


class _NoRanges(Exception):
    """A server that does not give the byte ranges it was asked for."""


def metadata_of_file(path: Path, project: ProjectName, version: Version, filename: str) -> CoreMetadata | Unavailable:
    """The metadata of a wheel or DPP on this machine. Unavailable when it is invalid or another's."""
    if filename.endswith(".dpp"):
        return _metadata_of_package(path, project, version, filename)
    try:
        with ZipArchive.open(path, filename) as archive:
            members = [m for m in archive.members if is_metadata_of(m.name.encode(), project, version)]
            if len(members) != 1:
                return Unavailable(f"`{filename}` has {len(members)} METADATA files of `{project}` {version}, not one")
            if members[0].size > METADATA_BYTES:
                return Unavailable(f"`{filename}` has METADATA over the limit of {METADATA_BYTES} bytes")
            data = b"".join(archive.chunks(members[0]))
    except InvalidWheel as error:
        return Unavailable(str(error))
    except OSError as error:
        raise IndexUnavailable(f"`{path}` cannot be read: {error.strerror}", url=path.as_uri()) from error
    return _understood(data, filename, project, version)


def _metadata_of_package(
    path: Path, project: ProjectName, version: Version, filename: str
) -> CoreMetadata | Unavailable:
    try:
        with DppPackage.open(path, name=filename) as package:
            package.require_fat()
            answer = _understood(package.core_metadata, filename, project, version)
            if isinstance(answer, CoreMetadata) and package.dependencies != answer.requirements:
                return Unavailable(f"`{filename}` has dependencies that are not those of its METADATA")
    except InvalidPackage as error:
        return Unavailable(str(error))
    return answer


def _understood(data: bytes, filename: str, project: ProjectName, version: Version) -> CoreMetadata | Unavailable:
    try:
        return parse_core_metadata(data, origin=f"METADATA of {filename}", project=project, version=version)
    except InvalidMetadata as error:
        return Unavailable(str(error))


def _check_digests(data: bytes, filename: str, hashes: Mapping[str, str], url: str) -> None:
    for algorithm, expected in hashes.items():
        if algorithm.lower() not in KNOWN_ALGORITHMS:
            continue
        actual = hashlib.new(algorithm.lower(), data).hexdigest()
        if actual != expected.lower():
            raise HashMismatch(filename, algorithm=algorithm, expected=expected, actual=actual, origin=url)


def _origin_of(url: str) -> Origin:
    try:
        return origin_of(url)
    except ValueError as error:
        raise IndexUnavailable(f"`{url}` is not a valid address: {error}", url=url) from error
