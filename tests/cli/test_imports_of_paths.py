"""What each rung of a command loads: start-up is a feature, and it is lost one import at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from command import Command, write_project

_SHOW = "import sys, json; from dxpy_async.cli import main; main({!r}); print(json.dumps(sorted(sys.modules)))"


def modules_after(dxpy: Command, arguments: list[str], cwd: Path, **variables: str) -> set[str]:
    """The modules that are loaded once a command line is through."""
    said = subprocess.check_output(
        [sys.executable, "-c", _SHOW.format(arguments)], cwd=cwd, env={**dxpy.environ, **variables}, text=True
    )
    return set(json.loads(said.splitlines()[-1]))


def heavy(modules: set[str], *roots: str) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in roots}


@pytest.mark.parametrize(
    ("command", "variables", "more"),
    [
        ("sync", {}, set()),
        ("lock", {}, set()),
        ("sync", {"UV_LINK_MODE": "hardlink"}, {"dxpy_async.cli.uv_variables", "dxpy_async.project.uv_variables"}),
    ],
)
def test_a_command_with_nothing_to_do_loads_next_to_nothing(
    dxpy: Command, tmp_path: Path, command: str, variables: dict[str, str], more: set[str]
) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("sync", root, environ=variables).code == 0
    assert dxpy("lock", root, environ=variables).code == 0
    modules = modules_after(dxpy, [command], root, **variables)
    ours = {name for name in modules if name.startswith("dxpy_async")}
    assert ours == more | {
        "dxpy_async",
        "dxpy_async._version",
        "dxpy_async.cli",
        "dxpy_async.cli.launch",
        "dxpy_async.cli.quick",
        "dxpy_async.core",
        "dxpy_async.core.places",
        "dxpy_async.installer",
        "dxpy_async.installer.state",
        "dxpy_async.project",
        "dxpy_async.project.cache_place",
    }
    started = subprocess.check_output(
        [sys.executable, "-c", "import sys, json; print(json.dumps(sorted(sys.modules)))"], env=dxpy.environ, text=True
    )
    foreign = modules - ours - set(json.loads(started))
    assert foreign <= {"__future__", "time"}, foreign


def test_a_sync_from_the_store_loads_no_event_loop_and_no_network(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("sync", root).code == 0
    other = write_project(tmp_path / "q", "web", name="other")  # so that there is no blueprint
    (other / "dxpy.lock").write_bytes((root / "dxpy.lock").read_bytes())
    modules = modules_after(dxpy, ["sync", "--frozen"], other)
    assert "dxpy_async.engine.warm" in modules
    assert not heavy(modules, "asyncio", "aiohttp", "anyio", "ssl", "rich", "numba", "numpy", "msgspec", "isal")


def test_a_lock_that_is_up_to_date_loads_no_event_loop_and_no_network(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    modules = modules_after(dxpy, ["lock", "--offline"], root)
    assert "dxpy_async.cli.lock_warm" in modules
    assert not heavy(modules, "asyncio", "aiohttp", "anyio", "ssl", "rich", "numba", "numpy", "msgspec", "isal")


def test_a_lock_from_the_cache_loads_no_event_loop_and_no_network(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    (root / "dxpy.lock").unlink()
    modules = modules_after(dxpy, ["lock"], root, DXPY_NO_HINTS="1")
    assert (root / "dxpy.lock").exists()
    assert "dxpy_async.engine.cached_locking" in modules
    assert not heavy(modules, "asyncio", "aiohttp", "anyio", "ssl", "http", "rich", "numba", "numpy")


def test_adding_from_the_cache_loads_no_event_loop_no_network_and_no_tomlkit(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    modules = modules_after(dxpy, ["add", "--no-sync", "safe"], root, DXPY_NO_HINTS="1")
    assert '"safe' in (root / "pyproject.toml").read_text()
    assert "dxpy_async.engine.cached_locking" in modules
    assert not heavy(modules, "asyncio", "aiohttp", "anyio", "ssl", "http", "rich", "numba", "numpy", "tomlkit")


def test_why_loads_no_event_loop_and_no_network(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    modules = modules_after(dxpy, ["why", "safe"], root)
    assert "dxpy_async.core.lock_paths" in modules
    assert not heavy(modules, "asyncio", "aiohttp", "anyio", "ssl", "rich", "numba", "numpy", "msgspec", "isal")


def test_no_path_of_a_plain_sync_loads_numba_or_rich(dxpy: Command, tmp_path: Path) -> None:
    modules = modules_after(dxpy, ["sync"], write_project(tmp_path / "p", "web"))
    assert "dxpy_async.engine.engine" in modules
    assert not heavy(modules, "numba", "numpy", "rich")


@pytest.mark.parametrize(
    ("kernels", "loaded"),
    [("auto", set()), ("scalar", set()), ("numpy", {"numpy"}), ("numba", {"numpy", "numba"}), ("NumPy", {"numpy"})],
)
def test_the_version_kernels_of_the_variable_are_those_that_are_used(
    dxpy: Command, tmp_path: Path, kernels: str, loaded: set[str]
) -> None:
    if any(find_spec(name) is None for name in loaded):
        pytest.skip(f"{' or '.join(loaded)} is not installed")
    root = write_project(tmp_path / "p", "web")
    modules = modules_after(dxpy, ["lock"], root, DXPY_KERNELS=kernels)
    assert {name.partition(".")[0] for name in heavy(modules, "numpy", "numba")} == loaded
    lock = (root / "dxpy.lock").read_bytes()
    (root / "dxpy.lock").unlink()
    assert dxpy("lock", root).code == 0
    assert (root / "dxpy.lock").read_bytes() == lock


def test_version_kernels_that_there_are_none_of_are_refused(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    said = dxpy("lock", root, environ={"DXPY_KERNELS": "gpu"})
    assert said.code == 2
    assert "DXPY_KERNELS is `gpu`; it can be one of auto, scalar, numpy, numba" in said.err
