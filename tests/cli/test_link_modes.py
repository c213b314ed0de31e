"""Environments in each link mode, from outside: what is on disk, what works in them, and going from one to another."""

from __future__ import annotations

import ensurepip
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Command, wait_until, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.store.trees import remove_tree

MODES = ("hardlink", "copy", "clone", "symlink")


@pytest.fixture
def spaces(index: LoopbackIndex, tmp_path: Path) -> LoopbackIndex:
    """`ns-one` and `ns-two` share a namespace; `clash-one` and `clash-two` have a file in common, and differ in it."""
    wheels = tmp_path / "more"
    for name in ("one", "two"):
        files = {
            f"ns/{name}/__init__.py": f"who = {name!r}\n",
            f"ns/{name}/data.txt": name,
            f"mod_{name}.py": "x = 1\n",
        }
        build_wheel(wheels, f"ns-{name}", "1.0", files=files, data={f"data/share/{name}.txt": "shared"})
        build_wheel(wheels, f"clash-{name}", "1.0", files={f"{name}.py": "", "common/same.py": f"who = {name!r}\n"})
    index.add_directory(wheels)
    return index


def site_of(root: Path) -> Path:
    return next((root / ".venv/lib").glob("python3*/site-packages"))


def python(root: Path, code: str) -> str:
    """What the environment's interpreter prints."""
    return subprocess.check_output([root / ".venv/bin/python", "-c", code], text=True).strip()


