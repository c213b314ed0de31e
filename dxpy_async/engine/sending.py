"""One file on its way to an index: attempts, what comes of an answer or of none, and what the index has already.

stored                         done
exists                         the index's page says whether it is this file
later (408, 429, 503)          another attempt, when the index says or after a pause
nothing reached the index      another attempt
unclear: no answer, 5xx        the index's page is asked first, and only if it has not got the file there is another
                               attempt; without a page it is left at saying so
everything else                an error with the index's own words
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urljoin

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.limits import RETRY_AFTER_SECONDS
from dxpy_async.core.logins import Login
from dxpy_async.core.releases import ProjectPage, Unavailable
from dxpy_async.core.settings import NetworkSettings
from dxpy_async.engine.events import Listener, UploadProgress, Warned
from dxpy_async.engine.publishable import ReadyFile
from dxpy_async.errors import AlreadyPublished, DxpyError, PublishError, UploadFailed, UploadRefused
from dxpy_async.index.client import IndexClient
from dxpy_async.index.safe_url import SafeURL
from dxpy_async.index.transport import Pacing, TransientFault
from dxpy_async.index.upload_answers import Answer, Meaning
from dxpy_async.index.uploads import FileChanged, upload


class Publication(StrEnum):
    """What became of a file."""

    UPLOADED = "uploaded"
    THERE = "already-there"
    """The index has the same file."""
    PASSED_OVER = "passed-over"
    """The index has a file of that name, which is enough for `skip_existing`."""
    PLANNED = "planned"
    """It would be uploaded, were this not a dry run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """How to go about it."""

    skip_existing: bool = False
    """Pass over files whose name the index has, whatever is in them."""
    dry_run: bool = False
    """Look into everything, and into the index to check if there is one, but send nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where files go to. `client` knows the pages of the index if `has_pages`."""

    address: str
    login: Login | None
    client: IndexClient
    has_pages: bool
    network: NetworkSettings
    pacing: Pacing


