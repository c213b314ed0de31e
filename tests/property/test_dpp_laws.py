"""The laws of DPP packages: all parts where they should be, nothing lost on the way from a wheel, damage is noticed."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packages import ask_everything, package_bytes, signed, wheel_bytes
from wheels import build_wheel

from dxpy_async.core.hashing import blake3_of
from dxpy_async.errors import FormatError
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.wheel import WheelContents, read_wheel
from dxpy_async.formats.zip_archive import ZipArchive

at_leisure = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
ENDINGS = st.sampled_from([".py", ".so", ".cpython-311-x86_64-linux-gnu.so", ".txt", "", ".é", ".so.3"])
PATHS = st.builds(lambda parts, ending: "/".join(parts) + ending, st.lists(NAMES, min_size=1, max_size=3), ENDINGS)
CONTENTS = st.one_of(
    st.binary(max_size=300), st.builds(lambda text, n: text * n, st.binary(max_size=9), st.integers(0, 999))
)
REQUIREMENTS = st.lists(
    st.sampled_from(
        [
            "six",
            "idna>=2.5,<4",
            'pysocks[extra,other]!=1.5.7 ; extra == "socks" and python_version < "3.12"',
            "tool @ https://example.org/tool-1.0-py3-none-any.whl",
            "a; sys_platform == 'win32'",
        ]
    ),
    unique=True,
    max_size=4,
)


@st.composite
def wheels(draw: st.DrawFn) -> Path:
    """A wheel in a directory of its own, which lives as long as the tests do."""
    drawn = draw(st.dictionaries(PATHS, CONTENTS, min_size=1, max_size=6))
    # a file may not be where another needs a directory
    files = {path: data for path, data in drawn.items() if not any(other.startswith(path + "/") for other in drawn)}
    paths = sorted(files)
    return build_wheel(
        Path(tempfile.mkdtemp(dir=DIRECTORY.name)),
        draw(NAMES),
        draw(st.sampled_from(["1.0", "2!3.4rc1", "0.1+local.7"])),
        files=files,
        requires=draw(REQUIREMENTS),
        requires_python=draw(st.sampled_from(["", ">=3.8", "<4,>=3.9"])),
        extras=["socks"],
        entry_points=draw(
            st.sampled_from([None, {"console_scripts": {"tool": "tool:main"}, "plugins": {"b": "x", "a": "y:z"}}])
        ),
        data=draw(st.sampled_from([None, {"scripts/run": "#!python\n", "data/share/x": "1"}])),
        tags=draw(st.sampled_from(["py3-none-any", "cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64"])),
        root_is_purelib=draw(st.booleans()),
        executable=draw(st.lists(st.sampled_from(paths), unique=True)),
    )


DIRECTORY = tempfile.TemporaryDirectory(prefix="dxpy-laws-")


@pytest.fixture(autouse=True, scope="module")
def _cleaned_up() -> Iterator[None]:
    yield
    DIRECTORY.cleanup()


def contents_of(archive: ZipArchive, wheel: WheelContents) -> dict[str, tuple[bytes, bool]]:
    return {file.member.name: (archive.read(file.member), file.member.executable) for file in wheel.files}


@given(wheels(), st.booleans())
@settings(at_leisure, max_examples=60)
def test_the_parts_of_a_package_stand_one_after_the_other(wheel: Path, fat: bool) -> None:
    """Law 1, structure: for any wheel the header is 64 bytes, offsets lie inside the file and in order, the sections
    fill it, and BLAKE3 matches: of the whole, and of the manifest."""
    data = package_bytes(wheel, fat=fat)
    magic, version, _, *offsets, total, digest = layout.HEADER.unpack_from(data)
    assert (layout.HEADER.size, magic, version, total) == (64, b"DPP\x01", 1, len(data))
    assert offsets == sorted(offsets)
    assert offsets[0] == 64
    assert offsets[-1] <= total
    assert digest == blake3_of(data[:32], data[64:])
    assert signed(data) == data
    with DppPackage(data, file="x.dpp", verify=Verify.EVERYTHING) as package:
        package.check()
        paths = [file.path for file in package.files]
        assert paths == sorted(paths)
        assert [package.file(path) for path in paths] == list(package.files)
        assert package.file("no such file") is None
        assert package.unpacked_size == sum(file.size for file in package.files)


@given(wheels())
@settings(at_leisure, max_examples=60)
def test_a_wheel_survives_being_a_package(wheel: Path) -> None:
    """Law 2, round trip: wheel → DPP → wheel has the same files and contents, metadata and entry points, and a RECORD
    that verifies; the bytes of both are a function of the wheel."""
    data = package_bytes(wheel)
    assert package_bytes(wheel) == data
    back = wheel_bytes(data)
    assert wheel_bytes(data) == back
    with ZipArchive.open(wheel, wheel.name) as archive, ZipArchive(back, wheel.name) as again:
        before, after = read_wheel(archive, wheel.name), read_wheel(again, wheel.name)
        contents = contents_of(archive, before)
        assert contents_of(again, after) == contents
        assert after._replace(files=()) == before._replace(files=())
        assert all(hashlib.sha256(contents[file.member.name][0]).digest() == file.digest for file in after.files)
    with DppPackage(data, file="x.dpp") as package:
        assert {path: package.read(path) for path in contents} == {path: data for path, (data, _) in contents.items()}
        assert package.core_metadata == contents[f"{before.dist_info}/METADATA"][0]
        assert package.entry_points == before.entry_points
    # the second time round nothing is left to change
    second = Path(tempfile.mkdtemp(dir=DIRECTORY.name)) / wheel.name
    second.write_bytes(back)
    assert wheel_bytes(package_bytes(second)) == back


def sample(directory: Path, *, fat: bool) -> bytes:
    wheel = build_wheel(
        directory,
        "demo",
        "1.0",
        files={"demo/__init__.py": "x = 1\n" * 50, "demo/core.so": b"\x7fELF" + bytes(range(256)), "demo/é.txt": "é"},
        requires=["six>=1", 'idna[all] ; extra == "net"'],
        extras=["net"],
        entry_points={"console_scripts": {"demo": "demo:main"}},
    )
    return package_bytes(wheel, fat=fat, compiled={"cp311": {"demo/__init__.py": b"code" * 20}, "cp312": {}})


def mutated(data: bytes, choose: random.Random) -> bytes:
    """`data` with a few bytes changed, cut, doubled or replaced by numbers that mean trouble; signed again or not."""
    bad = bytearray(data)
    for _ in range(choose.choice((1, 1, 1, 2, 5))):
        kind, place = choose.randrange(5), choose.randrange(len(bad)) if bad else 0
        if kind == 0 and bad:
            bad[place] = choose.randrange(256)
        elif kind == 1:
            del bad[place : place + choose.choice((1, 4, 64, 10**6))]
        elif kind == 2:
            bad[place:place] = choose.randbytes(choose.choice((1, 4, 64)))
        else:
            number = choose.choice((0, 1, 255, 2**16 - 1, 2**31, 2**32 - 1, len(bad), len(bad) - 1))
            place -= place % 4
            bad[place : place + 4] = number.to_bytes(4, "little")
    if choose.random() < 0.7 and len(bad) >= 64:
        if choose.random() < 0.5:
            bad[28:32] = len(bad).to_bytes(4, "little")
        return signed(bytes(bad))
    return bytes(bad)


@pytest.mark.parametrize("fat", [True, False])
def test_damage_of_any_kind_is_a_format_error(tmp_path: Path, fat: bool) -> None:
    """Mutated, truncated and random bytes raise only FormatError, which names the file and the reason, in no time."""
    data, choose = sample(tmp_path, fat=fat), random.Random(7)
    refusals: list[FormatError] = []
    started = monotonic()
    for number in range(3_000):
        bad = choose.randbytes(number) if number % 10 == 0 else mutated(data, choose)
        try:
            ask_everything(bad)
        except FormatError as error:
            refusals.append(error)
    assert len(refusals) > 2_000
    assert all(error.reason and error.file and str(error).isprintable() for error in refusals)
    assert monotonic() - started < 60


@pytest.mark.parametrize("length", [0, 1, 3, 4, 32, 63, 64, 200, -1])
def test_a_truncated_package_is_refused(tmp_path: Path, length: int) -> None:
    """Every beginning of a package is refused at the header."""
    data = sample(tmp_path, fat=True)
    with pytest.raises(FormatError, match=r"is empty|is cut short|its header says"):
        DppPackage(data[:length], file="x.dpp", verify=Verify.HEADER)
