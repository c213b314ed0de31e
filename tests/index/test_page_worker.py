"""The process that takes pages apart: what it keeps, what it leaves to others, and how it ends."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ClientMaker
from index_server import JSON_TYPE, LoopbackIndex
from wheels import build_wheel

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import ProjectPage
from dxpy_async.errors import InvalidIndexPage
from dxpy_async.index.http_cache import HttpCache
from dxpy_async.index.page_worker import PageJob, PageWorker, keep_page

A = ProjectName("a")
NAME = "pages-v1/index/a"


@pytest.fixture
def worker() -> Iterator[PageWorker]:
    forked = PageWorker.fork()
    if forked is None:
        pytest.skip("this process cannot be forked")
    with forked:
        yield forked


def job(cache: Path, *, name: str = NAME, content_type: str = JSON_TYPE, versions: int = 100) -> PageJob:
    files = [{"filename": f"a-{n}.0-py3-none-any.whl", "url": f"a-{n}.whl", "hashes": {}} for n in range(versions)]
    body = json.dumps({"meta": {"api-version": "1.0"}, "name": "a", "files": files}).encode()
    return PageJob(
        body=gzip.compress(body),
        is_gzipped=True,
        content_type=content_type,
        base_url="https://index.test/simple/a/",
        project="a",
        index_url="https://index.test/simple",
        cache_dir=str(cache),
        name=name,
        validated_at=1.0,
        lifetime=600.0,
        etag='"x"',
        last_modified=None,
    )


async def test_it_keeps_what_would_be_kept_without_it(worker: PageWorker, tmp_path: Path) -> None:
    assert await worker.keep(job(tmp_path / "there"))
    assert keep_page(job(tmp_path / "here"))
    assert (tmp_path / "there" / NAME).read_bytes() == (tmp_path / "here" / NAME).read_bytes()
    kept = HttpCache(tmp_path / "there").read(NAME)
    assert kept is not None
    assert (kept.validators.etag, kept.validators.lifetime) == ('"x"', 600.0)


async def test_answers_are_those_of_their_jobs(worker: PageWorker, tmp_path: Path) -> None:
    jobs = [job(tmp_path, name=f"{n}", content_type=JSON_TYPE if n % 3 else "text/plain") for n in range(30)]
    assert await asyncio.gather(*map(worker.keep, jobs)) == [n % 3 > 0 for n in range(30)]


async def test_a_cache_that_cannot_be_written_is_told(worker: PageWorker, tmp_path: Path) -> None:
    (tmp_path / "pages-v1").write_text("in the way")
    assert not await worker.keep(job(tmp_path))


async def test_one_that_is_killed_is_done_without(worker: PageWorker, tmp_path: Path) -> None:
    os.kill(worker.process, signal.SIGKILL)
    assert [await worker.keep(job(tmp_path)) for _ in range(3)] == [False] * 3


async def test_one_who_no_longer_waits_disturbs_nobody(worker: PageWorker, tmp_path: Path) -> None:
    first = asyncio.create_task(worker.keep(job(tmp_path, name="first", versions=20_000)))
    second = asyncio.create_task(worker.keep(job(tmp_path, name="second")))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert not second.result() or (tmp_path / "second").exists()


@pytest.fixture
async def many_versions(index: LoopbackIndex, tmp_path: Path) -> LoopbackIndex:
    """An index with a page that is worth a worker."""
    for n in range(80):
        index.add_wheel(build_wheel(tmp_path, "a", f"{n}.0"))
    return index


async def test_a_client_with_one_gives_the_same_pages(
    worker: PageWorker, many_versions: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    pages = []
    for page_worker, cache in ((worker, "with"), (None, "without")):
        async with client_of(many_versions, cache=tmp_path / cache, page_worker=page_worker) as client:
            pages.append(await client.project_page(A))
    one, other = pages
    assert isinstance(one, ProjectPage)
    assert isinstance(other, ProjectPage)
    assert one.identity == other.identity
    assert [one.files(version) for version in one.versions] == [other.files(version) for version in other.versions]


async def test_what_is_wrong_with_a_page_is_said_as_without_it(
    worker: PageWorker, many_versions: LoopbackIndex, client_of: ClientMaker
) -> None:
    many_versions.fault("/simple/a/", body=b"{" * 100_000, headers={"Content-Type": JSON_TYPE})
    async with client_of(many_versions, page_worker=worker) as client:
        with pytest.raises(InvalidIndexPage, match="JSON is malformed"):
            await client.project_page(A)
