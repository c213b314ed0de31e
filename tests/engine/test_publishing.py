"""Publishing to an index on the loopback interface: what is sent, what comes of every kind of answer, and of none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trees import member, write_tar
from upload_server import UploadIndex, attestation
from wheels import build_wheel, write_wheel

from dxpy_async import Publication, PublishedFile, Publisher, PublishOptions, PublishSettings, Settings
from dxpy_async.core.logins import Login
from dxpy_async.core.settings import CredentialSettings, NetworkSettings, TrustedPublishingUse
from dxpy_async.engine.events import Event, Finished, UploadFinished, UploadProgress, UploadStarted, Warned
from dxpy_async.errors import (
    AlreadyPublished,
    DxpyError,
    IndexRefused,
    InvalidAttestation,
    InvalidDistributions,
    InvalidMetadata,
    InvalidSourceArchive,
    InvalidWheel,
    PublishError,
    TrustedPublishingFailed,
    UploadFailed,
    UploadRefused,
)
from dxpy_async.index.transport import Pacing

SDIST, WHEEL = "demo-1.0.tar.gz", "demo-1.0-py3-none-any.whl"
SECRET = "pypi-very-secret"
METADATA = """\
Metadata-Version: 2.4
Name: Demo
Version: 1.0
Summary: A demo
Keywords: one,two
License-Expression: MIT
License-File: LICENSE
Classifier: Private :: Never
Classifier: Typing :: Typed
Project-URL: Home, https://example.org/
Requires-Dist: other>=1
Provides-Extra: more
Description-Content-Type: text/markdown

