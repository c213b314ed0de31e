"""`dxpy pip sync`, `download` and `wheel`: from pinned files to environments and directories."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from trees import write_sdist
from wheels import build_wheel, sha256_of

BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def changes(err: str) -> list[str]:
    return [line.strip() for line in err.splitlines() if line.startswith((" +", " -"))]


def test_what_was_compiled_and_synced_is_what_is_frozen(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    (root / "requirements.in").write_text("web\ntool\n")
    dxpy("pip compile requirements.in -o requirements.txt --no-annotate --no-header --generate-hashes -q", root)
    dxpy("venv", root)
    synced = dxpy("pip sync requirements.txt", root)
    assert (synced.code, synced.out) == (0, "")
    assert changes(synced.err) == ["+ safe==1.9", "+ templates==1.5", "+ tool==0.1", "+ web==2.0"]
    frozen = dxpy("pip freeze", root).out
    assert frozen == "safe==1.9\ntemplates==1.5\ntool==0.1\nweb==2.0\n"
    (root / "frozen.txt").write_text(frozen)
    again = dxpy("pip sync frozen.txt", root)
    assert "Checked 4 packages" in again.err


@pytest.mark.slow
def test_what_is_not_asked_for_goes_and_what_is_required_does_not_come(dxpy: Command, tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    dxpy("venv", root)
    (root / "a.txt").write_text("web==1.0\n")
    (root / "b.txt").write_text("-r a.txt\ntool\n")
    (root / "empty.txt").write_text("# nothing\n")
    assert changes(dxpy("pip sync b.txt", root).err) == ["+ tool==0.1", "+ web==1.0"]
    planned = dxpy("pip sync a.txt --dry-run", root)
    assert changes(planned.err) == ["- tool==0.1"]
    assert dxpy("pip freeze", root).out == "tool==0.1\nweb==1.0\n"
    assert changes(dxpy("pip sync a.txt", root).err) == ["- tool==0.1"]
    refused = dxpy("pip sync empty.txt", root)
    assert refused.code != 0
    assert refused.err.startswith("error: the files ask for nothing, and so everything would be uninstalled\n")
    assert changes(dxpy("pip sync empty.txt --allow-empty-requirements", root).err) == ["- web==1.0"]
    lock = dxpy("pip sync pylock.toml", root)
    assert lock.err.startswith("error: `pylock.toml` is not a file of requirements\n")


@pytest.mark.slow
def test_pip_stays_and_a_release_with_another_hash_changes_nothing(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    build_wheel(tmp_path / "more", "pip", "99.0")
    index.add_directory(tmp_path / "more")
    root = tmp_path / "p"
    root.mkdir()
    dxpy("venv", root)
    dxpy("pip install pip web", root)
    (root / "r.txt").write_text(f"tool==0.1 --hash=sha256:{'0' * 64}\n")
    failed = dxpy("pip sync r.txt", root)
    assert failed.code == 1
    assert "tool-0.1-py3-none-any.whl" in failed.err
    assert dxpy("pip list --format freeze", root).out == "pip==99.0\nsafe==1.9\ntemplates==1.5\nweb==2.0\n"
    (root / "r.txt").write_text("tool\n")
    dxpy("pip sync r.txt", root)
    assert dxpy("pip list --format freeze", root).out == "pip==99.0\ntool==0.1\n"


def test_what_was_downloaded_is_installed_without_an_index(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> None:
    sdist = write_sdist(tmp_path / "sdists", "earthen", pyproject=BUILD_SYSTEM)
    index.add_file(sdist.name, sdist.read_bytes())
    write_project(tmp_path / "lib", name="lib", more=BUILD_SYSTEM)
    root = tmp_path / "p"
    root.mkdir()
    (root / "r.txt").write_text(f"earthen\ntool --hash=sha256:{'0' * 64}\n")
    made = dxpy("pip download web earthen ../lib -d there", root)
    names = ["earthen-1.0.tar.gz", *(f"{each}-py3-none-any.whl" for each in ("safe-1.9", "templates-1.5", "web-2.0"))]
    assert (made.code, made.out.splitlines()) == (
        0,
        [*(f"Saved ./there/{name}" for name in names), "Successfully downloaded earthen safe templates web"],
    )
    assert "warning: `lib` is a directory of source, which is left where it is" in made.err
    assert "File was already downloaded ./there/web-2.0-py3-none-any.whl" in dxpy("pip download web -d there", root).out
    wheels = dxpy("pip wheel earthen -w there --no-deps", root)
    assert wheels.out == "Saved ./there/earthen-1.0-py3-none-any.whl\nSuccessfully built earthen\n"
    dxpy("venv", root)
    away = {"DXPY_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "DXPY_CACHE_DIR": str(tmp_path / "other")}
    installed = dxpy("pip install --no-index --find-links there web earthen", root, environ=away)
    assert installed.out == "Successfully installed earthen-1.0 safe-1.9 templates-1.5 web-2.0\n"
    refused = dxpy("pip download -r r.txt -d other", root)
    assert refused.code == 1
    assert not (root / "other").exists()


@pytest.mark.slow
def test_archives_for_other_machines_are_downloaded_as_wheels_alone(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    for tags in ("cp312-cp312-win_amd64", "cp311-cp311-win_amd64", "cp312-cp312-manylinux_2_17_x86_64"):
        build_wheel(tmp_path / "more", "native", "1.0", tags=tags)
    index.add_directory(tmp_path / "more")
    there = "--platform win_amd64 --python-version 312 -d there"
    assert "`--platform` goes with wheels alone" in dxpy(f"pip download native {there}", tmp_path).err
    dxpy(f"pip download native --only-binary=:all: {there}", tmp_path)
    (found,) = (tmp_path / "there").iterdir()
    assert found.name == "native-1.0-cp312-cp312-win_amd64.whl"
    assert sha256_of(found) == sha256_of(tmp_path / "more" / found.name)
