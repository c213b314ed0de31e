"""SIGKILL, Ctrl-C and SIGTERM at random moments, and two runs at once: what a next run finds is whole."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import PYTHON, Command, Result, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

from dxpy_async.installer.check import verify_environment
from dxpy_async.installer.tree import TRANSACTION_NAME
from dxpy_async.python.environments import open_environment
from dxpy_async.store.store import Store
from dxpy_async.store.upkeep import Upkeep

SEED = int(os.environ.get("DXPY_TEST_SEED", "20240717"))


@pytest.fixture
def large(index: LoopbackIndex, tmp_path: Path) -> list[str]:
    """Twenty distributions with enough files that a kill finds work under way."""
    names = []
    for number in range(20):
        name = f"part{number:02d}"
        files = {f"{name}/f{place}.py": f"x = {place}\n" * 40 for place in range(60)}
        for version in ("1.0", "2.0"):
            scripts = {"console_scripts": {name: f"{name}.f1:x"}}
            index.add_wheel(build_wheel(tmp_path / "large", name, version, files=files, entry_points=scripts))
        names.append(name)
    return names


def verified(root: Path, cache: Path, *, interrupted: bool = False) -> set[str]:
    """What is installed, after every row of every RECORD was held against the disk."""
    environment = open_environment(root / ".venv", cache_dir=cache)
    if environment is None:
        return set()
    problems = verify_environment(environment.scheme)
    if interrupted:
        problems = [problem for problem in problems if not problem.directory.endswith(TRANSACTION_NAME)]
    assert problems == []
    return {path.name.removesuffix(".dist-info") for path in environment.scheme.purelib.glob("*.dist-info")}


def verified_store(cache: Path) -> None:
    """Every file in the store is what was unpacked, and nothing is left of what was not finished."""
    upkeep = Upkeep(Store(cache))
    assert upkeep.verify() == []
    removed = upkeep.prune(time.time())
    assert (removed.entries, removed.size) == ((), 0)  # staging of workers that outlived the sweep is no size
    assert upkeep.prune(time.time()) == ((), 0, 0)


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("rounds", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_any_moment_the_next_sync_completes(
    dxpy: Command, large: list[str], tmp_path: Path, warm: bool, rounds: int
) -> None:
    chance = random.Random(SEED + warm)
    cache = tmp_path / "cache"
    root = write_project(tmp_path / "p", *large)
    started = time.perf_counter()
    assert dxpy("sync", root).code == 0
    took = time.perf_counter() - started
    for round_number in range(rounds):
        version = chance.choice(["1.0", "2.0"])
        write_project(root, *(f"{name}=={version}" for name in large))
        if warm:
            assert (
                dxpy("sync", write_project(tmp_path / f"warm{version}", *(f"{n}=={version}" for n in large))).code == 0
            )
            shutil.copy(tmp_path / f"warm{version}/dxpy.lock", root)
        else:
            dxpy.environ["DXPY_CACHE_DIR"] = str(cache := tmp_path / f"cache{round_number}")
        if chance.random() < 0.5:
            shutil.rmtree(root / ".venv", ignore_errors=True)
        process = dxpy.start("sync", root)
        time.sleep(0.1 + chance.random() * took)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        verified(root, cache, interrupted=True)  # whatever is visible is whole, even before anything repaired it
        result = dxpy("sync", root)
        assert result.code == 0, f"seed {SEED}, round {round_number}: {result.err}"
        assert verified(root, cache) == {f"{name}-{version}" for name in large}
        assert not list((root / ".venv").rglob(".dxpy-*")), f"seed {SEED}, round {round_number}"
        verified_store(cache)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_it_ends_soon_and_says_so(
    dxpy: Command, large: list[str], index: LoopbackIndex, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    root = write_project(tmp_path / "p", *large)
    assert dxpy("lock", root).code == 0
    index.fault("/files/*", stall=100, times=None)
    process = dxpy.start("sync", root)
    time.sleep(1.5)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=20)  # the server would stall for much longer
    assert process.returncode == code
    assert "Traceback" not in out + err
    assert err.count("error: ") == 1
    staging = tmp_path / "cache/tmp-v1"
    assert not staging.exists() or {path.name for path in staging.iterdir()} <= {"publish.lock"}
    index.faults.clear()
    assert dxpy("sync", root).code == 0


@contextmanager
def disturbed(dxpy: Command, where: Path) -> Iterator[None]:
    """Somebody verifies, collects and prunes the store all the time; each of them succeeds."""
    over = threading.Event()
    results: list[Result] = []

    def disturb() -> None:
        for command in itertools.cycle(("cache gc --older-than 1d", "cache verify", "cache prune")):
            results.append(dxpy(command, where))
            if over.is_set():
                return

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert [result for result in results if result.code] == []


def test_eight_syncs_of_one_project_at_once_all_succeed(dxpy: Command, large: list[str], tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", *large[:8])
    with disturbed(dxpy, tmp_path):
        running = [dxpy.start("sync", root) for _ in range(8)]
        said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 8, said
    assert verified(root, tmp_path / "cache") == {f"{name}-2.0" for name in large[:8]}
    verified_store(tmp_path / "cache")


def test_eight_projects_on_one_empty_store_all_succeed(dxpy: Command, large: list[str], tmp_path: Path) -> None:
    roots = [write_project(tmp_path / f"p{number}", *large[number : number + 8]) for number in range(8)]
    with disturbed(dxpy, tmp_path):
        running = [dxpy.start("sync", root) for root in roots]
        said = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 8, said
    for number, root in enumerate(roots):
        assert verified(root, tmp_path / "cache") == {f"{name}-2.0" for name in large[number : number + 8]}
    verified_store(tmp_path / "cache")


def test_the_environment_says_which_interpreter_made_it(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("sync", root).code == 0
    said = subprocess.check_output([root / ".venv/bin/python", "-c", "import sys; print(sys.base_prefix)"], text=True)
    assert PYTHON.startswith(said.strip())
