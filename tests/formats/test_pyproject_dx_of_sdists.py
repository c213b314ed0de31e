"""Law 8 on what people publish: the pyproject.toml of real sdists, to dx, to TOML, loses nothing.

A few come from the public index. For many, name a directory of sdists in DXPY_TEST_SDISTS; nothing is fetched for that.
"""

from __future__ import annotations

import os
import tarfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from documents import exactly

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.core.settings import PYPI_SIMPLE_URL, IndexSettings, NetworkSettings
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx
from dxpy_async.formats.toml_writer import write_toml
from dxpy_async.index.client import IndexClient

PROJECTS = ("attrs", "black", "flask", "httpx", "packaging", "poetry-core", "requests", "tomlkit")
"""Well known, small, and made with different build backends."""

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


def newest_small_sdist(page: ProjectPage) -> DistributionFile | None:
    for version in page.versions:
        for file in page.files(version):
            if file.filename.endswith(".tar.gz") and (file.size or 0) <= MOST_BYTES and not version.is_prerelease:
                return file
    return None


@pytest.fixture
def _reachable() -> None:
    try:
        with urlopen(Request(f"{PYPI_SIMPLE_URL}/flask/", method="HEAD"), timeout=5):
            pass
    except OSError as error:
        pytest.skip(f"the public index cannot be reached: {error}")


@pytest.mark.network
@pytest.mark.usefixtures("_reachable")
async def test_sdists_of_the_public_index_lose_nothing(tmp_path: Path) -> None:
    async with IndexClient(
        indexes=IndexSettings(),
        network=NetworkSettings(),
        cache_dir=tmp_path / "cache",
        now=time.time,
        base_directory=tmp_path,
    ) as client:
        for project in PROJECTS:
            page = await client.project_page(ProjectName(project))
            assert isinstance(page, ProjectPage)
            sdist = newest_small_sdist(page)
            assert sdist is not None, project
            place = tmp_path / sdist.filename
            await client.download(
                url=sdist.url,
                filename=sdist.filename,
                hashes=sdist.hashes,
                size=sdist.size,
                into=place,
                progress=lambda _: None,
            )
            content = project_file(place)
            assert content is not None, sdist.filename
            assert_nothing_is_lost(content, sdist.filename)


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
