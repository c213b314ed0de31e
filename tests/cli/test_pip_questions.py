"""`dxpy pip index`, `hash`, `cache` and what of pip there is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from wheels import sha256_of

from dxpy_async.core.hashing import blake3_of

pytestmark = pytest.mark.slow


def test_the_versions_of_a_project_are_listed_as_pip_does(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> None:
    assert dxpy("pip index versions web", tmp_path).out == "web (2.0)\nAvailable versions: 2.0, 1.0\n"
    root = write_project(tmp_path / "p", "web==1.0")
    dxpy("sync", root)
    assert dxpy("pip index versions --pre Web", root).out == (
        "web (3.0rc1)\nAvailable versions: 3.0rc1, 2.0, 1.0\n  INSTALLED: 1.0\n  LATEST:    3.0rc1\n"
    )
    assert json.loads(dxpy("pip index versions web --json", root).out) == {
        "name": "web",
        "versions": ["2.0", "1.0"],
        "latest": "2.0",
        "installed_version": "1.0",
    }
    absent = dxpy("pip index versions wbe", tmp_path)
    assert (absent.code, absent.out) == (1, "")
    assert absent.err == f"error: `wbe` is not on `{index.url}`\n\nhint: did you mean `web`?\n"
    other = dxpy("pip index versions oldies", tmp_path)
    assert (other.code, other.err.splitlines()[0]) == (1, "error: no version of `oldies` fits")


def test_hashes_are_told_as_files_of_requirements_have_them(dxpy: Command, tmp_path: Path) -> None:
    wheel = tmp_path / "wheels" / "tool-0.1-py3-none-any.whl"
    assert dxpy(["pip", "hash", str(wheel)], tmp_path).out == f"{wheel}:\n--hash=sha256:{sha256_of(wheel)}\n"
    ended = dxpy("pip hash absent.whl", tmp_path)
    assert (ended.code, ended.err) == (1, "error: `absent.whl` cannot be read: No such file or directory\n")


@pytest.mark.slow
def test_the_cache_is_looked_at_and_cleaned_with_the_words_of_pip(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web==2.0")
    dxpy("sync", root)
    cache = tmp_path / "cache"
    assert dxpy("pip cache dir", root).out == f"{cache}\n"
    assert "Number of wheels: 3" in dxpy("pip cache info", root).out
    listed = dxpy("pip cache list", root).out.splitlines()
    assert [line.split(" (")[0] for line in listed] == [
        "Cache contents:",
        "",
        " - safe-1.9-py3-none-any.whl",
        " - templates-1.5-py3-none-any.whl",
        " - web-2.0-py3-none-any.whl",
    ]
    (there,) = dxpy("pip cache list web-2* --format abspath", root).out.splitlines()
    key = blake3_of((tmp_path / "wheels" / "web-2.0-py3-none-any.whl").read_bytes()).hex()
    assert Path(there).name == key
    assert dxpy("pip cache remove web", root).out.startswith("Files removed: ")
    assert dxpy("pip cache list web", root).out == "No wheels cached.\n"
    nothing = dxpy("pip cache remove absent", root)
    assert (nothing.code, nothing.err) == (0, 'warning: No matching packages for pattern "absent"\n')
    assert dxpy("pip cache purge", root).code == 0
    assert dxpy("pip cache list", root).out == "No wheels cached.\n"


def test_what_of_pip_is_not_there_says_where_to_go(dxpy: Command, tmp_path: Path) -> None:
    ended = dxpy("pip config list", tmp_path)
    assert (ended.code, ended.err.splitlines()[0]) == (1, "error: `dxpy pip` has no `config`")
    assert "hint: `dxpy config list`" in ended.err
