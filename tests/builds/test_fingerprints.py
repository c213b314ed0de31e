"""What makes a directory another one, to be built again, and what does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from trees import write_files

from dxpy_async.builds.fingerprints import editable_fingerprint, fingerprint
from dxpy_async.errors import InvalidSource


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {"pyproject.toml": "1", "src/app/main.py": "x", "src/app/data.txt": "y", "tests/test.py": "z"}
    return write_files(tmp_path / "tree", files)


@pytest.mark.parametrize(
    "path",
    [
        "src/app.egg-info/PKG-INFO",
        "src/app/__pycache__/main.cpython-311.pyc",
        "build/lib/app/main.py",
        "build/lib.linux-x86_64/app.so",
        "build/temp.linux/app.o",
        "build/bdist.linux/x",
        "dist/app-1.0.tar.gz",
        ".git/index",
        ".venv/bin/python",
        "target/release/app",
        "dxpy.lock",
    ],
)
def test_what_builds_and_tools_leave_behind_is_not_looked_at(tree: Path, path: str) -> None:
    before = fingerprint(tree), editable_fingerprint(tree)
    write_files(tree, {path: "new"})
    assert (fingerprint(tree), editable_fingerprint(tree)) == before


def test_an_environment_of_any_name_is_not_looked_at(tree: Path) -> None:
    before = fingerprint(tree)
    write_files(tree, {"my-env/pyvenv.cfg": "", "my-env/lib/site.py": ""})
    assert fingerprint(tree) == before


@pytest.mark.parametrize(
    "path", ["src/app/main.py", "src/app/new.py", "build/tool.py", "src/dist/x.py", "README", "src/build/lib/x.py"]
)
def test_a_file_that_a_wheel_may_have_counts(tree: Path, path: str) -> None:
    before = fingerprint(tree)
    write_files(tree, {path: "changed"})
    assert fingerprint(tree) != before


def test_modes_links_and_removals_count(tree: Path) -> None:
    seen = {fingerprint(tree)}
    (tree / "src/app/main.py").chmod(0o755)
    seen.add(fingerprint(tree))
    (tree / "link").symlink_to("src")
    seen.add(fingerprint(tree))
    (tree / "link").unlink()
    (tree / "link").symlink_to("tests")
    seen.add(fingerprint(tree))
    (tree / "src/app/data.txt").unlink()
    seen.add(fingerprint(tree))
    assert len(seen) == 5


def test_an_editable_wheel_is_made_of_what_says_how_it_is_built_and_of_which_packages_there_are(tree: Path) -> None:
    before = editable_fingerprint(tree)
    write_files(tree, {"src/app/main.py": "edited", "src/app/new.py": "", "notes.txt": ""})
    assert editable_fingerprint(tree) == before
    seen = {before}
    for path in ("setup.py", "setup.cfg", "src/other/__init__.py", "flat/__init__.py"):
        write_files(tree, {path: ""})
        seen.add(editable_fingerprint(tree))
    os.utime(tree / "pyproject.toml", (1, 1))
    seen.add(editable_fingerprint(tree))
    assert len(seen) == 6


def test_a_directory_that_is_not_there_cannot_be_built(tmp_path: Path) -> None:
    with pytest.raises(InvalidSource, match="it cannot be read: No such file or directory"):
        fingerprint(tmp_path / "none")
