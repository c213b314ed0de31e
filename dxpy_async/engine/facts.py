"""What the solver is told, from the indexes and, for direct references, from the archives themselves."""

from __future__ import annotations

from contextlib import suppress

from packaging.version import Version

from dxpy_async.core.locked_sources import is_commit
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.core.source_urls import ArchiveUrl, DirectoryUrl, GitUrl, parse_source_url, path_of_file_url
from dxpy_async.core.wheel_names import is_wheel_name
from dxpy_async.engine.events import Listener
from dxpy_async.engine.fetching import Fetcher
from dxpy_async.engine.locating import archive_file
from dxpy_async.engine.trees import Trees, archive_candidate
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.remembered import FileSeen
from dxpy_async.index.client import IndexClient
from dxpy_async.resolver.hints import without_credentials
from dxpy_async.resolver.needs import DirectCandidate


class IndexFacts:
    """Answers a solver's needs over one index client, and keeps the pages for the lock that is made of the answer."""

    def __init__(self, client: IndexClient, fetcher: Fetcher, trees: Trees, on_event: Listener) -> None:
        self._client, self._fetcher, self._trees, self._on_event = client, fetcher, trees, on_event
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
        if not file.hashes:
            self.fleeting = True
        if file.is_wheel:
            return await self._client.core_metadata(project, version, file)
        if (told := await self._client.sdist_metadata(project, version, file)) is not None:
            return told
        return await self._trees.sdist_metadata(project, version, file, self._on_event)

    async def direct(self, project: ProjectName, url: str) -> DirectCandidate | Unavailable:
        """The one candidate of `name @ url`. An archive is fetched: its hash belongs into the lock anyway."""
        try:
            found = parse_source_url(url)
        except ValueError as error:
            return Unavailable(f"`{without_credentials(url)}` cannot be used: {error}")
        match found:
            case GitUrl():
                self.fleeting |= not is_commit(found.revision)
                return await self._trees.commit(project, found, self._on_event)
            case DirectoryUrl():
                self.fleeting = True
                return await self._trees.directory(project, found, self._on_event)
            case ArchiveUrl():
                if found.url.startswith("file:"):
                    self._note_archive(found)
                elif not found.hashes:
                    self.fleeting = True
                if is_wheel_name(found.filename):
                    return await self._wheel(project, found)
                return await self._trees.archive(project, found, self._on_event)

    async def _wheel(self, project: ProjectName, url: ArchiveUrl) -> DirectCandidate | Unavailable:
        stored = await self._fetcher.fetch(archive_file(url, self._trees.root), on_event=self._on_event)
        manifest = stored.manifest
        if manifest.name != project:
            return Unavailable(f"the wheel at `{without_credentials(url.url)}` is `{manifest.name}`, not `{project}`")
        text = (stored.directory / manifest.dist_info / "METADATA").read_bytes()
        metadata = parse_core_metadata(text, origin=url.url, project=project, version=None)
        return archive_candidate(url, metadata, sha256=manifest.sha256, size=manifest.size)

    def _note_archive(self, url: ArchiveUrl) -> None:
        path = self._trees.root / path_of_file_url(url.url)
        with suppress(OSError):  # whoever reads it will tell
            status = path.stat()
            self.archives[url.url] = FileSeen(str(path), status.st_size, status.st_mtime_ns)
