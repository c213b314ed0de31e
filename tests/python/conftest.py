"""The real interpreters of this machine, found when the tests run."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_pythons import real_interpreter

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


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
    path = real_interpreter(version)
    if path is None:
        pytest.skip(f"there is no Python {version} on this machine")
    return path


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which each interpreter is asked only once for all tests."""
    return tmp_path_factory.mktemp("cache")