# Demo ü
"""


class Site:
    """Distributions of `demo` 1.0, and publishers of them."""

    def __init__(self, root: Path, index: UploadIndex) -> None:
        self.root, self.dist, self.index = root, root / "dist", index
        self.dist.mkdir()
        self.events: list[Event] = []
        self.login: Login | None = Login("__token__", SECRET, "`--token`")
        self.environ: dict[str, str] = {}
        self.settings = Settings(cache_dir=root / "cache", network=NetworkSettings(retries=2, read_timeout=5))

    def write(self, *, metadata: str = METADATA) -> None:
        self.wheel(metadata=metadata)
        write_tar(self.dist / SDIST, [member("demo-1.0/PKG-INFO", metadata), member("demo-1.0/setup.py")])

    def wheel(self, *, metadata: str = METADATA, code: str = "x = 1\n") -> Path:
        info = "demo-1.0.dist-info"
        wheel = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        return write_wheel(self.dist / WHEEL, {"demo.py": code, f"{info}/METADATA": metadata, f"{info}/WHEEL": wheel})

    def write_large(self) -> None:
        """Write a wheel of 16 MiB, more than the system takes of a sender in advance."""
        build_wheel(self.dist, "demo", "1.0", files={"noise": os.urandom(2**24)})

    @asynccontextmanager
    async def publisher(self, **publishing: Any) -> AsyncIterator[Publisher]:
        where = {"upload_url": self.index.upload_url, "login": self.login, **publishing}
        pacing = Pacing(first_pause=0.001)
        async with Publisher(self.settings, PublishSettings(**where), environ=self.environ, pacing=pacing) as publisher:
            yield publisher

    async def publish(self, *files: str | Path, **given: Any) -> tuple[PublishedFile, ...]:
        """Publish what is in `dist`, or `files`; `given` are options and settings."""
        options = {name: given.pop(name) for name in ("skip_existing", "dry_run") if name in given}
        async with self.publisher(**given) as publisher:
            return await publisher.publish(
                files or [self.dist], options=PublishOptions(**options), on_event=self.events.append
            )

    async def fates(self, *files: str | Path, **given: Any) -> list[Publication]:
        return [file.publication for file in await self.publish(*files, **given)]

    async def refused(self, kind: type[DxpyError], *files: str | Path, **given: Any) -> str:
        """What is said when it fails: never a secret."""
        with pytest.raises(kind) as caught:
            await self.publish(*files, **given)
        said = "\n".join([str(caught.value), *caught.value.hints(), repr(caught.value.__cause__)])
        assert SECRET not in said
        return said


@pytest.fixture
async def index() -> AsyncIterator[UploadIndex]:
    async with UploadIndex(token=SECRET) as index:
        yield index


@pytest.fixture
def site(tmp_path: Path, index: UploadIndex) -> Site:
    site = Site(tmp_path, index)
    site.write()
    return site


UPLOADED, THERE, PASSED_OVER, PLANNED = Publication


# --- what is sent -----------------------------------------------------------------------------------------------------


async def test_wheels_go_first_with_their_metadata_and_digests(site: Site, index: UploadIndex) -> None:
    wheel, sdist = await site.publish()
    assert (wheel.publication, sdist.publication) == (UPLOADED, UPLOADED)
    assert index.names == [WHEEL, SDIST]
    content = (site.dist / WHEEL).read_bytes()
    sent = index.uploads[0]
    assert sent.content == content
    assert sent.login == ("__token__", SECRET)
    assert sent.headers["Accept-Encoding"] == "identity"
    assert dict(sent.fields) == {
        ":action": ["file_upload"],
        "protocol_version": ["1"],
        "filetype": ["bdist_wheel"],
        "pyversion": ["py3"],
        "metadata_version": ["2.4"],
        "name": ["Demo"],
        "version": ["1.0"],
        "summary": ["A demo"],
        "keywords": ["one,two"],
        "license_expression": ["MIT"],
        "license_file": ["LICENSE"],
        "classifiers": ["Private :: Never", "Typing :: Typed"],
        "project_urls": ["Home, https://example.org/"],
        "requires_dist": ["other>=1"],
        "provides_extra": ["more"],
        "description_content_type": ["text/markdown"],
        "description": ["# Demo ü\n"],
        "md5_digest": [hashlib.md5(content).hexdigest()],
        "sha256_digest": [hashlib.sha256(content).hexdigest()],
        "blake2_256_digest": [hashlib.blake2b(content, digest_size=32).hexdigest()],
    }
    assert [index.uploads[1].fields[name] for name in ("filetype", "pyversion")] == [["sdist"], ["source"]]


async def test_progress_is_told_in_bytes(site: Site) -> None:
    site.wheel(code="".join(f"x = {hashlib.sha256(str(n).encode()).hexdigest()!r}\n" for n in range(20_000)))
    (wheel,) = await site.publish(site.dist / WHEEL)
    assert isinstance(site.events[0], UploadStarted)
    assert site.events[0].size == wheel.size > 500_000
    parts = [event.sent for event in site.events if isinstance(event, UploadProgress)]
    assert (sum(parts), len(parts) > 2) == (wheel.size, True)
    assert [type(event) for event in site.events[-2:]] == [UploadFinished, Finished]


async def test_attestations_beside_a_file_go_with_it(site: Site, index: UploadIndex) -> None:
    content = (site.dist / WHEEL).read_bytes()
    beside = site.dist / f"{WHEEL}.publish.attestation"
    beside.write_text(attestation(WHEEL, content))
    assert [file.attestations for file in await site.publish()] == [1, 0]
    (sent,) = index.uploads[0].fields["attestations"]
    assert json.loads(sent) == [json.loads(attestation(WHEEL, content))]
    await site.publish(attestations=False)
    assert "attestations" not in index.uploads[2].fields


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        (attestation(WHEEL, b"", version=2), "is not of version 1"),
        (attestation(WHEEL, b"", envelope=None), "has no `envelope`"),
        (attestation(WHEEL, b"another"), "was that built again"),
        (attestation("other.whl", b""), "is of another file: `other.whl`"),
        (attestation(WHEEL, b"", envelope={"statement": "!", "signature": ""}), "not base64"),
    ],
)
async def test_an_attestation_has_to_be_of_its_file(site: Site, index: UploadIndex, text: str, said: str) -> None:
    (site.dist / f"{WHEEL}.publish.attestation").write_text(text)
    assert said in await site.refused(InvalidAttestation)
    assert index.uploads == []


async def test_a_dry_run_sends_nothing(site: Site, index: UploadIndex) -> None:
    assert await site.fates(dry_run=True) == [PLANNED, PLANNED]
    assert index.uploads == []


# --- which files ------------------------------------------------------------------------------------------------------


async def test_of_directories_and_patterns_only_distributions_count(site: Site, index: UploadIndex) -> None:
    for name in ("notes.txt", ".hidden.whl", f"{SDIST}.asc"):
        (site.dist / name).write_text("")
    await site.publish(f"{site.dist}/*", site.dist / WHEEL)
    assert index.names == [WHEEL, SDIST]
    assert "neither a wheel nor an sdist" in await site.refused(PublishError, site.dist / "notes.txt")
    assert "there is no file" in await site.refused(PublishError, site.dist / "absent.whl")
    assert "no distributions" in await site.refused(PublishError, f"{site.dist}/*.zip")


async def test_a_file_may_not_be_there_twice(site: Site) -> None:
    build_wheel(site.root / "more", "demo", "1.0")
    assert f"`{WHEEL}` is there twice" in await site.refused(PublishError, site.dist, site.root / "more")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (METADATA.replace("text/markdown", "text/fancy"), "'description-content-type' must be one of"),
        (METADATA.replace("License-Expression: MIT", "License-Expression: Mine"), "license-expression"),
        (METADATA.replace("text/markdown", "text/x-rst") + "`broken <\n", "not reStructuredText in line 1: Inline"),
        (METADATA.replace("2.4", "2.4\nFancy: 1"), "unknown, twice there, or not UTF-8: 'fancy'"),
        (METADATA.replace("Version: 1.0", "Version: 1.1"), "of another version"),
        (METADATA.replace("Requires-Dist: other>=1", "Requires-Dist: other>>1"), "invalid Requires-Dist"),
    ],
)
async def test_metadata_that_no_index_takes_stop_everything(
    site: Site, index: UploadIndex, metadata: str, said: str
) -> None:
    site.wheel(metadata=metadata)
    assert said in await site.refused((InvalidMetadata, InvalidWheel))  # type: ignore[arg-type]
    assert index.uploads == []


async def test_damaged_files_stop_everything(site: Site, index: UploadIndex) -> None:
    build_wheel(site.dist, "whole", "1.0")
    content = (site.dist / SDIST).read_bytes()
    (site.dist / SDIST).write_bytes(content[:-10])
    assert SDIST in await site.refused(InvalidSourceArchive)
    site.write()
    (site.dist / "demo-1.1.tar.gz").write_bytes(content)
    assert "which its name is not" in await site.refused(InvalidMetadata)
    site.write()
    (site.dist / "demo-1.1.tar.gz").unlink()
    content = (site.dist / WHEEL).read_bytes()
    (site.dist / WHEEL).write_bytes(content[:-30])
    assert WHEEL in await site.refused(InvalidWheel)
    assert index.uploads == []


async def test_of_several_files_that_are_not_in_order_each_is_named(site: Site, index: UploadIndex) -> None:
    for name in ("demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"):
        (site.dist / name).write_bytes(b"no archive")
    with pytest.raises(InvalidDistributions) as caught:
        await site.publish()
    assert [error.file for error in caught.value.errors] == [
        "demo-1.0-py3-none-any.whl",
        "demo-2.0-py3-none-any.whl",
    ]
    first, second = map(str, caught.value.errors)
    assert str(caught.value) == f"2 distributions are not in order:\n  {first}\n  {second}"
    assert index.uploads == []


async def test_what_setuptools_writes_of_licenses_is_passed_over(site: Site, index: UploadIndex) -> None:
    old = METADATA.replace("2.4", "2.2").replace("License-Expression: MIT\n", "")
    site.wheel(metadata=old)
    await site.publish(site.dist / WHEEL)
    assert "license_file" not in index.uploads[0].fields


# --- what is there already --------------------------------------------------------------------------------------------


async def test_what_is_there_already_is_passed_over(site: Site, index: UploadIndex) -> None:
    index.files[WHEEL] = (site.dist / WHEEL).read_bytes()
    assert await site.fates(check_url=index.simple_url) == [THERE, UPLOADED]
    assert index.names == [SDIST]
    assert await site.fates(check_url=index.simple_url) == [THERE, THERE]
    assert await site.fates(check_url=index.simple_url, dry_run=True) == [THERE, THERE]


async def test_another_file_of_the_same_name_ends_it_before_anything_is_sent(site: Site, index: UploadIndex) -> None:
    index.files[SDIST] = b"another"
    said = await site.refused(AlreadyPublished, check_url=index.simple_url)
    assert said.startswith(f"`{SDIST}` is on the index already, as another file\npublish a new version")
    assert index.uploads == []
    assert await site.fates(check_url=index.simple_url, skip_existing=True) == [UPLOADED, PASSED_OVER]
    assert Warned(f"`{SDIST}` is on the index already, as another file; it is passed over") in site.events


async def test_an_index_without_digests_tells_nothing(site: Site, index: UploadIndex) -> None:
    index.files[SDIST] = (site.dist / SDIST).read_bytes()
    index.other_hashes[SDIST] = ""
    assert "without a digest" in await site.refused(AlreadyPublished, check_url=index.simple_url)
    index.other_hashes[SDIST] = f"md5={hashlib.md5((site.dist / SDIST).read_bytes()).hexdigest()}"
    assert await site.fates(check_url=index.simple_url) == [UPLOADED, THERE]


@pytest.mark.parametrize(
    ("status", "facts"),
    [
        (409, {}),
        (400, {"reason": "File already exists ('demo', with blake2_256 hash 'x')."}),
        (
            400,
            {
                "text": '{"message": "File name has already been taken"}',
                "content_type": "application/json",
            },
        ),
        (403, {"text": "Not enough permissions to delete/overwrite artifact"}),
    ],
)
async def test_an_index_says_that_it_has_the_file(site: Site, index: UploadIndex, status: int, facts: Any) -> None:
    index.trouble(status, **facts)
    said = await site.refused(AlreadyPublished, site.dist / WHEEL)
    assert f"`{WHEEL}` is on `{index.upload_url}` already (status {status}" in said
    index.trouble(status, **facts)
    assert await site.fates(site.dist / WHEEL, skip_existing=True) == [PASSED_OVER]
    index.trouble(status, **facts, keeps=True)  # somebody was quicker
    assert await site.fates(site.dist / WHEEL, check_url=index.simple_url) == [THERE]


# --- what is tried again ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 503])
async def test_who_asks_to_be_asked_later_is(site: Site, index: UploadIndex, status: int) -> None:
    index.trouble(status, headers={"Retry-After": "0"})
    assert await site.fates(site.dist / WHEEL) == [UPLOADED]
    assert index.names == [WHEEL, WHEEL]
    sent = [event.sent for event in site.events if isinstance(event, UploadProgress)]
    assert sum(sent) == len(index.uploads[0].content)


async def test_attempts_and_waits_have_an_end(site: Site, index: UploadIndex) -> None:
    for _ in range(3):
        index.trouble(503, text="back soon")
    said = await site.refused(UploadFailed, site.dist / WHEEL)
    assert f"was not uploaded: `{index.upload_url}` answered with status 503: back soon, after 3 attempts" in said
    index.trouble(429, headers={"Retry-After": "3600"})
    assert "asks to wait for 3600 s" in await site.refused(UploadFailed, site.dist / WHEEL)


async def test_nobody_there_is_tried_again(site: Site, index: UploadIndex) -> None:
    await index.__aexit__()
    said = await site.refused(UploadFailed, site.dist / WHEEL)
    assert "cannot be reached" in said
    assert "after 3 attempts" in said


@pytest.mark.parametrize("status", [0, 500, 502, 504])
async def test_an_unclear_end_is_looked_up_before_anything_is_sent_again(
    site: Site, index: UploadIndex, status: int
) -> None:
    index.trouble(status, keeps=True)
    assert await site.fates(site.dist / WHEEL, check_url=index.simple_url) == [UPLOADED]
    assert index.names == [WHEEL]
    index.files.clear()
    index.trouble(status)
    assert await site.fates(site.dist / WHEEL, check_url=index.simple_url) == [UPLOADED]
    assert index.names == [WHEEL] * 3


async def test_what_was_cut_short_is_sent_again(site: Site, index: UploadIndex) -> None:
    site.write_large()
    index.trouble(0, unread=True)
    assert await site.fates(site.dist / WHEEL) == [UPLOADED]
    assert index.names == [WHEEL]


@pytest.mark.parametrize("status", [0, 500])
async def test_an_unclear_end_that_cannot_be_looked_up_is_told(site: Site, index: UploadIndex, status: int) -> None:
    index.trouble(status)
    with pytest.raises(UploadFailed) as caught:
        await site.publish(site.dist / WHEEL)
    assert caught.value.is_unclear
    assert "may or may not have been uploaded" in str(caught.value)
    assert index.names == [WHEEL]


# --- who may ----------------------------------------------------------------------------------------------------------


async def test_a_token_that_is_not_taken_is_told_and_not_shown(site: Site, index: UploadIndex) -> None:
    index.token = "another"
    said = await site.refused(UploadRefused)
    assert said.startswith(
        f"`{WHEEL}` was not uploaded: `{index.upload_url}` does not let the login of `--token` upload this "
        "(status 403: Invalid or non-existent authentication information.)"
    )
    index.trouble(401, text=f"no {SECRET} here")
    said = await site.refused(UploadRefused)
    assert "does not take the login of `--token` (status 401: no *** here)" in said
    assert "revoked" in said


async def test_without_a_login_it_is_said_how_to_log_in(site: Site, index: UploadIndex) -> None:
    site.login = None
    said = await site.refused(UploadRefused)
    assert f"`{index.upload_url}` wants a login, and none is known" in said
    assert f"log in with `dxpy auth login {index.upload_url}`, `--token`" in said
    assert index.uploads[0].login is None


async def test_a_login_is_found_in_the_address_and_in_netrc(site: Site, index: UploadIndex) -> None:
    site.login = None
    address = index.upload_url.replace("http://", f"http://__token__:{SECRET}@")
    assert await site.fates(upload_url=address) == [UPLOADED, UPLOADED]
    index.trouble(500)
    assert SECRET not in await site.refused(UploadFailed, upload_url=address)
    netrc = site.root / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login __token__ password {SECRET}\n")
    netrc.chmod(0o600)
    site.settings = replace(site.settings, credentials=CredentialSettings(netrc=str(netrc)))
    assert await site.fates(login=Login("__token__", None, "`--username`"), check_url=index.simple_url) == [
        THERE,
        THERE,
    ]


async def test_an_index_to_check_gets_the_login_of_the_upload_on_its_own_server_alone(
    site: Site, index: UploadIndex
) -> None:
    index.is_private = True
    index.files[WHEEL] = (site.dist / WHEEL).read_bytes()
    assert await site.fates(check_url=index.simple_url) == [THERE, UPLOADED]
    async with UploadIndex(token=SECRET) as other:
        other.is_private = True
        said = await site.refused(IndexRefused, check_url=other.simple_url)
    assert "wants credentials, and none are known for it" in said


async def test_a_user_without_a_password_is_not_left_out(site: Site, index: UploadIndex) -> None:
    said = await site.refused(PublishError, login=Login("me", None, "`--username`"))
    assert said.splitlines()[:2] == [
        "there is no password for the user `me` of `--username`",
        f"give `--password`, or keep it: `dxpy auth login {index.upload_url} --username me`",
    ]
    assert index.uploads == []


async def test_a_redirect_is_told_and_not_followed(site: Site, index: UploadIndex) -> None:
    async with UploadIndex() as other:
        index.trouble(308, headers={"Location": other.upload_url.replace("http://", "http://me:mine@")})
        said = await site.refused(UploadRefused)
        assert f"publish to it: `--publish-url {other.upload_url}`" in said
        assert other.uploads == []


async def test_an_address_that_takes_no_uploads_is_told(site: Site, index: UploadIndex) -> None:
    said = await site.refused(UploadRefused, upload_url=f"{index.origin}/simple/demo/")
    assert f"`{index.origin}/simple/demo/` is no address to upload to (status 405" in said
    assert said.splitlines()[1] == "the address of its pages is another one; `--publish-url` says where to upload"


async def test_a_file_that_is_too_large_is_told(site: Site, index: UploadIndex) -> None:
    index.trouble(413, unread=True)
    said = await site.refused(UploadRefused)
    assert f"does not take files of {(site.dist / WHEEL).stat().st_size} bytes (status 413" in said


async def test_what_a_server_says_is_bounded_and_plain(site: Site, index: UploadIndex) -> None:
    page = f"<html><head><title>t</title></head><body><h1>Bad</h1><p>{'x' * 5000}</p></body></html>"
    index.trouble(400, text=page, content_type="text/html")
    said = (await site.refused(UploadRefused)).splitlines()[0]
    assert f"does not take it (status 400: Bad {'x' * 496}…)" in said


async def test_a_file_that_changes_on_its_way_is_told(site: Site, index: UploadIndex) -> None:
    def meddle(event: Event) -> None:
        if isinstance(event, UploadStarted):
            with open(site.dist / WHEEL, "ab") as file:
                file.write(b"more")

    async with site.publisher() as publisher:
        with pytest.raises(PublishError, match=f"`{WHEEL}` changed while it was uploaded"):
            await publisher.publish([site.dist], on_event=meddle)
    assert index.files == {}


async def test_offline_nothing_is_sent(site: Site) -> None:
    site.settings = replace(site.settings, network=NetworkSettings(offline=True))
    assert "offline" in await site.refused(PublishError)


# --- trusted publishing -----------------------------------------------------------------------------------------------


async def test_a_job_on_github_gets_its_token_from_the_index(site: Site, index: UploadIndex) -> None:
    site.login, site.environ = None, index.github
    assert await site.fates() == [UPLOADED, UPLOADED]
    assert index.uploads[0].login == ("__token__", SECRET)
    assert len(index.job_requests) == 1
    assert index.minting == [{"token": "identity of the job"}]


async def test_a_job_on_gitlab_has_its_identity_in_a_variable(site: Site, index: UploadIndex) -> None:
    site.login, site.environ = None, {"GITLAB_CI": "true", "TESTPYPI_ID_TOKEN": "identity of the job"}
    assert await site.fates(trusted_publishing=TrustedPublishingUse.ALWAYS) == [UPLOADED, UPLOADED]
    site.environ = {"GITLAB_CI": "true"}
    said = await site.refused(TrustedPublishingFailed, trusted_publishing=TrustedPublishingUse.ALWAYS)
    assert "TESTPYPI_ID_TOKEN is not set\ngive the job `id_tokens: { TESTPYPI_ID_TOKEN: { aud: testpypi } }`" in said


async def test_what_is_given_goes_before_trusted_publishing(site: Site, index: UploadIndex) -> None:
    site.environ = index.github
    assert await site.fates() == [UPLOADED, UPLOADED]
    assert index.minting == []
    said = await site.refused(PublishError, trusted_publishing=TrustedPublishingUse.ALWAYS)
    assert "and so is the login of `--token`" in said


async def test_trusted_publishing_that_fails_is_an_error_only_if_asked_for(site: Site, index: UploadIndex) -> None:
    site.login, site.environ = None, index.github
    index.identities.clear()
    said = await site.refused(TrustedPublishingFailed, trusted_publishing=TrustedPublishingUse.ALWAYS)
    assert "gave no token for trusted publishing (status 422: Token request failed: valid token, but no" in said
    assert "identity of the job" not in said
    await site.refused(UploadRefused)
    assert any(isinstance(event, Warned) and "no token by trusted publishing" in event.message for event in site.events)
    site.environ = {"GITHUB_ACTIONS": "true"}
    said = await site.refused(TrustedPublishingFailed, trusted_publishing=TrustedPublishingUse.ALWAYS)
    assert "id-token: write" in said
    site.environ = {}
    said = await site.refused(TrustedPublishingFailed, trusted_publishing=TrustedPublishingUse.ALWAYS)
    assert "this is neither" in said
