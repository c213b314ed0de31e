"""Real interpreters are asked what they are; broken ones are refused in words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import packaging
import pytest

from dxpy_async.errors import InterpreterError
from dxpy_async.python.probing import CACHE_BUCKET, probe

PACKAGING = Path(packaging.__file__).parent.parent


def run(python: Path, code: str, **variables: str) -> str:
    return subprocess.run(
        [python, "-c", code], env={**os.environ, **variables}, check=True, capture_output=True, text=True
    ).stdout


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


# --- what an interpreter says -----------------------------------------------------------------------------------------


def only_packaging(directory: Path) -> str:
    """A directory for PYTHONPATH with `packaging` and nothing else in it."""
    (directory / "packaging").symlink_to(PACKAGING / "packaging")
    return str(directory)


def test_tags_are_those_that_packaging_finds_inside_the_interpreter(
    any_python: Path, shared_cache: Path, tmp_path: Path
) -> None:
    if any_python.name == "python3.8":
        pytest.skip("packaging needs Python 3.9")
    code = "import json; from packaging.tags import sys_tags; print(json.dumps([str(tag) for tag in sys_tags()]))"
    expected = json.loads(run(any_python, code, PYTHONPATH=only_packaging(tmp_path)))
    assert probe(any_python, cache_dir=shared_cache).target.tags == tuple(dict.fromkeys(expected))


def test_markers_are_those_that_packaging_finds_inside_the_interpreter(
    any_python: Path, shared_cache: Path, tmp_path: Path
) -> None:
    if any_python.name == "python3.8":
        pytest.skip("packaging needs Python 3.9")
    code = "import json; from packaging.markers import default_environment; print(json.dumps(default_environment()))"
    expected = json.loads(run(any_python, code, PYTHONPATH=only_packaging(tmp_path)))
    assert probe(any_python, cache_dir=shared_cache).target.markers == expected


def test_facts_are_those_of_the_interpreter(any_python: Path, shared_cache: Path) -> None:
    interpreter = probe(any_python, cache_dir=shared_cache)
    code = "import sys, platform; print(platform.python_version(), sys.base_prefix, sys.implementation.cache_tag)"
    version, prefix, cache_tag = run(any_python, code).split()
    assert interpreter.executable == any_python
    assert (interpreter.version, str(interpreter.prefix), interpreter.cache_tag) == (version, prefix, cache_tag)
    assert interpreter.base_prefix == interpreter.prefix
    assert interpreter.describe() == f"CPython {version}"
    assert interpreter.purelib == f"lib/{any_python.name}/site-packages"


@pytest.mark.parametrize("links", [True, False], ids=["links", "copies"])
def test_environment_interpreter_is_traced_back_to_its_base(
    any_python: Path, shared_cache: Path, tmp_path: Path, links: bool
) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = {any_python.parent}\n")
    python = tmp_path / "env" / "bin" / any_python.name
    if links:
        python.symlink_to(any_python)
    else:
        shutil.copy(any_python, python)
    assert probe(python, cache_dir=shared_cache).executable == any_python


def test_glibc_versions_that_the_distribution_refuses_are_heeded(tmp_path: Path, python312: Path) -> None:
    prefix = tmp_path / "python"
    link(prefix / "bin" / "python3.12", python312)
    original = probe(python312, cache_dir=tmp_path / "cache")
    if not any("manylinux" in tag for tag in original.target.tags):
        pytest.skip("no manylinux here")
    veto = tmp_path / "_manylinux.py"
    veto.write_text("def manylinux_compatible(major, minor, machine):\n    return (major, minor) < (2, 17)\n")
    script_text = (Path(sys.modules[probe.__module__].__file__ or "").parent / "probe_script.py").read_text()
    code = script_text.replace('sysconfig.get_path("purelib")', repr(str(tmp_path)))
    facts = json.loads(run(python312, code).partition("dxpy-facts:")[2])
    assert 17 in facts["tags"]["refused_glibc"]
    assert 12 not in facts["tags"]["refused_glibc"]


# --- the cache --------------------------------------------------------------------------------------------------------


@pytest.fixture
def counting_python(tmp_path: Path, python311: Path) -> tuple[Path, Path]:
    """A program that behaves as an interpreter and leaves a line in a log each time it is run."""
    log = tmp_path / "log"
    python = script(tmp_path / "bin" / "python", f'#!/bin/sh\necho run >> "{log}"\nexec "{python311}" "$@"\n')
    return python, log


def test_interpreter_is_asked_once_while_its_file_stays_the_same(
    counting_python: tuple[Path, Path], tmp_path: Path
) -> None:
    python, log = counting_python
    first = probe(python, cache_dir=tmp_path / "cache")
    assert probe(python, cache_dir=tmp_path / "cache") == first
    assert log.read_text() == "run\n"
    os.utime(python, ns=(1, 1))
    assert probe(python, cache_dir=tmp_path / "cache") == first
    assert log.read_text() == "run\nrun\n"


@pytest.mark.parametrize(
    "garbage", [b"", b"\0" * 100, b"{}", b"[]", b'{"path": 1}', b"[" * 100_000, b"\xff\xfe", b"null"]
)
def test_garbage_in_the_cache_is_asked_again(python311: Path, tmp_path: Path, garbage: bytes) -> None:
    first = probe(python311, cache_dir=tmp_path)
    (entry,) = (tmp_path / CACHE_BUCKET).iterdir()
    entry.write_bytes(garbage)
    assert probe(python311, cache_dir=tmp_path) == first
    assert entry.read_bytes() != garbage


def test_kept_answer_with_any_part_missing_is_asked_again(python311: Path, tmp_path: Path) -> None:
    first = probe(python311, cache_dir=tmp_path)
    (entry,) = (tmp_path / CACHE_BUCKET).iterdir()
    kept = json.loads(entry.read_text())
    for key in kept["facts"]:
        damaged = {name: value for name, value in kept["facts"].items() if name not in (key, "in_environment")}
        entry.write_text(json.dumps({**kept, "facts": damaged}))
        assert probe(python311, cache_dir=tmp_path) == first


def test_cache_that_cannot_be_written_is_done_without(python311: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "cache"
    blocked.write_text("a file, not a directory")
    assert probe(python311, cache_dir=blocked).executable == python311


# --- interpreters that are none ---------------------------------------------------------------------------------------


def test_missing_interpreter_is_named(tmp_path: Path) -> None:
    with pytest.raises(InterpreterError, match=r"no interpreter at `.*nothing`"):
        probe(tmp_path / "nothing", cache_dir=tmp_path)


def test_file_that_is_not_executable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("")
    with pytest.raises(InterpreterError, match="not an executable file"):
        probe(tmp_path / "python", cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\necho no such thing >&2\nexit 1\n", "not a working Python interpreter: no such thing"),
        ("#!/bin/sh\nexit 0\n", "it said nothing"),
        ("#!/bin/sh\necho 'dxpy-facts:{'\n", "cut short"),
        ("#!/bin/sh\necho 'dxpy-facts:{}'\n", "nonsense"),
        ("#!/bin/sh\necho 'dxpy-facts:[]'\n", "nonsense"),
        ("#!/no/such/program\n", "cannot be run"),
        ("\x7fELF nonsense", "cannot be run"),
    ],
)
def test_program_that_is_not_python_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InterpreterError, match=reason):
        probe(script(tmp_path / "python", text), cache_dir=tmp_path / "cache")


def test_program_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "#!/bin/sh\nsleep 60 &\nsleep 60\n")
    started = time.monotonic()
    with pytest.raises(InterpreterError, match=r"did not answer within 0\.3 seconds"):
        probe(python, cache_dir=tmp_path, timeout=0.3)
    assert time.monotonic() - started < 10


def test_program_that_never_stops_talking_is_stopped(tmp_path: Path) -> None:
    python = script(tmp_path / "python", "#!/bin/sh\nwhile :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done\n")
    with pytest.raises(InterpreterError, match="not a working Python"):
        probe(python, cache_dir=tmp_path, timeout=20)


def test_what_an_interpreter_prints_before_its_answer_does_not_matter(tmp_path: Path, python311: Path) -> None:
    python = script(tmp_path / "python", f'#!/bin/sh\necho "dxpy-facts: welcome"\nexec "{python311}" "$@"\n')
    assert probe(python, cache_dir=tmp_path / "cache").executable == python311
