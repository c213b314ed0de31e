"""Publishing: distributions looked into, all of them, before the first is sent; then sent one after the other.

files named, or in a directory ──► looked into, with their metadata and attestations
an index to check ──► what is there already is passed over; another file of the same name ends it
a login: given, else known for the address, else a token for this CI job
wheels, then the sdist, which installers would otherwise build while there is no wheel yet (`sending`)
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from packaging.version import Version

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.logins import TOKEN_USER, Login
from dxpy_async.core.names import ProjectName
from dxpy_async.core.settings import IndexSettings, Settings, TrustedPublishingUse
from dxpy_async.engine.events import Finished, Listener, UploadFinished, UploadStarted, Warned, ignore
from dxpy_async.engine.publishable import ReadyFile, find_distributions, make_ready
from dxpy_async.engine.sending import Destination, Publication, PublishOptions, Sending, what_is_there
from dxpy_async.engine.syncing import open_store
from dxpy_async.errors import FormatError, InvalidDistributions, PublishError, TrustedPublishingFailed
from dxpy_async.index.client import IndexClient
from dxpy_async.index.credentials import Credentials
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.safe_url import SafeURL
from dxpy_async.index.transport import Pacing
from dxpy_async.index.trusted_publishing import TrustedPublishing, is_supported
from dxpy_async.project.publish_settings import PublishSettings

DEFAULT_PUBLISH = PublishOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A distribution and what became of it. `size` in bytes, `sha256` in hex, `attestations` how many."""

    path: Path
    project: ProjectName
    version: Version
    size: int
    sha256: str
    attestations: int
    publication: Publication


