"""Real projects as they are published: unpacked, synced with extras and groups, and imported.

Their build backends differ: flit, hatchling with a plugin, pdm-backend, setuptools with a C extension, and poetry-core,
which builds itself. Each is installed editable and built in an environment of its own making.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from command import Command
from public_index import bring, public_client, require_public_index, sdist_of
from real_pythons import can_compile

from dxpy_async.core.settings import PYPI_SIMPLE_URL


@dataclass(frozen=True)
class Real:
    """A project, what of it is asked for, and a program that needs all of that."""

    name: str
    flags: str
    program: str


PROJECTS = [
    Real(
        "flask",
        "--no-default-groups --group typing --extra async --extra dotenv",
        "import flask, asgiref, dotenv, mypy",
    ),
    Real("httpx", "--extra http2 --extra socks", "import httpx, h2, socksio; httpx.Client(http2=True)"),
    Real("unearth", "--no-default-groups", "from unearth import PackageFinder; PackageFinder()"),
    Real(
        "markupsafe",
        "--no-default-groups",
        "from markupsafe import _speedups, escape; assert str(escape('<')) == '&lt;'",
    ),
    Real(
        "poetry-core",
        "--no-default-groups",
        "from poetry.core import __version__; from poetry.core.factory import Factory",
    ),
]


@pytest.fixture
def _reachable() -> None:
    require_public_index()


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.usefixtures("_reachable")
@pytest.mark.parametrize("real", PROJECTS, ids=lambda real: real.name)
async def test_a_real_project_is_synced_from_its_source(real: Real, tmp_path: Path) -> None:
    if real.name == "markupsafe" and not can_compile():
        pytest.skip("its extension cannot be compiled here")
    root = await unpacked(real.name, tmp_path)
    dxpy = Command(tmp_path / "cache", PYPI_SIMPLE_URL)

    synced = dxpy(f"sync {real.flags}", root, timeout=300)
    assert synced.code == 0, synced.err
    assert f" + {real.name}" in synced.err

    ran = dxpy(["run", "--no-sync", "python", "-W", "ignore", "-c", real.program], tmp_path / root.name)
    assert (ran.code, ran.err) == (0, ""), ran.err

    again = dxpy(f"sync {real.flags}", root)
    assert again.code == 0
    assert "Checked" in again.err, again.err


async def unpacked(name: str, place: Path) -> Path:
    """The newest source distribution of a project, unpacked in `place`."""
    async with public_client(place / "pages") as client:
        sdist = await sdist_of(client, name)
        await bring(client, sdist, place / sdist.filename)
    with tarfile.open(place / sdist.filename) as opened:
        opened.extractall(place, filter="data")
    return place / sdist.filename.removesuffix(".tar.gz")
