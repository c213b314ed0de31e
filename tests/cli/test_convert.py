"""`dxpy convert`: both ways without loss, and never over what cannot be made again."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from command import Command, Result, write_project

from dxpy_async.formats.pyproject_dx import DxDocument, build_dx

TEXT = '# by hand\n[project]\nname = "webapp"\nversion = "1.0"\n\n[tool.x]\nsince = 1979-05-27\n'
WRITTEN = TEXT.removeprefix("# by hand\n")


@pytest.fixture
def dxpy(tmp_path: Path) -> Command:
    """Converting needs neither index nor interpreter."""
    return Command(tmp_path / "cache", "http://127.0.0.1:9/simple")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text(TEXT)
    return root


def test_toml_becomes_dx_beside_it(dxpy: Command, root: Path) -> None:
    assert dxpy("convert pyproject.toml", root) == Result(0, "", "Wrote `pyproject.dx` from `pyproject.toml`\n")
    with DxDocument.open(root / "pyproject.dx") as document:
        assert document.to_dict() == tomllib.loads(TEXT)
        assert document.is_of(TEXT.encode())
    again = dxpy("convert pyproject.toml", root)
    assert again == Result(0, "", "`pyproject.dx` is up to date with `pyproject.toml`\n")
    assert sorted(os.listdir(root)) == ["pyproject.dx", "pyproject.toml"]


def test_an_older_dx_is_replaced(dxpy: Command, root: Path) -> None:
    (root / "pyproject.dx").write_bytes(build_dx({}, b""))
    assert dxpy("convert pyproject.toml", root).code == 0
    assert (root / "pyproject.dx").read_bytes() == build_dx(tomllib.loads(TEXT), TEXT.encode())


def test_dx_becomes_toml(dxpy: Command, root: Path) -> None:
    dxpy("convert pyproject.toml -o elsewhere.dx", root)
    assert dxpy("convert elsewhere.dx", root) == Result(0, "", "Wrote `elsewhere.toml` from `elsewhere.dx`\n")
    assert (root / "elsewhere.toml").read_text() == WRITTEN
    assert dxpy("convert elsewhere.dx -o -", root) == Result(0, WRITTEN, "")
    assert (root / "pyproject.toml").read_text() == TEXT


def test_what_the_file_is_counts_not_its_name(dxpy: Command, root: Path) -> None:
    (root / "odd").write_bytes(build_dx({"a": 1}, b""))
    assert dxpy("convert odd -o -", root) == Result(0, "a = 1\n", "")
    (root / "odd.toml").write_bytes(build_dx({"a": 1}, b""))
    said = "error: `odd.toml` would be replaced by what is made from it\n\nhint: name another with `-o FILE`\n"
    assert dxpy("convert odd.toml", root) == Result(2, "", said)


@pytest.mark.parametrize("comment", ["", "# another comment\n"])
def test_text_that_says_the_same_keeps_its_comments(dxpy: Command, root: Path, comment: str) -> None:
    dxpy("convert pyproject.toml", root)
    (root / "pyproject.toml").write_text(comment + TEXT)
    said = "`pyproject.toml` says the same as `pyproject.dx`, it is left as it is\n"
    assert dxpy("convert pyproject.dx", root) == Result(0, "", said)
    assert (root / "pyproject.toml").read_text() == comment + TEXT


@pytest.mark.parametrize("text", ["[project]\nname = 'other'\n", "no toml at all", ""])
def test_text_that_says_something_else_is_replaced_only_by_force(dxpy: Command, root: Path, text: str) -> None:
    dxpy("convert pyproject.toml", root)
    (root / "pyproject.toml").write_text(text)
    said = (
        "error: `pyproject.toml` is there and says something else than `pyproject.dx`, it is left as it is\n\n"
        "hint: name another file with `-o FILE`, or replace it, comments and all, with `--force`\n"
    )
    assert dxpy("convert pyproject.dx", root) == Result(2, "", said)
    assert (root / "pyproject.toml").read_text() == text
    assert dxpy("convert pyproject.dx --force", root).code == 0
    assert (root / "pyproject.toml").read_text() == WRITTEN


def test_a_file_of_another_kind_is_replaced_only_by_force(dxpy: Command, root: Path) -> None:
    (root / "notes.txt").write_text("dear diary")
    said = (
        "error: `notes.txt` is there and is no pyproject.dx, it is left as it is\n\n"
        "hint: name another file with `-o FILE`, or replace it with `--force`\n"
    )
    assert dxpy("convert pyproject.toml -o notes.txt", root) == Result(2, "", said)
    assert (root / "notes.txt").read_text() == "dear diary"
    assert dxpy("convert pyproject.toml -o notes.txt --force", root).code == 0
    assert (root / "notes.txt").read_bytes().startswith(b"DPX\x01")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("convert absent.toml", "`absent.toml` is not there"),
        ("convert .", "`.` is not a file"),
        ("convert pyproject.toml -o pyproject.toml", "`pyproject.toml` would be replaced by what is made from it"),
        ("convert pyproject.toml -o .", "`.` is in the way: it is not a file"),
        ("convert pyproject.toml -o a/b.dx", "there is no directory `a` for `b.dx`"),
        ("convert pyproject.toml -o -", "a pyproject.dx is binary and is not printed"),
        ("convert broken.toml", "`broken.toml:2` is not a valid project file: Invalid value (at line 2, column 5)"),
        ("convert short.dx", "`short.dx (at byte 8)` has 198 bytes, its header says 199"),
        ("convert text.dx", "`text.dx (at byte 0)` is not a pyproject.dx: it begins with 61 20 3d 20, expected"),
        ("convert empty.dx", "`empty.dx (at byte 0)` is not a pyproject.dx: it is empty"),
        ("convert newer.dx", "`newer.dx (at byte 4)` has version 2 of the format, this dxpy reads 1"),
    ],
)
def test_what_cannot_be_converted_is_one_clear_message(dxpy: Command, root: Path, arguments: str, said: str) -> None:
    good = build_dx({"a": 1, "b": ["c"]}, b"")
    (root / "broken.toml").write_text("a = 1\nb = \n")
    (root / "short.dx").write_bytes(good[:-1])
    (root / "text.dx").write_text("a = 1\n")
    (root / "empty.dx").write_bytes(b"")
    (root / "newer.dx").write_bytes(good[:4] + b"\x02" + good[5:])
    before = {path: path.read_bytes() for path in root.iterdir()}
    result = dxpy(arguments, root)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {said}"), result.err
    assert {path: path.read_bytes() for path in root.iterdir()} == before


def test_a_sync_keeps_the_document_in_the_environment(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "synced")
    result = dxpy("sync", root)
    assert result.code == 0, result.err
    with DxDocument.open(root / ".venv/pyproject.dx") as document:
        assert document.is_of((root / "pyproject.toml").read_bytes())
    (root / "pyproject.toml").write_text("[project\n")
    assert ":1`" in dxpy("lock", root).err
