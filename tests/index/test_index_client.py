"""Which index answers for a project, and what is merged in from directories."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import ClientMaker, Clock
from index_server import LoopbackIndex
from packaging.version import Version
from wheels import build_wheel

from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.releases import CoreMetadata, ProjectPage, Unavailable
from dxpy_async.core.settings import IndexStrategy
from dxpy_async.errors import IndexRefused, IndexUnavailable, UsageError

A = ProjectName("a")


async def versions_of(client: object, project: ProjectName = A) -> list[str]:
    page = await client.project_page(project)  # type: ignore[attr-defined]
    assert isinstance(page, ProjectPage)
    return [str(version) for version in page.versions]


async def test_the_first_index_that_has_a_project_wins(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    async with LoopbackIndex() as private:
        private.add_wheel(build_wheel(tmp_path, "a", "1.0"))
        index.add_wheel(build_wheel(tmp_path, "a", "9.0"))
        index.add_wheel(build_wheel(tmp_path, "b", "2.0"))
        async with client_of(private, index) as client:
            assert await versions_of(client) == ["1.0"]
            assert await versions_of(client, ProjectName("b")) == ["2.0"]
        assert not index.seen("/simple/a/")


async def test_an_index_that_fails_is_not_passed_over(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    async with LoopbackIndex() as private:
        private.fault("*", times=None, status=500)
        index.add_wheel(build_wheel(tmp_path, "a", "9.0"))
        async with client_of(private, index) as client:
            with pytest.raises(IndexUnavailable, match="status 500, after 4 attempts"):
                await client.project_page(A)
        assert not index.requests


async def test_an_unknown_project_is_an_answer(index: LoopbackIndex, client_of: ClientMaker) -> None:
    async with client_of(index) as client:
        assert await client.project_page(A) == Unavailable(f"is not on `{index.url}`")
        assert await client.project_page(ProjectName("../x")) == Unavailable("is not a valid project name")


async def test_a_project_that_is_gone_is_unknown(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault("/simple/a/", status=410)
    async with client_of(index) as client:
        assert isinstance(await client.project_page(A), Unavailable)


async def test_directories_are_added_and_come_first(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    local = tmp_path / "local"
    mine = build_wheel(local, "a", "1.0", files={"a.py": "mine = 1"})
    build_wheel(local, "a", "0.5")
    index.add_wheel(build_wheel(tmp_path, "a", "1.0"))
    index.add_wheel(build_wheel(tmp_path, "a", "1.0", tags="cp39-none-any"))
    index.add_wheel(build_wheel(tmp_path, "a", "2.0"))
    async with client_of(index, find_links=("local",)) as client:
        page = await client.project_page(A)
        assert isinstance(page, ProjectPage)
        assert [str(version) for version in page.versions] == ["2.0", "1.0", "0.5"]
        assert page.index_url == index.url
        assert [file.url for file in page.files(Version("1.0"))] == [
            mine.as_uri(),
            index.file_url("a-1.0-cp39-none-any.whl"),
        ]


async def test_a_directory_alone_will_do(client_of: ClientMaker, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "local", "a", "1.0", requires=["b>=1"])
    async with client_of(find_links=((tmp_path / "local").as_uri(),)) as client:
        page = await client.project_page(A)
        assert isinstance(page, ProjectPage)
        assert page.index_url == (tmp_path / "local").as_uri()
        (file,) = page.files(page.versions[0])
        metadata = await client.core_metadata(A, page.versions[0], file)
        assert isinstance(metadata, CoreMetadata)
        assert [str(requirement) for requirement in metadata.requirements] == ["b>=1"]
        downloaded = await client.download(
            url=file.url, filename=wheel.name, hashes=file.hashes, size=file.size, into=tmp_path / "x", progress=print
        )
        assert downloaded.path.read_bytes() == wheel.read_bytes()
        assert await client.project_page(ProjectName("c")) == Unavailable(f"is not on `{page.index_url}`")


async def test_a_directory_as_an_index(client_of: ClientMaker, tmp_path: Path) -> None:
    build_wheel(tmp_path / "wheels", "a", "1.0")
    for address in ("wheels", (tmp_path / "wheels").as_uri()):
        async with client_of(address) as client:
            assert await versions_of(client) == ["1.0"]


async def test_no_index_at_all(client_of: ClientMaker) -> None:
    async with client_of() as client:
        assert await client.project_page(A) == Unavailable("is not on any index: none is set")


@pytest.mark.parametrize("address", ["ftp://x.test/simple", "https://me:secret@[::1/simple", "https://x.test:port/"])
async def test_an_address_that_is_none_is_refused_without_its_secret(client_of: ClientMaker, address: str) -> None:
    with pytest.raises(UsageError) as caught:
        async with client_of(address):
            pass
    assert "secret" not in str(caught.value)


class TestCredentials:
    async def test_are_sent_and_never_shown(self, client_of: ClientMaker, tmp_path: Path, clock: Clock) -> None:
        async with LoopbackIndex(credentials=("me@here", "se/cret")) as index:
            index.add_wheel(build_wheel(tmp_path, "a", "1.0"))
            address = index.url.replace("://", "://me%40here:se%2Fcret@")
            async with client_of(address) as client:
                page = await client.project_page(A)
                assert isinstance(page, ProjectPage)
                (file,) = page.files(page.versions[0])
                assert isinstance(await client.core_metadata(A, page.versions[0], file), CoreMetadata)
                assert "cret" not in page.index_url + file.url
            cached = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
            assert cached
            assert not any(b"cret" in path.read_bytes() or "cret" in str(path) for path in cached)

    @pytest.mark.parametrize(("given", "status"), [("", "401"), ("me:wrong@", "403")])
    async def test_wrong_or_missing_ones_end_in_a_clear_error(
        self, client_of: ClientMaker, given: str, status: str
    ) -> None:
        async with LoopbackIndex(credentials=("me", "secret")) as index:
            index.add_project("a")
            async with client_of(index.url.replace("://", f"://{given}")) as client:
                with pytest.raises(IndexRefused, match=f"status {status}") as caught:
                    await client.project_page(A)
            assert caught.value.hints()
            assert "wrong" not in str(caught.value) + caught.value.url
            assert len(index.requests) == 1

    async def test_do_not_leave_their_origin(
        self, index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
    ) -> None:
        wheel = build_wheel(tmp_path, "a", "1.0")
        index.add_wheel(wheel)
        async with LoopbackIndex(credentials=("me", "secret")) as private:
            private.add_wheel(wheel, url=index.file_url(wheel.name))
            private.add_project("b")
            private.fault("/simple/b/", redirect=f"{index.url}/b/")
            async with client_of(private) as client:
                page = await client.project_page(A)
                assert isinstance(page, ProjectPage)
                (file,) = page.files(page.versions[0])
                await client.core_metadata(A, page.versions[0], file)
                await client.project_page(ProjectName("b"))
        assert len(index.requests) == 2
        assert not any("authorization" in request.headers for request in index.requests)

    async def test_of_a_direct_reference_are_for_its_origin_only(
        self, index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
    ) -> None:
        wheel = build_wheel(tmp_path, "a", "1.0")
        index.add_wheel(wheel)
        async with LoopbackIndex(credentials=("me", "secret")) as private:
            private.add_wheel(wheel)
            private.fault("/files/*", redirect=index.file_url(wheel.name))
            url = private.file_url(wheel.name).replace("://", "://me:secret@")
            async with client_of(index) as client:
                for name in ("x", "y"):
                    await client.download(
                        url=url, filename=wheel.name, hashes={}, size=None, into=tmp_path / name, progress=print
                    )
            assert all("authorization" in request.headers for request in private.requests)
        assert not any("authorization" in request.headers for request in index.requests)


async def test_offline_uses_what_is_cached_whatever_its_age(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path, clock: Clock
) -> None:
    wheel = build_wheel(tmp_path, "a", "1.0")
    index.add_wheel(wheel)
    async with client_of(index) as client:
        page = await client.project_page(A)
        assert isinstance(page, ProjectPage)
        (file,) = page.files(page.versions[0])
        metadata = await client.core_metadata(A, page.versions[0], file)
    index.requests.clear()
    clock.time += 1e8
    async with client_of(index, offline=True) as client:
        assert await versions_of(client) == ["1.0"]
        assert await client.core_metadata(A, page.versions[0], file) == metadata
        with pytest.raises(IndexUnavailable, match=r"`b` is not in the cache.*offline"):
            await client.project_page(ProjectName("b"))
        with pytest.raises(IndexUnavailable, match=r"a-1.0-py3-none-any.whl` is not in the store.*offline"):
            await client.download(
                url=file.url, filename=file.filename, hashes={}, size=None, into=tmp_path / "x", progress=print
            )
    assert not index.requests


async def test_offline_a_directory_still_answers(index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path) -> None:
    build_wheel(tmp_path / "local", "a", "1.0")
    async with client_of(index, find_links=("local",), offline=True) as client:
        assert await versions_of(client) == ["1.0"]


async def test_a_dead_index_ends_many_requests_soon(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault("*", times=None, status=503)
    async with client_of(index, retries=50) as client:
        answers = await asyncio.gather(
            *(client.project_page(ProjectName(f"p{n}")) for n in range(100)), return_exceptions=True
        )
    assert all(isinstance(answer, IndexUnavailable) for answer in answers)
    assert any("too many requests have failed" in str(answer) for answer in answers)
    assert len(index.requests) == 100 + 64


async def test_leaving_the_client_ends_what_is_under_way(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault("*", times=None, delay=30)
    async with client_of(index) as client:
        waiting = asyncio.ensure_future(client.project_page(A))
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_first_index_is_believed_alone_and_all_only_when_that_is_said(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    async with LoopbackIndex() as extra:
        for version, server in (("1", extra), ("1", index), ("2", index)):
            server.add_wheel(build_wheel(tmp_path / str(server.port), "a", version))
        async with client_of(extra, index) as client:
            page = await client.project_page(normalize("a"))
            assert isinstance(page, ProjectPage)
            assert [str(version) for version in page.versions] == ["1"]
        async with client_of(extra, index, strategy=IndexStrategy.UNSAFE_BEST_MATCH) as client:
            page = await client.project_page(normalize("a"))
            assert isinstance(page, ProjectPage)
            assert [(str(version), page.index_url_of(version)) for version in page.versions] == [
                ("2", index.url),
                ("1", extra.url),
            ]
            assert [file.url for file in page.files(Version("1"))] == [extra.file_url("a-1-py3-none-any.whl")]
            assert page.identity == b""  # so nothing is remembered that rests on it
