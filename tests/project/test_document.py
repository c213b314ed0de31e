"""A project is read from the pyproject.dx in its environment exactly while that is of the very same text."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dxpy_async.errors import InvalidProject
from dxpy_async.formats.pyproject_dx import DxDocument, build_dx
from dxpy_async.project.document import keep_document, kept_document
from dxpy_async.project.pyproject import read_project

TEXT = '[project]\nname = "webapp"\nversion = "1.0"\ndependencies = ["flask>=3"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with an environment that keeps its document."""
    (tmp_path / ".venv").mkdir()
    write(tmp_path, TEXT)
    assert keep_document(tmp_path / "pyproject.toml")
    return tmp_path


def write(root: Path, text: str | bytes) -> None:
    (root / "pyproject.toml").write_bytes(text.encode() if isinstance(text, str) else text)


def keep(root: Path, data: bytes) -> None:
    (root / ".venv/pyproject.dx").write_bytes(data)


def test_what_is_kept_is_read_in_place_of_the_text(root: Path) -> None:
    assert kept_document(root / "pyproject.toml", TEXT.encode()) == tomllib.loads(TEXT)
    # no dxpy writes this: only so it can be told which of the two was read
    keep(root, build_dx({"project": {"name": "from-dx", "version": "1"}}, TEXT.encode()))
    assert read_project(root).name == "from-dx"


def test_the_toml_parser_is_not_even_imported(root: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from dxpy_async.project.pyproject import read_project; "
        f"print(read_project(Path({str(root)!r})).name, 'tomllib' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "webapp False\n"
    write(root, TEXT + "\n")
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "webapp True\n"


def test_an_edit_is_always_seen_even_with_the_same_size_and_times(root: Path) -> None:
    before = os.stat(root / "pyproject.toml")
    with open(root / "pyproject.toml", "r+b") as file:
        file.write(TEXT.replace("webapp", "webbed").encode())
    os.utime(root / "pyproject.toml", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(root / "pyproject.toml")
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    assert read_project(root).name == "webbed"


def test_keeping_again_follows_the_edit(root: Path) -> None:
    write(root, TEXT.replace("webapp", "other"))
    assert keep_document(root / "pyproject.toml")
    with DxDocument.open(root / ".venv/pyproject.dx") as kept:
        assert kept.get("project", "name") == "other"
    assert os.listdir(root / ".venv") == ["pyproject.dx"]


def test_what_is_fresh_is_not_written_again(root: Path) -> None:
    before = os.stat(root / ".venv/pyproject.dx")
    assert keep_document(root / "pyproject.toml")
    assert os.stat(root / ".venv/pyproject.dx") == before


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"garbage" * 50),
        lambda path: path.write_bytes((path.with_name("good")).read_bytes()[:-1]),
        lambda path: path.write_bytes((path.with_name("good")).read_bytes()[:-1] + b"\xff"),
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(path),
        make_pipe,
    ],
)
def test_a_damaged_one_is_as_good_as_none(root: Path, damage: Callable[[Path], object]) -> None:
    path = root / ".venv/pyproject.dx"
    path.rename(path.with_name("good"))
    damage(path)
    assert kept_document(root / "pyproject.toml", TEXT.encode()) is None
    assert read_project(root).name == "webapp"


@pytest.mark.parametrize(
    "text",
    [
        "[tool.x]\na = 1\n",
        '[project]\nname = "-"\nversion = "1"\n',
        '[project]\nname = "x"\n\nversion = "one"\n',
        '[project]\nname = "x"\nversion = "1"\ndependencies = [\n "flask",\n "django >>> 2",\n]\n',
        '[project]\nname = "x"\nversion = "1"\n[dependency-groups]\na = [{include-group = "b"}]\nb = ["c", 1]\n',
        '[project]\nname = "x"\nversion = "1"\n[tool.dxpy]\nindex-ulr = "https://example.org"\n',
        '[project]\nname = "x"\nversion = "1"\n[tool.dxpy]\nfind-links = [1979-05-27]\n',
    ],
)
def test_mistakes_are_said_the_same_with_and_without(tmp_path: Path, text: str) -> None:
    (tmp_path / ".venv").mkdir()
    write(tmp_path, text)
    with pytest.raises(InvalidProject) as parsed:
        read_project(tmp_path)
    assert keep_document(tmp_path / "pyproject.toml")
    with pytest.raises(InvalidProject) as kept:
        read_project(tmp_path)
    assert (str(kept.value), kept.value.line, kept.value.hints()) == (
        str(parsed.value),
        parsed.value.line,
        parsed.value.hints(),
    )


@pytest.mark.parametrize("content", [b"[project\n", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_a_file_that_does_not_parse_is_not_kept(root: Path, content: bytes) -> None:
    write(root, content)
    assert not keep_document(root / "pyproject.toml")
    with pytest.raises(InvalidProject):
        read_project(root)


def test_an_environment_that_takes_no_file_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, TEXT)
    assert not keep_document(tmp_path / "pyproject.toml")
    (tmp_path / ".venv/pyproject.dx").mkdir(parents=True)
    assert not keep_document(tmp_path / "pyproject.toml")
    assert os.listdir(tmp_path / ".venv") == ["pyproject.dx"]
    assert read_project(tmp_path).name == "webapp"


def test_a_byte_order_mark_belongs_to_the_text(root: Path) -> None:
    write(root, b"\xef\xbb\xbf" + TEXT.encode())
    assert kept_document(root / "pyproject.toml", b"\xef\xbb\xbf" + TEXT.encode()) is None
    assert keep_document(root / "pyproject.toml")
    assert read_project(root).name == "webapp"
