"""Wheels and sdists that go out to others: their names, archives and metadata have to agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from trees import member, write_tar
from wheels import build_wheel, record_of, wheel_members, write_wheel

from dxpy_async.builds.distributions import is_distribution_name, read_distribution, unpack_sdist
from dxpy_async.errors import DxpyError, InvalidMetadata, InvalidSourceArchive, InvalidWheel


def pkg_info(name: str, version: str, more: str = "") -> str:
    return f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n{more}"


def test_a_wheel_says_what_it_is(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, "My.Demo", "1.0", tags="cp311-abi3-linux_x86_64", requires_python=">=3.11")
    read = read_distribution(path, tmp_path)
    assert (read.project, str(read.version), read.is_wheel, read.tag) == ("my-demo", "1.0", True, "cp311")
    assert read.requires_python == ">=3.11"
    assert "my_demo-1.0.dist-info/METADATA" in read.files


def test_a_wheel_whose_files_are_not_those_of_its_record_is_refused(tmp_path: Path) -> None:
    members = {**wheel_members("demo", "1.0", files={"demo.py": "x = 1\n"})}
    record = record_of({**members, "demo.py": b"x = 2\n"}, "demo-1.0.dist-info")
    members["demo-1.0.dist-info/RECORD"] = record
    path = write_wheel(tmp_path / "demo-1.0-py3-none-any.whl", members, record=False)
    with pytest.raises(InvalidWheel, match=r"`demo\.py` whose sha256 is not that in RECORD"):
        read_distribution(path, tmp_path)


@pytest.mark.parametrize(
    ("filename", "name", "version"),
    [
        ("demo-1.0.tar.gz", "demo", "1.0"),
        ("demo-1.0.zip", "demo", "1.0"),
        ("my_demo-1.0.post1.tar.gz", "My.Demo", "1.0.post1"),
        ("my-demo-1.0.tar.gz", "my-demo", "1.0"),
        ("my-demo-1.0-1.tar.gz", "my-demo", "1.0.post1"),
        ("demo-1.0.tar.gz", "demo", "1"),
    ],
)
def test_an_sdist_says_what_it_is(tmp_path: Path, filename: str, name: str, version: str) -> None:
    if filename.endswith(".zip"):
        path = write_wheel(tmp_path / filename, {"demo-1.0/PKG-INFO": pkg_info(name, version)}, record=False)
    else:
        path = write_tar(tmp_path / filename, [member("top/PKG-INFO", pkg_info(name, version)), member("top/a.py")])
    into = tmp_path / "into"
    into.mkdir()
    read, root = unpack_sdist(path, into)
    assert (read.is_wheel, read.tag) == (False, "source")
    assert read.files[0].endswith("/PKG-INFO")
    assert (root / "PKG-INFO").read_bytes() == read.metadata


@pytest.mark.parametrize(
    ("filename", "members", "kind", "said"),
    [
        ("demo-1.0.tar.gz", {"d/setup.py": ""}, InvalidSourceArchive, "has no PKG-INFO"),
        ("demo-1.0.tar.gz", {"d/x/PKG-INFO": ""}, InvalidSourceArchive, "has no PKG-INFO"),
        (
            "demo-1.0.tar.gz",
            {"d/PKG-INFO": pkg_info("demo", "1.1")},
            InvalidMetadata,
            "`demo` 1.1, which its name is not",
        ),
        ("demo-1.0.tar.gz", {"d/PKG-INFO": pkg_info("other", "1.0")}, InvalidMetadata, "`other` 1.0, which"),
        ("demo.tar.gz", {"d/PKG-INFO": pkg_info("demo", "1.0")}, InvalidMetadata, "which its name is not"),
        ("demo-1.0.tar.gz", {"d/PKG-INFO": "no"}, InvalidMetadata, "does not parse"),
        ("demo-1.0.tar.bz2", {}, InvalidSourceArchive, "does not end in .tar.gz or .zip"),
    ],
)
def test_an_sdist_that_contradicts_itself_is_refused(
    tmp_path: Path, filename: str, members: dict[str, str], kind: type[DxpyError], said: str
) -> None:
    path = write_tar(tmp_path / filename, [member(name, text) for name, text in members.items()])
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(kind, match=said):
        unpack_sdist(path, into)


def test_what_can_go_to_an_index() -> None:
    names = ["a-1-py3-none-any.whl", "a-1.tar.gz", "a-1.zip"]
    assert list(filter(is_distribution_name, [*names, "a-1.tar.bz2", "a-1.dpp", "a-1.tar.gz.asc", "a.egg"])) == names
