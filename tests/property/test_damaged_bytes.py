"""Readers of foreign bytes, on bytes that are mutated, cut short or made up: they refuse, and nothing else goes wrong.

The readers of packages, of the lock and of pyproject.dx have laws of their own beside their other ones.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import NamedTuple

import pytest
from packaging.version import Version
from wheels import build_wheel

from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import STATE_NAME
from dxpy_async.core.releases import CoreMetadata, Unavailable
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.errors import DxpyError, FormatError, IndexFailure
from dxpy_async.formats.compact_metadata import decode_metadata, encode_metadata
from dxpy_async.formats.compact_page import decode_page, encode_page
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.formats.foreign_locks import read_pins
from dxpy_async.formats.record import parse_record
from dxpy_async.formats.requirement_lines import parse_requirement_lines
from dxpy_async.formats.simple_page import HTML_TYPE, JSON_TYPE, parse
from dxpy_async.formats.wheel import read_wheel
from dxpy_async.formats.zip_archive import ZipArchive
from dxpy_async.installer.journal import Journal, format_journal, parse_journal
from dxpy_async.installer.state import read_state, write_state

CASES = 10_000
LONGEST_CASE = 2.0  # seconds of processor time; they take a tenth of a millisecond
DEMO = ProjectName("demo")
HASH = "a" * 64


class Reader(NamedTuple):
    """One reader: what it takes, how it is asked for all that it tells, and what it may raise."""

    good: bytes
    ask: Callable[[bytes], object]
    refused: tuple[type[DxpyError], ...] = (FormatError,)
    mend: Callable[[bytes], bytes] | None = None
    """Makes a checksum right again, so that damage gets behind it."""


METADATA = """\
Metadata-Version: 2.4
Name: demo
Version: 1.0
Summary: folded
        over two lines
Requires-Python: >=3.8
Requires-Dist: six>=1.16,!=1.17; python_version < "3.13" and extra == "net"
Requires-Dist: tool[a,b] @ https://example.org/tool-1.0.tar.gz
Provides-Extra: net

# demo é
""".encode()

RECORD = (
    f'demo/__init__.py,sha256={"A" * 43},12\n"demo/a,b.py",sha512={"B" * 86},3\ndemo-1.0.dist-info/RECORD,,\n'.encode()
)

JSON_PAGE = b"""{"meta": {"api-version": "1.4"}, "name": "demo", "versions": ["1.0", "2.0"], "files": [
{"filename": "demo-1.0-py3-none-any.whl", "url": "../demo-1.0-py3-none-any.whl", "hashes": {"sha256": "ab"},
"size": 12, "upload-time": "2024-01-02T03:04:05.678Z", "requires-python": ">=3.8", "yanked": false,
"core-metadata": {"sha256": "cd"}},
{"filename": "demo-2.0.tar.gz", "url": "https://example.org/demo-2.0.tar.gz", "hashes": {}, "yanked": "\\u00e9"}]}"""

HTML_PAGE = """<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0">
<base href="/files/"></head><body>
<a href="demo-1.0-py3-none-any.whl#sha256=ab" data-requires-python="&gt;=3.8" data-yanked="é">
demo-1.0-py3-none-any.whl</a><br><a href='demo-2.0.tar.gz'>demo-2.0.tar.gz</a></body></html>""".encode()

REQUIREMENTS = f"""\
# pins
six==1.16.0 \\
    --hash=sha256:{HASH}
