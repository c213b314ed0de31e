"""DPP packages: what they give, what they refuse and how it is said, and that a damaged file is left as it is."""

from __future__ import annotations

import io
import os
import random
import re
import tracemalloc
from pathlib import Path

import pytest
from packages import package_bytes, signed, wheel_bytes, write_package
from wheels import (
    DIRECTORY,
    STORED,
    Member,
    as_bytes,
    build_wheel,
    record_of,
    wheel_members,
    write_wheel,
    zip_bytes,
)

from dxpy_async.core.limits import ARCHIVE_BYTES, ARCHIVE_MEMBERS, PACKAGE_TEXTS
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import FormatError, InvalidPackage, InvalidWheel
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats.dpp import DppPackage, NativeFile, NativeKind, Verify
from dxpy_async.formats.dpp_archive import read_package
from dxpy_async.formats.dpp_builder import DppBuilder
from dxpy_async.formats.dpp_content import PackageIdentity
from dxpy_async.formats.zip_archive import ZipArchive

CODE = {"cp312": {"demo/__init__.py": b"twelve"}, "cp311": {"demo/__init__.py": b"eleven" * 99, "demo/a.py": b"a"}}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(
        tmp_path / "wheels",
        "demo",
        "1.0",
        files={
            "demo/__init__.py": "x = 1\n" * 100,
            "demo/a.py": "",
            "demo/core.cpython-311-x86_64-linux-gnu.so": b"\x7fELF" + random.Random(1).randbytes(500),
            "demo.libs/libgomp.so.1": "library",
        },
        requires=["six>=1.16", 'Idna[All,b] ; extra == "net"', "tool @ https://example.org/tool-1.0-py3-none-any.whl"],
        requires_python=">=3.8",
        extras=["net"],
        entry_points={"console_scripts": {"demo": "demo:main"}, "plugins": {"x": "demo"}},
        executable=["demo/a.py"],
    )


@pytest.fixture
def fat(wheel: Path) -> bytes:
    return package_bytes(wheel, compiled=CODE)


@pytest.fixture
def thin(wheel: Path) -> bytes:
    return package_bytes(wheel, fat=False)


def read(data: bytes, verify: Verify = Verify.EVERYTHING) -> DppPackage:
    return DppPackage(data, file="x.dpp", verify=verify)


def refusal(data: bytes, verify: Verify = Verify.EVERYTHING) -> str:
    with pytest.raises(InvalidPackage) as caught:
        read(data, verify)
    assert caught.value.file == "x.dpp"
    return str(caught.value)


def patched(data: bytes, offset: int, patch: bytes) -> bytes:
    return signed(data[:offset] + patch + data[offset + len(patch) :])


def section(data: bytes, number: int) -> int:
    return int(layout.HEADER.unpack_from(data)[3 + number])