class Sending:
    """One file on its way, through as many attempts as it takes."""

    def __init__(self, file: ReadyFile, to: Destination, options: PublishOptions, on_event: Listener) -> None:
        self._file, self._to, self._options, self._on_event = file, to, options, on_event
        self._sent = self._attempts = 0

    async def run(self) -> Publication:
        """What became of it. Raises PublishError leaves, and an IndexFailure for a certificate that does not hold."""
        while True:
            self._attempts += 1
            try:
                answer = await self._attempt()
            except TransientFault as fault:
                reason, wait, may_be_there = fault.reason, fault.retry_after, fault.reached
            else:
                if answer.meaning is Meaning.STORED:
                    return Publication.UPLOADED
                if answer.meaning is Meaning.EXISTS:
                    return await self._after_exists(answer)
                if answer.meaning not in (Meaning.LATER, Meaning.UNCLEAR):
                    raise self._refusal(answer)
                reason, wait = f"answered with {answer.words}", answer.retry_after
                may_be_there = answer.meaning is Meaning.UNCLEAR
            if may_be_there and (there := await self._looked_up(reason)) is not None:
                return there
            self._progress(-self._sent)
            await asyncio.sleep(self._pause(reason, wait))

    async def _attempt(self) -> Answer:
        try:
            return await upload(
                self._to.client.transport,
                self._to.address,
                self._file.fields,
                self._file.distribution.path,
                self._file.digests.size,
                login=self._to.login,
                now=time.time(),
                progress=self._progress,
            )
        except FileChanged as error:
            raise PublishError(f"`{self._file.filename}` changed while it was uploaded") from error

    def _progress(self, count: int) -> None:
        self._sent += count
        if count:
            self._on_event(UploadProgress(self._file.filename, count))

    def _pause(self, reason: str, retry_after: float | None) -> float:
        """Seconds until the next attempt. Raises UploadFailed when there is none."""
        tries = f"after {self._attempts} attempts" if self._attempts > 1 else "at the first attempt"
        if retry_after is not None and retry_after > RETRY_AFTER_SECONDS:
            raise self._failed(f"{reason}, and asks to wait for {retry_after:.0f} s", hint="try again later")
        if self._attempts > self._to.network.retries:
            hint = "publish again later; `--check-url INDEX` passes over what is there"
            raise self._failed(f"{reason}, {tries}", hint=hint)
        if retry_after is not None:
            return retry_after
        pacing = self._to.pacing
        return min(pacing.first_pause * 2.0 ** (self._attempts - 1), pacing.longest_pause) * random.uniform(0.5, 1.0)

    def _failed(self, reason: str, *, hint: str, is_unclear: bool = False) -> UploadFailed:
        outcome = "may or may not have been uploaded" if is_unclear else "was not uploaded"
        return UploadFailed(
            self._file.filename, f"{outcome}: `{self._to.address}` {reason}", is_unclear=is_unclear, hints=(hint,)
        )

    async def _looked_up(self, reason: str) -> Publication | None:
        """What the index has after it may have taken the file; None when it has not got it. Raises UploadFailed."""
        if not self._to.has_pages:
            hint = "look at the index, or publish again with `--check-url INDEX`, which passes over what is there"
            raise self._failed(reason, hint=hint, is_unclear=True)
        try:
            page = await self._page()
        except DxpyError as error:
            hint = "publish again once the index answers"
            raise self._failed(f"{reason}, and then: {error}", hint=hint, is_unclear=True) from error
        there = what_is_there(self._file, page, self._options, self._on_event)
        return Publication.UPLOADED if there is Publication.THERE else there

    async def _after_exists(self, answer: Answer) -> Publication:
        """Whether what the index has is this file: somebody may have been quicker, or an earlier attempt got there."""
        if self._to.has_pages:
            there = what_is_there(self._file, await self._page(), self._options, self._on_event)
            if there is not None:
                return there
        if self._options.skip_existing:
            return Publication.PASSED_OVER
        raise AlreadyPublished(
            self._file.filename,
            f"is on `{self._to.address}` already ({answer.words})",
            hints=(
                _NEW_VERSION,
                "`--check-url INDEX` passes over files that are the same, `--skip-existing` over all of that name",
            ),
        )

    async def _page(self) -> ProjectPage | Unavailable:
        return await self._to.client.project_page(self._file.distribution.project)

    def _refusal(self, answer: Answer) -> UploadRefused:
        reason, hint = self._worded(answer)
        return UploadRefused(
            f"`{self._file.filename}` was not uploaded: `{self._to.address}` {reason} ({answer.words})",
            url=self._to.address,
            status=answer.status,
            hints=(hint,) if hint else (),
        )

    def _worded(self, answer: Answer) -> tuple[str, str]:
        """What is wrong, and the way out."""
        login, url = self._to.login, self._to.address
        match answer.meaning:
            case Meaning.NO_LOGIN if login is None:
                hint = (
                    f"`dxpy auth login {url}`, `--token`, or `--username` and `--password`; in CI, trusted publishing"
                )
                return "wants a login, and none is known", f"log in with {hint}"
            case Meaning.NO_LOGIN if answer.status == 401:
                hint = "it may be mistyped, revoked or expired, or one for another index"
                return f"does not take the login of {login.source if login else ''}", hint
            case Meaning.NO_LOGIN:
                hint = "look whether it is one for this index, not revoked, and allowed to upload this project"
                return f"does not let the login of {login.source if login else ''} upload this", hint
            case Meaning.TOO_LARGE:
                return f"does not take files of {self._file.digests.size} bytes", ""
            case Meaning.MOVED:
                return "is somewhere else", _hint_on(answer.location, url)
            case _ if answer.status in (404, 405):
                return (
                    "is no address to upload to",
                    "the address of its pages is another one; `--publish-url` says where to upload",
                )
            case _:
                return "does not take it", ""


def _hint_on(location: str, url: str) -> str:
    """Where a redirect leads, without a login that may be in it; empty where it leads nowhere."""
    try:
        target = SafeURL.parse(urljoin(url, location)).public
    except ValueError:
        return ""
    return f"if that is right, publish to it: `--publish-url {target}`"


_NEW_VERSION = "publish a new version: files on an index do not change"


def what_is_there(
    file: ReadyFile, page: ProjectPage | Unavailable, options: PublishOptions, on_event: Listener
) -> Publication | None:
    """What it means that the index has a file of that name; None when it has none. Raises AlreadyPublished."""
    version = file.distribution.version
    files = page.files(version) if isinstance(page, ProjectPage) and version in page.versions else ()
    there = next((each for each in files if each.filename == file.filename), None)
    if there is None:
        return None
    is_same = _is_same(file, there.hashes)
    if is_same:
        return Publication.THERE
    differs = "as another file" if is_same is False else "without a digest that tells whether it is this file"
    if not options.skip_existing:
        raise AlreadyPublished(file.filename, f"is on the index already, {differs}", hints=(_NEW_VERSION,))
    on_event(Warned(f"`{file.filename}` is on the index already, {differs}; it is passed over"))
    return Publication.PASSED_OVER


def _is_same(file: ReadyFile, hashes: Mapping[str, str]) -> bool | None:
    """Whether a file with these digests is the one at hand; None when there is no telling."""
    own = {"sha256": file.digests.sha256, "md5": file.digests.md5}
    return next((hashes[name].lower() == own[name] for name in own if name in hashes), None)