-r more.txt
tool[a,b]==2.0 ; python_version < "3.13"
odd @ https://example.org/odd-1.0.tar.gz
""".encode()

PYLOCK = f"""lock-version = "1.0"
created-by = "test"
requires-python = ">=3.8"
[[packages]]
name = "six"
version = "1.16.0"
marker = "sys_platform == 'linux'"
wheels = [{{name = "six-1.16.0-py2.py3-none-any.whl", url = "https://example.org/six-1.16.0-py2.py3-none-any.whl", \
upload-time = 2021-05-05T14:18:17Z, size = 11053, hashes = {{sha256 = "{HASH}"}}}}]
""".encode()

UV_LOCK = b"""version = 1
requires-python = ">=3.8"
[[package]]
name = "six"
version = "1.16.0"
source = { registry = "https://example.org/simple" }
resolution-markers = ["sys_platform == 'linux'"]
"""

POETRY_LOCK = b"""[[package]]
name = "six"
version = "1.16.0"
markers = {main = "sys_platform == 'linux'", dev = "sys_platform == 'win32'"}
[metadata]
lock-version = "2.1"
"""


def asked_of_page(data: bytes) -> object:
    page = decode_page(data, origin="page")
    return [page.files(version) for version in page.versions]


def parsed_page(body: bytes, content_type: str) -> object:
    record = parse(body, content_type, base_url="https://i.test/demo/", project=DEMO, index_url="https://i.test")
    return asked_of_page(encode_page(record))


def compact_page() -> bytes:
    return encode_page(
        parse(JSON_PAGE, JSON_TYPE, base_url="https://i.test/", project=DEMO, index_url="https://i.test")
    )


def compact_metadata() -> bytes:
    requirement = parse_requirement('six[a]>=1; extra == "net"')
    return encode_metadata(
        CoreMetadata(
            name=DEMO,
            version=Version("1.0"),
            requires_python=">=3.8",
            requirements=(requirement,),
            extras=frozenset(),
        )
    )


def with_checksum(data: bytes) -> bytes:
    return data[:4] + zlib.crc32(data[8:]).to_bytes(4, "little") + data[8:]


def asked_of_metadata(data: bytes) -> CoreMetadata | Unavailable:
    return decode_metadata(data, origin="metadata")


def asked_of_wheel(data: bytes) -> object:
    archive = ZipArchive(data, "demo-1.0-py3-none-any.whl")
    contents = read_wheel(archive, "demo-1.0-py3-none-any.whl")
    return [archive.read(file.member) for file in contents.files]


def journal() -> bytes:
    return format_journal(
        Journal((("a.dist-info", "0"),), ("lib/a.py", "lib/é.py"), (("1", "lib/b.py"),), (("2", "b.dist-info"),))
    )


def state(directory: Path) -> Reader:
    write_state(str(directory), facts={"lock": "abc", "python": "3.11"}, watched=[], count=7)
    place = directory / STATE_NAME

    def ask(data: bytes) -> object:
        with place.open("r+b") as file:  # making it anew each time takes long
            file.write(data)
            file.truncate()
        return read_state(str(directory))

    return Reader(place.read_bytes(), ask)


def wheel(directory: Path) -> Reader:
    path = build_wheel(
        directory, "demo", "1.0", requires=["six"], entry_points={"console_scripts": {"demo": "demo:main"}}
    )
    return Reader(path.read_bytes(), asked_of_wheel)


READERS: dict[str, Callable[[Path], Reader]] = {
    "wheel": wheel,
    "METADATA": lambda _: Reader(
        METADATA, lambda data: parse_core_metadata(data, origin="METADATA", project=None, version=None)
    ),
    "RECORD": lambda _: Reader(RECORD, lambda data: parse_record(data, "RECORD")),
    "JSON page": lambda _: Reader(JSON_PAGE, lambda data: parsed_page(data, JSON_TYPE), (IndexFailure, FormatError)),
    "HTML page": lambda _: Reader(HTML_PAGE, lambda data: parsed_page(data, HTML_TYPE), (IndexFailure, FormatError)),
    "compact page": lambda _: Reader(compact_page(), asked_of_page, mend=with_checksum),
    "compact metadata": lambda _: Reader(compact_metadata(), asked_of_metadata, mend=with_checksum),
    "requirements": lambda _: Reader(REQUIREMENTS, lambda data: list(parse_requirement_lines(data, file="r.txt"))),
    "requirements as pins": lambda _: Reader(REQUIREMENTS, lambda data: read_pins(data, file="requirements.txt")),
    "pylock.toml": lambda _: Reader(PYLOCK, lambda data: read_pins(data, file="pylock.toml")),
    "uv.lock": lambda _: Reader(UV_LOCK, lambda data: read_pins(data, file="uv.lock")),
    "poetry.lock": lambda _: Reader(POETRY_LOCK, lambda data: read_pins(data, file="poetry.lock")),
    "state record": state,
    "journal": lambda _: Reader(journal(), parse_journal),
}


@pytest.mark.parametrize("name", READERS)
def test_damaged_bytes_are_refused_and_nothing_else_goes_wrong(name: str, tmp_path: Path) -> None:
    """Only the errors that a reader has for this, each naming the file and the reason, and each case soon over. The
    state record and the journal raise none: what is damaged is not there."""
    reader, choose = READERS[name](tmp_path), random.Random(name)
    reader.ask(reader.good)
    longest, refusals = 0.0, list[DxpyError]()
    for number in range(CASES):
        bad = choose.randbytes(number % 500) if number % 20 == 0 else mutated(reader.good, choose)
        if reader.mend is not None and number % 2 and len(bad) > 8:
            bad = reader.mend(bad)
        began = process_time()
        try:
            reader.ask(bad)
        except reader.refused as error:
            refusals.append(error)
        longest = max(longest, process_time() - began)
    assert longest < LONGEST_CASE
    for error in refusals:
        assert not isinstance(error, FormatError) or (error.file and error.reason)


def mutated(data: bytes, choose: random.Random) -> bytes:
    """`data` with some bytes changed, cut out, put in, doubled or put elsewhere, or cut short."""
    bad = bytearray(data)
    for _ in range(choose.choice((1, 1, 1, 2, 4, 16))):
        kind, place = choose.randrange(6), choose.randrange(len(bad) + 1)
        if kind == 0 and place < len(bad):
            bad[place] = choose.randrange(256)
        elif kind == 1:
            bad[place : place + 1] = choose.choice((b"\0", b"\n", b"\r", b'"', b"'", b"\\", b",", b"[", b"{", b"\xc3"))
        elif kind == 2:
            del bad[place : place + choose.choice((1, 4, 64, 10**6))]
        elif kind == 3:
            bad[place:place] = choose.randbytes(choose.choice((1, 4, 64)))
        elif kind == 4:
            start = choose.randrange(len(bad) + 1)
            bad[place:place] = bad[start : start + choose.choice((4, 40))]
        else:
            bad[place : place + 4] = choose.choice((0, 1, 2**16 - 1, 2**31, 2**32 - 1, len(bad))).to_bytes(4, "little")
    return bytes(bad)
