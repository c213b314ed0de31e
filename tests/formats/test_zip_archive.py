"""Archives have one meaning or are refused: what real wheels need passes, every known way to be ambiguous does not."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wheels import DEFLATED, DIRECTORY, EXECUTABLE, REGULAR, STORED, SYMLINK, End, Fields, Member, deflate, zip_bytes

from dxpy_async.errors import DxpyError, InvalidWheel
from dxpy_async.formats.members import CHUNK_BYTES
from dxpy_async.formats.zip_archive import ZipArchive

NAME = "demo-1.0-py3-none-any.whl"


def contents_of(data: bytes) -> dict[str, bytes]:
    """Everything in an archive, each member read both ways."""
    archive = ZipArchive(data, NAME)
    found = {}
    for member in archive.members:
        found[member.name] = archive.read(member)
        assert b"".join(archive.chunks(member)) == found[member.name]
    return found


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidWheel) as caught:
        contents_of(data)
    assert caught.value.file == NAME
    assert str(caught.value).isprintable()
    return caught.value.reason


HELLO = Member("pkg/hello.txt", b"hello hello hello hello")


def unicode_path(raw_name: bytes, said: bytes) -> bytes:
    payload = struct.pack("<BI", 1, zlib.crc32(raw_name)) + said
    return struct.pack("<2H", 0x7075, len(payload)) + payload


def zip64(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


class TestAccepts:
    def test_stored_and_deflated_members_in_order(self) -> None:
        data = zip_bytes([HELLO, Member("b", b"stored", method=STORED), Member("empty", b"")])
        assert list(contents_of(data)) == ["pkg/hello.txt", "b", "empty"]
        assert contents_of(data)["b"] == b"stored"

    def test_an_archive_without_members(self) -> None:
        assert contents_of(zip_bytes([])) == {}

    def test_directory_entries(self) -> None:
        data = zip_bytes([Member("pkg/", mode=DIRECTORY, external=(DIRECTORY << 16) | 0x10, method=STORED), HELLO])
        archive = ZipArchive(data, NAME)
        assert [member.is_directory for member in archive.members] == [True, False]

    def test_members_without_permission_bits(self) -> None:
        [member] = ZipArchive(zip_bytes([Member("a", b"x", external=0, system=0)]), NAME).members
        assert not member.executable

    def test_only_the_executable_bit_is_kept(self) -> None:
        data = zip_bytes([Member("run", b"x", mode=EXECUTABLE), Member("suid", b"x", mode=0o104755), Member("r", b"x")])
        assert [member.executable for member in ZipArchive(data, NAME).members] == [True, True, False]

    @pytest.mark.parametrize("layout", ["<4s3I", "<3I", "<4s2Q", "<2Q"])
    def test_data_descriptors_that_agree(self, layout: str) -> None:
        payload = deflate(HELLO.contents)
        crc, sizes = zlib.crc32(HELLO.contents), (len(payload), len(HELLO.contents))
        descriptor = {
            "<4s3I": struct.pack("<4s3I", b"PK\x07\x08", crc, *sizes),
            "<3I": struct.pack("<3I", crc, *sizes),
            "<4s2Q": struct.pack("<4sI2Q", b"PK\x07\x08", crc, *sizes),
            "<2Q": struct.pack("<I2Q", crc, *sizes),
        }[layout]
        members = [Member("d", HELLO.contents, descriptor=True, descriptor_bytes=descriptor), HELLO]
        assert contents_of(zip_bytes(members))["d"] == HELLO.contents

    def test_a_comment(self) -> None:
        assert contents_of(zip_bytes([HELLO], end=End(comment=b"built on a Monday")))

    def test_unknown_extra_fields_and_padding(self) -> None:
        extra = struct.pack("<2HI", 0x5455, 4, 7) + b"\0\0"
        fields = Fields(extra=extra)
        assert contents_of(zip_bytes([Member("a", b"x", local=fields, central=fields), HELLO]))["a"] == b"x"

    def test_a_unicode_path_that_says_the_same(self) -> None:
        fields = Fields(extra=unicode_path(b"a", b"a"))
        assert contents_of(zip_bytes([Member("a", b"x", central=fields, local=fields)]))

    def test_zip64_records_and_fields_that_agree(self) -> None:
        sizes = (len(HELLO.contents), len(deflate(HELLO.contents)))
        wide = Fields(size=0xFFFFFFFF, compressed=0xFFFFFFFF, extra=zip64(*sizes))
        members = [Member("wide", HELLO.contents, local=wide, central=wide), HELLO]
        assert contents_of(zip_bytes(members, end=End(zip64=True)))["wide"] == HELLO.contents

    def test_zip64_in_the_local_header_alone(self) -> None:
        sizes = (len(HELLO.contents), len(deflate(HELLO.contents)))
        wide = Fields(size=0xFFFFFFFF, compressed=0xFFFFFFFF, extra=zip64(*sizes))
        assert contents_of(zip_bytes([Member("wide", HELLO.contents, local=wide)]))

    def test_names_outside_ascii(self) -> None:
        assert contents_of(zip_bytes([Member("pkg/données/日本.txt", b"x")])) == {"pkg/données/日本.txt": b"x"}

    @pytest.mark.parametrize("name", ["a b/c", "...", "..a", ".hidden/x", "a/b.", "-", "x" * 255, "nul", "ab:c"])
    def test_odd_but_harmless_names(self, name: str) -> None:
        assert name in contents_of(zip_bytes([Member(name, b"x")]))

    def test_names_that_differ_in_case_only(self) -> None:
        assert len(contents_of(zip_bytes([Member("xt_DSCP.h", b"1"), Member("xt_dscp.h", b"2")]))) == 2

    def test_a_nested_archive_stored_as_it_is(self) -> None:
        inner = zip_bytes([HELLO])
        assert contents_of(zip_bytes([Member("inner.zip", inner, method=STORED), HELLO]))["inner.zip"] == inner

    def test_a_large_file_of_zeros_below_the_harmless_size(self) -> None:
        contents = bytes(4 * CHUNK_BYTES)
        assert contents_of(zip_bytes([Member("zeros", contents)]))["zeros"] == contents

    @pytest.mark.parametrize("method", [STORED, DEFLATED])
    def test_large_members_come_in_pieces(self, method: int) -> None:
        contents = random.Random(5).randbytes(CHUNK_BYTES + 17) + b"x" * (2 * CHUNK_BYTES)
        archive = ZipArchive(zip_bytes([Member("big", contents, method=method)]), NAME)
        chunks = list(archive.chunks(archive.members[0]))
        assert b"".join(chunks) == contents
        assert max(map(len, chunks)) <= CHUNK_BYTES

    def test_what_the_standard_library_writes(self, tmp_path: Path) -> None:
        path = tmp_path / "z.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
            written.mkdir("pkg")
            written.writestr("pkg/a.py", "a = 1\n" * 100)
            with written.open("pkg/forced.bin", "w", force_zip64=True) as file:
                file.write(b"forced")
        with ZipArchive.open(path, NAME) as archive:
            assert [archive.read(member) for member in archive.members] == [b"", b"a = 1\n" * 100, b"forced"]

    def test_what_the_standard_library_streams(self) -> None:
        class Pipe(io.RawIOBase):
            def __init__(self) -> None:
                self.data = bytearray()

            def writable(self) -> bool:
                return True

            def write(self, data: object) -> int:
                self.data += bytes(data)  # type: ignore[call-overload]
                return len(bytes(data))  # type: ignore[call-overload]

        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as written:
            written.writestr("a", b"streamed" * 50)
            with written.open("b", "w", force_zip64=True) as file:
                file.write(b"wide")
        assert contents_of(bytes(pipe.data)) == {"a": b"streamed" * 50, "b": b"wide"}


class TestRefusesArchives:
    def test_what_is_not_a_zip_file(self, tmp_path: Path) -> None:
        assert "end record" in refusal(b"#!/bin/sh\necho not a wheel, but long enough to be one\n")
        path = tmp_path / "empty.whl"
        path.write_bytes(b"")
        with pytest.raises(InvalidWheel, match="only 0 bytes"):
            ZipArchive.open(path, NAME)

    def test_a_missing_file_is_an_os_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            ZipArchive.open(tmp_path / "absent.whl", NAME)

    def test_a_truncated_archive(self) -> None:
        data = zip_bytes([HELLO, Member("b", b"y" * 1000)])
        for length in range(len(data)):
            refusal(data[:length])

    @pytest.mark.parametrize("suffix", [b"\0", b"\0" * 22, b"junk", b"PK\x05\x06"])
    def test_anything_after_the_end(self, suffix: bytes) -> None:
        refusal(zip_bytes([HELLO], suffix=suffix))

    @pytest.mark.parametrize("prefix", [b"\0", b"#!/usr/bin/python\n", b"PK\x03\x04"])
    def test_anything_before_the_first_member(self, prefix: bytes) -> None:
        refusal(zip_bytes([HELLO], prefix=prefix))

    def test_two_archives_one_after_the_other(self) -> None:
        refusal(zip_bytes([HELLO]) + zip_bytes([Member("b", b"x")]))

    def test_an_archive_in_the_comment_of_another(self) -> None:
        inner = zip_bytes([Member("inner", b"x")])
        refusal(zip_bytes([HELLO], end=End(comment=inner)))
        refusal(zip_bytes([HELLO], end=End(comment=b"PK\x05\x06")))
        assert "comment" in refusal(zip_bytes([HELLO], end=End(comment=b"..PK\x01\x02..")))

    @pytest.mark.parametrize(
        "end",
        [
            End(count=0),
            End(count=2),
            End(total=2),
            End(count=2, total=2),
            End(size=1),
            End(offset=1),
            End(offset=0),
            End(disk=1),
            End(comment_length=5),
            End(size=0xFFFFFFFF),
            End(offset=0xFFFFFFFF),
        ],
        ids=str,
    )
    def test_an_end_record_that_lies(self, end: End) -> None:
        refusal(zip_bytes([HELLO], end=end))

    @pytest.mark.parametrize(
        "end",
        [
            End(zip64=True, count=2, total=2),
            End(zip64=True, size=7),
            End(zip64=True, offset=7),
            End(zip64=True, zip64_locator_offset=0),
            End(zip64=True, zip64_locator_offset=2**63),
            End(zip64=True, zip64_record=struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 0, 0, 0, 0)),
            End(zip64=True, zip64_record=struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 60, 45, 45, 0, 0, 1, 1, 60, 60)),
            End(zip64=True, zip64_record=struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 1, 0, 1, 1, 60, 60)),
            End(zip64=True, zip64_record=b""),
        ],
        ids=str,
    )
    def test_zip64_records_that_lie(self, end: End) -> None:
        refusal(zip_bytes([HELLO], end=end))

    def test_a_zip64_record_followed_by_extensible_data(self) -> None:
        data = zip_bytes([HELLO])
        size, offset = struct.unpack_from("<2I", data, len(data) - 10)
        record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 48, 45, 45, 0, 0, 1, 1, size, offset) + b"more"
        refusal(zip_bytes([HELLO], end=End(zip64=True, zip64_record=record)))

    def test_a_hidden_member(self) -> None:
        assert "hidden" in refusal(zip_bytes([HELLO, Member("hidden", b"x", hidden=True), Member("b", b"y")]))
        refusal(zip_bytes([Member("hidden", b"x", hidden=True), HELLO]))
        refusal(zip_bytes([HELLO, Member("hidden", b"x", hidden=True)]))

    def test_a_gap_between_members(self) -> None:
        assert "gap" in refusal(zip_bytes([Member("a", b"x", junk=b"junk"), HELLO]))
        refusal(zip_bytes([HELLO, Member("a", b"x", junk=b"junk")]))

    def test_members_that_overlap(self) -> None:
        first = Member("a", b"x" * 40)
        refusal(zip_bytes([first, Member("b", b"x" * 40, offset=0)]))
        refusal(zip_bytes([first, Member("a2", b"", offset=0, hidden=False)]))

    def test_members_out_of_order(self) -> None:
        first, second = zip_bytes([HELLO]), zip_bytes([Member("b", b"x")])
        body = first[: first.index(b"PK\x01\x02")] + second[: second.index(b"PK\x01\x02")]
        swapped = [
            Member("b", b"x", offset=first.index(b"PK\x01\x02")),
            Member("pkg/hello.txt", HELLO.contents, offset=0),
        ]
        directory = zip_bytes(swapped)
        start = directory.index(b"PK\x01\x02")
        moved = bytearray(body + directory[start:])
        struct.pack_into("<I", moved, len(moved) - 6, len(body))
        refusal(bytes(moved))


class TestRefusesMembers:
    @pytest.mark.parametrize(
        "name",
        [
            "",
            "../evil",
            "a/../../evil",
            "a/..",
            "..",
            "/etc/passwd",
            "//host/share",
            "C:/windows",
            "c:evil",
            "a\\b",
            "..\\evil",
            "a//b",
            "./a",
            "a/./b",
            ".",
            "a/.",
            "a\0b",
            "a\nb",
            "a\x7fb",
            "a\x1b[2Jb",
            "a\x9bb",
            "/",
            "x" * 256,
            "é" * 128,
            "a/" * 600 + "b",
            "y/" * 70 + "b",
        ],
        ids=ascii,
    )
    def test_a_name_that_is_not_a_plain_path_below_the_root(self, name: str) -> None:
        assert "name" in refusal(zip_bytes([Member(name, b"x")]))

    def test_names_in_no_known_encoding(self) -> None:
        latin = Fields(name=b"caf\xe9")
        assert "UTF-8" in refusal(zip_bytes([Member("cafe", b"x", local=latin, central=latin)]))
        flagged = Fields(name=b"caf\xe9", flags=0x800)
        assert "UTF-8" in refusal(zip_bytes([Member("cafe", b"x", local=flagged, central=flagged)]))

    def test_a_name_twice(self) -> None:
        assert "two members" in refusal(zip_bytes([HELLO, Member("b", b"x"), HELLO]))
        assert "two members" in refusal(zip_bytes([Member("d/", mode=DIRECTORY), Member("d/", mode=DIRECTORY)]))

    @pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/"), ("a/b", "a-", "a/b/c/d")])
    def test_a_name_that_is_a_file_and_a_directory(self, names: tuple[str, ...]) -> None:
        assert "file and a directory" in refusal(zip_bytes(Member(name, b"") for name in names))

    @pytest.mark.parametrize("mode", [SYMLINK, 0o010644, 0o020644, 0o060644, 0o140644, DIRECTORY])
    @pytest.mark.parametrize("system", [0, 3])
    def test_links_devices_and_directories_in_disguise(self, mode: int, system: int) -> None:
        assert "that is a" in refusal(zip_bytes([Member("link", b"/etc/passwd", mode=mode, system=system)]))

    def test_a_directory_with_contents(self) -> None:
        assert "with contents" in refusal(zip_bytes([Member("d/", b"x", mode=DIRECTORY)]))

    @pytest.mark.parametrize("flags", [0x1, 0x40, 0x2000, 0x20, 0x8000])
    def test_encryption_and_unknown_flags(self, flags: int) -> None:
        fields = Fields(flags=flags)
        refusal(zip_bytes([Member("a", b"x", local=fields, central=fields)]))

    @pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 99])
    def test_other_compression_methods(self, method: int) -> None:
        assert f"method {method}" in refusal(zip_bytes([Member("a", b"x", method=method)]))

    @pytest.mark.parametrize(
        "local",
        [
            Fields(name=b"pkg/evil!.txt"),
            Fields(name=b"short"),
            Fields(flags=0x800),
            Fields(method=STORED),
            Fields(crc=1),
            Fields(compressed=3),
            Fields(size=3),
            Fields(compressed=0, size=0, crc=0),
            Fields(extra=unicode_path(b"pkg/hello.txt", b"evil")),
            Fields(extra=zip64(1, 2)),
            Fields(extra=zip64(1)),
            Fields(extra=b"\x01\x00\xff\xff"),
            Fields(extra=b"\x07"),
            Fields(size=0xFFFFFFFF, compressed=0xFFFFFFFF),
        ],
        ids=str,
    )
    def test_a_local_header_that_contradicts_the_directory(self, local: Fields) -> None:
        refusal(zip_bytes([Member(HELLO.name, HELLO.contents, local=local), Member("b", b"x")]))

    @pytest.mark.parametrize(
        "extra",
        [
            unicode_path(b"pkg/hello.txt", b"pkg/other.txt"),
            unicode_path(b"pkg/other.txt", b"pkg/hello.txt"),
            unicode_path(b"pkg/hello.txt", b"pkg/hello.txt") * 2,
            zip64(),
            zip64(5),
            zip64(5, 5),
            struct.pack("<2H", 0x7075, 0),
            struct.pack("<2H", 0x5455, 9),
        ],
        ids=repr,
    )
    def test_extra_fields_that_lie(self, extra: bytes) -> None:
        refusal(zip_bytes([Member(HELLO.name, HELLO.contents, central=Fields(extra=extra))]))

    def test_zip64_fields_that_are_missing_repeated_or_too_long(self) -> None:
        sizes = (len(HELLO.contents), len(deflate(HELLO.contents)))
        for extra in (b"", zip64(sizes[0]), zip64(*sizes, 0), zip64(*sizes) * 2):
            wide = Fields(size=0xFFFFFFFF, compressed=0xFFFFFFFF, extra=extra)
            refusal(zip_bytes([Member(HELLO.name, HELLO.contents, central=wide, local=wide)]))

    def test_a_descriptor_that_lies(self) -> None:
        for bad in (
            struct.pack("<4s3I", b"PK\x07\x08", 1, 2, 3),
            struct.pack("<4s3I", b"XXXX", 1, 2, 3),
            b"",
            b"short",
        ):
            refusal(zip_bytes([Member("a", b"x" * 50, descriptor=True, descriptor_bytes=bad), HELLO]))

    def test_a_stored_member_of_unknown_size(self) -> None:
        refusal(zip_bytes([Member("a", b"x" * 50, method=STORED, descriptor=True)]))

    def test_a_stored_member_of_two_sizes(self) -> None:
        fields = Fields(size=5)
        assert "two sizes" in refusal(zip_bytes([Member("a", b"x", method=STORED, local=fields, central=fields)]))

    def test_a_wrong_crc(self) -> None:
        fields = Fields(crc=12345)
        assert "CRC" in refusal(zip_bytes([Member("a", b"abc", local=fields, central=fields)]))

    @pytest.mark.parametrize(
        "payload",
        [
            deflate(b"x" * 5000),
            deflate(b"x" * 10),
            deflate(b"x" * 100) + b"more",
            deflate(b"x" * 100)[:-1],
            b"\xff\xff\xff",
            b"",
            deflate(b"x" * 3 * CHUNK_BYTES),
        ],
        ids=["longer", "shorter", "rest", "cut", "garbage", "nothing", "much-longer"],
    )
    def test_data_that_are_not_what_the_header_says(self, payload: bytes) -> None:
        data = zip_bytes([Member("a", b"x" * 100, payload=payload)])
        assert "damaged member" in refusal(data)
        archive = ZipArchive(data, NAME)
        with pytest.raises(InvalidWheel, match="damaged member"):
            list(archive.chunks(archive.members[0]))

    def test_a_bomb_is_stopped_at_the_declared_size(self) -> None:
        bomb = deflate(bytes(64 * CHUNK_BYTES))
        archive = ZipArchive(zip_bytes([Member("bomb", b"x" * 1000, payload=bomb)]), NAME)
        given_out: list[bytes] = []
        with pytest.raises(InvalidWheel, match="inflates to more"):
            given_out.extend(archive.chunks(archive.members[0]))
        assert len(b"".join(given_out)) <= 1000

    def test_an_honest_bomb(self) -> None:
        size = 40 * 1024**2
        fields = Fields(size=size)
        assert "times" in refusal(zip_bytes([Member("bomb", b"", payload=b"\x03\x00", local=fields, central=fields)]))

    def test_more_contents_than_the_limit(self) -> None:
        size = 0xFFFFFFF0
        big = Fields(size=size, compressed=size)
        members = [Member(f"m{n}", b"", method=STORED, local=big, central=big) for n in range(5)]
        assert "may unpack to" in refusal(zip_bytes(members))


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(NAMES.filter(lambda name: name not in (".", "..") and name[1:2] != ":"), st.binary(max_size=3000)),
    st.sampled_from([STORED, DEFLATED]),
    st.booleans(),
)
def test_any_archive_is_read_as_the_standard_library_reads_it(
    contents: dict[str, bytes], method: int, streamed: bool
) -> None:
    """What is accepted has the meaning that everybody gives it."""
    data = zip_bytes(
        Member(name, value, method=method, descriptor=streamed and method == DEFLATED)
        for name, value in contents.items()
    )
    with zipfile.ZipFile(io.BytesIO(data)) as standard:
        assert contents_of(data) == {info.filename: standard.read(info) for info in standard.infolist()} == contents


def test_a_member_that_needs_a_version_of_zip_that_is_not_there_is_refused() -> None:
    member = Member("a", b"x", central=Fields(version_needed=0xFF))
    assert refusal(zip_bytes([member])) == "needs version 25.5 of ZIP, 6.3 is known"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bytes_are_refused_or_mean_the_same_to_the_standard_library(data: st.DataObject) -> None:
    """Whatever is done to an archive, the only error is a DxpyError."""
    original = zip_bytes(
        [
            HELLO,
            Member("b/", mode=DIRECTORY),
            Member("c", b"y" * 300, descriptor=True),
            Member("d", b"z", method=STORED),
        ],
        end=End(zip64=data.draw(st.booleans()), comment=b"comment"),
    )
    mutated = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(mutated) - 1))
        mutated[position] = data.draw(
            st.sampled_from([0, 1, 0xFF, 0x50, mutated[position] ^ 1 << data.draw(st.integers(0, 7))])
        )
    if data.draw(st.booleans()):
        cut = data.draw(st.integers(0, len(mutated)))
        del mutated[cut : cut + data.draw(st.integers(0, 40))]
    try:
        found = contents_of(bytes(mutated))
    except DxpyError:
        return
    with zipfile.ZipFile(io.BytesIO(bytes(mutated))) as standard:
        assert [info.filename for info in standard.infolist()] == list(found)
        for info in standard.infolist():
            assert info.is_dir() or standard.read(info) == found[info.filename]


def test_regular_is_the_mode_of_an_ordinary_member() -> None:
    assert not ZipArchive(zip_bytes([Member("a", mode=REGULAR)]), NAME).members[0].executable