class Publisher:
    """Publishes distributions to an index. Made once, used for any number of calls.

        async with Publisher(settings, PublishSettings(login=Login("__token__", token))) as publisher:
            for file in await publisher.publish(["dist"]):
                print(file.path.name, file.publication)

    `environ` has the variables of a CI job, for trusted publishing; None: those of this process. `credentials` know
    the logins for addresses; without them those that `settings` leads to are used.
    """

    def __init__(
        self,
        settings: Settings,
        publishing: PublishSettings,
        *,
        environ: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        self._settings, self._publishing, self._pacing = settings, publishing, pacing or Pacing()
        self._environ = os.environ if environ is None else environ
        self._credentials = credentials or Credentials(settings.credentials, settings.indexes)
        for url in filter(None, (publishing.upload_url, publishing.page_url)):
            self._credentials.learn(url)
        self.address = SafeURL.parse(publishing.upload_url).public
        """Where files are sent to, without the login that it was given with."""
        if publishing.login is not None and publishing.login.password is not None:
            self._credentials.add(self.address, publishing.login)  # its pages often want a login too

    async def __aenter__(self) -> Self:
        self._store = await in_thread(open_store, self._settings)
        self._client = await IndexClient(
            indexes=IndexSettings(index_url=self._publishing.page_url or ""),
            network=replace(self._settings.network, refresh=True),
            cache_dir=self._settings.cache_dir,
            now=time.time,
            base_directory=Path.cwd(),
            credentials=self._credentials,
            pacing=self._pacing,
        ).__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__(None, None, None)

    async def publish(
        self,
        files: Sequence[str | Path],
        *,
        options: PublishOptions = DEFAULT_PUBLISH,
        on_event: Listener = ignore,
    ) -> tuple[PublishedFile, ...]:
        """Publish `files`: paths of distributions, patterns of such, or directories that hold them.

        Nothing is sent unless all of them are in order. Raises leaves of PublishError and FormatError, and an
        IndexFailure when the index to check cannot be asked. What was sent before that stays published.
        """
        try:
            paths = await in_thread(find_distributions, files)
            ready = await self._make_all_ready(paths)
            there = await self._what_is_there(ready, options, on_event)
            if options.dry_run:
                return tuple(_published(each, there.get(each.filename, Publication.PLANNED)) for each in ready)
            return await self._send(ready, there, options, on_event)
        finally:
            on_event(Finished())

    async def _make_all_ready(self, paths: Sequence[Path]) -> list[ReadyFile]:
        """All of `paths`. Raises FormatError leaves: of several that are not in order InvalidDistributions."""
        ready, errors = [], []
        for path in paths:
            try:
                ready.append(await self._make_ready(path))
            except FormatError as error:
                errors.append(error)
        if errors:
            raise errors[0] if len(errors) == 1 else InvalidDistributions(errors)
        return ready

    async def _make_ready(self, path: Path) -> ReadyFile:
        with self._store.staging_directory() as scratch:
            return await in_thread(make_ready, path, scratch, attested=self._publishing.attestations)

    async def _what_is_there(
        self, files: Sequence[ReadyFile], options: PublishOptions, on_event: Listener
    ) -> dict[str, Publication]:
        """What is to be passed over, by file name. Raises AlreadyPublished."""
        if self._publishing.check_url is None:
            return {}
        projects = dict.fromkeys(file.distribution.project for file in files)
        pages = {project: await self._client.project_page(project) for project in projects}
        found = {
            file.filename: what_is_there(file, pages[file.distribution.project], options, on_event) for file in files
        }
        return {name: publication for name, publication in found.items() if publication is not None}

    async def _send(
        self, files: Sequence[ReadyFile], there: Mapping[str, Publication], options: PublishOptions, on_event: Listener
    ) -> tuple[PublishedFile, ...]:
        if len(there) == len(files):
            return tuple(_published(file, there[file.filename]) for file in files)
        if self._settings.network.offline:
            raise PublishError("nothing can be published, since the network is not used (offline)")
        to = Destination(
            address=self.address,
            login=await self._login(on_event),
            client=self._client,
            has_pages=self._publishing.page_url is not None,
            network=self._settings.network,
            pacing=self._pacing,
        )
        done = []
        for file in files:
            publication = there.get(file.filename)
            if publication is None:
                on_event(UploadStarted(file.filename, file.digests.size))
                publication = await Sending(file, to, options, on_event).run()
                on_event(UploadFinished(file.filename))
            done.append(_published(file, publication))
        return tuple(done)

    async def _login(self, on_event: Listener) -> Login | None:
        """Who publishes. Raises PublishError and TrustedPublishingFailed."""
        given, use = self._publishing.login, self._publishing.trusted_publishing
        if use is TrustedPublishingUse.ALWAYS:
            if given is not None:
                raise PublishError(
                    f"trusted publishing is asked for, and so is the login of {given.source}",
                    hints=("give one of them",),
                )
            return await self._trusted_login()
        if given is not None and given.password is not None:
            return given
        found = await self._credentials.find(self.address, username=given.username if given is not None else None)
        if found is not None and found.password is not None:
            return found
        if use is TrustedPublishingUse.AUTOMATIC and is_supported(self._environ):
            try:
                return await self._trusted_login()
            except TrustedPublishingFailed as error:
                on_event(Warned(f"no token by trusted publishing, so it is tried without: {error}"))
        if given is not None:
            raise PublishError(
                f"there is no password for the user `{given.username}` of {given.source}",
                hints=(f"give `--password`, or keep it: `dxpy auth login {self.address} --username {given.username}`",),
            )
        return None

    async def _trusted_login(self) -> Login:
        attempts = self._settings.network.retries + 1
        trusted = TrustedPublishing(self._client.transport, self.address, self._environ, attempts=attempts)
        return Login(TOKEN_USER, await trusted.token(), "trusted publishing")


def _published(file: ReadyFile, publication: Publication) -> PublishedFile:
    return PublishedFile(
        path=file.distribution.path,
        project=file.distribution.project,
        version=file.distribution.version,
        size=file.digests.size,
        sha256=file.digests.sha256,
        attestations=file.attestations,
        publication=publication,
    )
