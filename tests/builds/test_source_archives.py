"""Unpacking sdists: what real ones have is unpacked, and nothing lands or leads outside."""

from __future__ import annotations

import gzip
import os
import random
import tarfile
import zipfile
from pathlib import Path

import pytest
from trees import member, write_tar

from dxpy_async.builds import source_archives
from dxpy_async.builds.source_archives import unpack_source_archive
from dxpy_async.errors import InvalidSourceArchive

Member = tuple[tarfile.TarInfo, bytes]

DIRECTORY, LINK, HARD_LINK = {"type": tarfile.DIRTYPE}, {"type": tarfile.SYMTYPE}, {"type": tarfile.LNKTYPE}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    directory = tmp_path / "in" / "to"
    directory.mkdir(parents=True)
    return directory


def files_below(root: Path) -> dict[str, str]:
    """What is below `root`: contents of files, and where links lead."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[path.relative_to(root).as_posix()] = f"→ {os.readlink(path)}"
        elif path.is_file():
            found[path.relative_to(root).as_posix()] = path.read_text()
    return found


@pytest.mark.parametrize(
    ("filename", "mode"),
    [("a-1.tar.gz", "w:gz"), ("a-1.tgz", "w:gz"), ("a-1.tar.bz2", "w:bz2"), ("a-1.tar.xz", "w:xz"), ("a-1.tar", "w")],
)
def test_archives_of_all_kinds_are_unpacked(tmp_path: Path, into: Path, filename: str, mode: str) -> None:
    archive = write_tar(tmp_path / filename, [member("a-1/PKG-INFO", "hello"), member("a-1/a/b/c.py", "x")], mode=mode)
    assert unpack_source_archive(archive, filename, into) == into / "a-1"
    assert files_below(into) == {"a-1/PKG-INFO": "hello", "a-1/a/b/c.py": "x"}


def test_a_zip_archive_is_unpacked(tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a-1.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a-1/", "")
        archive.writestr("a-1/setup.py", "print()" * 100)
        archive.writestr("a-1/a/deep/er/file", "x")
    assert unpack_source_archive(tmp_path / "a-1.zip", "a-1.zip", into) == into / "a-1"
    assert files_below(into) == {"a-1/setup.py": "print()" * 100, "a-1/a/deep/er/file": "x"}


def test_modes_are_reduced_to_executable_and_times_are_kept(tmp_path: Path, into: Path) -> None:
    members = [
        member("a-1/run", "#!", mode=0o4777, mtime=1_500_000_000),
        member("a-1/read", "x", mode=0o000, mtime=-5),
        member("a-1/late", "x", mtime=2**35),
    ]
    root = unpack_source_archive(write_tar(tmp_path / "a.tar.gz", members), "a-1.tar.gz", into)
    assert (root / "run").stat().st_mode & 0o7777 == 0o755
    assert (root / "read").stat().st_mode & 0o7777 == 0o644
    assert (root / "run").stat().st_mtime == 1_500_000_000
    assert (root / "read").stat().st_mtime == 0


def test_what_real_archives_have_is_taken(tmp_path: Path, into: Path) -> None:
    members = [
        member(".", **DIRECTORY),
        member("./a-1", **DIRECTORY),
        member("./a-1/", **DIRECTORY),
        member("./a-1/docs/index", "text"),
        member("a-1/link", linkname="docs/index", **LINK),
        member("a-1/docs/up", linkname="../link", **LINK),
        member("a-1/all", linkname="docs", **LINK),
        member("a-1/twin", linkname="a-1/docs/index", **HARD_LINK),
        member("a-1/" + "long/" * 20 + "name" * 30, "deep"),
        member("a-1/grüße", "hello"),
    ]
    archive = write_tar(tmp_path / "a.tar.gz", members)
    root = unpack_source_archive(archive, "a-1.tar.gz", into)
    assert files_below(root) == {
        "all": "→ docs",
        "docs/index": "text",
        "docs/up": "→ ../link",
        "grüße": "hello",
        "link": "→ docs/index",
        "long/" * 20 + "name" * 30: "deep",
        "twin": "text",
    }


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([member("a-1/../../evil", "x")], "leaves the archive's root"),
        ([member("/a-1/evil", "x")], "is absolute"),
        ([member("a-1/b\\c", "x")], "has a backslash"),
        ([member("a-1/b\x1bc", "x")], "has control characters"),
        ([member("a-1/x", "1"), member("a-1/x", "2")], "has two members named 'a-1/x'"),
        ([member("a-1/x", "1"), member("a-1/x/y", "2")], "below another that is not a directory"),
        ([member("a-1/x/y", "1"), member("a-1/x", "2")], "has two members named 'a-1/x'"),
        ([member("a-1/f", type=tarfile.FIFOTYPE)], "neither a file, a directory nor a link"),
        ([member("a-1/d", type=tarfile.BLKTYPE)], "neither a file, a directory nor a link"),
        ([member("a-1/l", linkname="/etc/passwd", **LINK)], "leads out of it, to '/etc/passwd'"),
        ([member("a-1/l", linkname="../../x", **LINK)], "leads out of it"),
        ([member("a-1/l", linkname="..", **LINK)], "leads out of it"),
        ([member("a-1/l", linkname="", **LINK)], "leads out of it"),
        ([member("a-1/d/l", linkname="..", **LINK), member("a-1/m", linkname="d/l/../..", **LINK)], "through another"),
        ([member("a-1/L", linkname="d", **LINK), member("a-1/m", linkname="l/../x", **LINK)], "through another"),
        ([member("a-1/l", linkname="d", **LINK), member("a-1/l/x", "1")], "below another that is not a directory"),
        ([member("a-1/h", linkname="/etc/passwd", **HARD_LINK)], "which is no file before it"),
        ([member("a-1/h", linkname="a-1/later", **HARD_LINK), member("a-1/later")], "which is no file before it"),
        (
            [member("a-1/l", linkname="d", **LINK), member("a-1/h", linkname="a-1/l", **HARD_LINK)],
            "which is no file before it",
        ),
        ([member("a-1/x"), member("b-1/x")], "has not one directory at its top, but 'a-1', 'b-1'"),
        ([member("setup.py", "x")], "has not one directory at its top, but 'setup.py'"),
        ([], "has not one directory at its top, but nothing"),
    ],
)
def test_what_has_no_business_in_a_source_archive_is_refused(
    tmp_path: Path, into: Path, members: list[Member], reason: str
) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", members)
    with pytest.raises(InvalidSourceArchive) as caught:
        unpack_source_archive(archive, "a-1.tar.gz", into)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("`a-1.tar.gz` ")
    assert set(os.listdir(tmp_path)) == {"a.tar.gz", "in"}
    assert os.listdir(into.parent) == ["to"]


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, into: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz", format=tarfile.USTAR_FORMAT, encoding="latin-1") as archive:
        archive.addfile(tarfile.TarInfo("a-1/grüße"))
    with pytest.raises(InvalidSourceArchive, match="is not UTF-8"):
        unpack_source_archive(tmp_path / "a.tar.gz", "a-1.tar.gz", into)


def test_a_zip_archive_that_leaves_its_root_is_refused_by_its_own_name(tmp_path: Path, into: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a-1/../../evil", "x")
    with pytest.raises(InvalidSourceArchive, match=r"`a-1.zip \(at byte 45\)` .*leaves the archive's root"):
        unpack_source_archive(tmp_path / "a.zip", "a-1.zip", into)


def test_an_archive_is_read_to_its_end(tmp_path: Path, into: Path) -> None:
    whole = write_tar(tmp_path / "a.tar", [member("a-1/x", "1")], mode="w").read_bytes()
    compressed = bytearray(gzip.compress(whole))
    compressed[-8] ^= 1  # the checksum
    (tmp_path / "crc.tar.gz").write_bytes(compressed)
    (tmp_path / "more.tar.gz").write_bytes(gzip.compress(whole + b"\0" * 512 + b"more"))
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(whole)[:-20])
    for filename, reason in (("crc", "is damaged"), ("more", "goes on after its end"), ("cut", "is damaged")):
        with pytest.raises(InvalidSourceArchive, match=reason):
            unpack_source_archive(tmp_path / f"{filename}.tar.gz", "a-1.tar.gz", into)
        (into / "a-1" / "x").unlink(missing_ok=True)
        if (into / "a-1").exists():
            (into / "a-1").rmdir()


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path, into: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", [member("a-1/x", "1"), member("a-1/y", "2")], mode="w")
    data = bytearray(archive.read_bytes())
    data[1024 + 148] ^= 1  # the checksum of the second header
    archive.write_bytes(data)
    with pytest.raises(InvalidSourceArchive, match="has a damaged header"):
        unpack_source_archive(archive, "a-1.tar", into)


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, into: Path) -> None:
    (tmp_path / "page.tar.gz").write_text("<html>not found</html>")
    (tmp_path / "empty.tar.gz").write_bytes(b"")
    (tmp_path / "gz.tar.gz").write_bytes(gzip.compress(b"no tar archive, but long enough to be one" * 99))
    for name, reason in (("page", "is neither a gzip"), ("empty", "is neither a gzip"), ("gz", "is not a tar archive")):
        with pytest.raises(InvalidSourceArchive, match=reason):
            unpack_source_archive(tmp_path / f"{name}.tar.gz", "a-1.tar.gz", into)


def test_an_archive_that_unpacks_to_far_more_than_it_is_is_refused(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_archives, "_RATIO_FLOOR", 1024**2)
    archive = write_tar(tmp_path / "a.tar.gz", [member("a-1/zeros", bytes(40 * 1024**2))])
    monkeypatch.setattr(source_archives, "INFLATE_RATIO", 100)
    with pytest.raises(InvalidSourceArchive, match="unpacks to more than"):
        unpack_source_archive(archive, "a-1.tar.gz", into)
    assert sum(path.stat().st_size for path in into.rglob("*") if path.is_file()) < 10 * 1024**2


def test_a_long_header_is_not_read_into_memory(tmp_path: Path, into: Path) -> None:
    archive = write_tar(tmp_path / "a.tar.gz", [member("x", bytes(17 * 1024**2), type=tarfile.XHDTYPE)])
    with pytest.raises(InvalidSourceArchive, match="has a header of more than"):
        unpack_source_archive(archive, "a-1.tar.gz", into)


def test_damaged_archives_end_in_an_error_of_ours_or_are_unpacked_inside(tmp_path: Path) -> None:
    chance = random.Random(5)
    members = [
        member("a-1/" + "n" * 120, "long"),
        member("a-1/x", "1" * 600),
        member("a-1/l", linkname="x", **LINK),
        member("a-1/h", linkname="a-1/x", **HARD_LINK),
    ]
    whole = write_tar(tmp_path / "a.tar", members, mode="w").read_bytes()
    refused = 0
    for turn in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(data) - 9000 if len(data) > 10000 else len(data))
            data[place] = chance.randrange(256)
            header = place - place % 512
            if chance.random() < 0.7:  # with its checksum put right the damage goes deeper
                block = data[header : header + 512]
                total = sum(block[:148]) + 8 * 32 + sum(block[156:])
                data[header + 148 : header + 156] = f"{total:06o}\0 ".encode()
        (tmp_path / "b.tar").write_bytes(data)
        into = tmp_path / "sandbox" / str(turn) / "into"
        into.mkdir(parents=True)
        try:
            unpack_source_archive(tmp_path / "b.tar", "a-1.tar", into)
        except InvalidSourceArchive:
            refused += 1
        assert os.listdir(into.parent) == ["into"]
        for path in into.rglob("*"):
            assert path.resolve().is_relative_to(into.resolve())
    assert 50 < refused < 300
