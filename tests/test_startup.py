"""Start-up is a feature: what a command imports before it does anything is what a person waits for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import lru_cache

import pytest

IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

HEAVY = ("aiofiles", "aiohttp", "anyio", "asyncio", "msgspec", "numba", "numpy", "packaging", "rich", "ssl", "tomlkit")
"""Each costs more than all that a command with nothing to do has a right to."""


@lru_cache
def modules_imported_by(*arguments: str) -> frozenset[str]:
    """The modules that `python ARGUMENTS` imports, beyond those of a Python that does nothing."""
    return _all_imported(*arguments) - _all_imported("-c", "pass")


@lru_cache
def _all_imported(*arguments: str) -> frozenset[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [sys.executable, "-X", "importtime", *arguments]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return frozenset(IMPORTED.findall(ran.stderr))


def heavy_ones(modules: frozenset[str]) -> list[str]:
    return sorted(module for module in modules if module.partition(".")[0] in HEAVY)


def test_the_measure_sees_what_is_imported() -> None:
    seen = modules_imported_by("-c", "import asyncio, msgspec")
    assert {"asyncio", "asyncio.events", "msgspec"} <= seen


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_ones(modules_imported_by("-c", "import dxpy_async")) == []


def test_importing_the_package_loads_only_its_root() -> None:
    own = {module for module in modules_imported_by("-c", "import dxpy_async") if module.startswith("dxpy_async")}
    assert own == {"dxpy_async", "dxpy_async._version"}


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_a_flag_that_only_prints_loads_nothing_heavy(flag: str) -> None:
    assert heavy_ones(modules_imported_by("-m", "dxpy_async", flag)) == []


def test_the_engine_loads_nothing_that_only_single_commands_need() -> None:
    modules = modules_imported_by("-c", "import dxpy_async.engine.engine")
    roots = {module.partition(".")[0] for module in modules}
    rare = {"argcomplete", "cyclonedx", "keyring", "numba", "numpy", "readme_renderer", "rich", "tomlkit", "truststore"}
    assert roots & rare == set()
    assert "packaging.pylock" not in modules
