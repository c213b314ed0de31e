"""Pythons through the API: found, chosen from a mirror, refused, pinned."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from command import PYTHON
from index_server import LoopbackIndex
from python_mirror import MirrorFiles, archive_name, machine_triple, tar_of, version_of
from real_pythons import real_interpreter

from dxpy_async import PythonManager, Settings
from dxpy_async.core.settings import NetworkSettings, PythonDownloads
from dxpy_async.engine.events import Event, Finished, PythonInstalled
from dxpy_async.errors import InstallationFailed, InterpreterNotFound, UsageError
from dxpy_async.python.interpreters import SearchPlaces

MACHINE = f"linux-{os.uname().machine}-gnu"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def mirror(tmp_path: Path) -> MirrorFiles:
    return MirrorFiles(tmp_path / "mirror")


def manager(tmp_path: Path, cache: Path, mirror: str | None, **more: object) -> PythonManager:
    network = NetworkSettings(retries=0, connect_timeout=2, read_timeout=2)
    settings = Settings(cache_dir=cache, python_mirror=mirror, network=network, **more)  # type: ignore[arg-type]
    search = SearchPlaces(managed=str(tmp_path / "python"), fallback=PYTHON)
    return PythonManager(settings, search=search, environ={"HOME": str(tmp_path / "home")})


@pytest.fixture
def pythons(tmp_path: Path, cache: Path, mirror: MirrorFiles) -> PythonManager:
    return manager(tmp_path, cache, mirror.root.as_uri())


def pretender(python: Path | None) -> bytes:
    """A tiny archive whose `python3` starts a real interpreter."""
    if python is None:
        pytest.skip("that Python is not on this machine")
    starts = f'#!/bin/sh\nexec {python} "$@"\n'.encode()
    return tar_of({"python/bin/python3.12": starts, "python/bin/python3": "python3.12", "python/lib/it": b"x"})


async def refusal(pythons: PythonManager, request: str | None = "3.12") -> str:
    with pytest.raises(InstallationFailed) as raised:
        await pythons.install([request])
    assert pythons.installed() == []
    assert not (pythons.directory / ".staging").exists()
    return "\n".join([str(raised.value), *raised.value.hints()])


async def test_builds_of_the_latest_release_are_those_that_are_offered(
    pythons: PythonManager, mirror: MirrorFiles
) -> None:
    mirror.add("20231002", v3_11_6=b"", v3_12_0=b"")
    mirror.add("20240107", v3_11_7=b"", v3_12_1=b"", v3_13_0a3=b"")
    mirror.add_file("20240107", archive_name("3.12.1", "20240107", "install_only"), b"")
    mirror.add_file("20240107", archive_name("3.12.1", "20240107", "debug-full"), b"")
    mirror.add_file("20240107", "cpython-3.12.1+20240107-riscv128-unknown-linux-gnu-install_only.tar.gz", b"")
    mirror.add_file("20240107", archive_name("3.13.0a3", "20240107", "freethreaded-install_only"), b"")
    newest = await pythons.available()
    assert [str(build.key) for build in newest] == [
        f"cpython-3.13.0a3-{MACHINE}",
        f"cpython-3.13.0a3+freethreaded-{MACHINE}",
        f"cpython-3.12.1-{MACHINE}",
        f"cpython-3.11.7-{MACHINE}",
    ]
    assert [build.filename for build in newest if build.key.version == "3.12.1"] == [archive_name("3.12.1", "20240107")]
    every = await pythons.available(">=3.12,<3.13", all_versions=True)
    assert [build.key.version for build in every] == ["3.12.1", "3.12.0"]


async def test_request_is_answered_by_the_newest_release_that_has_it(
    pythons: PythonManager, mirror: MirrorFiles
) -> None:
    python = real_interpreter("3.12")
    version = version_of(python) if python else ""
    mirror.add("20240107", v3_11_7=b"damaged")
    mirror.add_file("20231002", archive_name(version, "20231002"), pretender(python))
    mirror.add("20230101", v3_12_0=b"damaged")
    mirror.latest("20240107")
    events: list[Event] = []
    (outcome,) = await pythons.install(["3.12"], on_event=events.append)
    assert (outcome.installed, str(outcome.python.key)) == (True, f"cpython-{version}-{MACHINE}")
    assert [type(event) for event in events[-2:]] == [PythonInstalled, Finished]
    (again,) = await pythons.install([f">={version}"])
    assert not again.installed
    # what it pretends to be is elsewhere, so it is found by the name of its directory alone
    assert [str(python.key) for python in pythons.installed()] == [str(outcome.python.key)]
    (gone,) = await pythons.uninstall([str(outcome.python.key)])
    assert gone == outcome.python
    assert list(pythons.directory.iterdir()) == [pythons.directory / ".lock"]


HOSTILE = {
    "leads out": {"python/bin/python3": b"#!/bin/sh\n", "python/lib/out": "../../../../etc/passwd"},
    "climbs": {"python/bin/python3": b"#!/bin/sh\n", "../escaped": b"x"},
    "is absolute": {"python/bin/python3": b"#!/bin/sh\n", "/tmp/dxpy-escaped": b"x"},
    "has two tops": {"python/bin/python3": b"#!/bin/sh\n", "other/file": b"x"},
    "has no python": {"python/share/readme": b"x"},
    "does not run": {"python/bin/python3": b"#!/bin/sh\necho no\n"},
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_archive_that_is_not_what_it_should_be_is_refused(
    pythons: PythonManager, mirror: MirrorFiles, what: str
) -> None:
    mirror.add_file("20240107", archive_name("3.12.1", "20240107"), tar_of(HOSTILE[what]))
    assert f"`cpython-3.12.1-{MACHINE}`" in await refusal(pythons)
    assert not Path("/tmp/dxpy-escaped").exists()


async def test_archive_of_another_version_is_refused(pythons: PythonManager, mirror: MirrorFiles) -> None:
    mirror.add("20240107", v3_12_77=pretender(real_interpreter("3.12")))
    assert f"the archive of `cpython-3.12.77-{MACHINE}` holds CPython 3.12." in await refusal(pythons)


async def test_archive_of_other_bytes_is_refused(pythons: PythonManager, mirror: MirrorFiles) -> None:
    mirror.add_file("20240107", archive_name("3.12.1", "20240107"), tar_of({"python/a": b""}), sha256="0" * 64)
    assert "the archive is not the one that the mirror's SHA256SUMS tells of" in await refusal(pythons)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("3.7", f"has no Python `3.7` for {machine_triple()}\nit has 3.13.0rc1, 3.12.1, 3.11.6"),
        ("3.13t", f"has no free-threaded Python `3.13t` for {machine_triple()}\nit has 3.13.0rc1, 3.12.1, 3.11.6"),
        ("3.12.9", f"has no Python `3.12.9` for {machine_triple()}\nit has 3.12.1, 3.12.0"),
        (">=3.14", f"has no Python `>=3.14` for {machine_triple()}\nit has 3.13.0rc1, 3.12.1, 3.11.6"),
        ("pypy@3.10", "`pypy@3.10` cannot be installed: there are builds of CPython only"),
        ("latest", "`latest` is not a version that could be installed"),
        ("./bin/python", "`./bin/python` is not a version that could be installed"),
    ],
)
async def test_what_the_mirror_does_not_have_is_said_with_what_it_has(
    pythons: PythonManager, mirror: MirrorFiles, request_: str, said: str
) -> None:
    mirror.add("20240107", v3_12_1=b"", v3_13_0rc1=b"")
    mirror.add("20231002", v3_12_0=b"", v3_11_6=b"")
    with pytest.raises(InstallationFailed) as raised:
        await pythons.install([request_])
    assert said in "\n".join([str(raised.value), *raised.value.hints()])


async def test_mirror_may_be_one_release_or_flat_or_named_by_its_latest_release(
    tmp_path: Path, cache: Path, mirror: MirrorFiles
) -> None:
    mirror.add("20240107", v3_12_1=b"")
    mirror.latest("20240107")
    (mirror.root / "pythons.json").write_text('{"asset_url_prefix": "20240107/"}')
    for place in ("", "/", "/20240107", "/pythons.json"):
        offered = await manager(tmp_path, cache, mirror.root.as_uri() + place).available()
        assert [build.key.version for build in offered] == ["3.12.1"], place
    flat = (mirror.root / "20240107").rename(tmp_path / "flat")
    offered = await manager(tmp_path, cache, flat.as_uri()).available()
    assert [build.key.version for build in offered] == ["3.12.1"]


@pytest.mark.parametrize(
    ("latest", "said"),
    [
        (b"[" * 100_000, "what it says of its latest release is not JSON"),
        (b"[]", "is not an object"),
        (b'{"tag": "../../etc"}', "`latest-release.json` names no release"),
    ],
)
async def test_mirror_that_talks_nonsense_is_refused(
    pythons: PythonManager, mirror: MirrorFiles, latest: bytes, said: str
) -> None:
    mirror.root.mkdir()
    (mirror.root / "latest-release.json").write_bytes(latest)
    assert said in await refusal(pythons)


async def test_mirror_that_fails_is_named(tmp_path: Path, cache: Path) -> None:
    down = manager(tmp_path, cache, "http://user:secret@127.0.0.1:9/builds")
    said = await refusal(down)
    assert "the mirror of Python builds cannot be used: `http://127.0.0.1:9/builds/latest-release.json`" in said
    assert "secret" not in said
    async with LoopbackIndex() as server:
        server.fault("*", times=None, status=503)
        assert "answered with status 503" in await refusal(manager(tmp_path, cache, server.origin))


async def test_download_goes_on_where_it_broke_off(tmp_path: Path, cache: Path) -> None:
    python = real_interpreter("3.12")
    content, name = pretender(python), archive_name(version_of(python) if python else "", "20240107")
    async with LoopbackIndex() as server:
        served = server.add_file(name, content)
        served_name = name.replace("+", "%2B")
        sums = f"{served.hashes['sha256']}  {name}\n".encode()
        server.add_body("/files/SHA256SUMS", sums)
        server.fault(f"/files/{name}", truncate=100)
        pythons = manager(tmp_path, cache, f"{server.origin}/files")
        pythons._settings = Settings(cache_dir=cache, python_mirror=f"{server.origin}/files")
        (outcome,) = await pythons.install(["3.12"])
        assert outcome.installed
        asked = [request for request in server.requests if request.target == f"/files/{served_name}"]
        assert [request.range for request in asked] == [None, "bytes=100-"]


async def test_cancelled_installation_leaves_nothing(tmp_path: Path, cache: Path) -> None:
    async with LoopbackIndex() as server:
        name = archive_name("3.12.1", "20240107")
        served = server.add_file(name, b"x" * 1000)
        server.add_body("/files/SHA256SUMS", f"{served.hashes['sha256']}  {name}\n".encode())
        server.fault(f"/files/{name}", stall=10)
        pythons = manager(tmp_path, cache, f"{server.origin}/files")
        started = asyncio.Event()
        task = asyncio.create_task(
            pythons.install(["3.12"], on_event=lambda event: "Download" in type(event).__name__ and started.set())
        )
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(pythons.directory.iterdir()) == [pythons.directory / ".lock"]


async def test_what_is_missing_is_only_installed_where_that_is_allowed(
    tmp_path: Path, cache: Path, mirror: MirrorFiles
) -> None:
    mirror.add("20240107", v3_99_1=b"damaged")
    with pytest.raises(InstallationFailed, match=r"the archive of `cpython-3\.99\.1"):
        await manager(tmp_path, cache, mirror.root.as_uri()).ensure("3.99")
    for pythons in (
        manager(tmp_path, cache, None),
        manager(tmp_path, cache, mirror.root.as_uri(), python_downloads=PythonDownloads.MANUAL),
        manager(tmp_path, cache, mirror.root.as_uri(), python_downloads=PythonDownloads.NEVER),
    ):
        with pytest.raises(InterpreterNotFound):
            await pythons.ensure("3.99")
    found = await manager(tmp_path, cache, None).ensure(">=3.11")
    assert str(found.executable) == PYTHON


def test_pins_are_written_read_and_removed(pythons: PythonManager, tmp_path: Path) -> None:
    assert pythons.pin("3.12", tmp_path) == tmp_path / ".python-version"
    assert (tmp_path / ".python-version").read_text() == "3.12\n"
    user_wide = pythons.pin(">=3.11", None)
    assert user_wide == tmp_path / "home/.config/dxpy/.python-version"
    assert (pythons.pinned(tmp_path), pythons.pinned(None)) == (["3.12"], [">=3.11"])
    assert (pythons.unpin(tmp_path), pythons.unpin(tmp_path)) == (True, False)
    with pytest.raises(UsageError):
        pythons.pin(">=banana", tmp_path)
    assert pythons.pinned(tmp_path) == []
