"""Requests for a Python, and what can be told of them without looking for one."""

from __future__ import annotations

import pytest

from dxpy_async.python.requests import PythonRequest, contradicts, parse_request


@pytest.mark.parametrize(
    ("text", "specifier", "implementation", "free_threaded"),
    [
        ("3", "==3.*", None, False),
        ("3.12", "==3.12.*", None, False),
        (" 3.12.3 ", "==3.12.3", None, False),
        ("3.14.0rc1", "==3.14.0rc1", None, False),
        ("3.13t", "==3.13.*", None, True),
        ("3.13+freethreaded", "==3.13.*", None, True),
        ("3.13.1t", "==3.13.1", None, True),
        (">=3.11,<3.13", "<3.13,>=3.11", None, False),
        ("cpython@3.12", "==3.12.*", "cpython", False),
        ("CPython-3.12", "==3.12.*", "cpython", False),
        ("cpython@3.13t", "==3.13.*", "cpython", True),
        ("cpython@>=3.12", ">=3.12", "cpython", False),
        ("cp312", "==3.12.*", "cpython", False),
        ("cp313t", "==3.13.*", "cpython", True),
        ("cp", "", "cpython", None),
        ("pp310", "==3.10.*", "pypy", False),
        ("pypy", "", "pypy", None),
        ("pypy@3.10", "==3.10.*", "pypy", False),
        ("pypy3.10", "==3.10.*", "pypy", False),
        ("graalpy", "", "graalpy", None),
    ],
)
def test_versions_and_implementations(
    text: str, specifier: str, implementation: str | None, free_threaded: bool | None
) -> None:
    request = parse_request(text)
    assert (request.specifier, request.implementation, request.free_threaded) == (
        specifier,
        implementation,
        free_threaded,
    )
    assert request.is_version


def test_names_keys_and_paths() -> None:
    assert parse_request("python3.12") == PythonRequest(name="python3.12", free_threaded=None)
    assert parse_request("./bin/python") == PythonRequest(path="./bin/python", free_threaded=None)
    for key in ("cpython-3.12.7-linux-x86_64-gnu", "cpython-3.13.0+freethreaded-macos-aarch64-none"):
        assert parse_request(key) == PythonRequest(key=key, free_threaded=None)


@pytest.mark.parametrize(
    ("request_", "requires", "answer"),
    [
        ("3.10", ">=3.11", True),
        ("3.10.4", ">=3.10.5", True),
        ("3.10", ">=3.10.5", False),
        ("3.12", ">=3.11,<3.13", False),
        ("cp313", "<3.13", True),
        ("3", ">=4", False),
        (">=3.9", ">=3.11", False),
        ("pypy", ">=3.11", False),
        ("3.10", "", False),
        ("python3.10", ">=3.11", False),
    ],
)
def test_contradictions_are_seen_where_a_version_is_named(request_: str, requires: str, answer: bool) -> None:
    assert contradicts(request_, requires) is answer
