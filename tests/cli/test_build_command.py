"""`dxpy build` as people see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, without_times
from json_schemas import document_in
from trees import BUILD_SYSTEM, sdist_of_today, write_files, write_tree

PROJECT = '[project]\nname = "tree"\nversion = "1.0"\n'


@pytest.fixture
def dxpy(tmp_path: Path) -> Command:
    return Command(tmp_path / "cache", (tmp_path / "no-index").as_uri())


def test_what_was_built_is_named(dxpy: Command, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "tree", sdist_of_today(), pyproject=BUILD_SYSTEM + PROJECT)
    built = dxpy("build", root)
    assert (built.code, built.out) == (0, "")
    assert without_times(built.err) == (
        "Building tree\n"
        "Built tree in T\n"
        "Building tree-1.0.tar.gz\n"
        "Built tree-1.0.tar.gz in T\n"
        "Successfully built dist/tree-1.0.tar.gz\n"
        "Successfully built dist/tree-1.0-py3-none-any.whl\n"
    )
    listed = dxpy("build -q --list --wheel", root)
    assert listed.out == (
        "tree-1.0-py3-none-any.whl\n"
        "  tree-1.0.dist-info/METADATA\n"
        "  tree-1.0.dist-info/RECORD\n"
        "  tree-1.0.dist-info/WHEEL\n"
        "  tree.py\n"
    )


def test_a_new_version_is_what_is_built_next(dxpy: Command, tmp_path: Path) -> None:
    told = 'import re\nVERSION = re.search(r\'version = "(.*)"\', open("pyproject.toml").read())[1]\n'
    root = write_tree(tmp_path / "tree", sdist_of_today() + told, pyproject=BUILD_SYSTEM + PROJECT)
    assert dxpy("version --bump minor --frozen", root).code == 0
    built = dxpy("build --sdist --output-format json", root)
    assert built.err.endswith("Successfully built dist/tree-1.1.tar.gz\n")
    document = document_in(built.out, "build")
    (file,) = document["files"]
    assert (document["dry_run"], file["kind"], file["version"]) == (False, "sdist", "1.1")
    assert file["path"] == str(root / "dist/tree-1.1.tar.gz")
    assert file["files"][-1] == "tree-1.1/pyproject.toml"


def test_mistakes_are_worded(dxpy: Command, tmp_path: Path) -> None:
    write_files(tmp_path / "empty", {"sub/pyproject.toml": ""})
    nothing = dxpy("build empty", tmp_path)
    assert nothing.code == 1
    assert nothing.err == (
        "error: `empty` cannot be built: it has neither a pyproject.toml nor a setup.py\n"
        "\n"
        "hint: name one of its subdirectories: `sub`\n"
        "hint: a project that is to be built needs a pyproject.toml with a [build-system]\n"
    )
    absent = dxpy("build", tmp_path / "empty")
    assert (absent.code, absent.err.splitlines()[0]) == (
        2,
        f"error: no pyproject.toml in `{tmp_path / 'empty'}` or any parent directory",
    )
    both = dxpy("build --package a --all-packages", tmp_path)
    assert "not allowed with argument" in both.err
