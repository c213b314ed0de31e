"""The worked example of docs/formats.md is what the builder writes, and reads as the text beside it says."""

from __future__ import annotations

import re
from pathlib import Path

from dxpy_async.core.hashing import fnv1a_64
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source, SourceKind
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.dpl import DplLockFile, build_dpl

FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
DESCRIPTION = FORMATS[FORMATS.index("\n## DPL") :].split("\n## ")[1]
DUMP_LINE = re.compile(r"^    [0-9a-f]{4}  ((?:[0-9a-f]{2} ?){1,16})$", re.MULTILINE)

SIX = LockedFile(
    filename="six-1.16.0-py2.py3-none-any.whl",
    url="https://example.org/f/d9/5a/e7c31adbe875f2abbb91bd84cf2dc52d792b5a01506781dbcf25c91daf11/"
    "six-1.16.0-py2.py3-none-any.whl",
    size=11_053,
    upload_time=1_620_235_475_841_000,
    hashes={"sha256": "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"},
)
EXAMPLE = Lock(
    project="app",
    requires_python=">=3.11",
    roots=LockedRoots(requirements=(Requirement(ProjectName("six"), specifier=">=1.16"),)),
    environment={"python_full_version": "3.11.4"},
    packages=(
        LockedPackage(
            name=ProjectName("six"),
            version="1.16.0",
            source=Source(SourceKind.INDEX, "https://example.org/simple"),
            wheels=(SIX,),
        ),
    ),
    resolved_at=1_620_235_475_841_000,
)


def described_bytes() -> bytes:
    return bytes.fromhex("".join(DUMP_LINE.findall(DESCRIPTION)))


def test_the_example_is_what_the_builder_writes() -> None:
    assert described_bytes() == build_dpl(EXAMPLE)


def test_the_example_reads_as_described() -> None:
    with DplLockFile(described_bytes(), file="docs/formats.md") as lock:
        assert lock.to_lock() == EXAMPLE
        assert lock.lookup("six")[0].wheels == (SIX,)
    assert f"{fnv1a_64(b'six'):X}" in DESCRIPTION


def test_the_tables_name_the_sections_as_they_are() -> None:
    rows = re.findall(r"^\| (\d+) +\| (\w[\w ]*?) +\| (\d+) ", DESCRIPTION, re.MULTILINE)
    assert [(name, int(size)) for _, name, size in rows] == list(layout.SECTIONS)
    assert f"A header of {layout.HEADER.size} bytes" in DESCRIPTION
