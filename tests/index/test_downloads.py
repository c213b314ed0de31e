"""Downloads: hashed on the way, held against what was promised, gone when they fail."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from conftest import ClientMaker
from index_server import LoopbackIndex

from dxpy_async.errors import (
    DxpyError,
    HashMismatch,
    IndexRefused,
    IndexUnavailable,
    SizeMismatch,
    StoreError,
    UsageError,
)
from dxpy_async.index.client import Downloaded, IndexClient, Pacing

NAME = "a-1.0-py3-none-any.whl"
CONTENT = os.urandom(3_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()
PATH = f"/files/{NAME}"


@pytest.fixture(autouse=True)
def _served(index: LoopbackIndex) -> None:
    index.add_wheel(CONTENT, NAME)


@pytest.fixture(autouse=True)
def into(tmp_path: Path) -> Iterator[Path]:
    """Where downloads go; after a test without a download that succeeded, it must not be there."""
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


async def fails(client: IndexClient, index: LoopbackIndex, into: Path, **said: Any) -> DxpyError:
    with pytest.raises(DxpyError) as caught:
        await fetch(client, index, into, **said)
    assert not into.exists()
    assert list(into.parent.glob("staging*")) == []
    return caught.value


async def test_computes_the_digests_on_the_way(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    sha512 = hashlib.sha512(CONTENT).hexdigest()
    seen: list[int] = []
    async with client_of(index) as client:
        done = await fetch(client, index, into, hashes={"sha256": SHA.upper(), "sha512": sha512}, progress=seen.append)
    assert done == Downloaded(into, len(CONTENT), SHA, blake3(CONTENT).hexdigest(), {"sha256": SHA, "sha512": sha512})
    assert into.read_bytes() == CONTENT
    assert sum(seen) == len(CONTENT)
    assert min(seen[:-1]) >= 1024**2


async def test_nothing_promised_is_nothing_checked(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    async with client_of(index) as client:
        done = await fetch(client, index, into, hashes={"blake9000": "x"}, size=None)
    assert done.hashes == {"sha256": SHA}


async def test_an_empty_file(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    index.add_body("/empty", b"")
    async with client_of(index) as client:
        done = await fetch(client, index, into, url=f"{index.origin}/empty", hashes={}, size=0)
    assert (done.size, into.read_bytes()) == (0, b"")


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "md5", "SHA256"])
async def test_another_digest_is_an_error_with_both(
    index: LoopbackIndex, client_of: ClientMaker, into: Path, algorithm: str
) -> None:
    expected = "0" * 64
    async with client_of(index) as client:
        error = await fails(client, index, into, hashes={"sha256": SHA} | {algorithm: expected})
    assert isinstance(error, HashMismatch)
    assert expected in str(error)
    assert hashlib.new(algorithm.lower(), CONTENT).hexdigest() in str(error)
    assert index.file_url(NAME) in str(error)
    assert len(index.requests) == 1


async def test_a_corrupted_byte_is_found(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    index.fault(PATH, corrupt=True)
    async with client_of(index) as client:
        assert isinstance(await fails(client, index, into), HashMismatch)


@pytest.mark.parametrize("size", [len(CONTENT) - 1, 5, len(CONTENT) + 1])
async def test_another_size_is_an_error_with_both(
    index: LoopbackIndex, client_of: ClientMaker, into: Path, size: int
) -> None:
    async with client_of(index) as client:
        error = await fails(client, index, into, size=size)
    assert isinstance(error, SizeMismatch)
    assert f"has {len(CONTENT)} bytes, expected {size}" in str(error)


async def test_an_endless_file_is_stopped_at_its_size(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    index.fault(PATH, endless=True, body=bytes(100_000))
    async with client_of(index) as client:
        error = await fails(client, index, into)
    assert isinstance(error, SizeMismatch)
    assert error.actual < len(CONTENT) + 1_000_000


async def test_an_endless_file_of_unknown_size_is_stopped_at_the_limit(
    index: LoopbackIndex, client_of: ClientMaker, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dxpy_async.index.downloads.ARCHIVE_BYTES", 1_000_000)
    index.fault(PATH, endless=True, body=bytes(100_000))
    async with client_of(index) as client:
        error = await fails(client, index, into, size=None)
    assert "the limit is 1000000" in str(error)


class TestResuming:
    @pytest.mark.parametrize("kind", [{"truncate": 2_000_000}, {"reset": 2_000_000}, {"stall": 2_000_000}], ids=str)
    async def test_goes_on_where_it_was_cut(
        self, index: LoopbackIndex, client_of: ClientMaker, into: Path, kind: dict[str, Any]
    ) -> None:
        index.fault(PATH, **kind)
        seen: list[int] = []
        async with client_of(index, read_timeout=0.3) as client:
            await fetch(client, index, into, progress=seen.append)
        assert into.read_bytes() == CONTENT
        assert sum(seen) == len(CONTENT)
        assert min(seen) > 0
        _, second = index.requests
        assert second.range is not None
        assert second.headers["if-range"].startswith('"')

    @pytest.mark.parametrize("why", ["no etag", "weak etag", "no ranges", "no digest"])
    async def test_starts_over_when_it_must(
        self, index: LoopbackIndex, client_of: ClientMaker, into: Path, why: str
    ) -> None:
        index.etag = why != "no etag"
        index.ranges = "off" if why == "no ranges" else "on"
        index.fault(PATH, truncate=2_000_000, headers={"ETag": 'W/"x"'} if why == "weak etag" else {})
        seen: list[int] = []
        async with client_of(index) as client:
            await fetch(client, index, into, progress=seen.append, hashes={} if why == "no digest" else {"sha256": SHA})
        assert into.read_bytes() == CONTENT
        assert sum(seen) == len(CONTENT)
        assert min(seen) < 0

    async def test_a_changed_file_is_taken_whole(
        self, index: LoopbackIndex, client_of: ClientMaker, into: Path
    ) -> None:
        index.fault(PATH, truncate=2_000_000, headers={"ETag": '"another"'})
        async with client_of(index) as client:
            await fetch(client, index, into)
        assert into.read_bytes() == CONTENT

    async def test_a_lie_is_found_and_healed(self, index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
        index.fault(PATH, truncate=2_000_000)
        index.fault(PATH, lie_range=True)
        async with client_of(index) as client:
            await fetch(client, index, into)
        assert into.read_bytes() == CONTENT
        assert [request.range is not None for request in index.requests] == [False, True, False]

    async def test_another_part_than_was_asked_for_is_not_used(
        self, index: LoopbackIndex, client_of: ClientMaker, into: Path
    ) -> None:
        index.fault(PATH, truncate=2_000_000)
        index.fault(PATH, headers={"Content-Range": f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"})
        async with client_of(index) as client:
            await fetch(client, index, into)
        assert into.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ({"status": 404}, IndexUnavailable, f"`{NAME}` is not at .* \\(status 404\\)"),
        ({"status": 401}, IndexRefused, "wants credentials"),
        ({"status": 500}, IndexUnavailable, "status 500, after 4 attempts"),
        ({"truncate": 10}, IndexUnavailable, "ended its answer too early"),
        ({"reset": 10}, IndexUnavailable, "after 4 attempts"),
        ({"stall": 10}, IndexUnavailable, "did not answer in time"),
        ({"trickle": 0.01}, IndexUnavailable, r"sent only \d+ bytes"),
        ({"redirect": "file:///etc/passwd"}, IndexUnavailable, "redirected to `file:`"),
    ],
    ids=str,
)
async def test_what_does_not_come_is_a_clear_error(
    index: LoopbackIndex,
    client_of: ClientMaker,
    into: Path,
    kind: dict[str, Any],
    error: type[DxpyError],
    message: str,
) -> None:
    index.fault(PATH, times=None, **kind)
    async with client_of(
        index, read_timeout=0.2, pacing=Pacing(first_pause=0.001, longest_pause=0.001, stall_seconds=0.05)
    ) as client:
        raised = await fails(client, index, into)
    assert isinstance(raised, error)
    with pytest.raises(error, match=message):
        raise raised


async def test_a_slow_start_heals(index: LoopbackIndex, client_of: ClientMaker, into: Path) -> None:
    index.fault(PATH, times=2, status=503, headers={"Retry-After": "0"})
    async with client_of(index) as client:
        await fetch(client, index, into)
    assert len(index.requests) == 3


async def test_a_directory_that_is_not_there_is_a_clear_error(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    async with client_of(index) as client:
        with pytest.raises(StoreError, match=f"`{NAME}` cannot be written to .*: No such file or directory"):
            await fetch(client, index, tmp_path / "none" / "x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
async def test_a_full_disk_is_a_clear_error(index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    async with client_of(index) as client:
        with pytest.raises(StoreError, match=f"`{NAME}` cannot be written to .*: No space left on device"):
            await fetch(client, index, full)
    assert not full.is_symlink()
    assert Path("/dev/full").exists()


@pytest.mark.parametrize("url", ["ftp://x.test/a.whl", "git+https://x.test/a", "http://[::1/x", "a.whl"])
async def test_other_addresses_are_refused(index: LoopbackIndex, client_of: ClientMaker, into: Path, url: str) -> None:
    async with client_of(index) as client:
        assert isinstance(await fails(client, index, into, url=url), UsageError)


@pytest.mark.parametrize("after", [0, 0.001, 0.003, 0.01, 0.02, 0.05])
async def test_a_cancelled_download_leaves_nothing(
    index: LoopbackIndex, client_of: ClientMaker, into: Path, after: float
) -> None:
    async with client_of(index) as client:
        for stall in (False, True):
            if stall:
                index.fault(PATH, stall=2_500_000)
            task = asyncio.ensure_future(fetch(client, index, into))
            await asyncio.sleep(after)
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert into.exists() == isinstance(outcome, Downloaded)
            into.unlink(missing_ok=True)
        index.faults.clear()
        await fetch(client, index, into)
    assert into.read_bytes() == CONTENT


class TestLocalFiles:
    async def test_are_copied_and_checked(
        self, index: LoopbackIndex, client_of: ClientMaker, into: Path, tmp_path: Path
    ) -> None:
        source = tmp_path / "local file.whl"
        source.write_bytes(CONTENT)
        seen: list[int] = []
        async with client_of(index, offline=True) as client:
            done = await fetch(client, index, into, url=source.as_uri(), progress=seen.append)
            assert (done.sha256, sum(seen)) == (SHA, len(CONTENT))
            assert into.read_bytes() == CONTENT
            into.unlink()
            assert isinstance(await fails(client, index, into, url=source.as_uri(), size=7), SizeMismatch)
            wrong = {"sha256": "0" * 64}
            assert isinstance(await fails(client, index, into, url=source.as_uri(), hashes=wrong), HashMismatch)

    async def test_that_are_not_there_are_a_clear_error(
        self, index: LoopbackIndex, client_of: ClientMaker, into: Path, tmp_path: Path
    ) -> None:
        async with client_of(index) as client:
            error = await fails(client, index, into, url=(tmp_path / "gone.whl").as_uri())
            assert "No such file" in str(error)
            error = await fails(client, index, into, url="file://elsewhere/x.whl")
            assert "elsewhere" in str(error)
