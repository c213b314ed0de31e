"""`dxpy version`: reading and writing a project's version; and `dxpy install`."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, without_times, write_project
from json_schemas import document_in

TEXT = """\
# mine
[project]
version = '1.2.3'   # the version, 1.2.3
name = "x"
dependencies = ["safe<2"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "p"
    root.mkdir()
    (root / "pyproject.toml").write_text(TEXT)
    return root


def text(root: Path) -> str:
    return (root / "pyproject.toml").read_text()


def test_it_is_told(dxpy: Command, root: Path) -> None:
    assert dxpy("version", root).out == "x 1.2.3\n"
    assert dxpy("version --short", root).out == "1.2.3\n"
    said = document_in(dxpy("version --output-format json", root).out, "version")
    assert said == {"schema": "dxpy/version/1", "package_name": "x", "version": "1.2.3", "previous_version": None}
    assert [path.name for path in root.iterdir()] == ["pyproject.toml"]


def test_a_step_up_changes_that_string_locks_and_syncs(dxpy: Command, root: Path) -> None:
    result = dxpy("version --bump minor --bump rc", root)
    assert result.out == "x 1.2.3 => 1.3.0rc1\n"
    assert without_times(result.err) == (
        "Resolved 1 package in T\nPrepared 1 package in T\nInstalled 1 package in T\n + safe==1.9\n"
    )
    assert text(root) == TEXT.replace("'1.2.3'", "'1.3.0rc1'")
    assert "Checked 1 package" in dxpy("sync", root).err


def test_it_can_be_given_tried_out_and_left_at_the_file(dxpy: Command, root: Path) -> None:
    assert dxpy("version --dry-run 2.0", root).out == "x 1.2.3 => 2.0\n"
    assert dxpy("version --dry-run --bump post --short", root).out == "1.2.3.post1\n"
    assert text(root) == TEXT
    assert dxpy("version --frozen 0.9", root).out == "x 1.2.3 => 0.9\n"
    assert text(root) == TEXT.replace("'1.2.3'", "'0.9'")
    assert [path.name for path in root.iterdir()] == ["pyproject.toml"]
    result = dxpy("version --no-sync 1.0 --output-format json", root)
    written = document_in(result.out, "version")
    assert (written["version"], written["previous_version"]) == ("1.0", "0.9")
    assert sorted(path.name for path in root.iterdir()) == ["dxpy.lock", "pyproject.toml"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("version abc", "`abc` is not a version"),
        ("version 2.0 --bump major", "VALUE says which version"),
        ("version --bump stable", "1.2.3 → 1.2.3 is no step up"),
        ("version --bump larger", "`larger` is nothing that a version has"),
        ("version --bump alpha", "hint: say of which version it is to be one: `--bump patch --bump alpha`"),
    ],
)
def test_mistakes_are_told_and_change_nothing(dxpy: Command, root: Path, words: str, said: str) -> None:
    result = dxpy(words, root)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert text(root) == TEXT


def test_a_version_of_the_build_backend_is_left_to_it(dxpy: Command, root: Path, tmp_path: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nname = "x"\ndynamic = ["version"]\n')
    for words in ("version", "version --bump major", "version 2.0"):
        result = dxpy(words, root)
        assert result.code == 2
        assert "`project.version` is dynamic: the build backend says what it is" in result.err
    assert "no pyproject.toml in" in dxpy("version", tmp_path).err


def test_what_cannot_be_locked_leaves_the_version(dxpy: Command, root: Path) -> None:
    (root / "pyproject.toml").write_text(TEXT.replace("safe<2", "nosuchproject"))
    before = text(root)
    assert dxpy("version --bump major", root).code == 1
    assert text(root) == before


def test_install_is_sync_under_another_name(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web<3")
    assert "Installed 3 packages" in dxpy("install", root).err
    assert "Checked 3 packages" in dxpy("install", root).err
    assert "Checked 3 packages" in dxpy("sync", root).err
    result = dxpy("install --frozen flask click", root)
    assert result.code == 2
    assert "hint: to let the project require them: `dxpy add flask click`\n" in result.err
