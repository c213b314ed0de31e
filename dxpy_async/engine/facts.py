"""What the solver is told, from the indexes and, for direct references, from the archives themselves."""

from __future__ import annotations

from contextlib import suppress
from posixpath import basename
from urllib.parse import unquote, urldefrag, urlsplit

from packaging.version import Version

from dxpy_async.core.locks import LockedFile
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.wheel_names import is_wheel_name
from dxpy_async.engine.events import Listener
from dxpy_async.engine.fetching import Fetcher
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.remembered import FileSeen
from dxpy_async.index.client import IndexClient
from dxpy_async.index.directories import path_of
from dxpy_async.resolver.needs import DirectCandidate

_HASHES = ("sha256", "sha384", "sha512")


class IndexFacts:
    """Answers a solver's needs over one index client, and keeps the pages for the lock that is made of the answer."""

    def __init__(self, client: IndexClient, fetcher: Fetcher, on_event: Listener) -> None:
        self._client, self._fetcher, self._on_event = client, fetcher, on_event
        self.pages: dict[ProjectName, ProjectPage] = {}
        self.unknown: set[ProjectName] = set()
        self.archives: dict[str, FileSeen] = {}
        """The files of this machine that direct references led to, as they were before they were read."""
        self.fleeting = False
        """Whether there was anything of which nothing says that it will be the same another time."""

    async def project_page(self, project: ProjectName) -> ProjectPage | Unavailable:
        page = await self._client.project_page(project)
        if isinstance(page, ProjectPage):
            self.pages[project] = page
        else:
            self.unknown.add(project)
        return page

    async def core_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        if file.is_wheel and not file.hashes:
            self.fleeting = True
        return await self._client.core_metadata(project, version, file)

    async def direct(self, project: ProjectName, url: str) -> DirectCandidate | Unavailable:
        """The one candidate of `name @ url`. The archive is fetched: its hash belongs into the lock anyway."""
        address, fragment = urldefrag(url)
        filename = basename(unquote(urlsplit(address).path))
        scheme = urlsplit(address).scheme
        if scheme not in ("http", "https", "file"):
            return Unavailable(
                f"`{url}` is not an archive behind http, https or file, and other sources cannot be used yet"
            )
        if not is_wheel_name(filename):
            return Unavailable(f"`{url}` is not a wheel, and building from source is not possible yet")
        algorithm, _, digest = fragment.partition("=")
        hashes = {algorithm: digest} if algorithm in _HASHES and digest else {}
        if scheme == "file":
            self._note_archive(address)
        elif not hashes:
            self.fleeting = True
        wheel = LockedFile(filename=filename, url=address, hashes=hashes)
        stored = await self._fetcher.fetch(wheel, on_event=self._on_event)
        manifest = stored.manifest
        if manifest.name != project:
            return Unavailable(f"the wheel at `{address}` is `{manifest.name}`, not `{project}`")
        text = (stored.directory / manifest.dist_info / "METADATA").read_bytes()
        metadata = parse_core_metadata(text, origin=address, project=project, version=None)
        file = DistributionFile(
            filename=filename,
            url=address,
            hashes={"sha256": manifest.sha256},
            size=manifest.size,
            requires_python=metadata.requires_python,
        )
        return DirectCandidate(metadata.version, metadata, file)

    def _note_archive(self, url: str) -> None:
        path = path_of(url)
        with suppress(OSError):  # whoever reads it will tell
            status = path.stat()
            self.archives[url] = FileSeen(str(path), status.st_size, status.st_mtime_ns)
