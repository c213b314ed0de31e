"""Mirrors of an index: who is turned to when, what is said of it, and what they cannot do."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK, ClientMaker, Clock
from index_server import LoopbackIndex
from packaging.version import Version
from wheels import build_wheel

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.errors import HashMismatch, IndexRefused, IndexUnavailable
from dxpy_async.index.client import IndexClient

A, B = normalize("a"), normalize("b")
ONE = Version("1")
HASTY = replace(QUICK, head_seconds=0.3)


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        build_wheel(tmp_path / "wheels", name, "1", requires=["c>=2"])
    return tmp_path / "wheels"


@pytest.fixture
async def mirror(wheels: Path) -> AsyncIterator[LoopbackIndex]:
    async with LoopbackIndex() as running:
        running.add_directory(wheels)
        yield running


@pytest.fixture
async def second(wheels: Path) -> AsyncIterator[LoopbackIndex]:
    async with LoopbackIndex() as running:
        running.add_directory(wheels)
        yield running


@pytest.fixture
def serving(index: LoopbackIndex, wheels: Path) -> LoopbackIndex:
    """The index itself, with the same wheels."""
    index.add_directory(wheels)
    return index


@pytest.fixture
def dead() -> str:
    """An index that nobody listens for."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/simple"


class Mirrored:
    """Clients of an index and its mirrors, and what they have told."""

    def __init__(self, client_of: ClientMaker) -> None:
        self._client_of = client_of
        self.told: list[str] = []

    def __call__(
        self, index: LoopbackIndex | str, *mirrors: LoopbackIndex | str, **more: Any
    ) -> AbstractAsyncContextManager[IndexClient]:
        url = index if isinstance(index, str) else index.url_with_credentials
        copies = tuple(each if isinstance(each, str) else each.url_with_credentials for each in mirrors)
        return self._client_of(url, mirrors={url: copies}, tell=self.told.append, **{"retries": 0, **more})


@pytest.fixture
def mirrored(client_of: ClientMaker) -> Mirrored:
    return Mirrored(client_of)


async def page_of(client: IndexClient, project: ProjectName) -> ProjectPage:
    page = await client.project_page(project)
    assert isinstance(page, ProjectPage), page
    return page


async def file_of(client: IndexClient, project: ProjectName) -> DistributionFile:
    (file,) = (await page_of(client, project)).files(ONE)
    return file


async def download(client: IndexClient, file: DistributionFile, into: Path) -> bytes:
    await client.download(
        url=file.url,
        filename=file.filename,
        hashes=file.hashes,
        size=file.size,
        into=into,
        progress=lambda _: None,
    )
    return into.read_bytes()


def paths(index: LoopbackIndex) -> list[str]:
    return [request.path for request in index.requests]


# Pages


async def test_an_index_that_is_down_is_left_for_its_mirror_and_that_is_said_once(
    dead: str, mirror: LoopbackIndex, mirrored: Mirrored
) -> None:
    async with mirrored(dead, mirror) as client:
        for project in (A, B):
            page = await page_of(client, project)
            assert page.index_url == dead
            assert [file.url for file in page.files(ONE)] == [
                f"{dead.removesuffix('/simple')}/files/{project}-1-py3-none-any.whl"
            ]
    (said,) = mirrored.told
    assert said.startswith(f"`{dead}` is left for `{mirror.url}`: `{dead}/a/` cannot be reached: Connect")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 503}, "answered with status 503"),
        ({"body": b"<Error>", "content_type": "application/xml"}, "is neither JSON nor HTML of the simple API"),
        ({"body": b"{", "content_type": "application/vnd.pypi.simple.v1+json"}, "does not parse"),
        ({"delay": 3.0}, "did not answer in time"),
        ({"trickle": 0.05}, "in 0 s"),
        ({"truncate": 20}, "ended its answer too early"),
    ],
)
async def test_an_index_that_fails_in_the_middle_of_a_run_is_left(
    serving: LoopbackIndex, mirror: LoopbackIndex, mirrored: Mirrored, fault: dict[str, Any], reason: str
) -> None:
    async with mirrored(serving, mirror, pacing=HASTY) as client:
        first = await page_of(client, A)
        assert mirror.requests == []
        serving.fault("/simple/b/", times=None, **fault)
        second = await page_of(client, B)
        serving.faults.clear()
        assert first.index_url == second.index_url == serving.url
    assert len(mirrored.told) == 1
    assert mirrored.told[0].startswith(f"`{serving.url}` is left for `{mirror.url}`: ")
    assert reason in mirrored.told[0]


