"""Fetching pages: both forms, caching and validation, and everything an index can do wrong."""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import pytest
from conftest import ClientMaker, Clock
from index_server import JSON_TYPE, LoopbackIndex, SeenRequest
from wheels import build_wheel

from dxpy_async.core.limits import PAGE_BYTES
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.errors import DxpyError, IndexUnavailable, InvalidIndexPage
from dxpy_async.index.client import Pacing

A = ProjectName("a")
PAGE = "/simple/a/"


async def page(client: object) -> ProjectPage:
    answer = await client.project_page(A)  # type: ignore[attr-defined]
    assert isinstance(answer, ProjectPage)
    return answer


def files(page: ProjectPage) -> list[DistributionFile]:
    return [file for version in page.versions for file in page.files(version)]


@pytest.fixture(autouse=True)
def wheel(index: LoopbackIndex, tmp_path: Path) -> Path:
    path = build_wheel(tmp_path, "a", "1.0", requires_python=">=3.8")
    index.add_wheel(path, yanked="broken")
    return path


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("gzip", [False, True])
async def test_both_forms_say_the_same(index: LoopbackIndex, client_of: ClientMaker, form: str, gzip: bool) -> None:
    index.form, index.gzip = form, gzip  # type: ignore[assignment]
    async with client_of(index) as client:
        (file,) = files(await page(client))
    served = index.files["a"][0]
    assert (file.filename, file.url) == (served.filename, index.file_url(served.filename))
    assert (file.hashes, file.requires_python, file.yanked) == (served.hashes, ">=3.8", "broken")
    assert file.metadata_hashes is not None
    assert file.size == (served.size if form == "json" else None)
    assert index.requests[0].headers["accept"].startswith(JSON_TYPE)
    assert "text/html;q=" in index.requests[0].headers["accept"]


async def test_a_fresh_page_is_not_asked_for_again(index: LoopbackIndex, client_of: ClientMaker, clock: Clock) -> None:
    async with client_of(index) as client:
        first = files(await page(client))
    clock.time += 599
    async with client_of(index) as client:
        assert files(await page(client)) == first
    assert len(index.requests) == 1


async def conditional(index: LoopbackIndex, client_of: ClientMaker, clock: Clock) -> SeenRequest:
    async with client_of(index) as client:
        first = files(await page(client))
        clock.time += 601
        assert files(await page(client)) == first
        clock.time += 599
        assert files(await page(client)) == first
    _, second = index.requests
    return second


async def test_a_stale_page_is_validated_by_its_etag(
    index: LoopbackIndex, client_of: ClientMaker, clock: Clock
) -> None:
    assert (await conditional(index, client_of, clock)).headers["if-none-match"].startswith('"')


async def test_a_stale_page_is_validated_by_its_date(
    index: LoopbackIndex, client_of: ClientMaker, clock: Clock
) -> None:
    index.etag, index.last_modified = False, "Mon, 01 Jan 2024 00:00:00 GMT"
    assert (await conditional(index, client_of, clock)).headers["if-modified-since"] == index.last_modified


async def test_a_changed_page_replaces_the_cached_one(
    index: LoopbackIndex, client_of: ClientMaker, clock: Clock, tmp_path: Path
) -> None:
    async with client_of(index) as client:
        await page(client)
        index.add_wheel(build_wheel(tmp_path, "a", "2.0"))
        assert len(files(await page(client))) == 1
        clock.time += 601
        assert len(files(await page(client))) == 2
        assert len(files(await page(client))) == 2
    assert len(index.requests) == 2


@pytest.mark.parametrize("control", [None, "no-cache", "max-age=0", "private"])
async def test_without_a_lifetime_a_page_is_validated_each_time(
    index: LoopbackIndex, client_of: ClientMaker, control: str | None
) -> None:
    index.cache_control = control
    async with client_of(index) as client:
        for _ in range(2):
            await page(client)
    assert "if-none-match" in index.requests[1].headers


