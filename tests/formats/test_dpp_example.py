"""The worked example of docs/formats.md is what the builder writes, and reads as the text beside it says."""

from __future__ import annotations

import io
import re
import zlib
from pathlib import Path

from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats.dpp import DppPackage, Verify
from dxpy_async.formats.dpp_builder import DppBuilder
from dxpy_async.formats.dpp_content import PackageIdentity

WHOLE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
CHAPTER = WHOLE[WHOLE.index("## DPP") : WHOLE.index("## DPL")]
DUMP_LINE = re.compile(r"^    [0-9a-f]{4}  ((?:[0-9a-f]{2} ?){1,16})$", re.MULTILINE)

METADATA = b"Metadata-Version: 2.1\nName: one\nVersion: 1.0\nRequires-Dist: six>=1.16\n"
FILES = {
    "one-1.0.dist-info/METADATA": METADATA,
    "one-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
    "one.py": b"1\n",
}


def build() -> bytes:
    identity = PackageIdentity(
        name=ProjectName("one"),
        version="1.0",
        requires_python="",
        filename="one-1.0-py3-none-any.whl",
        dist_info="one-1.0.dist-info",
        data="",
        root_is_purelib=True,
        tags=("py3-none-any",),
        top_level=("one.py",),
        entry_points={},
        size=700,
        sha256="aa" * 32,
        blake3="bb" * 32,
    )
    requirement = Requirement(ProjectName("six"), specifier=">=1.16")
    builder, out = DppBuilder(identity, core_metadata=METADATA, dependencies=[requirement], fat=False), io.BytesIO()
    for path, contents in FILES.items():
        builder.add_file(path, contents)
    builder.write(out)
    return out.getvalue()


def described_bytes() -> bytes:
    return bytes.fromhex("".join(DUMP_LINE.findall(CHAPTER)))


def test_the_example_is_what_the_builder_writes() -> None:
    assert described_bytes() == build()


def test_the_example_reads_as_described() -> None:
    with DppPackage(described_bytes(), file="docs/formats.md", verify=Verify.EVERYTHING) as package:
        package.check()
        assert [(file.path, file.size) for file in package.files] == [(path, len(FILES[path])) for path in FILES]
        assert [file.crc32 for file in package.files] == [zlib.crc32(contents) for contents in FILES.values()]
        assert [str(requirement) for requirement in package.dependencies] == ["six>=1.16"]
        for offset, _ in package.sections.values():
            assert f"`{offset:X}`" in CHAPTER


def test_the_tables_say_how_large_the_parts_are() -> None:
    for what, form in (
        ("header", layout.HEADER),
        ("metadata head", layout.METADATA_HEAD),
        ("files head", layout.FILES_HEAD),
        ("file row", layout.FILE),
        ("bytecode head", layout.BYTECODE_HEAD),
        ("code row", layout.CODE),
        ("native row", layout.NATIVE_FILE),
        ("dependencies head", layout.DEPENDENCIES_HEAD),
    ):
        rows = re.findall(rf"^\| {what} +\| (\d+) ", CHAPTER, re.MULTILINE)
        assert rows == [str(form.size)], what