async def test_a_mirror_that_fails_is_left_for_the_next(
    dead: str, mirror: LoopbackIndex, second: LoopbackIndex, mirrored: Mirrored
) -> None:
    mirror.fault("/simple/*", times=None, status=500)
    async with mirrored(dead, mirror, second) as client:
        await page_of(client, A)
        await page_of(client, B)
    assert len(paths(mirror)) == 1
    said = f"`{mirror.url}/a/` answered with status 500, at the first attempt"
    assert mirrored.told[1:] == [f"`{mirror.url}`, a mirror of `{dead}`, is left for `{second.url}`: {said}"]


async def test_all_are_named_when_nobody_is_left(dead: str, mirror: LoopbackIndex, mirrored: Mirrored) -> None:
    mirror.fault("/simple/*", times=None, status=500)
    async with mirrored(dead, mirror) as client:
        for _ in range(2):
            with pytest.raises(IndexUnavailable) as caught:
                await client.project_page(A)
            said = str(caught.value)
            assert said.startswith(
                f"neither `{dead}` nor any of its mirrors can be asked for `a`: `{dead}/a/` cannot be"
            )
            assert said.endswith(f"; `{mirror.url}/a/` answered with status 500, at the first attempt")
    assert len(mirror.requests) == 1


async def test_only_the_index_itself_can_say_that_a_project_is_not_there(
    serving: LoopbackIndex, mirror: LoopbackIndex, mirrored: Mirrored, wheels: Path
) -> None:
    mirror.add_wheel(build_wheel(wheels, "c", "2"))
    async with mirrored(serving, mirror) as client:
        assert isinstance(await client.project_page(normalize("c")), Unavailable)
    assert mirror.requests == []


async def test_what_a_mirror_lacks_is_looked_for_on_the_next_and_then_not_known(
    dead: str, mirror: LoopbackIndex, second: LoopbackIndex, mirrored: Mirrored, wheels: Path
) -> None:
    second.add_wheel(build_wheel(wheels, "c", "2"))
    async with mirrored(dead, mirror, second) as client:
        assert (await page_of(client, normalize("c"))).versions[0] == Version("2")
        with pytest.raises(IndexUnavailable) as caught:
            await client.project_page(normalize("d"))
    assert str(caught.value).startswith(
        f"`d` is not on `{mirror.url}` nor `{second.url}`, and whether it is on `{dead}` cannot be asked: "
    )


async def test_an_index_that_wants_credentials_is_not_left_and_a_mirror_is(
    serving: LoopbackIndex, mirror: LoopbackIndex, second: LoopbackIndex, mirrored: Mirrored, dead: str
) -> None:
    serving.fault("/simple/*", times=None, status=401)
    mirror.fault("/simple/*", times=None, status=403)
    async with mirrored(serving, second) as client:
        with pytest.raises(IndexRefused):
            await client.project_page(A)
    async with mirrored(dead, mirror, second) as client:
        await page_of(client, A)
    assert f"`{mirror.url}`, a mirror of `{dead}`, is left for `{second.url}`" in mirrored.told[-1]


async def test_mirrors_share_one_place_in_the_cache(
    serving: LoopbackIndex, mirror: LoopbackIndex, mirrored: Mirrored, clock: Clock
) -> None:
    serving.fault("/simple/a/", status=500)
    async with mirrored(serving, mirror) as client:
        kept = await page_of(client, A)
    async with mirrored(serving) as client:
        assert (await page_of(client, A)).identity == kept.identity
    assert len(serving.requests) == 1  # what the mirror said was kept, as the index's
    clock.time += 3600
    serving.fault("/simple/a/", status=500)
    async with mirrored(serving, mirror) as client:
        assert (await page_of(client, A)).identity == kept.identity
    asked = [request.headers.get("if-none-match") for request in (*serving.requests[1:], *mirror.requests[1:])]
    assert asked[0] is None  # a validator of the mirror's says nothing to the index
    assert asked[1] is not None


