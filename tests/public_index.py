"""The public index, for tests that are marked `network`."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from packaging.version import Version

from dxpy_async.core.locks import LockedFile
from dxpy_async.core.names import normalize
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.core.settings import PYPI_SIMPLE_URL, IndexSettings, NetworkSettings
from dxpy_async.index.client import Downloaded, IndexClient


def require_public_index() -> None:
    """Skip the test when it cannot be reached."""
    try:
        with urlopen(Request(f"{PYPI_SIMPLE_URL}/flask/", method="HEAD"), timeout=5):
            pass
    except OSError as error:
        pytest.skip(f"the public index cannot be reached: {error}")


def public_client(cache: Path) -> IndexClient:
    return IndexClient(
        indexes=IndexSettings(), network=NetworkSettings(), cache_dir=cache, now=time.time, base_directory=cache.parent
    )


async def bring(client: IndexClient, file: DistributionFile | LockedFile, into: Path) -> Downloaded:
    """Download `file` to the path `into`."""
    return await client.download(
        url=file.url,
        filename=file.filename,
        hashes=file.hashes,
        size=file.size,
        into=into,
        progress=lambda _: None,
    )


async def sdist_of(client: IndexClient, project: str, version: str | None = None) -> DistributionFile:
    """The sdist of a release, without a version of the newest one that is final."""
    page = await client.project_page(normalize(project))
    assert isinstance(page, ProjectPage)
    wanted = Version(version) if version else next(each for each in page.versions if not each.is_prerelease)
    return next(file for file in page.files(wanted) if not file.is_wheel)
