"""Mistakes and misfortunes: each ends in one clear message, the right code, and everything as usable as before."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Command, write_project
from index_server import LoopbackIndex
from wheels import build_wheel, record_of, wheel_members, write_wheel


def assert_refused(dxpy: Command, arguments: str, cwd: Path, code: int, *parts: str) -> str:
    """The command ends with `code` and one error that has all `parts`; gives what it said."""
    result = dxpy(arguments, cwd)
    assert result.code == code, result.err
    assert result.err.count("error: ") == 1, result.err
    for part in parts:
        assert part in result.err, f"{part!r} is not in:\n{result.err}"
    return result.err


@pytest.fixture
def synced(dxpy: Command, tmp_path: Path) -> Path:
    """A project that is locked and synced."""
    root = write_project(tmp_path / "synced", "tool")
    assert dxpy("sync", root).code == 0
    return root


def state_of(root: Path) -> dict[str, object]:
    """Lock and environment as they are on disk."""
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    files = {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in site.rglob("*") if path.is_file()}
    return {"lock": (root / "dxpy.lock").read_bytes(), "files": files}


def test_no_project(dxpy: Command, tmp_path: Path) -> None:
    said = assert_refused(dxpy, "sync", tmp_path, 2, "no pyproject.toml", str(tmp_path))
    assert "\n\nhint: " in said


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[project\nname = 1", ["pyproject.toml:1"]),
        ("[tool.x]\na = 1\n", ["[project]"]),
        ('[project]\nname = "x"\nversion = "1"\ndependencies = ["flask >>> 2"]\n', ["flask >>> 2", ":4"]),
        ('[project]\nname = "x"\nversion = "1"\nrequires-python = "three"\n', ["three", ":4"]),
        ('[project]\nname = "x"\nversion = "1"\ndependencies = "flask"\n', ["dependencies"]),
    ],
)
def test_a_broken_project_file_is_named_with_its_line(dxpy: Command, synced: Path, text: str, parts: list[str]) -> None:
    before = state_of(synced)
    (synced / "pyproject.toml").write_text(text)
    assert_refused(dxpy, "sync", synced, 2, *parts)
    assert state_of(synced) == before


def test_an_unknown_project(dxpy: Command, synced: Path) -> None:
    before = state_of(synced)
    write_project(synced, "tool", "no-such-thing")
    assert_refused(dxpy, "sync", synced, 1, "no-such-thing")
    assert state_of(synced) == before


def test_a_misspelled_project_suggests_the_close_name(dxpy: Command, synced: Path) -> None:
    write_project(synced, "tool", "template")
    said = assert_refused(dxpy, "sync", synced, 1, "template is not on")
    assert "templates" in said.partition("hint:")[2]


def test_no_version_fits_says_which_were_there_and_why_not(dxpy: Command, synced: Path) -> None:
    before = state_of(synced)
    write_project(synced, "tool", "web>2")
    said = assert_refused(dxpy, "sync", synced, 1, "web>2")
    assert "3.0rc1" in said
    assert "pre-release" in said
    assert state_of(synced) == before


def test_a_conflict_prints_the_chain_of_reasons(dxpy: Command, synced: Path) -> None:
    write_project(synced, "web", "safe>=2")
    said = assert_refused(dxpy, "lock", synced, 1, "templates", "safe<2", "safe>=2")
    assert "because" in said.lower()


def test_no_wheel_for_this_platform(dxpy: Command, synced: Path) -> None:
    write_project(synced, "oldies")
    assert_refused(dxpy, "lock", synced, 1, "oldies", "1.0", "wheel")


def test_a_source_distribution_that_is_none_is_named(dxpy: Command, synced: Path, index: LoopbackIndex) -> None:
    index.add_file("sourceonly-1.0.tar.gz", b"\x1f\x8b not an archive")
    write_project(synced, "sourceonly")
    assert_refused(dxpy, "lock", synced, 1, "sourceonly-1.0.tar.gz")


@pytest.mark.parametrize(
    ("fault", "code", "parts"),
    [
        ({"status": 500}, 2, ["500"]),
        ({"status": 401}, 2, ["401"]),
        ({"status": 403}, 2, ["403"]),
        ({"truncate": 40}, 2, []),
        ({"reset": 10}, 2, []),
        ({"stall": 10}, 2, []),
        ({"body": b"<b>hello", "content_type": "image/png"}, 2, ["image/png"]),
        ({"body": b"{", "content_type": "application/vnd.pypi.simple.v1+json"}, 2, []),
    ],
    ids=lambda value: str(next(iter(value.items()))) if isinstance(value, dict) else "",
)
def test_an_index_in_trouble_is_named(
    dxpy: Command, synced: Path, index: LoopbackIndex, fault: dict[str, object], code: int, parts: list[str]
) -> None:
    before = state_of(synced)
    write_project(synced, "tool", "web")
    index.fault("/simple/web/*", times=None, **fault)
    dxpy.environ["DXPY_HTTP_TIMEOUT"] = "1"
    assert_refused(dxpy, "sync", synced, code, index.url, *parts)
    assert state_of(synced) == before
    index.faults.clear()
    assert dxpy("sync", synced).code == 0


def test_an_index_that_is_down(dxpy: Command, synced: Path) -> None:
    write_project(synced, "tool", "web")
    dxpy.environ["DXPY_DEFAULT_INDEX"] = "http://127.0.0.1:9/simple"
    assert_refused(dxpy, "sync", synced, 2, "http://127.0.0.1:9/simple")


def test_offline_without_the_page_says_so(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert_refused(dxpy, "sync --offline", root, 2, "offline")


def test_a_wrong_hash_shows_both(dxpy: Command, synced: Path, index: LoopbackIndex) -> None:
    before = state_of(synced)
    write_project(synced, "tool", "web")
    index.fault("*/web-2.0-*.whl", corrupt=True, times=None)
    promised = next(file for file in index.files["web"] if file.version == "2.0").hashes["sha256"]
    said = assert_refused(dxpy, "sync", synced, 2, "web-2.0-py3-none-any.whl", promised)
    assert said.count("sha256") >= 1
    assert state_of(synced)["files"] == before["files"]
    index.faults.clear()
    assert dxpy("sync", synced).code == 0


def _not_a_zip(path: Path) -> str:
    path.write_bytes(b"this is not a zip archive at all" * 9)
    return ""


def _cut(path: Path) -> str:
    good = build_wheel(path.parent, "broken", "1.0").read_bytes()
    path.write_bytes(good[: len(good) // 2])
    return ""


def _outside(path: Path) -> str:
    write_wheel(path, {**wheel_members("broken", "1.0"), "../../evil.py": b"raise SystemExit\n"})
    return "evil.py"


def _without_record(path: Path) -> str:
    write_wheel(path, wheel_members("broken", "1.0"), record=False)
    return "RECORD"


def _without_metadata(path: Path) -> str:
    members = wheel_members("broken", "1.0")
    write_wheel(path, {name: content for name, content in members.items() if not name.endswith("/METADATA")})
    return "METADATA"


def _another_name(path: Path) -> str:
    write_wheel(path, wheel_members("other", "1.0"))
    return "other"


def _another_version(path: Path) -> str:
    write_wheel(path, wheel_members("broken", "9.9"))
    return "9.9"


def _wrong_record(path: Path) -> str:
    members = {**wheel_members("broken", "1.0"), "broken/more.py": "x = 1\n"}
    record = record_of({**members, "broken/more.py": b"x = 2\n"}, "broken-1.0.dist-info")
    write_wheel(path, {**members, "broken-1.0.dist-info/RECORD": record}, record=False)
    return "broken/more.py"


@pytest.mark.parametrize(
    "spoil",
    [
        _not_a_zip,
        _cut,
        _outside,
        _without_record,
        _without_metadata,
        _another_name,
        _another_version,
        _wrong_record,
    ],
)
def test_a_wheel_that_lies_is_refused_by_name_twice_and_changes_nothing(
    dxpy: Command, synced: Path, index: LoopbackIndex, spoil: Callable[[Path], str], tmp_path: Path
) -> None:
    path = tmp_path / "more" / "broken-1.0-py3-none-any.whl"
    path.parent.mkdir()
    said = spoil(path)
    index.add_wheel(path, metadata_content=b"Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    before = state_of(synced)
    write_project(synced, "tool", "broken")
    for _ in range(2):
        assert_refused(dxpy, "sync", synced, 2, path.name, said)
        assert state_of(synced)["files"] == before["files"]


def test_a_lock_that_is_stale_with_locked(dxpy: Command, synced: Path) -> None:
    write_project(synced, "tool", "web")
    assert_refused(dxpy, "sync --locked", synced, 1, "dxpy.lock", "web", "dxpy lock")
    assert_refused(dxpy, "lock --check", synced, 1, "dxpy.lock", "web")


def test_frozen_without_a_lock(dxpy: Command, tmp_path: Path) -> None:
    assert_refused(dxpy, "sync --frozen", write_project(tmp_path / "p", "web"), 1, "dxpy.lock", "dxpy lock")


def test_a_damaged_lock_is_named_and_left_as_it_is(dxpy: Command, synced: Path) -> None:
    lock = synced / "dxpy.lock"
    damaged = bytearray(lock.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    lock.write_bytes(damaged)
    assert_refused(dxpy, "sync --frozen", synced, 2, "dxpy.lock")
    assert lock.read_bytes() == damaged


def test_a_foreign_directory_where_the_environment_should_be(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    (root / ".venv").mkdir()
    (root / ".venv" / "thesis.txt").write_text("years of work")
    assert_refused(dxpy, "sync", root, 2, ".venv")
    assert (root / ".venv" / "thesis.txt").read_text() == "years of work"


def test_a_cache_that_is_a_file(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    assert_refused(dxpy, "sync", write_project(tmp_path / "p", "web"), 2, str(tmp_path / "cache"))


def test_an_interpreter_that_is_not_there(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert_refused(dxpy, "sync --python 3.99", root, 2, "3.99")
    assert_refused(dxpy, "sync --python /no/such/python", root, 2, "/no/such/python")


def test_run_without_a_command_that_exists(dxpy: Command, synced: Path) -> None:
    assert_refused(dxpy, "run no-such-command", synced, 2, "no-such-command")


@pytest.mark.parametrize(
    ("words", "part"),
    [("snyc", "snyc"), ("sync --frozn", "--frozn"), ("sync --frozen --locked", "--locked"), ("", "command")],
)
def test_a_command_line_that_makes_no_sense(dxpy: Command, tmp_path: Path, words: str, part: str) -> None:
    assert_refused(dxpy, words, tmp_path, 2, part)


def test_a_variable_that_makes_no_sense(dxpy: Command, synced: Path) -> None:
    dxpy.environ["DXPY_LINK_MODE"] = "teleport"
    assert_refused(dxpy, "sync", synced, 2, "DXPY_LINK_MODE", "teleport")


def test_credentials_of_the_index_are_never_said_or_kept(
    dxpy: Command, synced: Path, index: LoopbackIndex, tmp_path: Path
) -> None:
    index.credentials = ("anna", "s3cr3t-word")
    dxpy.environ["DXPY_DEFAULT_INDEX"] = index.url_with_credentials
    write_project(synced, "tool", "web")
    assert dxpy("sync -v", synced).code == 0
    write_project(synced, "tool", "web", "unknown-thing")
    said = assert_refused(dxpy, "sync -v", synced, 1, "unknown-thing")
    kept = [path for path in (*synced.rglob("*"), *(tmp_path / "cache").rglob("*")) if path.is_file()]
    assert "s3cr3t-word" not in said
    assert not [path for path in kept if b"s3cr3t-word" in path.read_bytes()]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_names_what_did_not_fit(dxpy: Command, synced: Path, index: LoopbackIndex, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        big = {f"big/{number}.bin": os.urandom(1_000_000) for number in range(4)}
        index.add_wheel(build_wheel(tmp_path / "more", "big", "1.0", files=big))
        write_project(synced, "big")
        dxpy.environ["DXPY_CACHE_DIR"] = str(small / "cache")
        before = state_of(synced)
        said = assert_refused(dxpy, "sync", synced, 2, "big-1.0")
        assert "space" in said.lower()
        assert state_of(synced)["files"] == before["files"]
        dxpy.environ["DXPY_CACHE_DIR"] = str(tmp_path / "cache")
        assert dxpy("sync", synced).code == 0
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("freeze", "error: `freeze` is no command of `dxpy`\n\nhint: it is `dxpy pip freeze`\n"),
        (
            "--output-format json lock",
            "hint: flags of a command stand behind it: `dxpy COMMAND --output-format`\n",
        ),
        ("snyc", "error: `snyc` is no command of `dxpy`\n\nhint: did you mean `sync`?\n"),
        ("cache cleen", "error: `cleen` is no action of `dxpy cache`\n\nhint: did you mean `clean`?\n"),
        ("sync --link-mode softlink", "error: --link-mode: not `softlink`\n\nhint: did you mean `symlink`?\n"),
        ("sync --link-mode q", "hint: it can be hardlink, copy, clone, symlink\n"),
    ],
)
def test_a_slip_in_a_command_or_value_is_met_with_what_was_meant(
    dxpy: Command, tmp_path: Path, words: str, said: str
) -> None:
    result = dxpy(words, tmp_path)
    assert result.code == 2
    assert said in result.err
