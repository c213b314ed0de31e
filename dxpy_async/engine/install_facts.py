"""What the solver is told by indexes when it resolves for an environment that has something already."""

from __future__ import annotations

from packaging.version import Version

from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.engine.events import Listener
from dxpy_async.engine.facts import IndexFacts
from dxpy_async.engine.fetching import Fetcher
from dxpy_async.engine.installed_releases import InstallView
from dxpy_async.engine.trees import Trees
from dxpy_async.index.client import IndexClient
from dxpy_async.resolver.needs import DirectCandidate


class InstallFacts(IndexFacts):
    """The facts of the index, as `view` shows them."""

    def __init__(
        self, client: IndexClient, fetcher: Fetcher, trees: Trees, on_event: Listener, view: InstallView
    ) -> None:
        super().__init__(client, fetcher, trees, on_event)
        self._view = view

    async def project_page(self, project: ProjectName) -> ProjectPage | Unavailable:
        page = self._view.page(project, await super().project_page(project))
        if isinstance(page, ProjectPage):
            self.pages[project] = page
        return page

    async def core_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile
    ) -> CoreMetadata | Unavailable:
        if (known := self._view.installed_metadata(project, file)) is not None:
            return known
        metadata = await super().core_metadata(project, version, file)
        return metadata if isinstance(metadata, Unavailable) else self._view.bare(metadata)

    async def direct(self, project: ProjectName, url: str) -> DirectCandidate | Unavailable:
        candidate = await super().direct(project, url)
        if isinstance(candidate, Unavailable):
            return candidate
        return replace(candidate, metadata=self._view.bare(candidate.metadata))
