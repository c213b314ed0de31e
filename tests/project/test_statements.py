"""Constraints and overrides from files, and from the files that those name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dxpy_async.core import limits
from dxpy_async.errors import DxpyError, InvalidRequirementsFile, UsageError
from dxpy_async.project.statements import read_statements


def read(directory: Path, *files: str) -> list[tuple[str, str]]:
    return [(str(each.requirement), each.origin) for each in read_statements(files, "constraints", directory)]


def test_requirements_are_read_with_comments_continuations_hashes_and_markers(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_bytes(
        b"\xef\xbb\xbf# all of them\r\n"
        b"A_b<2  # why\r\n"
        b"\r\n"
        b"c>=1, \\\r\n"
        b"   <3 ; python_version >= '3.8' \\\r\n"
        b"  --hash=sha256:00 --hash=sha256:11\r\n"
        b"d[x] @ https://example.test/d.whl#sha256=00"
    )
    assert read(tmp_path, "c.txt") == [
        ("a-b<2", "c.txt:2"),
        ('c<3,>=1; python_version >= "3.8"', "c.txt:4"),
        ("d[x] @ https://example.test/d.whl#sha256=00", "c.txt:7"),
    ]


def test_files_may_name_others_beside_them_and_each_is_read_once(tmp_path: Path) -> None:
    inner = tmp_path / "in" / "ner"
    inner.mkdir(parents=True)
    (tmp_path / "c.txt").write_text("a<1\n-c in/one.txt\n--requirement=in/ner/two.txt\n-r in/ner/two.txt\nb<1\n")
    (tmp_path / "in" / "one.txt").write_text("-cner/two.txt\nc<1\n--constraint ../c.txt\n")
    (inner / "two.txt").write_text(f"d<1\n-r '{tmp_path / 'far.txt'}'\n")
    (tmp_path / "far.txt").write_text("e<1\n")
    assert read(tmp_path, "c.txt", "./in/one.txt") == [
        ("a<1", "c.txt:1"),
        ("b<1", "c.txt:5"),
        ("c<1", "in/one.txt:2"),
        ("d<1", "in/ner/two.txt:1"),
        ("e<1", f"{tmp_path / 'far.txt'}:1"),
    ]


@pytest.mark.parametrize(
    ("file", "kind", "message"),
    [
        ("gone.txt", UsageError, "there is no file of constraints `gone.txt`"),
        ("names.txt", UsageError, "there is no file of constraints `sub/gone.txt`, which `names.txt:2` names"),
        (".", InvalidRequirementsFile, "`.` cannot be read: Is a directory"),
        ("https://example.test/c.txt", UsageError, "is an address, and constraints are read from files only"),
        ("far.txt", UsageError, "`http://example.test/c.txt` is an address"),
        ("option.txt", InvalidRequirementsFile, "`option.txt:1` is an option, `--index-url https://x`, and not a req"),
        ("path.txt", InvalidRequirementsFile, "`path.txt:1` is no requirement: Expected package name"),
        ("wrong.txt", InvalidRequirementsFile, "`wrong.txt:3` is no requirement: Expected"),
        ("latin.txt", InvalidRequirementsFile, "`latin.txt:2` is not UTF-8 text"),
        ("deep.txt", InvalidRequirementsFile, "nested too deeply"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(
    tmp_path: Path, file: str, kind: type[DxpyError], message: str
) -> None:
    texts = {
        "names.txt": "a\n-c sub/gone.txt\n",
        "far.txt": "-c http://example.test/c.txt\n",
        "option.txt": "--index-url https://x\n",
        "path.txt": "./a-1-py3-none-any.whl\n",
        "wrong.txt": "a\n# b\nb=<3\n",
        "latin.txt": "a\nb\xefc\n",
        "deep.txt": "a; " + "(" * 100_000,
    }
    if file in texts:
        (tmp_path / file).write_bytes(texts[file].encode("latin-1"))
    with pytest.raises(kind) as caught:
        read(tmp_path, file)
    assert message in str(caught.value)


def test_a_file_is_read_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUIREMENTS_BYTES", 10)
    (tmp_path / "c.txt").write_text("a<1\n" * 3)
    with pytest.raises(InvalidRequirementsFile, match="has 11 bytes or more, the limit for requirements is 10"):
        read(tmp_path, "c.txt")


def test_so_many_files_are_read_and_no_more(tmp_path: Path) -> None:
    for number in range(limits.REQUIREMENTS_FILES + 1):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n")
    with pytest.raises(UsageError, match="more than 1000 files of constraints"):
        read(tmp_path, "0.txt")


def test_without_a_directory_paths_stay_relative_to_where_one_is(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("a<1\n")
    assert read_statements([os.path.relpath(tmp_path / "c.txt")], "constraints", None)[0].requirement.name == "a"
