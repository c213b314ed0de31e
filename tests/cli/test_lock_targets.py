"""`dxpy lock --python-version --python-platform`: locks for machines that are not this one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async import Engine, IndexSettings, LockOptions, Settings, WantedTarget
from dxpy_async.engine.locking import read_lock

HEAD = "# made by dxpy from the lock of webapp\n# for Python >=3.11\n"
FOR_WINDOWS = "--python-version 3.12 --python-platform windows"


@pytest.fixture
def project(tmp_path: Path, index: LoopbackIndex) -> Path:
    """`native` has a newest version for Windows only, `glue` one for a newer glibc than 2.17 only."""

    def add(name: str, version: str, tags: str, requires: Sequence[str] = ()) -> None:
        index.add_wheel(build_wheel(tmp_path / "more", name, version, tags=tags, requires=requires))

    add("native", "1.0", "py3-none-any")
    add("native", "2.0", "cp312-cp312-win_amd64")
    add("native", "2.0", "cp312-cp312-win_arm64")
    add("native", "3.0", "cp313-cp313-win_amd64")
    add("glue", "1.0", "py3-none-manylinux2014_x86_64", ["native; sys_platform == 'win32'"])
    add("glue", "2.0", "py3-none-manylinux_2_28_x86_64", ["native; sys_platform == 'win32'"])
    return write_project(tmp_path / "p", "native", "tool; sys_platform == 'win32'", "safe; sys_platform == 'linux'")


def pins(root: Path) -> list[str]:
    """What is in the lock, by name."""
    lock = read_lock(root / "dxpy.lock")
    assert lock is not None
    return [f"{package.name} {package.version}" for package in lock.packages]


def test_a_lock_for_windows_has_windows_wheels_and_markers(dxpy: Command, project: Path) -> None:
    result = dxpy(f"lock {FOR_WINDOWS}", project)
    assert (result.code, without_times(result.err)) == (0, "Resolved 2 packages in T\n")
    assert pins(project) == ["native 2.0", "tool 0.1"]
    lock = read_lock(project / "dxpy.lock")
    assert lock is not None
    assert lock.environment["sys_platform"] == "win32"
    assert lock.environment["platform_machine"] == "AMD64"
    assert lock.environment["python_full_version"] == "3.12.0"


def test_without_a_target_it_is_this_machine(dxpy: Command, project: Path) -> None:
    assert dxpy("lock", project).code == 0
    assert pins(project) == ["native 1.0", "safe 2.0"]


def test_such_a_lock_is_up_to_date_for_the_same_target_and_no_other(
    dxpy: Command, project: Path, index: LoopbackIndex
) -> None:
    assert dxpy(f"lock {FOR_WINDOWS}", project).code == 0
    before = (project / "dxpy.lock").read_bytes()
    asked = len(index.requests)
    for again in ("lock", "lock --check", "export --locked"):
        result = dxpy(f"{again} {FOR_WINDOWS}", project)
        assert (result.code, without_times(result.err)) == (0, "Resolved 2 packages in T\n")
    assert len(index.requests) == asked
    assert (project / "dxpy.lock").read_bytes() == before
    for other in ("", "--python-platform linux", "--python-version 3.13 --python-platform windows"):
        result = dxpy(f"lock --check {other}", project)
        assert (result.code, result.err[:12]) == (1, "error: the l"), other
    assert (project / "dxpy.lock").read_bytes() == before


@pytest.mark.usefixtures("project")
def test_an_older_c_library_makes_a_lock_stale_only_where_its_wheels_do_not_fit(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "q", "glue")
    newer, older = (
        f"lock --python-version 3.12 --python-platform x86_64-{name}" for name in ("manylinux_2_28", "manylinux2014")
    )
    assert dxpy(newer, root).code == 0
    assert pins(root) == ["glue 2.0"]
    result = dxpy(f"{older} --check", root)
    assert result.code == 1
    assert "it holds `glue` 2.0, which has no wheel for CPython 3.12.0 on linux x86_64" in result.err
    assert without_times(dxpy(older, root).err) == "Resolved 1 package in T\nUpdated glue v2.0 -> v1.0\n"
    before = (root / "dxpy.lock").read_bytes()
    assert dxpy(newer, root).code == 0
    assert (root / "dxpy.lock").read_bytes() == before  # what fits stays


def test_a_sync_here_refuses_such_a_lock_or_locks_again(dxpy: Command, project: Path) -> None:
    assert dxpy(f"lock {FOR_WINDOWS}", project).code == 0
    frozen = dxpy("sync --frozen", project)
    assert frozen.code == 1
    assert "made for CPython 3.12.0 on win32 AMD64, does not serve this environment" in frozen.err
    assert dxpy("sync --locked", project).code == 1
    assert not (project / ".venv").exists()
    synced = dxpy("sync", project)
    assert synced.code == 0
    assert synced.err.partition("Installed")[2].splitlines()[1:] == [" + native==1.0", " + safe==2.0"]


def test_it_is_exported_as_it_is_and_locked_again_for_the_target_named(dxpy: Command, project: Path) -> None:
    assert dxpy(f"lock {FOR_WINDOWS}", project).code == 0
    for words in ("export --frozen --no-hashes --no-annotate", f"export --no-hashes --no-annotate {FOR_WINDOWS}"):
        result = dxpy(words, project)
        assert (result.code, result.out) == (0, f'{HEAD}native==2.0\ntool==0.1 ; sys_platform == "win32"\n')
    pylock = dxpy(f"export --format pylock.toml {FOR_WINDOWS}", project).out
    assert "environments = [\"sys_platform == 'win32'\"]" in pylock
    assert "native-2.0-cp312-cp312-win_amd64.whl" in pylock
    there = "--python-version 3.13 --python-platform aarch64-pc-windows-msvc"
    arm = dxpy(f"export --no-hashes --no-annotate {there}", project)
    assert arm.out == f'{HEAD}native==1.0\ntool==0.1 ; sys_platform == "win32"\n'


def test_a_version_that_is_not_there_is_locked_for_on_this_machine(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "q", "safe; python_full_version == '3.27.0'", "tool; sys_platform == 'linux'")
    assert dxpy("lock --python-version 3.27", root).code == 0
    assert pins(root) == ["safe 2.0", "tool 0.1"]


def test_a_platform_alone_is_locked_for_with_the_python_at_hand(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "q", "safe; sys_platform == 'darwin'")
    assert dxpy("lock", root).code == 0
    here = read_lock(root / "dxpy.lock")
    assert dxpy("lock --python-platform macos", root).code == 0
    there = read_lock(root / "dxpy.lock")
    assert here is not None
    assert there is not None
    assert [package.name for package in there.packages] == ["safe"]
    assert there.environment["platform_machine"] == "arm64"
    assert there.environment["python_full_version"] == here.environment["python_full_version"]


def test_a_python_that_the_project_does_not_want_is_refused(dxpy: Command, project: Path) -> None:
    result = dxpy("lock --python-version 3.8 --python-platform windows", project)
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "error: webapp needs Python >=3.11, and this is CPython 3.8.0 on win32 AMD64\n\n"
        "hint: choose another Python with `--python` or `--python-version`\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "lock --python-platform linnux",
            "error: `linnux` is no platform that dxpy knows\n\nhint: did you mean `linux`?\n",
        ),
        (
            "lock --python-version three",
            "error: `three` is not a version of Python 3\n\nhint: name one like `3.12` or `3.12.4`\n",
        ),
        (
            "export --frozen --python-platform windows",
            "error: `--frozen` takes the lock for what it was made for, and goes with no other target\n",
        ),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(dxpy: Command, project: Path, words: str, said: str) -> None:
    result = dxpy(words, project)
    assert (result.code, result.out, result.err) == (2, "", said)
    assert not (project / "dxpy.lock").exists()


async def test_the_engine_locks_for_a_target(index: LoopbackIndex, project: Path, tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", indexes=IndexSettings(index_url=index.url))
    options = LockOptions(target=WantedTarget.parse("3.12", "windows"))
    async with Engine(settings) as engine:
        outcome = await engine.lock(project, options=options)
        assert [f"{package.name} {package.version}" for package in outcome.lock.packages] == ["native 2.0", "tool 0.1"]
        assert not (await engine.lock(project, options=options)).changed