class TestSays:
    def test_who_it_is(self, fat: bytes, wheel: Path) -> None:
        package = read(fat)
        assert (package.name, package.version, package.requires_python) == ("demo", "1.0", ">=3.8")
        assert (package.is_fat, package.is_described, package.size) == (True, True, len(fat))
        assert package.entry_points == {"console_scripts": {"demo": "demo:main"}, "plugins": {"x": "demo"}}
        assert package.core_metadata.startswith(b"Metadata-Version: 2.3\nName: demo\n")
        identity = package.identity
        assert (identity.filename, identity.tags, identity.root_is_purelib) == (wheel.name, ("py3-none-any",), True)
        assert (identity.size, identity.top_level) == (wheel.stat().st_size, ("demo", "demo.libs"))
        assert list(package.sections) == ["metadata", "files", "bytecode", "native", "dependencies"]
        assert sum(size for _, size in package.sections.values()) == len(fat) - 64

    @pytest.mark.parametrize("kind", ["fat", "thin"])
    def test_what_it_requires(self, kind: str, request: pytest.FixtureRequest) -> None:
        package = read(request.getfixturevalue(kind))
        assert package.extras == ("net",)
        assert package.dependencies == (
            Requirement(ProjectName("six"), (), ">=1.16"),
            Requirement(ProjectName("idna"), (ExtraName("all"), ExtraName("b")), "", None, 'extra == "net"'),
            Requirement(ProjectName("tool"), url="https://example.org/tool-1.0-py3-none-any.whl"),
        )

    def test_which_files_it_has(self, fat: bytes, thin: bytes) -> None:
        for data in (fat, thin):
            package = read(data)
            assert package.file_count == len(package.files) == 7
            assert [file.path for file in package.files if file.executable] == ["demo/a.py"]
            file = package.file("demo/__init__.py")
            assert file is not None
            assert (file.size, file.mtime_ns) == (600, 0)
            assert package.file("demo/b.py") is None
            assert package.file("\udc80") is None

    def test_what_is_in_them(self, fat: bytes) -> None:
        package = read(fat)
        assert package.read("demo/__init__.py") == b"x = 1\n" * 100
        assert b"".join(package.chunks("demo.libs/libgomp.so.1")) == b"library"
        with pytest.raises(KeyError):
            package.read("demo/b.py")

    def test_that_a_thin_one_has_no_contents(self, thin: bytes) -> None:
        with pytest.raises(InvalidPackage, match=r"`x.dpp .*` is thin"):
            read(thin).read("demo/a.py")
        with pytest.raises(InvalidPackage, match="is thin"):
            wheel_bytes(thin)

    def test_which_files_are_machine_code(self, fat: bytes) -> None:
        assert read(fat).native == (
            NativeFile("demo.libs/libgomp.so.1", NativeKind.SHARED_LIBRARY),
            NativeFile("demo/core.cpython-311-x86_64-linux-gnu.so", NativeKind.EXTENSION_MODULE),
        )

    def test_what_is_compiled(self, fat: bytes, thin: bytes) -> None:
        package = read(fat)
        assert package.bytecode_tags == ("cp311", "cp312")
        assert [(file.tag, file.path) for file in package.compiled] == [
            ("cp311", "demo/__init__.py"),
            ("cp311", "demo/a.py"),
            ("cp312", "demo/__init__.py"),
        ]
        for tag, code in CODE.items():
            for path, compiled in code.items():
                assert package.bytecode(path, tag) == compiled
        assert package.bytecode("demo/a.py", "cp312") is None
        assert package.bytecode("demo/a.py", "cp313") is None
        assert package.bytecode("absent.py", "cp311") is None
        assert read(thin).bytecode_tags == ()

    def test_nothing_but_the_header_when_it_is_opened(self, fat: bytes, tmp_path: Path) -> None:
        path = tmp_path / "x.dpp"
        path.write_bytes(fat[:64] + bytes(len(fat) - 64))
        with DppPackage.open(path, verify=Verify.HEADER) as package:
            assert package.size == len(fat)
        with pytest.raises(InvalidPackage):
            DppPackage.open(path)

    def test_the_file_is_closed_in_the_end(self, wheel: Path) -> None:
        with DppPackage.open(write_package(wheel)) as package:
            name = package.name
        assert name == "demo"
        with pytest.raises(ValueError, match="closed"):
            _ = package.core_metadata


