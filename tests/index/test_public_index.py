"""The public index, when it can be reached."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from packaging.version import Version

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, ProjectPage, Unavailable
from dxpy_async.core.settings import PYPI_SIMPLE_URL, IndexSettings, NetworkSettings
from dxpy_async.index.client import IndexClient

FLASK, THREE = ProjectName("flask"), Version("3.0.0")

pytestmark = pytest.mark.network


@pytest.fixture(scope="module", autouse=True)
def _reachable() -> None:
    try:
        with urlopen(Request(f"{PYPI_SIMPLE_URL}/flask/", method="HEAD"), timeout=5):
            pass
    except OSError as error:
        pytest.skip(f"the public index cannot be reached: {error}")


async def test_page_metadata_and_download(tmp_path: Path) -> None:
    async with IndexClient(
        indexes=IndexSettings(),
        network=NetworkSettings(),
        cache_dir=tmp_path / "cache",
        now=time.time,
        base_directory=tmp_path,
    ) as client:
        page = await client.project_page(FLASK)
        assert isinstance(page, ProjectPage)
        assert page.versions[0] >= THREE
        wheel, sdist = page.files(THREE)
        assert wheel.is_wheel
        assert sdist.filename.endswith(".tar.gz")
        metadata = await client.core_metadata(FLASK, THREE, wheel)
        assert isinstance(metadata, CoreMetadata)
        assert "werkzeug>=3.0.0" in {str(requirement) for requirement in metadata.requirements}
        done = await client.download(
            url=wheel.url,
            filename=wheel.filename,
            hashes=wheel.hashes,
            size=wheel.size,
            into=tmp_path / wheel.filename,
            progress=lambda _: None,
        )
        assert (done.sha256, done.size) == (wheel.hashes["sha256"], wheel.size)
        assert isinstance(await client.project_page(ProjectName("dxpy-no-such-project-anywhere")), Unavailable)
