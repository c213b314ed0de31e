"""The real interpreters of this machine, found when the tests run."""

from __future__ import annotations

import os
import shutil
import sys
from functools import lru_cache
from pathlib import Path

import pytest

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


@lru_cache
def _real_interpreter(version: str) -> Path | None:
    directories = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if Path(entry).name != "shims"]
    roots = [os.environ.get("PYENV_ROOT"), *(str(Path(entry).parent) for entry in os.environ["PATH"].split(os.pathsep))]
    for root in roots:
        directories += [str(path) for path in sorted(Path(root or ".", "versions").glob(f"{version}.*/bin"))]
    directories.append(str(Path(sys.executable).resolve().parent))
    found = shutil.which(f"python{version}", path=os.pathsep.join(directories))
    return Path(os.path.realpath(found)) if found else None


@pytest.fixture(params=VERSIONS)
def any_python(request: pytest.FixtureRequest) -> Path:
    """Each real interpreter in turn."""
    return _needed(request.param)


@pytest.fixture(params=["3.11", "3.12", "3.13"])
def recent_python(request: pytest.FixtureRequest) -> Path:
    """Each real interpreter that dxpy itself could run on, in turn."""
    return _needed(request.param)


@pytest.fixture
def python311() -> Path:
    return _needed("3.11")


@pytest.fixture
def python312() -> Path:
    return _needed("3.12")


def _needed(version: str) -> Path:
    path = _real_interpreter(version)
    if path is None:
        pytest.skip(f"there is no Python {version} on this machine")
    return path


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which each interpreter is asked only once for all tests."""
    return tmp_path_factory.mktemp("cache")