async def test_credentials_of_one_host_never_go_to_another(
    serving: LoopbackIndex, mirror: LoopbackIndex, mirrored: Mirrored, tmp_path: Path
) -> None:
    serving.credentials, mirror.credentials = ("me", "first"), ("me", "second")
    async with mirrored(serving, mirror) as client:
        file = await file_of(client, A)
        serving.fault("*", times=None, status=500)
        await download(client, file, tmp_path / "a.whl")
        await page_of(client, B)
    assert len({request.headers["authorization"] for request in serving.requests}) == 1
    assert len({request.headers["authorization"] for request in mirror.requests}) == 1
    assert serving.requests[0].headers["authorization"] != mirror.requests[0].headers["authorization"]
    assert "second" not in "".join(mirrored.told)


# Files


async def test_files_come_from_the_mirror_when_the_index_is_down(
    dead: str, mirror: LoopbackIndex, mirrored: Mirrored, wheels: Path, tmp_path: Path
) -> None:
    async with mirrored(dead, mirror) as client:
        file = await file_of(client, A)
        metadata = await client.core_metadata(A, ONE, file)
        assert isinstance(metadata, CoreMetadata)
        assert [str(each) for each in metadata.requirements] == ["c>=2"]
        content = await download(client, file, tmp_path / "a.whl")
    assert content == (wheels / file.filename).read_bytes()
    assert len(mirrored.told) == 1
    assert paths(mirror) == ["/simple/a/", f"/files/{file.filename}.metadata", f"/files/{file.filename}"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"reset": 10}, {"corrupt": True}, {"delay": 3.0}])
async def test_a_file_that_the_index_cannot_give_comes_from_the_mirror(
    serving: LoopbackIndex,
    mirror: LoopbackIndex,
    mirrored: Mirrored,
    wheels: Path,
    tmp_path: Path,
    fault: dict[str, Any],
) -> None:
    async with mirrored(serving, mirror, pacing=HASTY) as client:
        one, other = await file_of(client, A), await file_of(client, B)
        serving.fault("/files/*.whl", times=None, **fault)
        for file in (one, other):
            assert await download(client, file, tmp_path / "x.whl") == (wheels / file.filename).read_bytes()
            (tmp_path / "x.whl").unlink()
    assert len(serving.seen("/files/*")) == 1
    assert len(mirrored.told) == 1
    assert mirrored.told[0].startswith(f"files of `{serving.origin}` are taken from `{mirror.url}` instead: ")


async def test_a_file_that_is_not_where_the_lock_says_is_found_by_its_digest(
    serving: LoopbackIndex, mirror: LoopbackIndex, mirrored: Mirrored, wheels: Path, tmp_path: Path
) -> None:
    content = (wheels / "a-1-py3-none-any.whl").read_bytes()
    file = DistributionFile(
        filename="a-1-py3-none-any.whl",
        url=f"{serving.url.removesuffix('/simple')}/moved/a-1-py3-none-any.whl",
        hashes={"sha256": hashlib.sha256(content).hexdigest()},
    )
    async with mirrored(serving, mirror) as client:
        assert await download(client, file, tmp_path / "a.whl") == content
    assert mirrored.told == []


async def test_a_mirror_that_lies_about_a_digest_is_left_and_never_believed(
    serving: LoopbackIndex, mirror: LoopbackIndex, second: LoopbackIndex, mirrored: Mirrored, tmp_path: Path
) -> None:
    serving.fault("/files/*.whl", times=None, status=503)
    mirror.fault("/files/*.whl", times=None, corrupt=True)
    async with mirrored(serving, mirror, second) as client:
        await download(client, await file_of(client, A), tmp_path / "a.whl")
        await download(client, await file_of(client, B), tmp_path / "b.whl")
    assert len(mirror.seen("/files/*.whl")) == 1
    left, taken = mirrored.told
    assert left.startswith(
        f"`{mirror.url}`, a mirror of `{serving.url}`, is left: `a-1-py3-none-any.whl` from {mirror.origin}"
    )
    assert "has sha256" in left
    assert taken.startswith(f"files of `{serving.origin}` are taken from `{second.url}` instead: ")


async def test_a_file_of_another_digest_is_not_taken(
    serving: LoopbackIndex, mirror: LoopbackIndex, mirrored: Mirrored, tmp_path: Path
) -> None:
    mirror.files["a"][0] = replace(mirror.files["a"][0], hashes={"sha256": "0" * 64})
    serving.fault("/files/*.whl", times=None, corrupt=True)
    async with mirrored(serving, mirror) as client:
        file = await file_of(client, A)
        with pytest.raises(HashMismatch):
            await download(client, file, tmp_path / "a.whl")
    assert mirror.seen("/files/*") == []
    assert not (tmp_path / "a.whl").exists()
