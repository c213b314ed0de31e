"""Law 2 on wheels that other people's tools made: wheel → DPP → wheel loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from packages import package_bytes, wheel_bytes

from dxpy_async.core.limits import ARCHIVE_BYTES
from dxpy_async.core.names import normalize
from dxpy_async.core.releases import DistributionFile, ProjectPage
from dxpy_async.core.settings import PYPI_SIMPLE_URL, IndexSettings, NetworkSettings
from dxpy_async.errors import IndexFailure
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.wheel import read_wheel
from dxpy_async.formats.zip_archive import ZipArchive
from dxpy_async.index.client import IndexClient

PROJECTS = (
    "attrs", "black", "certifi", "cffi", "charset-normalizer", "click", "django", "fastapi", "flask",
    "greenlet", "h11", "httpx", "idna", "iniconfig", "jinja2", "markupsafe", "mypy-extensions", "numpy",
    "packaging", "pip", "platformdirs", "pluggy", "pydantic", "pydantic-core", "pygments", "pytest", "pytz",
    "pyyaml", "requests", "rich", "ruff", "setuptools", "six", "sqlalchemy", "typing-extensions", "urllib3",
    "werkzeug", "wheel",
)  # fmt: skip


async def fetch(client: IndexClient, project: str, into: Path) -> Path:
    """The newest wheel of a project, whatever it is for."""
    page = await client.project_page(normalize(project))
    assert isinstance(page, ProjectPage)
    file: DistributionFile = next(
        file for version in page.versions for file in page.files(version) if file.is_wheel and not version.is_prerelease
    )
    path = into / file.filename
    await client.download(
        url=file.url, filename=file.filename, hashes=file.hashes, size=file.size, into=path, progress=lambda _: None
    )
    return path


@pytest.mark.network
async def test_real_wheels_survive_being_packages(tmp_path: Path) -> None:
    """For each: the same files and contents, metadata and entry points, and a RECORD that verifies."""
    client = IndexClient(
        indexes=IndexSettings(index_url=PYPI_SIMPLE_URL),
        network=NetworkSettings(retries=1),
        cache_dir=tmp_path / "cache",
        now=lambda: 0.0,
        base_directory=tmp_path,
    )
    try:
        async with client:
            wheels = [await fetch(client, PROJECTS[0], tmp_path)]
            wheels += await asyncio.gather(*(fetch(client, project, tmp_path) for project in PROJECTS[1:]))
    except IndexFailure as error:
        pytest.skip(f"the public index cannot be reached: {error}")
    assert len(wheels) >= 30
    for wheel in wheels:
        check(wheel)


def check(wheel: Path) -> None:
    data = package_bytes(wheel)
    assert len(data) < ARCHIVE_BYTES
    back = wheel_bytes(data)
    with ZipArchive.open(wheel, wheel.name) as archive, ZipArchive(back, wheel.name) as again:
        before, after = read_wheel(archive, wheel.name), read_wheel(again, wheel.name)
        assert after._replace(files=()) == before._replace(files=())
        read = {file.member.name: file.member for file in after.files}
        assert sorted(read) == sorted(file.member.name for file in before.files)
        for file in before.files:
            assert again.read(read[file.member.name]) == archive.read(file.member)
            assert read[file.member.name].executable == file.member.executable
        metadata = archive.read(next(file.member for file in before.files if file.member.name.endswith("/METADATA")))
    with DppPackage(data, file=wheel.name, verify=Verify.EVERYTHING) as package:
        package.check()
        assert package.core_metadata == metadata
        assert package.entry_points == before.entry_points
