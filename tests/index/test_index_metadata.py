"""Core metadata by every way there is, and what happens when the cheaper ones fail or lie."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import ClientMaker
from index_server import LoopbackIndex
from packaging.version import Version
from wheels import build_wheel

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, ProjectPage, Unavailable
from dxpy_async.errors import HashMismatch, IndexUnavailable
from dxpy_async.index.client import IndexClient

A, ONE = ProjectName("a"), Version("1.0")
NAME = "a-1.0-py3-none-any.whl"
WHEEL, METADATA = f"/files/{NAME}", f"/files/{NAME}.metadata"


@pytest.fixture(autouse=True)
def wheel(index: LoopbackIndex, tmp_path: Path) -> Path:
    path = build_wheel(tmp_path, "a", "1.0", requires=["b>=1", "c; extra == 'x'"], extras=["x"])
    index.add_wheel(path)
    return path


async def file_of(client: IndexClient) -> DistributionFile:
    page = await client.project_page(A)
    assert isinstance(page, ProjectPage)
    (file,) = page.files(ONE)
    return file


async def metadata_of(client: IndexClient) -> CoreMetadata | Unavailable:
    return await client.core_metadata(A, ONE, await file_of(client))


def check(answer: CoreMetadata | Unavailable) -> None:
    assert isinstance(answer, CoreMetadata)
    assert [str(requirement) for requirement in answer.requirements] == ["b>=1", 'c; extra == "x"']
    assert answer.extras == {"x"}


def asked(index: LoopbackIndex) -> list[str]:
    """What was asked for besides pages: whole wheels, ranges of wheels, metadata files."""
    kinds = {METADATA: "metadata"}
    return [
        kinds.get(request.path, "range" if request.range else "wheel")
        for request in index.requests
        if not request.path.startswith("/simple/")
    ]


async def test_from_the_announced_file(index: LoopbackIndex, client_of: ClientMaker) -> None:
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index) == ["metadata"]


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("metadata", ["missing", "unannounced", "none"])
async def test_from_ranges_of_the_wheel(index: LoopbackIndex, client_of: ClientMaker, form: str, metadata: str) -> None:
    index.form, index.metadata = form, metadata  # type: ignore[assignment]
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index) == (["metadata", "range"] if metadata == "missing" else ["range"])


async def test_from_ranges_of_a_large_wheel(index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path) -> None:
    index.metadata, index.form = "none", "html"
    many = {f"b/{n}.py": f"{n}" for n in range(2000)}
    requires = [f"dependency-{n}>={n}" for n in range(3000)]
    path = build_wheel(tmp_path, "b", "1.0", files=many, requires=requires)
    assert path.stat().st_size > 200_000
    index.add_wheel(path)
    async with client_of(index) as client:
        page = await client.project_page(ProjectName("b"))
        assert isinstance(page, ProjectPage)
        answer = await client.core_metadata(ProjectName("b"), ONE, page.files(ONE)[0])
    assert isinstance(answer, CoreMetadata)
    assert len(answer.requirements) == 3000
    ranges = [request.range for request in index.seen("/files/*")]
    assert 2 <= len(ranges) <= 3
    assert ranges[0] == "bytes=-65536"


async def test_from_an_unannounced_file_when_there_are_no_ranges(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.metadata, index.ranges = "unannounced", "off"
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index) == ["range", "metadata"]


async def test_from_the_whole_wheel_in_the_end(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.metadata, index.ranges = "none", "off"
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index) == ["range", "metadata", "wheel"]


async def test_what_an_origin_does_not_do_is_not_tried_again(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    index.metadata, index.ranges = "none", "off"
    index.add_wheel(build_wheel(tmp_path, "b", "1.0"))
    async with client_of(index) as client:
        check(await metadata_of(client))
        page = await client.project_page(ProjectName("b"))
        assert isinstance(page, ProjectPage)
        await client.core_metadata(ProjectName("b"), ONE, page.files(ONE)[0])
    assert asked(index) == ["range", "metadata", "wheel", "wheel"]


async def test_lying_ranges_are_survived(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.metadata, index.ranges = "none", "lying"
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index)[-1] == "wheel"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 0-9/10"},
        {"Content-Range": "bytes 5-1/99"},
        {"Content-Range": "bytes 0-99999999999999999999/99999999999999999999"},
        {"Content-Range": "nonsense"},
        {"Content-Encoding": "gzip"},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["json", "html"])
async def test_odd_range_headers_are_survived(
    index: LoopbackIndex, client_of: ClientMaker, headers: dict[str, str], form: str
) -> None:
    index.metadata, index.form = "none", form  # type: ignore[assignment]
    index.fault(WHEEL, headers=headers)
    async with client_of(index) as client:
        check(await metadata_of(client))


@pytest.mark.parametrize("status", [403, 404, 400])
async def test_an_announced_file_that_is_refused_is_passed_over(
    index: LoopbackIndex, client_of: ClientMaker, status: int
) -> None:
    index.fault(METADATA, status=status)
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index) == ["metadata", "range"]


async def test_an_announced_file_without_digest_that_is_nonsense_is_passed_over(
    index: LoopbackIndex, client_of: ClientMaker
) -> None:
    index.files["a"][0].metadata_hashes = True
    index.fault(METADATA, body=b"<html>not found, said with status 200</html>")
    async with client_of(index) as client:
        check(await metadata_of(client))
    assert asked(index) == ["metadata", "range"]


async def test_an_announced_file_with_another_digest_is_an_error(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault(METADATA, corrupt=True)
    async with client_of(index) as client:
        with pytest.raises(HashMismatch, match=r"a-1.0-py3-none-any.whl.metadata.* has sha256 .*, expected"):
            await metadata_of(client)
        check(await metadata_of(client))


async def test_a_gzipped_metadata_file(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.gzip = True
    async with client_of(index) as client:
        check(await metadata_of(client))


async def test_is_kept_and_not_asked_for_again(index: LoopbackIndex, client_of: ClientMaker) -> None:
    for _ in range(2):
        async with client_of(index) as client:
            check(await metadata_of(client))
    assert asked(index) == ["metadata"]


async def test_without_a_digest_nothing_is_kept(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.files["a"][0].hashes = {}
    for _ in range(2):
        async with client_of(index) as client:
            check(await metadata_of(client))
    assert asked(index) == ["metadata", "metadata"]


async def test_damage_in_the_cache_is_a_miss(index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path) -> None:
    async with client_of(index) as client:
        check(await metadata_of(client))
        (cached,) = [path for path in (tmp_path / "cache" / "metadata-v1").rglob("*") if path.is_file()]
        content = cached.read_bytes()
        cached.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        check(await metadata_of(client))
    assert asked(index) == ["metadata", "metadata"]


async def test_equal_requests_under_way_are_one(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.fault(METADATA, delay=0.05)
    async with client_of(index) as client:
        file = await file_of(client)
        answers = await asyncio.gather(*(client.core_metadata(A, ONE, file) for _ in range(5)))
    for answer in answers:
        check(answer)
    assert asked(index) == ["metadata"]


async def test_invalid_metadata_is_an_answer_and_kept(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    index.add_wheel(build_wheel(tmp_path, "b", "1.0", requires=["c>=1.*"]))
    for _ in range(2):
        async with client_of(index) as client:
            page = await client.project_page(ProjectName("b"))
            assert isinstance(page, ProjectPage)
            answer = await client.core_metadata(ProjectName("b"), ONE, page.files(ONE)[0])
            assert isinstance(answer, Unavailable)
            assert "invalid Requires-Dist" in answer.reason
            assert "b-1.0-py3-none-any.whl" in answer.reason
    assert len(index.seen("/files/*")) == 1


async def test_a_wheel_that_is_none_is_an_answer(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.add_wheel(b"not a zip", "b-1.0-py3-none-any.whl")
    async with client_of(index) as client:
        page = await client.project_page(ProjectName("b"))
        assert isinstance(page, ProjectPage)
        answer = await client.core_metadata(ProjectName("b"), ONE, page.files(ONE)[0])
        assert isinstance(answer, Unavailable)
        assert "b-1.0-py3-none-any.whl" in answer.reason


async def test_metadata_of_another_project_is_an_answer(
    index: LoopbackIndex, client_of: ClientMaker, tmp_path: Path
) -> None:
    other = build_wheel(tmp_path, "other", "1.0")
    index.add_wheel(other.read_bytes(), "b-1.0-py3-none-any.whl")
    index.metadata = "none"
    async with client_of(index) as client:
        page = await client.project_page(ProjectName("b"))
        assert isinstance(page, ProjectPage)
        answer = await client.core_metadata(ProjectName("b"), ONE, page.files(ONE)[0])
    assert answer == Unavailable("`b-1.0-py3-none-any.whl` has 0 METADATA files of `b` 1.0, not one")


@pytest.mark.parametrize(
    ("headers", "is_told"),
    [
        ("Metadata-Version: 2.2\nName: src\nVersion: 1.0\nRequires-Dist: b\n", True),
        ("Metadata-Version: 2.1\nName: src\nVersion: 1.0\nRequires-Dist: b\n", False),
        ("Metadata-Version: 2.2\nName: src\nVersion: 1.0\nDynamic: Requires-Dist\n", False),
        ("Metadata-Version: 2.2\nName: other\nVersion: 1.0\n", False),
    ],
)
async def test_of_an_sdist_only_what_no_build_can_change_is_believed(
    index: LoopbackIndex, client_of: ClientMaker, headers: str, is_told: bool
) -> None:
    index.add_file("src-1.0.tar.gz", b"never looked at", metadata=headers.encode())
    src = ProjectName("src")
    async with client_of(index) as client:
        page = await client.project_page(src)
        assert isinstance(page, ProjectPage)
        (file,) = page.files(ONE)
        told = await client.sdist_metadata(src, ONE, file)
        assert isinstance(told, CoreMetadata) is is_told
        asked_once = len(index.requests)
        assert await client.sdist_metadata(src, ONE, file) == told
    assert (len(index.requests) == asked_once) is is_told
    assert not index.seen("/files/src-1.0.tar.gz")


async def test_a_wheel_that_is_gone_is_a_clear_error(index: LoopbackIndex, client_of: ClientMaker) -> None:
    index.metadata = "none"
    index.fault(WHEEL, times=None, status=404)
    async with client_of(index) as client:
        with pytest.raises(IndexUnavailable, match=f"{NAME}` answered with status 404"):
            await metadata_of(client)


async def test_local_wheels_that_are_broken_are_an_answer(client_of: ClientMaker, tmp_path: Path) -> None:
    local = tmp_path / "local"
    path = build_wheel(local, "b", "1.0")
    path.write_bytes(path.read_bytes()[:-7])
    async with client_of(find_links=("local",)) as client:
        page = await client.project_page(ProjectName("b"))
        assert isinstance(page, ProjectPage)
        assert isinstance(await client.core_metadata(ProjectName("b"), ONE, page.files(ONE)[0]), Unavailable)
