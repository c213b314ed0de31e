"""Files of a project that are put in their place in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dxpy_async.project.replacing import replace_file

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions and links as POSIX has them")


def test_a_new_file_is_shared_like_any_source_file(tmp_path: Path) -> None:
    earlier = os.umask(0o077)
    try:
        assert replace_file(tmp_path / "new", b"1")
    finally:
        os.umask(earlier)
    assert (tmp_path / "new").read_bytes() == b"1"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(b"1")
    path.chmod(mode)
    assert replace_file(path, b"2")
    assert path.read_bytes() == b"2"
    assert path.stat().st_mode & 0o777 == mode
    assert [each.name for each in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    real = tmp_path / "shared" / "pyproject.toml"
    real.write_bytes(b"1")
    link = tmp_path / "pyproject.toml"
    link.symlink_to("shared/pyproject.toml")
    assert replace_file(link, b"2")
    assert link.is_symlink()
    assert real.read_bytes() == b"2"


def test_what_agrees_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "dxpy.lock"
    path.write_bytes(b"1")
    inode = path.stat().st_ino
    assert not replace_file(path, b"1")
    assert path.stat().st_ino == inode
