"""A store that was damaged, or is being cleaned: noticed before it spreads, and made good by fetching again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from command import PYTHON, Command, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.store.trees import remove_tree


@pytest.fixture
def synced(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "one", "web")
    assert dxpy("sync", root).code == 0
    return root


def site(root: Path) -> Path:
    return next((root / ".venv/lib").glob("python3*/site-packages"))


def another(root: Path, tmp_path: Path) -> Path:
    other = write_project(tmp_path / "other", "web")
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    return other


def test_an_edit_inside_one_environment_never_reaches_another(dxpy: Command, synced: Path, tmp_path: Path) -> None:
    edited = site(synced) / "safe" / "part3.py"
    os.chmod(edited, 0o644)
    edited.write_text("raise SystemExit('edited')\n")
    other = another(synced, tmp_path)
    result = dxpy("sync --frozen", other)
    assert result.code == 0, result.err
    assert (site(other) / "safe" / "part3.py").read_text() == "n = 3\n"


def test_a_file_missing_from_the_store_is_fetched_again(
    dxpy: Command, synced: Path, index: LoopbackIndex, tmp_path: Path
) -> None:
    stored = next((tmp_path / "cache/packages-v1").rglob("part7.py"))
    os.chmod(stored.parent, 0o755)
    stored.unlink()
    asked = len(index.seen("*/safe-1.9-*.whl"))
    other = another(synced, tmp_path)
    result = dxpy("sync --frozen", other)
    assert result.code == 0, result.err
    assert (site(other) / "safe" / "part7.py").read_text() == "n = 7\n"
    assert len(index.seen("*/safe-1.9-*.whl")) == asked + 1


def test_a_damaged_manifest_is_a_miss(dxpy: Command, synced: Path, tmp_path: Path) -> None:
    manifests = [path for path in (tmp_path / "cache/packages-v1").glob("*/*/*.*") if path.is_file()]
    assert manifests
    for path in manifests:
        path.write_bytes(path.read_bytes()[:-7])
    assert dxpy("sync --frozen", another(synced, tmp_path)).code == 0


def mounted(directory: Path, *arguments: str) -> None:
    directory.mkdir(exist_ok=True)
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", *arguments, directory], check=False, capture_output=True).returncode
    ):
        pytest.skip("mounting is not allowed here")


def test_a_store_on_another_file_system_is_copied_from_and_that_is_said_once(
    dxpy: Command, synced: Path, tmp_path: Path
) -> None:
    mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs")
    try:
        dxpy.environ["DXPY_CACHE_DIR"] = str(tmp_path / "disk/cache")
        other = another(synced, tmp_path)
        result = dxpy("sync --frozen", other)
        assert result.code == 0, result.err
        assert result.err.count("on another file system") == 1
        assert (site(other) / "safe" / "part3.py").stat().st_nlink == 1
    finally:
        subprocess.run(["umount", "-l", tmp_path / "disk"], check=True)
    assert (site(other) / "safe" / "part3.py").read_text() == "n = 3\n"


def test_a_store_that_may_only_be_read_serves_what_it_has_and_refuses_the_rest_in_words(
    dxpy: Command, synced: Path, tmp_path: Path
) -> None:
    mounted(tmp_path / "cache", "--bind", "-o", "ro", str(tmp_path / "cache"))
    try:
        other = another(synced, tmp_path)
        result = dxpy("sync --frozen", other)
        assert result.code == 0, result.err
        assert (site(other) / "safe" / "part3.py").read_text() == "n = 3\n"
        assert dxpy("cache verify", tmp_path).code == 0
        assert "web-2.0" in dxpy("cache list", tmp_path).out
        for command in ("cache gc --max-size 0", "cache clean", "cache prune"):
            refused = dxpy(command, tmp_path)
            assert refused.code == 2
            assert "Read-only file system" in refused.err
    finally:
        subprocess.run(["umount", "-l", tmp_path / "cache"], check=True)
    assert dxpy("cache clean", tmp_path).code == 0


CAPABILITY = "+dac_read_search"
"""What lets somebody else run the Python of an administrator's home; it lets nobody write."""
NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *(f"--inh-caps=-all,{CAPABILITY}", f"--ambient-caps=-all,{CAPABILITY}"),
)