class TestBuilding:
    def test_the_same_files_give_the_same_bytes_in_any_order(self, wheel: Path, tmp_path: Path) -> None:
        identity = read(package_bytes(wheel)).identity
        written = []
        for paths in (("a.py", "b.py"), ("b.py", "a.py")):
            builder, out = DppBuilder(identity, core_metadata=b"", fat=True), io.BytesIO()
            for path in paths:
                builder.add_file(path, path.encode() * 99)
            builder.write(out)
            written.append(out.getvalue())
        assert written[0] == written[1]
        assert read(written[0]).read("b.py") == b"b.py" * 99

    def test_directories_of_the_wheel_are_left_out(self, tmp_path: Path) -> None:
        members = wheel_members("demo", "1.0")
        record = record_of(members, "demo-1.0.dist-info")
        directories = [Member(name, mode=DIRECTORY, method=0) for name in ("empty/", "demo/", "demo-1.0.data/")]
        files = [Member(name, as_bytes(data)) for name, data in members.items()]
        path = tmp_path / "demo-1.0-py3-none-any.whl"
        path.write_bytes(zip_bytes([*directories, *files, Member("demo-1.0.dist-info/RECORD", record)]))
        data = package_bytes(path)
        assert read(data).identity.top_level == ("demo",)
        with ZipArchive(wheel_bytes(data), path.name) as archive:
            assert [member.name for member in archive.members] == [
                "demo/__init__.py",
                "demo-1.0.dist-info/METADATA",
                "demo-1.0.dist-info/WHEEL",
                "demo-1.0.dist-info/RECORD",
            ]

    def test_what_does_not_get_smaller_is_stored(self, tmp_path: Path) -> None:
        noise = random.Random(2).randbytes(4000)
        members = wheel_members("demo", "1.0", files={"noise": noise, "zeros": bytes(4000)})
        for method in (0, 8):
            package = read(package_bytes(write_wheel(tmp_path / "demo-1.0-py3-none-any.whl", members, method=method)))
            ways = {file.path: (file.method, file.end - file.start) for file in package.files}
            assert ways["noise"] == (STORED, 4000)
            assert ways["zeros"][0] == 8
            assert package.read("noise") == noise

    def test_a_file_that_record_contradicts_is_refused(self, tmp_path: Path) -> None:
        members = wheel_members("demo", "1.0")
        members["demo-1.0.dist-info/RECORD"] = (
            b"demo/__init__.py,sha256=" + b"A" * 43 + b",\n"
            b"demo-1.0.dist-info/METADATA,sha256=" + b"A" * 43 + b",\n"
            b"demo-1.0.dist-info/WHEEL,sha256=" + b"A" * 43 + b",\ndemo-1.0.dist-info/RECORD,,\n"
        )
        with pytest.raises(InvalidWheel, match="RECORD says"):
            package_bytes(write_wheel(tmp_path / "demo-1.0-py3-none-any.whl", members, record=False))

    @pytest.mark.parametrize("path", ["", "a/", "../a", "/a", "a\\b", "a\nb", "twice"])
    def test_a_path_that_is_none_is_refused(self, path: str, thin: bytes) -> None:
        builder = DppBuilder(read(thin).identity, core_metadata=b"", fat=True)
        builder.add_file("twice", b"")
        with pytest.raises(InvalidPackage, match="cannot have a file"):
            builder.add_file(path, b"")

    def test_code_of_a_file_that_is_not_there_is_refused(self, wheel: Path) -> None:
        with pytest.raises(InvalidPackage, match=r"cannot have 1 bytes of compiled code for 'absent.py'"):
            package_bytes(wheel, compiled={"cp311": {"absent.py": b"x"}})

    def test_a_text_too_long_for_the_format_is_refused(self, thin: bytes) -> None:
        identity: PackageIdentity = read(thin).identity._replace(requires_python=">" * 70_000)
        with pytest.raises(InvalidPackage, match="65535"):
            DppBuilder(identity, core_metadata=b"", fat=True).write(io.BytesIO())

    def test_a_large_file_goes_through_a_small_memory(self, tmp_path: Path) -> None:
        size = 40 * 1024**2
        wheel = build_wheel(tmp_path, "demo", "1.0", files={"much": bytes(range(256)) * (size // 256)})
        tracemalloc.start()
        try:
            with (
                ZipArchive.open(wheel, wheel.name) as archive,
                (tmp_path / "x.dpp").open("w+b") as out,
            ):
                DppBuilder.from_wheel(archive, wheel.name, sha256="00" * 32, blake3="00" * 32, fat=True).write(out)
            with DppPackage.open(tmp_path / "x.dpp") as package:
                package.check()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < size / 4


class TestRefuses:
    def test_other_files(self) -> None:
        assert refusal(b"PK\x03\x04" + bytes(100)) == (
            "`x.dpp (at byte 0)` is not a DPP package: it begins with b'PK\\x03\\x04', expected b'DPP\\x01'"
        )
        assert refusal(b"") == "`x.dpp (at byte 0)` is empty"
        assert refusal(b"DP") == "`x.dpp (at byte 2)` is cut short: it has 2 bytes"

    def test_a_newer_version_with_a_way_out(self, fat: bytes) -> None:
        with pytest.raises(
            InvalidPackage, match="is in version 2 of the package format, this dxpy reads version 1"
        ) as e:
            read(fat[:4] + b"\2\0" + fat[6:])
        assert e.value.hints() == ("it was made by a newer dxpy: use that version or a later one",)

    def test_a_truncated_one(self, fat: bytes) -> None:
        assert refusal(fat[:-1], Verify.HEADER) == (
            f"`x.dpp (at byte 28)` has {len(fat) - 1} bytes, its header says {len(fat)}"
        )
        assert refusal(fat[:50]) == "`x.dpp (at byte 50)` is cut short: it has 50 bytes, the header alone has 64"

    def test_a_flipped_bit_anywhere(self, fat: bytes) -> None:
        for place in range(64, len(fat), 7):
            bad = bytearray(fat)
            bad[place] ^= 1
            assert "is damaged: its content has BLAKE3" in refusal(bytes(bad))

    def test_a_flipped_bit_of_the_manifest_though_contents_are_not_read(self, fat: bytes) -> None:
        bad = bytearray(fat)
        bad[section(fat, layout.DEPENDENCIES) + 20] ^= 1
        assert "is damaged" in refusal(bytes(bad), Verify.MANIFEST)
        contents = next(file for file in read(fat).files if file.path == "demo/__init__.py")
        bad = bytearray(fat)
        bad[contents.start] ^= 1
        with pytest.raises(InvalidPackage, match=r"has a damaged"):
            read(bytes(bad), Verify.MANIFEST).read("demo/__init__.py")

    def test_sections_out_of_order(self, fat: bytes) -> None:
        message = refusal(fat[:12] + (63).to_bytes(4, "little") + fat[16:])
        assert message == "`x.dpp (at byte 8)` has its metadata from byte 64 to 63"

    def test_flags_of_the_future(self, fat: bytes) -> None:
        assert refusal(fat[:6] + b"\x04\0" + fat[8:]) == "`x.dpp (at byte 6)` has flags 0x4, which mean nothing"

    def test_counts_that_would_take_gigabytes(self, fat: bytes) -> None:
        many = (2**32 - 1).to_bytes(4, "little")
        bad = patched(fat, section(fat, layout.FILES), many)
        with pytest.raises(InvalidPackage, match=rf"has 4294967295 files, a package may have {ARCHIVE_MEMBERS}"):
            _ = read(bad, Verify.HEADER).files
        bad = patched(fat, section(fat, layout.DEPENDENCIES), many)
        with pytest.raises(InvalidPackage, match=rf"claims \d+ texts of dependencies, the limit is {PACKAGE_TEXTS}"):
            _ = read(bad, Verify.HEADER).dependencies

    def test_a_file_over_the_limit(self, tmp_path: Path) -> None:
        path = tmp_path / "big.dpp"
        with path.open("wb") as file:
            file.truncate(ARCHIVE_BYTES + 1)
        with pytest.raises(InvalidPackage, match=f"has {ARCHIVE_BYTES + 1} bytes, the limit .* is {ARCHIVE_BYTES}"):
            DppPackage.open(path)

    def test_what_is_no_file_at_all(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for name in ("pipe", "absent", "."):
            with pytest.raises(InvalidPackage):
                DppPackage.open(tmp_path / name)

    def test_a_path_that_leaves_the_root(self, wheel: Path) -> None:
        fat = package_bytes(wheel)
        place = fat.index(b"demo.libs/libgomp.so.1")
        with pytest.raises(InvalidPackage, match=r"leaves the archive's root|should be sorted"):
            _ = read(patched(fat, place, b"../../x/y/libgomp.so.1")).files

    def test_metadata_that_the_files_contradict(self, wheel: Path) -> None:
        fat = package_bytes(wheel)
        place = fat.index(b">=3.8") - 3
        assert fat[place : place + 3] == b"1.0"
        with pytest.raises(InvalidPackage, match=r"says that its version is '2.0', but its files say '1.0'"):
            read_package(read(patched(fat, place, b"2.0")), "demo-1.0-py3-none-any.dpp")

    def test_metadata_twice_and_different(self, wheel: Path) -> None:
        fat = package_bytes(wheel)
        place = fat.index(b"A package for tests")
        with pytest.raises(InvalidPackage, match="has two METADATA that differ"):
            read_package(read(patched(fat, place, b"Z")), "demo-1.0-py3-none-any.dpp")

    def test_a_name_that_would_lead_elsewhere(self, wheel: Path) -> None:
        fat = package_bytes(wheel)
        name = b"demo-1.0-py3-none-any.whl"
        with pytest.raises(InvalidPackage, match="was not made from a wheel"):
            wheel_bytes(patched(fat, fat.index(name), b"../../../../../../../x.whl"[-len(name) :]))

    def test_and_leaves_the_file_as_it_is(self, wheel: Path) -> None:
        path = write_package(wheel)
        path.write_bytes(bad := path.read_bytes()[:-5])
        with pytest.raises(FormatError, match=re.escape(str(path))):
            DppPackage.open(path)
        assert path.read_bytes() == bad
