"""What `--help` and `dxpy help` tell, and what is said of flags and commands that there are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import Command

from dxpy_async.cli.arguments import COMMANDS, TOPICS


def test_every_command_is_told_of_once(dxpy: Command, tmp_path: Path) -> None:
    told = dxpy("help", tmp_path)
    assert told.code == 0
    assert told == dxpy("--help", tmp_path)
    commands = re.findall(r"^  ([a-z]+) +(.+)$", told.out.partition(f"{next(iter(TOPICS))}:")[2], re.MULTILINE)
    assert sorted(commands) == sorted((name, command.summary) for name, command in COMMANDS.items())


def test_help_of_a_command_begins_with_how_it_is_used(dxpy: Command, tmp_path: Path) -> None:
    told = dxpy("help python pin", tmp_path)
    assert told == dxpy("python pin --help", tmp_path)
    assert told.out.splitlines()[:3] == [
        "usage: dxpy python pin [OPTIONS] [WHICH]",
        "",
        "Write a Python into `.python-version`, for this project or directory.",
    ]
    assert dxpy("help sync", tmp_path).out.startswith("usage: dxpy sync [OPTIONS]\n")
    assert dxpy("pip help check", tmp_path) == dxpy("help pip check", tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "sync --frozn",
            "unrecognized arguments: --frozn\n\nhint: did you mean `--frozen`?\nhint: see `dxpy sync --help`",
        ),
        ("lock -Z", "unrecognized arguments: -Z\n\nhint: see `dxpy lock --help`"),
        ("help nope", "`nope` is no command of `dxpy`\n\nhint: see `dxpy --help`"),
    ],
)
def test_what_may_be_meant_is_told(dxpy: Command, tmp_path: Path, words: str, said: str) -> None:
    result = dxpy(words, tmp_path)
    assert (result.code, result.out, result.err) == (2, "", f"error: {said}\n")


def test_a_mistyped_flag_is_known_before_its_value(dxpy: Command, tmp_path: Path) -> None:
    assert "did you mean `--offline`" in dxpy("sync --offlin=1", tmp_path).err