def python_of_all() -> str:
    """A Python that everybody may run."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only the administrator can be somebody else")
    for python in (PYTHON, "/usr/bin/python3"):
        probe = [*NOBODY, sys.executable, "-c", f"import os; raise SystemExit(not os.access({python!r}, os.X_OK))"]
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return python
    pytest.skip("no Python that everybody may run")


def test_a_store_of_somebody_else_serves_what_it_has_and_refuses_the_rest_in_words(
    dxpy: Command, index: LoopbackIndex
) -> None:
    with tempfile.TemporaryDirectory() as shared:
        os.chmod(shared, 0o755)
        dxpy.environ.update(DXPY_CACHE_DIR=f"{shared}/cache", DXPY_PYTHON=python_of_all(), HOME=f"{shared}/theirs")
        ours = write_project(Path(shared, "ours"), "web")
        assert dxpy("sync", ours).code == 0
        theirs = Path(shutil.copytree(ours, f"{shared}/theirs", ignore=shutil.ignore_patterns(".venv")))
        for path in (theirs, *theirs.iterdir()):
            os.chown(path, 65534, 65534)

        def run(arguments: str) -> tuple[int, str]:
            command = [*NOBODY, sys.executable, "-m", "dxpy_async", *arguments.split()]
            ended = subprocess.run(
                command, cwd=theirs, env=dxpy.environ, check=False, capture_output=True, text=True, timeout=60
            )
            return ended.returncode, ended.stderr

        code, said = run("sync --frozen")
        assert code == 0, said
        assert (site(theirs) / "safe" / "part3.py").read_text() == "n = 3\n"
        assert (site(theirs) / "safe" / "part3.py").stat().st_uid == 65534, "not hard-linked: it is not theirs"
        assert run("cache verify")[0] == 0
        code, said = run("sync --frozen --link-mode symlink")
        assert code == 2
        assert f"cannot be linked to from `{theirs}/.venv`" in said
        assert "hint: use `--link-mode copy`" in said
        for refused in ("cache clean", "add tool"):
            code, said = run(refused)
            assert (code, "Permission denied" in said) == (2, True), said
        assert dxpy("cache verify", ours).code == 0


def test_a_store_removed_while_it_is_used_is_made_again(dxpy: Command, synced: Path, tmp_path: Path) -> None:
    other = another(synced, tmp_path)
    remove_tree(str(tmp_path / "cache"))
    running = dxpy.start("sync", other)
    for _ in range(40):
        with suppress(OSError):  # what the sync makes meanwhile
            remove_tree(str(tmp_path / "cache"))
        time.sleep(0.02)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0 or said.count("error: ") == 1, said
    assert dxpy("sync", other).code == 0
    assert (site(other) / "safe" / "part3.py").read_text() == "n = 3\n"
    assert dxpy("cache verify", tmp_path).code == 0


def test_an_edit_never_reaches_another_release_that_shares_the_file(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    for version in ("1.0", "2.0"):
        files = {"shared/__init__.py": f"v = {version!r}\n", "shared/same.py": "same = True\n"}
        index.add_wheel(build_wheel(tmp_path / "more", "shared", version, files=files))
    roots = [write_project(tmp_path / version, f"shared=={version}") for version in ("1.0", "2.0")]
    for root in roots:
        assert dxpy("sync", root).code == 0
    edited, other = (site(root) / "shared/same.py" for root in roots)
    assert edited.samefile(other)  # it is stored once
    os.chmod(edited, 0o644)
    edited.write_text("raise SystemExit('edited')\n")
    for version in ("1.0", "2.0"):
        fresh = write_project(tmp_path / f"fresh{version}", f"shared=={version}")
        assert dxpy("sync", fresh).code == 0
        assert (site(fresh) / "shared/same.py").read_text() == "same = True\n"
