"""The state record: seeing that nothing has changed, and never seeing it wrongly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxpy_async.core.places import STATE_NAME
from dxpy_async.installer import state
from dxpy_async.installer.state import (
    MOST_HELD,
    NO_REQUEST,
    drop_state,
    facts_with_held,
    held_requests,
    read_state,
    take_stamps,
    unchanged,
    write_state,
)

FACTS = {"request": "--extra\n100% \udcff", "version": "1"}


@pytest.fixture
def watched(tmp_path: Path) -> list[str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "pyproject.toml").write_text("a")
    return [str(tmp_path / "site"), str(tmp_path / "pyproject.toml"), str(tmp_path / "missing")]


def test_the_count_comes_back_while_nothing_has_changed(tmp_path: Path, watched: list[str]) -> None:
    assert unchanged(str(tmp_path), FACTS) is None
    assert write_state(str(tmp_path), FACTS, watched, 42)
    assert unchanged(str(tmp_path), FACTS) == 42
    record = read_state(str(tmp_path))
    assert record is not None
    assert record["facts"] == FACTS
    assert list(record["watched"]) == watched  # type: ignore[call-overload]
    assert sorted(os.listdir(tmp_path)) == [STATE_NAME, "pyproject.toml", "site"]


def test_just_changed_files_are_at_rest_when_they_are_stamped(tmp_path: Path, watched: list[str]) -> None:
    for round_ in range(3):
        (tmp_path / "site" / str(round_)).mkdir()
        started = time.monotonic()
        assert write_state(str(tmp_path), FACTS, watched, 1)
        assert time.monotonic() - started < 1
        assert unchanged(str(tmp_path), FACTS) == 1


@pytest.mark.parametrize("other", [{}, {**FACTS, "version": "2"}, {**FACTS, "more": ""}])
def test_other_facts_are_a_change(tmp_path: Path, watched: list[str], other: dict[str, str]) -> None:
    write_state(str(tmp_path), FACTS, watched, 1)
    assert unchanged(str(tmp_path), other) is None


def test_a_change_of_any_watched_file_is_seen(tmp_path: Path, watched: list[str]) -> None:
    def rewrite_in_place() -> None:
        facts = (tmp_path / "pyproject.toml").stat()
        (tmp_path / "pyproject.toml").write_text("b")
        os.utime(tmp_path / "pyproject.toml", ns=(facts.st_atime_ns, facts.st_mtime_ns))

    changes: list[Callable[[], object]] = [
        (tmp_path / "site" / "package").mkdir,
        lambda: (tmp_path / "missing").write_text(""),
        rewrite_in_place,
        (tmp_path / "missing").unlink,
        (tmp_path / "pyproject.toml").unlink,
    ]
    for change in changes:
        write_state(str(tmp_path), FACTS, watched, 1)
        assert unchanged(str(tmp_path), FACTS) == 1
        change()
        assert unchanged(str(tmp_path), FACTS) is None


def test_a_file_edited_while_the_sync_ran_is_a_change(tmp_path: Path, watched: list[str]) -> None:
    stamps = take_stamps(watched[1:], time.time_ns() + 10**9)
    (tmp_path / "pyproject.toml").write_text("edited")
    write_state(str(tmp_path), FACTS, watched, 1, stamps)
    assert unchanged(str(tmp_path), FACTS) is None


def test_a_file_not_at_rest_when_it_was_read_is_not_trusted(tmp_path: Path, watched: list[str]) -> None:
    (tmp_path / "pyproject.toml").write_text("b")
    newest = (tmp_path / "pyproject.toml").stat().st_mtime_ns
    write_state(str(tmp_path), FACTS, watched, 1, take_stamps(watched[1:], newest + 1_000_000))
    assert unchanged(str(tmp_path), FACTS) is None
    write_state(str(tmp_path), FACTS, watched, 1, take_stamps(watched[1:], newest + 11_000_000))
    assert unchanged(str(tmp_path), FACTS) == 1


def test_a_clock_of_whole_seconds_needs_two_of_them(tmp_path: Path, watched: list[str]) -> None:
    ahead = (time.time_ns() // 10**9 + 3600) * 10**9
    os.utime(watched[1], ns=(ahead, ahead))
    assert take_stamps(watched[1:2], ahead + 10**9)[watched[1]] == "?"
    assert take_stamps(watched[1:2], ahead + 2 * 10**9)[watched[1]] != "?"


def test_a_dropped_state_is_gone_and_dropping_none_is_fine(tmp_path: Path, watched: list[str]) -> None:
    write_state(str(tmp_path), FACTS, watched, 1)
    drop_state(str(tmp_path))
    drop_state(str(tmp_path))
    drop_state(str(tmp_path / "pyproject.toml"))
    assert read_state(str(tmp_path)) is None


def test_a_record_that_cannot_be_written_is_no_record(tmp_path: Path, watched: list[str]) -> None:
    assert not write_state(str(tmp_path / "nowhere"), FACTS, watched, 1)
    assert write_state(str(tmp_path), FACTS, watched, 1)
    (tmp_path / f"{STATE_NAME}.new").mkdir()
    assert not write_state(str(tmp_path), FACTS, watched, 1)
    assert read_state(str(tmp_path)) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_a_damaged_record_is_no_record(tmp_path: Path, data: st.DataObject) -> None:
    write_state(str(tmp_path), FACTS, [str(tmp_path / "missing")], 1)
    file = tmp_path / STATE_NAME
    good = file.read_bytes()
    position = data.draw(st.integers(0, len(good) - 1))
    damage = data.draw(st.sampled_from(["cut", "flip", "zero"]))
    if damage == "cut":
        bad = good[:position]
    elif damage == "flip":
        bad = good[:position] + bytes([good[position] ^ data.draw(st.integers(1, 255))]) + good[position + 1 :]
    else:
        bad = bytes(len(good))
    file.write_bytes(bad)
    assert unchanged(str(tmp_path), FACTS) is None


@given(st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_garbage_is_no_record(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / STATE_NAME).write_bytes(garbage)
    assert read_state(str(tmp_path)) is None


def test_it_loads_nothing_that_a_bare_interpreter_has_not() -> None:
    code = (
        "import sys; before = set(sys.modules); exec(compile(open(sys.argv[1]).read(), 'state', 'exec'));"
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-I", "-c", code, state.__file__]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    # The name of the record stands among the names of all files, and the way to those is short.
    assert loaded == ["__future__", "dxpy_async", "dxpy_async._version", "dxpy_async.core", "dxpy_async.core.places"]


# --- several requests -------------------------------------------------------------------------------------------------

ALPHA, BETA = ({"request": f"in {name}", "version": "1"} for name in ("alpha", "beta"))


def test_an_environment_can_hold_what_several_requests_ask_for(tmp_path: Path) -> None:
    write_state(str(tmp_path), facts_with_held(ALPHA, {"in beta": 7}), [], 3)
    assert unchanged(str(tmp_path), ALPHA) == unchanged(str(tmp_path), ALPHA, exact=False) == 3
    assert unchanged(str(tmp_path), BETA, exact=False) == 7
    assert unchanged(str(tmp_path), BETA) is None  # others are there besides
    assert unchanged(str(tmp_path), {**BETA, "version": "2"}, exact=False) is None
    assert unchanged(str(tmp_path), {**BETA, "request": ""}, exact=False) is None
    assert held_requests(str(tmp_path), BETA) == ({"in beta": 7, "in alpha": 3}, "in alpha", {})


def test_what_was_added_to_is_held_exactly_for_nobody(tmp_path: Path) -> None:
    write_state(str(tmp_path), facts_with_held({**ALPHA, "request": NO_REQUEST}, {"in alpha": 3}), [], 9)
    assert unchanged(str(tmp_path), ALPHA) is None
    assert unchanged(str(tmp_path), ALPHA, exact=False) == 3
    assert held_requests(str(tmp_path), ALPHA) == ({"in alpha": 3}, NO_REQUEST, {})


def test_nothing_is_known_to_be_held_once_a_file_changed(tmp_path: Path, watched: list[str]) -> None:
    write_state(str(tmp_path), facts_with_held(ALPHA, {"in beta": 7}), watched, 3)
    assert held_requests(str(tmp_path), ALPHA) is not None
    Path(watched[1]).write_text("another\n")
    assert held_requests(str(tmp_path), ALPHA) is None


def test_the_newest_requests_are_remembered(tmp_path: Path) -> None:
    many = {f"in m{number}": number for number in range(MOST_HELD + 2)}
    write_state(str(tmp_path), facts_with_held(ALPHA, many), [], 3)
    assert unchanged(str(tmp_path), {**ALPHA, "request": "in m1"}, exact=False) is None
    assert unchanged(str(tmp_path), {**ALPHA, "request": "in m2"}, exact=False) == 2