async def test_what_must_not_be_stored_is_not(index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path) -> None:
    index.cache_control = "no-store"
    async with client_of(index) as client:
        for _ in range(2):
            await page(client)
    assert "if-none-match" not in index.requests[1].headers
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


async def test_the_age_of_an_answer_counts(index: LoopbackIndex, client_of: ClientMaker, clock: Clock) -> None:
    index.fault(PAGE, headers={"Age": "590"})
    async with client_of(index) as client:
        await page(client)
        clock.time += 20
        await page(client)
    assert len(index.requests) == 2


async def test_refresh_validates_what_is_fresh(index: LoopbackIndex, client_of: ClientMaker) -> None:
    async with client_of(index) as client:
        await page(client)
    async with client_of(index, refresh=True) as client:
        await page(client)
    assert "if-none-match" in index.requests[1].headers


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "zero", "directory"])
async def test_a_damaged_cache_is_a_miss(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path, damage: str
) -> None:
    async with client_of(index) as client:
        first = files(await page(client))
    (cached,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    content = bytearray(cached.read_bytes())
    if damage == "flip":
        content[-10] ^= 1
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "empty":
        content.clear()
    else:
        content = bytearray(len(content))
    cached.write_bytes(content)
    if damage == "directory":
        cached.unlink()
        cached.mkdir()
    async with client_of(index) as client:
        assert files(await page(client)) == first
    assert len(index.requests) == 2


async def test_a_cache_that_cannot_be_written_does_no_harm(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a directory")
    async with client_of(index, cache=tmp_path / "file" / "cache") as client:
        assert files(await page(client))
        assert isinstance(client.trouble, OSError)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
async def test_a_cache_that_may_only_be_read_is_read(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path, clock: Clock
) -> None:
    async with client_of(index) as client:
        await page(client)
    for path in (tmp_path / "cache").rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    async with client_of(index) as client:
        await page(client)
        assert client.trouble is None
        clock.time += 601
        await page(client)
    for path in (tmp_path / "cache").rglob("*"):
        path.chmod(0o700)


async def test_equal_requests_under_way_are_one(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault(PAGE, delay=0.05)
    async with client_of(index) as client:
        first = asyncio.ensure_future(page(client))
        others = [asyncio.ensure_future(page(client)) for _ in range(4)]
        await asyncio.sleep(0.01)
        first.cancel()
        assert len(await asyncio.gather(*others)) == 4
    assert len(index.requests) == 1


async def test_a_request_that_nobody_waits_for_ends(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault(PAGE, delay=0.2)
    async with client_of(index) as client:
        waiting = asyncio.ensure_future(page(client))
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert files(await page(client))
    assert len(index.requests) == 2


class TestFaults:
    @pytest.mark.parametrize(
        "kind",
        [
            {"status": 408},
            {"status": 429},
            {"status": 500},
            {"status": 503, "headers": {"Retry-After": "0"}},
            {"status": 503, "headers": {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}},
            {"status": 503, "headers": {"Retry-After": "soon"}},
            {"truncate": 40},
            {"truncate": 0},
            {"reset": 0},
            {"reset": 40},
            {"content_length": 10},
            {"stall": 40},
            {"trickle": 0.001},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("gzip", [False, True])
    async def test_what_passes_is_tried_again(
        self, index: LoopbackIndex, client_of: ClientMaker, kind: dict[str, object], gzip: bool
    ) -> None:
        index.gzip = gzip
        index.fault(PAGE, times=3, **kind)
        pacing = Pacing(first_pause=0.001, longest_pause=0.002, stall_seconds=0.05, stall_rate=1e6)
        async with client_of(index, read_timeout=0.3, pacing=pacing) as client:
            assert files(await page(client))
        assert len(index.requests) == 4

    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ({"status": 502}, "answered with status 502, after 4 attempts"),
            ({"truncate": 40}, "ended its answer too early, after 4 attempts"),
            ({"reset": 0}, "broke the connection|ended its answer too early"),
            ({"stall": 40}, "did not answer in time, after 4 attempts"),
            ({"headers": {"Content-Encoding": "gzip"}}, "damaged gzip stream"),
        ],
    )
    async def test_what_does_not_pass_is_a_clear_error(
        self, index: LoopbackIndex, client_of: ClientMaker, kind: dict[str, object], message: str
    ) -> None:
        index.fault(PAGE, times=None, **kind)
        async with client_of(index, read_timeout=0.1) as client:
            with pytest.raises(IndexUnavailable, match=message) as caught:
                await client.project_page(A)
        assert f"{index.url}/a/" in str(caught.value)

    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            ({"content_type": "text/plain"}, "neither JSON nor HTML"),
            ({"body": b"{"}, "does not parse"),
            ({"body": b'{"meta":{"api-version":"2.0"},"name":"a","files":[]}'}, "simple API"),
            ({"body": b'{"meta":{"api-version":"1.0"},"name":"b","files":[]}'}, "is that of `b`"),
            ({"headers": {"Content-Encoding": "br"}}, "encoding 'br'"),
        ],
    )
    async def test_nonsense_is_a_clear_error_and_not_kept(
        self, index: LoopbackIndex, client_of: ClientMaker, kind: dict[str, object], message: str
    ) -> None:
        index.fault(PAGE, **kind)
        async with client_of(index) as client:
            with pytest.raises(InvalidIndexPage, match=message):
                await client.project_page(A)
            assert files(await page(client))
        assert len(index.requests) == 2

    async def test_a_body_without_end_is_cut_off(
        self, index: LoopbackIndex, client_of: ClientMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dxpy_async.index.pages.PAGE_BYTES", 1_000_000)
        index.fault(PAGE, endless=True, body=b" " * 60_000)
        async with client_of(index) as client:
            with pytest.raises(InvalidIndexPage, match="the limit is 1000000"):
                await client.project_page(A)

    async def test_a_page_that_inflates_too_far_is_refused(
        self, index: LoopbackIndex, client_of: ClientMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dxpy_async.index.pages.PAGE_BYTES", 10_000)
        index.gzip = True
        index.add_file("a-2.0.tar.gz", b"", requires_python=" " * 20_000)
        async with client_of(index) as client:
            with pytest.raises(InvalidIndexPage, match="the limit is 10000"):
                await client.project_page(A)

    async def test_a_declared_length_over_the_limit_is_not_read(
        self, index: LoopbackIndex, client_of: ClientMaker
    ) -> None:
        index.fault(PAGE, content_length=PAGE_BYTES)
        async with client_of(index) as client:
            with pytest.raises(InvalidIndexPage, match=f"the limit is {PAGE_BYTES}"):
                await client.project_page(A)

    async def test_a_long_retry_after_fails_at_once(self, index: LoopbackIndex, client_of: ClientMaker) -> None:
        index.fault(PAGE, times=None, status=429, headers={"Retry-After": "86400"})
        async with client_of(index) as client:
            with pytest.raises(IndexUnavailable, match="asks to wait for 86400 s, longer than the 60 s"):
                await client.project_page(A)
        assert len(index.requests) == 1

    async def test_a_status_that_means_no_is_not_tried_again(
        self, index: LoopbackIndex, client_of: ClientMaker
    ) -> None:
        index.fault(PAGE, times=None, status=451)
        async with client_of(index) as client:
            with pytest.raises(IndexUnavailable, match="status 451"):
                await client.project_page(A)
        assert len(index.requests) == 1

    async def test_a_closed_port_is_a_clear_error(self, index: LoopbackIndex, client_of: ClientMaker) -> None:
        url = index.url
        await index.stop()
        async with client_of(url) as client:
            with pytest.raises(IndexUnavailable, match=r"cannot be reached: .*, after 4 attempts"):
                await client.project_page(A)

    async def test_a_host_without_an_address_is_a_clear_error(self, client_of: ClientMaker) -> None:
        async with client_of("http://no-such-host.invalid/simple", retries=0) as client:
            with pytest.raises(IndexUnavailable, match=r"no-such-host\.invalid/simple/a/` cannot be reached"):
                await client.project_page(A)

    async def test_what_is_not_http_is_a_clear_error(self, client_of: ClientMaker) -> None:
        async def garble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"SSH-2.0-OpenSSH_9\r\n\x1b[31m\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(garble, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with client_of(f"http://127.0.0.1:{port}/simple") as client:
                with pytest.raises(IndexUnavailable) as caught:
                    await client.project_page(A)
        assert "\x1b" not in str(caught.value)

    async def test_headers_without_end_are_cut_off(self, client_of: ClientMaker) -> None:
        async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nX: ")
            try:
                while True:
                    writer.write(b"x" * 60_000)
                    await writer.drain()
            except ConnectionError:
                writer.close()

        async with await asyncio.start_server(flood, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with client_of(f"http://127.0.0.1:{port}/simple", retries=0) as client:
                with pytest.raises(IndexUnavailable):
                    await client.project_page(A)


class TestRedirects:
    async def test_are_followed_and_links_count_from_their_end(
        self, index: LoopbackIndex, client_of: ClientMaker, wheel: Path
    ) -> None:
        async with LoopbackIndex(form="html") as other:
            other.add_wheel(wheel)
            index.fault(PAGE, redirect=f"{other.url}/a/")
            async with client_of(index) as client:
                answer = await page(client)
            assert [file.url for file in files(answer)] == [other.file_url(wheel.name)]
            assert answer.index_url == index.url

    async def test_without_end_are_an_error(self, index: LoopbackIndex, client_of: ClientMaker) -> None:
        index.fault(PAGE, times=None, redirect=PAGE)
        async with client_of(index) as client:
            with pytest.raises(IndexUnavailable, match="redirected more than 10 times"):
                await client.project_page(A)
        assert len(index.requests) == 11

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x.test/", "http://[::1"])
    async def test_lead_to_http_only(self, index: LoopbackIndex, client_of: ClientMaker, target: str) -> None:
        index.fault(PAGE, times=None, redirect=target)
        async with client_of(index) as client:
            with pytest.raises(IndexUnavailable, match="is redirected to"):
                await client.project_page(A)

    async def test_never_lead_from_https_to_http(
        self,
        index: LoopbackIndex,
        client_of: ClientMaker,
        server_tls: ssl.SSLContext,
        trusting_tls: ssl.SSLContext,
    ) -> None:
        async with LoopbackIndex(tls=server_tls) as safe:
            safe.fault(PAGE, redirect=f"{index.url}/a/")
            async with client_of(safe, tls=trusting_tls) as client:
                with pytest.raises(IndexUnavailable, match="redirected from https to http"):
                    await client.project_page(A)
        assert not index.requests


class TestTls:
    async def test_a_certificate_that_is_trusted(
        self, client_of: ClientMaker, server_tls: ssl.SSLContext, trusting_tls: ssl.SSLContext, wheel: Path
    ) -> None:
        async with LoopbackIndex(tls=server_tls) as safe:
            safe.add_wheel(wheel)
            async with client_of(safe, tls=trusting_tls) as client:
                assert files(await page(client))

    async def test_a_certificate_that_is_not_is_fatal_at_once(
        self, client_of: ClientMaker, server_tls: ssl.SSLContext
    ) -> None:
        async with LoopbackIndex(tls=server_tls) as safe:
            async with client_of(safe, pacing=Pacing(first_pause=60)) as client:
                with pytest.raises(
                    IndexUnavailable, match=f"TLS certificate of `127.0.0.1:{safe.port}` is not accepted"
                ) as caught:
                    await client.project_page(A)
            assert caught.value.hints()

    async def test_http_on_a_tls_port_and_the_reverse(
        self, index: LoopbackIndex, client_of: ClientMaker, server_tls: ssl.SSLContext
    ) -> None:
        async with LoopbackIndex(tls=server_tls) as safe:
            for url in (safe.url.replace("https", "http"), index.url.replace("http", "https")):
                async with client_of(url, retries=0, read_timeout=0.3, connect_timeout=0.3) as client:
                    with pytest.raises(DxpyError):
                        await client.project_page(A)
