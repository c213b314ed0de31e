"""Law 8 on what people publish: the pyproject.toml of real sdists, to dx, to TOML, loses nothing.

Some hundreds come from the public index. For others, name a directory of sdists in DXPY_TEST_SDISTS, without network.
"""

from __future__ import annotations

import asyncio
import os
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command
from documents import exactly
from public_index import bring, public_client, require_public_index

from dxpy_async.core.locks import LockedFile, LockedPackage
from dxpy_async.core.settings import PYPI_SIMPLE_URL
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx
from dxpy_async.formats.toml_writer import write_toml

LARGE = Path(__file__).parents[2] / "benchmarks" / "projects" / "large" / "pyproject.toml"
"""Its resolution has two hundred distributions."""

MORE = ("hatch", "mkdocs-material", "pdm", "poetry", "pre-commit", "scrapy", "scriv", "streamlit", "tox", "twine")
"""Their resolution adds fifty or more: among them build backends and what is made with them."""

FEWEST = 200
AT_ONCE = 8

MOST_BYTES = 3 * 1024**2
"""Larger sdists are passed over."""

MANY = os.environ.get("DXPY_TEST_SDISTS")


def project_file(sdist: Path) -> bytes | None:
    """The pyproject.toml at the top of an sdist; None when it has none."""
    with tarfile.open(sdist) as archive:
        for member in archive:
            if member.isfile() and member.name.count("/") == 1 and member.name.endswith("/pyproject.toml"):
                file = archive.extractfile(member)
                assert file is not None
                return file.read(MOST_BYTES)
    return None


def assert_nothing_is_lost(content: bytes, name: str) -> None:
    document = tomllib.loads(content.decode())
    read = DxDocument(build_dx(document, content), file=name).to_dict()
    assert exactly(read) == exactly(document), name
    assert exactly(tomllib.loads(write_toml(read))) == exactly(document), name


@pytest.fixture
def _reachable() -> None:
    require_public_index()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("_reachable")
async def test_sdists_of_the_public_index_lose_nothing(tmp_path: Path) -> None:
    """Those of a few hundred projects that real ones depend on, as a resolution finds them, but none over 3 MiB."""
    sdists = [package.sdist for package in locked(tmp_path) if package.sdist is not None]
    small = [file for file in sdists if file.filename.endswith(".tar.gz") and (file.size or 0) <= MOST_BYTES]
    limit = asyncio.Semaphore(AT_ONCE)
    checked = []

    async def check(file: LockedFile) -> None:
        async with limit:
            place = tmp_path / file.filename
            await bring(client, file, place)
            content = project_file(place)
            place.unlink()
        if content is not None:
            assert_nothing_is_lost(content, file.filename)
            checked.append(file.filename)

    async with (
        public_client(tmp_path / "cache") as client,
        asyncio.TaskGroup() as tasks,
    ):
        for file in small:
            tasks.create_task(check(file))
    assert len(checked) >= FEWEST, f"{len(sdists)} sdists, {len(small)} small ones, {len(checked)} with pyproject.toml"


def locked(directory: Path) -> tuple[LockedPackage, ...]:
    """What the large project and those beside it depend on."""
    project = tomllib.loads(LARGE.read_text())
    project["project"]["dependencies"] += MORE
    (directory / "pyproject.toml").write_text(write_toml(project))
    ended = Command(directory / "cache", PYPI_SIMPLE_URL)("lock", directory, timeout=300)
    assert ended.code == 0, ended.err
    with DplLockFile.open(directory / "dxpy.lock") as lock:
        return lock.to_lock().packages


@pytest.mark.skipif(not MANY, reason="DXPY_TEST_SDISTS names no directory of sdists")
def test_sdists_at_hand_lose_nothing() -> None:
    checked = 0
    for sdist in _sdists(Path(MANY or ".")):
        try:
            content = project_file(sdist)
        except tarfile.TarError:
            continue
        if content is not None:
            assert_nothing_is_lost(content, sdist.name)
            checked += 1
    assert checked, f"no sdist with a pyproject.toml in {MANY}"


def _sdists(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*.tar.gz")) if path.stat().st_size <= MOST_BYTES)
