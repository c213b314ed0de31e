"""What a wheel unpacks to, and what it leaves when it is refused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from wheels import Contents, as_bytes, build_wheel, record_of, record_row, wheel_members, write_wheel

from dxpy_async.core.manifests import Manifest
from dxpy_async.errors import DxpyError, InvalidWheel, SizeMismatch, StoreError
from dxpy_async.formats.members import CHUNK_BYTES
from dxpy_async.store.unpack import unpack_wheel

INFO = "demo-1.0.dist-info"


def unpack(wheel: Path, into: Path) -> Manifest:
    into.mkdir()
    data = wheel.read_bytes()
    return unpack_wheel(
        wheel,
        wheel.name,
        into,
        sha256=hashlib.sha256(data).hexdigest(),
        blake3=blake3(data).hexdigest(),
        size=len(data),
    )


def files_below(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}


def test_the_files_are_those_of_the_archive_and_the_manifest_describes_them(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path,
        "demo",
        "1.0",
        files={
            "demo/__init__.py": "x = 1\n",
            "demo/run.sh": "#!/bin/sh\n",
            "demo/big.bin": os.urandom(3 * CHUNK_BYTES),
        },
        data={"scripts/tool": "#!python\n"},
        entry_points={"console_scripts": {"demo": "demo:main"}},
        executable=["demo/run.sh"],
    )
    out = tmp_path / "out"
    manifest = unpack(wheel, out)
    with zipfile.ZipFile(wheel) as archive:
        assert files_below(out) == set(archive.namelist()) - {f"{INFO}/RECORD"} == {f.path for f in manifest.files}
        for file in manifest.files:
            contents = archive.read(file.path)
            status = (out / file.path).stat()
            assert (out / file.path).read_bytes() == contents
            assert file.sha256 == hashlib.sha256(contents).digest()
            assert (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns)
            assert not status.st_mode & 0o222
            assert bool(status.st_mode & 0o111) == file.executable == (file.path == "demo/run.sh")
    assert list(manifest.files) == sorted(manifest.files)
    assert manifest.name == "demo"
    assert manifest.entry_points == {"console_scripts": {"demo": "demo:main"}}
    assert manifest.data == "demo-1.0.data"


def test_digests_are_sha256_whatever_record_uses(tmp_path: Path) -> None:
    members: dict[str, Contents] = {**wheel_members("demo", "1.0"), "demo/big.bin": bytes(2 * CHUNK_BYTES)}
    rows = "".join(record_row(name, as_bytes(contents), "sha512") for name, contents in members.items())
    members[f"{INFO}/RECORD"] = rows + f"{INFO}/RECORD,,\n"
    manifest = unpack(write_wheel(tmp_path / "demo-1.0-py3-none-any.whl", members, record=False), tmp_path / "out")
    for file in manifest.files:
        assert file.sha256 == hashlib.sha256((tmp_path / "out" / file.path).read_bytes()).digest()


@pytest.mark.parametrize("size", [10, 2 * CHUNK_BYTES])
def test_a_file_that_is_not_what_record_says_is_refused(tmp_path: Path, size: int) -> None:
    members: dict[str, Contents] = {**wheel_members("demo", "1.0"), "demo/data.bin": b"a" * size}
    members[f"{INFO}/RECORD"] = record_of(members, INFO)
    members["demo/data.bin"] = b"b" * size
    wheel = write_wheel(tmp_path / "demo-1.0-py3-none-any.whl", members, record=False)
    with pytest.raises(InvalidWheel, match=r"'demo/data.bin' with sha256 .*, RECORD says"):
        unpack(wheel, tmp_path / "out")


def test_nothing_is_written_for_a_wheel_that_disagrees_with_itself(tmp_path: Path) -> None:
    members = wheel_members("demo", "1.0")
    wheel = write_wheel(tmp_path / "other-1.0-py3-none-any.whl", members)
    with pytest.raises(InvalidWheel):
        unpack(wheel, tmp_path / "out")
    assert files_below(tmp_path / "out") == set()


@pytest.mark.parametrize("name", [".dxpy-bytecode-cpython-311", ".DXPY-Bytecode-x/y"])
def test_a_file_that_would_speak_for_the_store_is_refused(tmp_path: Path, name: str) -> None:
    listed = f"dxpy-bytecode 2\n5 1 {'0' * 64} ../../../../../secret\n"
    wheel = build_wheel(tmp_path, "demo", "1.0", files={"demo.py": "", name: listed})
    with pytest.raises(InvalidWheel, match="a name that the store keeps for its own lists"):
        unpack(wheel, tmp_path / "out")
    assert files_below(tmp_path / "out") == set()


def test_an_archive_of_another_size_than_promised_is_refused(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0")
    with pytest.raises(SizeMismatch):
        unpack_wheel(wheel, wheel.name, tmp_path, sha256="0" * 64, blake3="0" * 64, size=1)


def test_an_archive_that_is_not_there_is_a_store_error_that_names_the_wheel(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot unpack `demo-1\.0-py3-none-any\.whl`: No such file"):
        unpack_wheel(tmp_path / "x", "demo-1.0-py3-none-any.whl", tmp_path, sha256="", blake3="", size=1)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dxpy_async.errors import StoreError
from dxpy_async.store.unpack import unpack_wheel
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
wheel = Path(sys.argv[1])
try:
    unpack_wheel(wheel, wheel.name, Path(sys.argv[2]), sha256="", blake3="", size=wheel.stat().st_size)
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("size", [200_000, 3 * CHUNK_BYTES])
def test_a_file_that_cannot_be_written_whole_is_a_store_error(tmp_path: Path, size: int) -> None:
    wheel = build_wheel(tmp_path, "demo", "1.0", files={"demo/big.bin": os.urandom(size)})
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(wheel), str(tmp_path / "out")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "cannot unpack `demo-1.0-py3-none-any.whl`: File too large\n"


PARTS = st.from_regex(r"[a-z]{1,6}(\.py)?", fullmatch=True)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=2000), max_size=8))
def test_any_wheel_round_trips(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> None:
    """Whatever a wheel's files are, they come out as they went in, unless two of them contradict each other."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    parents = {name[:end] for name in files for end in range(len(name)) if name[end] == "/"}
    files = {name: contents for name, contents in files.items() if name not in parents}
    manifest = unpack(build_wheel(tmp_path, "demo", "1.0", files=files), tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files} == files
    assert {file.path for file in manifest.files} == {*files, f"{INFO}/METADATA", f"{INFO}/WHEEL"}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mutated_wheel_is_refused_or_unpacks_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Every byte of a member is vouched for by RECORD; the only error is a DxpyError."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    files = {"demo/__init__.py": b"print('hello')\n" * 20, "demo/x.bin": bytes(range(256))}
    wheel = build_wheel(tmp_path, "demo", "1.0", files=files, entry_points={"console_scripts": {"demo": "demo:main"}})
    mutated = bytearray(wheel.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    wheel.write_bytes(mutated)
    try:
        manifest = unpack(wheel, tmp_path / "out")
    except DxpyError:
        return
    for file in manifest.files:
        if file.path in files:
            assert (tmp_path / "out" / file.path).read_bytes() == files[file.path]
