"""`dxpy bundle`, and installing from what it made where there is no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command import PYTHON, Command, write_project
from index_server import LoopbackIndex
from json_schemas import document_in
from repositories import Repository, write_tree
from trees import write_sdist
from wheels import build_wheel, sha256_of

BUILD_SYSTEM = '[build-system]\nrequires = ["maker"]\nbuild-backend = "backend"\nbackend-path = ["."]\n'
ASKS_FOR_MORE = '\ndef get_requires_for_build_wheel(config_settings=None):\n    return ["mould"]\n'


@pytest.fixture
def away(tmp_path: Path) -> Command:
    """`dxpy` on a machine that has nothing in its cache and reaches no index."""
    return Command(tmp_path / "other-cache", "http://127.0.0.1:9/simple")


def add_sdist(index: LoopbackIndex, tmp_path: Path) -> None:
    """`earthen` has only an sdist, whose build requires `maker`, and whose backend asks for `mould`."""
    index.add_directory(tmp_path / "more")
    sdist = write_sdist(tmp_path / "sdists", "earthen", ASKS_FOR_MORE, pyproject=BUILD_SYSTEM)
    index.add_file(sdist.name, sdist.read_bytes())


def files_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_sync_from_a_bundle_needs_no_index_and_no_cache(
    dxpy: Command, away: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    build_wheel(tmp_path / "more", "maker", "1.0")
    build_wheel(tmp_path / "more", "mould", "2.0")
    add_sdist(index, tmp_path)
    root = write_project(tmp_path / "p", "web==2.0", "earthen")
    made = dxpy("bundle --output-format json", root)
    assert made.code == 0
    document = document_in(made.out, "bundle")
    assert {file["filename"]: (file["purpose"], file["is_new"]) for file in document["files"]} == {
        "earthen-1.0.tar.gz": ("install", True),
        "maker-1.0-py3-none-any.whl": ("build", True),
        "mould-2.0-py3-none-any.whl": ("build", True),
        "safe-1.9-py3-none-any.whl": ("install", True),
        "templates-1.5-py3-none-any.whl": ("install", True),
        "web-2.0-py3-none-any.whl": ("install", True),
    }
    assert files_in(root / "bundle") == [
        "dxpy-bundle.json",
        "earthen-1.0.tar.gz",
        "maker-1.0-py3-none-any.whl",
        "mould-2.0-py3-none-any.whl",
        "requirements.txt",
        "safe-1.9-py3-none-any.whl",
        "templates-1.5-py3-none-any.whl",
        "web-2.0-py3-none-any.whl",
    ]
    environ = {"DXPY_DEFAULT_INDEX": index.url}  # the lock names it; nobody listens there once the index is gone
    seen = len(index.requests)
    synced = away("sync --bundle bundle", root, environ=environ)
    assert synced.code == 0, synced.err
    assert synced.err.splitlines()[-4:] == [
        " + earthen==1.0",
        " + safe==1.9",
        " + templates==1.5",
        " + web==2.0",
    ]
    assert len(index.requests) == seen
    assert "Checked 4 packages" in away("sync", root, environ=environ).err
    write_project(root, "tool")
    stale = away("sync --bundle bundle", root, environ=environ)
    assert stale.code == 1
    assert "does not match the project: `tool` was added" in stale.err


@pytest.mark.slow
def test_the_same_bundle_is_made_again_and_what_is_there_is_kept(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web==2.0")
    dxpy("bundle -o there", root)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (root / "there").iterdir()}
    (root / "there" / "web-2.0-py3-none-any.whl").unlink()
    (root / "there" / "notes.txt").write_text("mine")
    unfinished = root / "there" / ".web-2.0-py3-none-any.whl.123.new"
    unfinished.write_text("a part")
    os.utime(unfinished, (1, 1))
    downloads = len(index.seen("/files/*.whl"))
    again = dxpy("bundle -o there", root)
    assert "Bundled 3 files" in again.err
    assert "1 new" in again.err
    assert [request.path for request in index.seen("/files/*.whl")[downloads:]] == ["/files/web-2.0-py3-none-any.whl"]
    after = {path.name: path.read_bytes() for path in (root / "there").iterdir()}
    assert after == {name: content for name, (content, _) in before.items()} | {"notes.txt": b"mine"}
    assert (root / "there" / "safe-1.9-py3-none-any.whl").stat().st_mtime_ns == before["safe-1.9-py3-none-any.whl"][1]


@pytest.mark.slow
def test_files_that_are_needed_no_more_leave_the_bundle(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web==2.0", "tool")
    dxpy("bundle", root)
    write_project(root, "tool")
    (root / "bundle" / "mine-1.0-py3-none-any.whl").write_text("")
    assert "Removed 3 files that the bundle needs no more" in dxpy("bundle", root).err
    left = ["dxpy-bundle.json", "mine-1.0-py3-none-any.whl", "requirements.txt", "tool-0.1-py3-none-any.whl"]
    assert files_in(root / "bundle") == left


def test_the_manifest_says_what_each_file_is_and_for_which_platform(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    wheel = build_wheel(tmp_path / "more", "native", "1.0", tags="cp312-cp312-win_amd64")
    build_wheel(tmp_path / "more", "native", "1.0", tags="cp312-cp312-manylinux_2_17_x86_64")
    index.add_directory(tmp_path / "more")
    root = write_project(tmp_path / "p", "native")
    dxpy("bundle --python-version 3.12 --python-platform windows", root)
    assert files_in(root / "bundle") == ["dxpy-bundle.json", wheel.name, "requirements.txt"]
    assert json.loads((root / "bundle" / "dxpy-bundle.json").read_text()) == {
        "format": "dxpy-bundle",
        "version": 1,
        "python": "3.12.0",
        "platform": "win32 AMD64",
        "files": [
            {
                "filename": wheel.name,
                "project": "native",
                "version": "1.0",
                "sha256": sha256_of(wheel),
                "size": wheel.stat().st_size,
                "purpose": "install",
            }
        ],
    }
    assert (root / "bundle" / "requirements.txt").read_text() == (
        "# made by `dxpy bundle`; install with `pip install --no-index --find-links . -r`\n"
        f"native==1.0 --hash=sha256:{sha256_of(wheel)}\n"
    )


def test_a_bundle_that_is_not_whole_is_told_and_installs_nothing(
    dxpy: Command, away: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web==2.0")
    dxpy("bundle", root)
    bundle, environ = root / "bundle", {"DXPY_DEFAULT_INDEX": index.url}
    file = bundle / "safe-1.9-py3-none-any.whl"
    size = file.stat().st_size

    def spoilt() -> str:
        ended = away("sync --bundle bundle", root, environ=environ)
        assert ended.code == 1
        assert not list((root / ".venv").glob("lib/*/site-packages/*.dist-info"))
        return ended.err

    file.write_bytes(b"x" * size)
    assert f"error: a file of the bundle was changed: `{file.name}` from {file.as_uri()} has sha256" in spoilt()
    file.unlink()
    assert spoilt().splitlines()[1:] == [
        f"error: `{file.name}` is gone from the bundle `{bundle}`",
        "",
        "hint: where there is a network, make it anew with `dxpy bundle -o DIR` and the same flags, and bring it here",
    ]
    (bundle / "dxpy-bundle.json").write_text("{")
    assert f"error: `{bundle}/dxpy-bundle.json` is not a manifest" in spoilt()
    shutil.rmtree(bundle)
    missing = f"error: `{bundle}` is no bundle: there is no such directory"
    assert missing in spoilt()
    assert dxpy("sync", root).code == 0
    assert missing in away("sync --bundle bundle", root, environ=environ).err, "also when nothing has to change"


def test_commits_are_bundled_as_wheels_and_directories_stay_with_the_project(
    dxpy: Command, away: Command, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    write_tree(repository.root, "shared", "1.2")
    repository.commit()
    write_tree(tmp_path / "lib", "lib", "1.0")
    sources = '[tool.dxpy.sources]\nlib = { path = "../lib" }\n'
    root = write_project(tmp_path / "p", f"shared @ git+{repository.url}", "lib", more=sources)
    environ = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.file.allow", "GIT_CONFIG_VALUE_0": "always"}
    made = dxpy("bundle", root, environ=environ)
    assert "Take the directories of source along, they are not in the bundle: `lib`" in made.err
    wheel = root / "bundle" / "shared-1.2-py3-none-any.whl"
    before = wheel.read_bytes()
    assert "all there already" in dxpy("bundle", root, environ=environ).err
    assert wheel.read_bytes() == before
    shutil.rmtree(repository.root)
    synced = away("sync --bundle bundle", root, environ={"DXPY_DEFAULT_INDEX": dxpy.environ["DXPY_DEFAULT_INDEX"]})
    assert synced.code == 0, synced.err
    assert [line.split()[1] for line in synced.err.splitlines() if line.startswith("Building")] == ["lib"]


@pytest.mark.slow
def test_pip_installs_from_a_bundle(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> None:
    build_wheel(tmp_path / "more", "maker", "1.0")
    build_wheel(tmp_path / "more", "mould", "2.0")
    add_sdist(index, tmp_path)
    root = write_project(tmp_path / "p", "web==2.0", "earthen")
    dxpy("bundle", root)
    subprocess.run([PYTHON, "-m", "venv", tmp_path / "venv"], check=True)
    pip = [str(tmp_path / "venv" / "bin" / "python"), "-I", "-m", "pip"]
    installing = [*pip, "install", "-q", "--no-index", "--find-links", "bundle", "-r", "bundle/requirements.txt"]
    subprocess.run(installing, cwd=root, check=True)
    frozen = subprocess.run([*pip, "freeze"], capture_output=True, text=True, check=True).stdout
    assert frozen.splitlines() == ["earthen==1.0", "safe==1.9", "templates==1.5", "web==2.0"]
