"""The public index, when it can be reached."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version
from public_index import bring, public_client, require_public_index

from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, ProjectPage, Unavailable

FLASK, THREE = ProjectName("flask"), Version("3.0.0")

pytestmark = pytest.mark.network


@pytest.fixture(scope="module", autouse=True)
def _reachable() -> None:
    require_public_index()


async def test_page_metadata_and_download(tmp_path: Path) -> None:
    async with public_client(tmp_path / "cache") as client:
        page = await client.project_page(FLASK)
        assert isinstance(page, ProjectPage)
        assert page.versions[0] >= THREE
        wheel, sdist = page.files(THREE)
        assert wheel.is_wheel
        assert sdist.filename.endswith(".tar.gz")
        metadata = await client.core_metadata(FLASK, THREE, wheel)
        assert isinstance(metadata, CoreMetadata)
        assert "werkzeug>=3.0.0" in {str(requirement) for requirement in metadata.requirements}
        done = await bring(client, wheel, tmp_path / wheel.filename)
        assert (done.sha256, done.size) == (wheel.hashes["sha256"], wheel.size)
        assert isinstance(await client.project_page(ProjectName("dxpy-no-such-project-anywhere")), Unavailable)
