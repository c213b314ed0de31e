"""Mirrors in commands: settings that name them, what is printed, and locks that know nothing of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex, running_index


@pytest.fixture
def mirror(index: LoopbackIndex, tmp_path: Path) -> Iterator[LoopbackIndex]:
    """A copy of the index."""
    with running_index() as served:
        served.add_directory(tmp_path / "wheels")
        yield served


def test_a_sync_goes_on_with_the_mirror_and_the_lock_does_not_show_it(
    dxpy: Command, index: LoopbackIndex, mirror: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    lock = (root / "dxpy.lock").read_bytes()
    (root / "dxpy.lock").unlink()
    environ = {"DXPY_CACHE_DIR": str(tmp_path / "other"), "DXPY_HTTP_RETRIES": "0"}
    index.fault("*", times=None, status=503)
    result = dxpy(f"sync --index-mirror {mirror.url}", root, environ=environ)
    said = f"`{index.url}/web/` answered with status 503, at the first attempt"
    expected = f"warning: `{index.url}` is left for `{mirror.url}`: {said}\n"
    assert (result.code, [line for line in result.err.splitlines(keepends=True) if "warning" in line]) == (
        0,
        [expected],
    )
    assert (root / "dxpy.lock").read_bytes() == lock
    assert str(mirror.port).encode() not in (root / "dxpy.lock").read_bytes()


def test_the_table_of_an_index_names_its_mirrors(
    dxpy: Command, index: LoopbackIndex, mirror: LoopbackIndex, tmp_path: Path
) -> None:
    del dxpy.environ["DXPY_DEFAULT_INDEX"]
    index.fault("*", times=None, status=503)
    more = f'[[tool.dxpy.index]]\nurl = "{index.url}"\ndefault = true\nmirrors = ["{mirror.url}"]\n'
    root = write_project(tmp_path / "p", "tool", more=more)
    assert dxpy("sync", root, environ={"DXPY_HTTP_RETRIES": "0"}).code == 0
    assert without_times(dxpy("sync", root).err) == "Checked 1 package in T\n"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ('"https://m.example/simple"', "`tool.dxpy.index.mirrors` must be an array of strings, not a string"),
        ('["m.example"]', "`tool.dxpy.index.mirrors` has an address that is not that of a mirror"),
    ],
)
def test_mirrors_that_are_none(dxpy: Command, tmp_path: Path, value: str, reason: str) -> None:
    more = f'[[tool.dxpy.index]]\nurl = "https://i.example/simple"\nmirrors = {value}\n'
    root = write_project(tmp_path / "p", "tool", more=more)
    result = dxpy("lock", root)
    place = f"{root / 'pyproject.toml'}:8"
    assert (result.code, result.err.splitlines()[0]) == (2, f"error: `{place}` is not a valid project file: {reason}")


def test_a_flag_that_names_no_mirror(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("lock --index-mirror m.example", write_project(tmp_path / "p"))
    said = "error: --index-mirror has `m.example`, which is not the URL of a mirror\n"
    assert (result.code, result.err) == (2, f"{said}\nhint: a mirror begins with https:// or http://\n")
