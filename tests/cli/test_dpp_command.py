"""`dxpy dpp`, and fat packages installed like wheels: what is printed, written, refused and left alone."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex
from packages import package_bytes, signed, write_package
from wheels import build_wheel

from dxpy_async.formats.dpp import DppPackage, Verify


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(
        tmp_path / "made",
        "demo",
        "1.0",
        files={"demo/__init__.py": "def main():\n    print('demo runs')\n", "demo/old.py": "print 'two'\n"},
        requires=["safe<2", 'web ; extra == "net"'],
        requires_python=">=3.8",
        extras=["net"],
        entry_points={"console_scripts": {"demo": "demo:main"}},
    )


def site(root: Path) -> Path:
    return next((root / ".venv/lib").glob("python3*/site-packages"))


def test_a_thin_package_is_made_and_shown(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    result = dxpy(["dpp", "build", str(wheel)], tmp_path)
    path = tmp_path / "demo-1.0-py3-none-any.dpp"
    size = path.stat().st_size
    assert (result.code, result.out) == (0, "")
    assert result.err == f"Wrote demo-1.0-py3-none-any.dpp (thin, {size / 1024:.1f} KiB)\n"
    with DppPackage.open(path) as package:
        places, identity, digest = package.sections, package.identity, package.digest
        unpacked = package.unpacked_size
    shown = dxpy(["dpp", "show", "--files", path.name], tmp_path)
    assert (shown.code, shown.err) == (0, "")
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist() if not info.filename.endswith("RECORD")}
    assert shown.out == (
        "demo 1.0\n"
        "requires-python: >=3.8\n"
        f"kind: thin (format version 1, {size} bytes)\n"
        f"blake3: {digest}\n"
        f"made of: {wheel.name} ({wheel.stat().st_size} bytes)\n"
        f"  sha256: {identity.sha256}\n"
        f"  blake3: {identity.blake3}\n"
        "tags: py3-none-any\n"
        f"files: 5 ({unpacked} bytes unpacked)\n"
        + "".join(f"  {sizes[name]:>10} - {name}\n" for name in sorted(sizes))
        + "dependencies:\n"
        "  safe<2\n"
        '  web; extra == "net"\n'
        "extras:\n"
        "  net\n"
        "entry points:\n"
        "  [console_scripts] demo = demo:main\n"
        "sections:\n"
        + "".join(f"  {name:<12} at {offset}, {length} bytes\n" for name, (offset, length) in places.items())
    )
    assert package_bytes(wheel, fat=False) == path.read_bytes()


def test_a_fat_package_with_compiled_code_as_json(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    options = ["--fat", "--bytecode", "cp311", "-o", "out.dpp"]
    assert dxpy(["dpp", "build", str(wheel), *options], tmp_path).code == 0
    first = (tmp_path / "out.dpp").read_bytes()
    assert dxpy(["dpp", "build", str(wheel), *options], tmp_path).code == 0
    assert (tmp_path / "out.dpp").read_bytes() == first
    facts = json.loads(dxpy("dpp show out.dpp --json --files", tmp_path).out)
    assert (facts["name"], facts["version"], facts["kind"], facts["file-count"]) == ("demo", "1.0", "fat", 5)
    assert facts["bytecode"] == {"cp311": 1}  # demo/old.py is no Python 3
    assert [file["path"] for file in facts["files"]][-1] == "demo/old.py"
    assert facts["dependencies"] == ["safe<2", 'web; extra == "net"']
    with DppPackage(first, file="out.dpp", verify=Verify.EVERYTHING) as package:
        code = package.bytecode("demo/__init__.py", "cp311")
    assert code is not None
    assert code[4:8] == b"\3\0\0\0"  # checked against the hash of its source


def test_a_package_becomes_the_wheel_again(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    path = write_package(wheel, tmp_path)
    result = dxpy(["dpp", "wheel", path.name, "-o", "new/deep"], tmp_path)
    assert (result.code, result.out, result.err) == (0, "", f"Wrote new/deep/{wheel.name}\n")
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(tmp_path / "new/deep" / wheel.name) as after:
        assert after.testzip() is None
        assert sorted(after.namelist()) == sorted(before.namelist())
        for name in before.namelist():
            if not name.endswith("RECORD"):
                assert after.read(name) == before.read(name)
        assert after.namelist()[-1] == "demo-1.0.dist-info/RECORD"
    verified = dxpy(["dpp", "verify", path.name], tmp_path)
    assert verified.err == f"Verified {path.name}: everything is what its digests say\n"


@pytest.mark.parametrize("source", ["direct", "http", "find-links"])
def test_a_fat_package_is_installed_like_a_wheel(
    dxpy: Command, wheel: Path, tmp_path: Path, index: LoopbackIndex, source: str
) -> None:
    path = write_package(wheel, tmp_path / "packages")
    if source == "direct":
        root, flags = write_project(tmp_path / "p", f"demo @ {path.as_uri()}"), ""
    elif source == "find-links":
        root, flags = write_project(tmp_path / "p", "demo"), f" --find-links {path.parent}"
    else:
        index.add_wheel(path)
        root, flags = write_project(tmp_path / "p", f"demo @ {index.file_url(path.name)}"), ""
    result = dxpy(f"sync{flags}", root)
    assert result.code == 0, result.err
    assert without_times(result.err).endswith("Installed 2 packages in T\n + demo==1.0\n + safe==1.9\n")
    assert subprocess.check_output([root / ".venv/bin/demo"], text=True) == "demo runs\n"
    assert (site(root) / "demo-1.0.dist-info/direct_url.json").exists() == (source != "find-links")
    rows = (site(root) / "demo-1.0.dist-info/RECORD").read_text()
    assert "demo/__init__.py,sha256=" in rows
    again = dxpy(f"sync{flags}", root)
    assert without_times(again.err) == "Checked 2 packages in T\n"
    other = write_project(tmp_path / "q")
    (other / "pyproject.toml").write_text((root / "pyproject.toml").read_text())
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    path.unlink()
    assert dxpy("sync --frozen --offline", other).code == 0  # it is in the store
    assert subprocess.check_output([other / ".venv/bin/demo"], text=True) == "demo runs\n"


@pytest.mark.slow
def test_contents_that_are_not_what_they_should_be_are_never_installed(
    dxpy: Command, wheel: Path, tmp_path: Path
) -> None:
    good = package_bytes(wheel)
    with DppPackage(good, file="x") as package:
        file = package.file("demo/old.py")
    assert file is not None
    bad = bytearray(good)
    bad[file.start : file.end] = bytes(file.end - file.start)
    for number, data in enumerate((bytes(bad), signed(bytes(bad)), good[:-3], b"PK" + good[2:])):
        path = tmp_path / f"bad{number}" / f"{wheel.stem}.dpp"
        path.parent.mkdir()
        path.write_bytes(data)
        root = write_project(tmp_path / f"p{number}", f"demo @ {path.as_uri()}")
        for _ in range(2):
            result = dxpy("sync", root)
            assert result.code == 2, result.err
            assert path.name in result.err
        assert not (root / ".venv").exists()
        assert not list((tmp_path / "cache").rglob("old.py"))
        assert path.read_bytes() == data


def test_a_thin_package_is_not_installed(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    path = write_package(wheel, tmp_path, fat=False)
    root = write_project(tmp_path / "p", f"demo @ {path.as_uri()}")
    result = dxpy("sync", root)
    assert (result.code, result.out) == (2, "")
    assert f"`{path.name} (at byte 6)` is thin: it says what its files are, and does not contain them" in result.err


def test_a_thin_package_beside_the_wheel_is_not_in_its_way(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    write_package(wheel, fat=False)
    root = write_project(tmp_path / "p", "demo")
    result = dxpy(f"sync --find-links {wheel.parent}", root)
    assert result.code == 0, result.err
    assert wheel.name in dxpy("lock --show demo", root).out
    wheel.unlink()
    alone = dxpy(f"lock -U --find-links {wheel.parent}", root)
    assert alone.code == 1
    assert "demo is not on" in alone.err


def test_dependencies_that_metadata_contradicts_are_not_resolved_with(
    dxpy: Command, wheel: Path, tmp_path: Path
) -> None:
    good = package_bytes(wheel)
    with DppPackage(good, file="x") as package:
        offset, _ = package.sections["dependencies"]
    place = good.index(b"safe", offset)
    path = tmp_path / "packages" / f"{wheel.stem}.dpp"
    path.parent.mkdir()
    path.write_bytes(signed(good[:place] + b"evil" + good[place + 4 :]))
    root = write_project(tmp_path / "p", "demo")
    result = dxpy(f"sync --find-links {path.parent}", root)
    assert result.code == 1
    assert "dependencies that are not those of its METADATA" in " ".join(result.err.split())
    verified = dxpy(["dpp", "verify", str(path)], tmp_path)
    assert (verified.code, verified.err) == (
        2,
        f"error: `{path}` has dependencies that are not those of its METADATA\n",
    )


def test_what_cannot_be_used_is_named_and_left_as_it_is(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    path = write_package(wheel, tmp_path)
    good = path.read_bytes()
    for data, said in (
        (
            wheel.read_bytes(),
            "(at byte 0)` is not a DPP package: it begins with b'PK\\x03\\x04', expected b'DPP\\x01'\n",
        ),
        (
            good[:4] + b"\7\0" + good[6:],
            (
                "(at byte 4)` is in version 7 of the package format, this dxpy reads version 1\n\n"
                "hint: it was made by a newer dxpy: use that version or a later one\n"
            ),
        ),
        (good[:100], f"(at byte 28)` has 100 bytes, its header says {len(good)}\n"),
        (b"", "(at byte 0)` is empty\n"),
    ):
        path.write_bytes(data)
        for action in ("show", "verify", "wheel"):
            result = dxpy(["dpp", action, path.name], tmp_path)
            assert (result.code, result.out, result.err) == (2, "", f"error: `{path.name} {said}")
        assert path.read_bytes() == data
    assert sorted(each.name for each in tmp_path.iterdir() if each.suffix in (".whl", ".dpp")) == [path.name]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("build no.whl", "cannot make a package of `no.whl`: No such file or directory (`no.whl`)"),
        ("build no.zip", "`no.zip` is not a wheel: its name does not end in .whl"),
        ("show no.dpp", "`no.dpp` cannot be read: No such file or directory"),
        ("build WHEEL --bytecode three", "`three` is not the tag of an interpreter"),
        ("build WHEEL --bytecode cp399", "3.99"),
    ],
)
def test_mistakes_are_said_and_nothing_is_written(
    dxpy: Command, wheel: Path, tmp_path: Path, arguments: str, said: str
) -> None:
    where = tmp_path / "empty"
    where.mkdir()
    result = dxpy(["dpp", *arguments.replace("WHEEL", str(wheel)).split()], where)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert said in result.err
    assert list(where.iterdir()) == []


def test_an_earlier_file_is_not_lost_to_a_wheel_that_is_damaged(dxpy: Command, wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "x.dpp").write_text("mine")
    damaged = bytearray(wheel.read_bytes())
    damaged[60] ^= 0xFF
    wheel.write_bytes(damaged)
    result = dxpy(["dpp", "build", "--fat", str(wheel), "-o", "x.dpp"], tmp_path)
    assert result.code == 2
    assert (tmp_path / "x.dpp").read_text() == "mine"
    assert not list(tmp_path.glob(".x.dpp*"))
    assert zipfile.is_zipfile(io.BytesIO(damaged))
