"""The worked example of docs/formats.md is what the builder writes, and reads as the text beside it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from dxpy_async.core import limits
from dxpy_async.formats import dpx_layout as layout
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx

DESCRIPTION = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
CHAPTER = DESCRIPTION[DESCRIPTION.index("\n## DPX") :].split("\n## ")[1]
DUMP_LINE = re.compile(r"^    [0-9a-f]{4}  ((?:[0-9a-f]{2} ?){1,16})$", re.MULTILINE)


def described_bytes() -> bytes:
    return bytes.fromhex("".join(DUMP_LINE.findall(CHAPTER)))


def described_text() -> str:
    lines = CHAPTER.partition("### An example")[2].partition("\n    0000")[0].splitlines()
    return "".join(f"{line[4:]}\n" for line in lines if line.startswith("    "))


def test_the_example_is_what_the_builder_writes() -> None:
    text = described_text()
    assert tomllib.loads(text)["project"]["name"] == "app"
    assert described_bytes() == build_dx(tomllib.loads(text), text.encode())


def test_the_example_reads_as_described() -> None:
    with DxDocument(described_bytes(), file="docs/formats.md") as document:
        assert document.is_of(described_text().encode())
        assert document.get("project", "version") == "1.0"
        assert document.to_dict() == tomllib.loads(described_text())


def test_the_example_can_be_read_by_hand() -> None:
    """The walk through the bytes that the text describes, with nothing but the numbers it names."""
    data = described_bytes()
    nodes = [layout.NODE.unpack_from(data, 100 + 20 * number) for number in range(6)]
    assert [payload & 0xFFFFFFFF for *_, payload in nodes[:2]] == [1, 2]
    assert [payload >> 32 for *_, payload in nodes[:2]] == [1, 3]
    assert [order for _, order, *_ in nodes[2:5]] == [2, 0, 1]
    assert [nodes[number][0] for number in (4, 2, 3)] == [2, 3, 6]
    assert (nodes[3][2], nodes[3][5]) == (layout.STRING, 0)
    offsets = [layout.WORD.unpack_from(data, 220 + 4 * number)[0] for number in range(8)]
    strings = [data[252 + offsets[number] : 252 + offsets[number + 1]] for number in range(7)]
    assert (strings[0], strings[4], strings[6]) == (b"1.0", b"project", b"version")
    assert f"from offset `{offsets[6]:X}` to `{offsets[7]:X}`" in CHAPTER


def test_the_tables_name_sections_kinds_and_limits_as_they_are() -> None:
    rows = re.findall(r"^\| (\d) \| (\w[\w ]*?) +\| (\d+) ", CHAPTER, re.MULTILINE)
    assert [(name, int(size)) for _, name, size in rows] == list(layout.SECTIONS)
    assert f"A header of {layout.HEADER.size} bytes" in CHAPTER
    kinds = dict(re.findall(r"^\| (\d+) +\| (\w[\w -]*?) +\| ", CHAPTER.partition("| kind |")[2], re.MULTILINE))
    assert [kinds[str(number)] for number in range(1, 8)] == [
        "table", "array", "string", "integer", "big integer", "float", "boolean",
    ]  # fmt: skip
    assert kinds[str(layout.OFFSET_DATE_TIME)] == "offset date-time"
    assert kinds[str(layout.LOCAL_TIME)] == "local time"
    for number in (limits.DOCUMENT_BYTES, layout.NEGATIVE_BITS):
        assert f"{number:,}".replace(",", " ") in CHAPTER
    assert f"at most {limits.DOCUMENT_DEPTH} deep" in CHAPTER