def pip(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the pip that comes with Python, in the environment."""
    (wheel,) = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
    command = [str(root / ".venv/bin/python"), f"{wheel}/pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("before", MODES)
@pytest.mark.parametrize("after", MODES)
def test_a_sync_in_another_mode_links_everything_anew(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path, before: str, after: str
) -> None:
    root = write_project(tmp_path / "p", "ns-one", "ns-two", "web", "tool")
    assert dxpy(f"sync --link-mode {before}", root).code == 0
    said = dxpy(f"sync --link-mode {after}", root)
    assert said.code == 0, said.err
    fresh = write_project(tmp_path / "q", "ns-one", "ns-two", "web", "tool")
    assert dxpy(f"sync --link-mode {after}", fresh).code == 0
    links = {path.relative_to(root) for path in site_of(root).rglob("*") if path.is_symlink()}
    if "symlink" in (before, after):  # hard links and copies are the same to everybody but the disk
        assert links == {path.relative_to(fresh) for path in site_of(fresh).rglob("*") if path.is_symlink()}
    assert python(root, "import ns.one, ns.two, web, safe.part3; print(ns.one.who, ns.two.who)") == "one two"
    assert dxpy("run --no-sync tool", root).code == 7


def test_packages_are_links_and_shared_directories_are_real(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "ns-one", "ns-two", "safe<2")
    assert dxpy("sync --link-mode symlink", root).code == 0
    site = site_of(root)
    links = {str(path.relative_to(site)) for path in [*site.glob("*"), *site.glob("ns/*")] if path.is_symlink()}
    assert links == {"mod_one.py", "mod_two.py", "safe"}
    assert all(path.is_symlink() for path in [*site.glob("ns/*/__init__.py"), *site.glob("ns/*/data.txt")])
    assert not (site / "safe-1.9.dist-info").is_symlink()
    assert (root / ".venv/share/one.txt").read_text() == "shared"
    assert not (root / ".venv/share/one.txt").is_symlink()


def test_a_second_part_of_a_namespace_makes_the_directory_real(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    wheels = tmp_path / "more"
    build_wheel(wheels, "part-one", "1.0", files={"whole/__init__.py": "", "whole/one.py": "n = 1\n"})
    build_wheel(wheels, "part-two", "1.0", files={"whole/__init__.py": "", "whole/two/__init__.py": "n = 2\n"})
    index.add_directory(wheels)
    root = write_project(tmp_path / "p", "part-one")
    dxpy.environ["DXPY_LINK_MODE"] = "symlink"
    assert dxpy("sync", root).code == 0
    assert (site_of(root) / "whole").is_symlink()
    said = dxpy("sync", write_project(root, "part-one", "part-two"))
    assert said.code == 0, said.err
    assert not (site_of(root) / "whole").is_symlink()
    assert python(root, "import whole.one, whole.two; print(whole.one.n, whole.two.n)") == "1 2"
    assert dxpy("sync", write_project(root, "part-two")).code == 0
    assert python(root, "import whole.two, importlib.util as u; print(u.find_spec('whole.one'))") == "None"


def test_pip_removes_links_and_nothing_behind_them(dxpy: Command, spaces: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "ns-one", "ns-two", "safe<2", "tool")
    assert dxpy("sync --link-mode symlink", root).code == 0
    store = tmp_path / "cache/packages-v1"
    before = {path for path in store.rglob("*") if path.is_file()}
    shown = pip(root, "show", "-f", "safe")
    assert "Version: 1.9" in shown.stdout
    assert pip(root, "check").returncode == 0
    ended = pip(root, "uninstall", "-y", "safe", "ns-one", "tool")
    assert ended.returncode == 0, ended.stderr
    assert {path for path in store.rglob("*") if path.is_file()} == before
    site = site_of(root)
    left = sorted(path.name for path in site.iterdir() if path.name != "__pycache__")
    assert left == ["mod_two.py", "ns", "ns_two-1.0.dist-info"]
    assert os.listdir(site / "ns") == ["two"]
    again = dxpy("sync --link-mode symlink", root)
    assert again.code == 0, again.err
    assert python(root, "import safe.part1, ns.one; print(safe.part1.n)") == "1"


def test_pip_upgrades_over_links_without_touching_the_store(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "safe<2")
    assert dxpy("sync --link-mode symlink", root).code == 0
    (old,) = (tmp_path / "cache/packages-v1").glob("*/*/*/safe/part1.py")
    wheel = next((tmp_path / "wheels").glob("safe-2.0-*.whl"))
    ended = pip(root, "install", "--no-index", "--no-deps", "--upgrade", str(wheel))
    assert ended.returncode == 0, ended.stderr
    assert not (site_of(root) / "safe").is_symlink()
    assert old.read_text() == "n = 1\n"
    assert dxpy("sync --link-mode symlink", root).code == 0
    assert python(root, "import safe.part1") == ""


def test_bytecode_is_in_place_and_never_made_again(dxpy: Command, spaces: LoopbackIndex, tmp_path: Path) -> None:
    for mode in MODES:
        root = write_project(tmp_path / mode, "ns-one", "ns-two", "safe<2")
        assert dxpy(f"sync --link-mode {mode} --compile-bytecode", root).code == 0
        site = site_of(root)
        listed = sorted(site.glob("safe/__pycache__/*")) + sorted(site.glob("ns/one/__pycache__/*"))
        listed += sorted(site.glob("__pycache__/*"))
        assert len(listed) == 30 + 1 + 2
        stamps = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in listed]
        command = [root / ".venv/bin/python", "-v", "-c", "import safe.part1, ns.one, mod_one"]
        loud = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        assert loud.count("matches") >= 3
        assert "wrote" not in loud
        assert stamps == [(path.stat().st_mtime_ns, path.stat().st_ino) for path in listed]


@pytest.mark.parametrize("removal", ["everything", "cache clean safe --force", "cache clean --force", "cache verify"])
@pytest.mark.parametrize("replayed", [False, True])
def test_what_was_removed_from_the_store_is_made_again_by_the_next_sync(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path, removal: str, replayed: bool
) -> None:
    root = write_project(tmp_path / "p", "safe<2")
    assert dxpy("sync --link-mode symlink", root).code == 0
    if replayed:
        remove_tree(str(root / ".venv"))
        assert dxpy("sync --link-mode symlink", root).code == 0
    assert dxpy("sync --link-mode symlink", root).err.startswith("Checked 1 package")
    if removal == "everything":
        remove_tree(str(tmp_path / "cache"))
    else:
        (stored,) = (tmp_path / "cache/packages-v1").glob("*/*/*/safe/part1.py")
        os.chmod(stored, 0o644)
        stored.write_text("n = 8\n")
        dxpy(removal, root)
    result = dxpy("sync --link-mode symlink", root)
    assert result.code == 0, result.err
    assert python(root, "import safe.part1; print(safe.part1.n)") == "1"
    assert dxpy("sync --link-mode symlink", root).err.startswith("Checked 1 package")


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
def test_bytecode_that_a_wheel_brings_is_left_as_it_is(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path, mode: str
) -> None:
    cached = f"{sys.implementation.cache_tag}.pyc"
    files = {
        "brought/__init__.py": "x = 1\n",
        f"brought/__pycache__/__init__.{cached}": "of the wheel",
        "brought/other.py": "x = 2\n",
        "blocked/__init__.py": "x = 3\n",
        "blocked/__pycache__": "a file in the place of the directory",
    }
    build_wheel(tmp_path / "more", "brought", "1.0", files=files)
    index.add_directory(tmp_path / "more")
    root = write_project(tmp_path / "p", "brought")
    for _ in range(2):
        result = dxpy(f"sync --reinstall --link-mode {mode} --compile-bytecode", root)
        assert result.code == 0, result.err
    there = {path.name: path.read_bytes() for path in site_of(root).glob("brought/__pycache__/*")}
    assert there.keys() == {f"__init__.{cached}", f"other.{cached}"}
    assert there[f"__init__.{cached}"] == b"of the wheel"
    assert dxpy("cache verify", root).code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="what runs is asked of /proc")
def test_links_are_compiled_for_after_the_sync_and_not_while_anybody_waits(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "safe<2", "web")
    turn = tmp_path / "cache/bytecode-v1/compiling"
    del dxpy.environ["DXPY_COMPILE_BYTECODE"]
    assert dxpy("sync --link-mode symlink", root).code == 0
    try:
        wait_until(lambda: len(list((tmp_path / "cache/packages-v1").glob("*/*/*/.dxpy-bytecode-*"))) >= 2)
        wait_until(lambda: not is_running(int(turn.read_text())))
    finally:
        if turn.exists() and is_running(int(turn.read_text())):
            os.killpg(int(turn.read_text()), signal.SIGKILL)
    linked = os.path.realpath(site_of(root) / "safe")
    assert len(os.listdir(f"{linked}/__pycache__")) == 30
    assert [os.stat(path).st_mode & 0o222 for path in (linked, f"{linked}/__pycache__")] == [0] * 2
    command = [root / ".venv/bin/python", "-v", "-c", "import safe.part1"]
    loud = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "wrote" not in loud
    assert dxpy("cache verify", root).code == 0


def is_running(process: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_environment_of_links_is_registered_while_it_is_one(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    roots = tmp_path / "cache/roots-v1"
    assert dxpy("sync --link-mode symlink", root).code == 0
    (record,) = roots.iterdir()
    assert len(record.read_bytes().partition(b"\0")[2].split()) == 3
    assert dxpy("sync --link-mode symlink", write_project(root, "safe<2")).code == 0
    assert len(record.read_bytes().partition(b"\0")[2].split()) == 1
    assert dxpy("sync", root).code == 0
    assert list(roots.iterdir()) == []
    assert not (root / ".venv/dxpy-links").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
def test_nothing_can_be_written_through_a_link(dxpy: Command, spaces: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe<2")
    assert dxpy("sync --link-mode symlink", root).code == 0
    with pytest.raises(PermissionError):
        (site_of(root) / "safe/new.py").write_text("")


def test_directories_that_are_linked_to_are_read_only(dxpy: Command, spaces: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe<2")
    assert dxpy("sync --link-mode symlink --compile-bytecode", root).code == 0
    linked = os.path.realpath(site_of(root) / "safe")
    assert [os.stat(path).st_mode & 0o222 for path in (linked, f"{linked}/__pycache__", f"{linked}/part1.py")] == [
        0
    ] * 3
    shutil.rmtree(root / ".venv")
    assert dxpy("cache clean", root).code == 0
    assert not os.path.exists(linked)


def test_two_packages_with_one_file_are_named_with_it(dxpy: Command, spaces: LoopbackIndex, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "clash-one", "clash-two", "safe<2")
    said = dxpy("sync", root)
    assert said.code != 0
    assert "clash_one-1.0" in said.err
    assert "clash_two-1.0" in said.err
    assert "common/same.py" in said.err
    assert "--allow-overwrites" in said.err
    assert [path.name for path in site_of(root).iterdir() if path.name != "__pycache__"] == []


@pytest.mark.parametrize("mode", ["hardlink", "symlink"])
def test_overwrites_that_are_allowed_go_by_the_order_of_the_lock(
    dxpy: Command, spaces: LoopbackIndex, tmp_path: Path, mode: str
) -> None:
    root = write_project(tmp_path / "p", "clash-one", "clash-two")
    for _ in range(3):
        shutil.rmtree(root / ".venv", ignore_errors=True)
        said = dxpy(f"sync --allow-overwrites --link-mode {mode}", root)
        assert said.code == 0, said.err
        assert python(root, "import common.same; print(common.same.who)") == "two"
    said = dxpy(f"sync --allow-overwrites --link-mode {mode}", write_project(root, "clash-two"))
    assert said.code == 0, said.err
    assert python(root, "import common.same; print(common.same.who)") == "two"


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system of its own in which files can share blocks."""
    image, place = tmp_path / "image", tmp_path / "sharing"
    if not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mkfs.xfs")):
        pytest.skip("making and mounting a file system needs root, and mkfs.xfs")
    with open(image, "wb") as file:
        file.truncate(512 * 1024**2)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(image)], check=True)
    place.mkdir()
    if subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False, capture_output=True).returncode:
        pytest.skip("xfs cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def used_bytes(place: Path) -> int:
    os.sync()
    space = os.statvfs(place)
    return (space.f_blocks - space.f_bfree) * space.f_frsize


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["clone", "copy"])
def test_clones_share_their_blocks_with_the_store_until_they_are_written_to(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path, sharing: Path, mode: str
) -> None:
    index.add_wheel(build_wheel(tmp_path / "more", "big", "1.0", files={"big.bin": os.urandom(16 * 1024**2)}))
    dxpy.environ["DXPY_CACHE_DIR"] = str(sharing / "cache")
    assert dxpy("sync", write_project(tmp_path / "elsewhere", "big")).code == 0
    before = used_bytes(sharing)
    root = write_project(sharing / "p", "big")
    said = dxpy(f"sync --link-mode {mode}", root)
    assert (said.code, "warning" in said.err) == (0, False), said.err
    assert used_bytes(sharing) < before + 8 * 1024**2
    installed = site_of(root) / "big.bin"
    (stored,) = (sharing / "cache/packages-v1").glob("*/*/*/big.bin")
    assert installed.stat().st_ino != stored.stat().st_ino
    installed.write_bytes(b"edited")
    assert stored.stat().st_size == 16 * 1024**2
    assert dxpy("cache verify", root).code == 0
