"""Large files by several requests at once: the same bytes, and whole wherever that is not safe."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ClientMaker
from index_server import LoopbackIndex

from dxpy_async.errors import HashMismatch, IndexUnavailable
from dxpy_async.index.client import Downloaded, IndexClient
from dxpy_async.index.parted_downloads import PARTED_FROM, PARTS

NAME = "a-1.0-py3-none-any.whl"
CONTENT = os.urandom(PARTED_FROM + 3)
SHA = hashlib.sha256(CONTENT).hexdigest()
PATH = f"/files/{NAME}"


@pytest.fixture(autouse=True)
def _served(index: LoopbackIndex) -> None:
    index.add_file(NAME, CONTENT, project="a", version="1.0")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "staging.whl"


async def fetch(client: IndexClient, index: LoopbackIndex, into: Path, **said: Any) -> Downloaded:
    facts = {
        "url": index.file_url(NAME),
        "filename": NAME,
        "hashes": {"sha256": SHA},
        "size": len(CONTENT),
        "into": into,
        "progress": lambda _: None,
    }
    return await client.download(**(facts | said))


def ranges(index: LoopbackIndex) -> list[str | None]:
    return [request.range for request in index.seen(PATH)]


async def test_a_large_file_comes_in_parts_that_are_of_one_file(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    seen: list[int] = []
    async with client_of(index) as client:
        done = await fetch(client, index, into, progress=seen.append)
    assert into.read_bytes() == CONTENT
    assert (done.sha256, done.size, sum(seen)) == (SHA, len(CONTENT), len(CONTENT))
    first, *rest = index.seen(PATH)
    assert 1 + len(rest) == PARTS
    assert "if-range" not in first.headers
    assert len({request.headers["if-range"] for request in rest}) == 1


async def test_all_parts_are_on_their_way_at_once(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    index.fault(PATH, stall=1_000_000)  # the first part does not end
    async with client_of(index) as client:
        task = asyncio.ensure_future(fetch(client, index, into))
        async with asyncio.timeout(10):
            while len(index.seen(PATH)) < PARTS:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not into.exists()


@pytest.mark.parametrize("smaller", [{"size": None}, {"hashes": {}}])
async def test_what_cannot_be_divided_or_checked_comes_whole(
    index: LoopbackIndex, client_of: ClientMaker, into: Path, smaller: dict[str, object]
) -> None:
    async with client_of(index) as client:
        await fetch(client, index, into, **smaller)
    assert ranges(index) == [None]


async def test_a_server_without_ranges_is_asked_for_parts_once(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    index.ranges = "off"
    async with client_of(index) as client:
        for _ in range(2):
            await fetch(client, index, into)
            assert into.read_bytes() == CONTENT
    assert [wanted is None for wanted in ranges(index)] == [False, True, True]


async def test_without_a_strong_validator_it_comes_whole(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    index.etag = False
    async with client_of(index) as client:
        await fetch(client, index, into)
    assert into.read_bytes() == CONTENT
    assert ranges(index)[1:] == [None]


async def test_a_file_that_changes_between_two_parts_comes_whole(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    index.fault(PATH, headers={"ETag": '"of another"'})
    seen: list[int] = []
    async with client_of(index) as client:
        await fetch(client, index, into, progress=seen.append)
    assert into.read_bytes() == CONTENT
    assert ranges(index)[-1] is None
    assert sum(seen) == len(CONTENT)


async def test_parts_that_lie_are_found_and_it_comes_whole(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    index.fault(PATH, times=2, lie_range=True)
    async with client_of(index) as client:
        assert (await fetch(client, index, into)).sha256 == SHA
    assert ranges(index)[-1] is None


async def test_a_file_that_is_another_is_an_error(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    async with client_of(index) as client:
        with pytest.raises(HashMismatch):
            await fetch(client, index, into, hashes={"sha256": "0" * 64})
    assert not into.exists()


async def test_a_part_that_is_cut_off_goes_on_where_it_was(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    index.fault(PATH, truncate=1_500_000)
    async with client_of(index) as client:
        assert (await fetch(client, index, into)).sha256 == SHA
    assert len(ranges(index)) == PARTS + 1
    end = str(ranges(index)[0]).partition("-")[2]
    first, resumed = [str(wanted) for wanted in ranges(index) if str(wanted).endswith(f"-{end}")]
    assert first == f"bytes=0-{end}"
    assert 0 < int(resumed.removeprefix("bytes=").partition("-")[0]) <= 1_500_000


async def test_a_part_that_never_comes_is_a_clear_error(
    index: LoopbackIndex, client_of: ClientMaker, into: Path
) -> None:
    index.fault(PATH, times=1)
    index.fault(PATH, times=None, status=500)
    async with client_of(index, retries=1) as client:
        with pytest.raises(IndexUnavailable, match="500"):
            await fetch(client, index, into)
    assert not into.exists()
