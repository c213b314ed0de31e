"""Flags of `dxpy pip` that uv has and pip has not, and what is said of mistyped ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import PYTHON, Command, Told

from dxpy_async.cli.arguments import COMMANDS, Parser, command_parser
from dxpy_async.errors import UsageError
from dxpy_async.python.environments import create_environment
from dxpy_async.python.probing import probe


@pytest.fixture
def environment(dxpy: Command, tmp_path: Path) -> Path:
    """An active environment."""
    root = tmp_path / "env"
    create_environment(root, probe(Path(PYTHON), cache_dir=tmp_path / "cache"))
    dxpy.environ["VIRTUAL_ENV"] = str(root)
    return root


def holds(environment: Path) -> list[str]:
    site = next(environment.glob("lib/python3*/site-packages"))
    return sorted(path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info"))


@pytest.mark.slow
def test_versions_are_picked_as_the_flags_say(told: Told, environment: Path, tmp_path: Path) -> None:
    assert told("pip install --resolution lowest web --link-mode symlink", tmp_path).code == 0
    assert holds(environment) == ["safe-1.9", "templates-1.5", "web-1.0"]
    assert (
        next(environment.glob("lib/python3*/site-packages/safe/part1.py")).resolve().is_relative_to(tmp_path / "cache")
    )
    assert told("pip install -U --prerelease allow web", tmp_path).code == 0
    assert holds(environment) == ["safe-1.9", "templates-1.5", "web-3.0rc1"]
    (tmp_path / "o.txt").write_text("safe==2.0\n")
    assert told("pip install -U web --overrides o.txt --index-strategy unsafe-best-match", tmp_path).code == 0
    assert "safe-2.0" in holds(environment)


def test_sync_takes_them_too(told: Told, environment: Path, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("web\n")
    said = told("pip sync r.txt --prerelease allow --no-build --refresh --no-allow-empty-requirements", tmp_path)
    assert (said.code, holds(environment)) == (0, ["web-3.0rc1"])


def test_an_index_is_named_as_in_uv(dxpy: Command, told: Told, environment: Path, tmp_path: Path) -> None:
    index = dxpy.environ.pop("DXPY_DEFAULT_INDEX")
    assert told(f"pip install tool --default-index {index}", tmp_path).code == 0
    assert holds(environment) == ["tool-0.1"]


@pytest.mark.parametrize(
    ("command", "flag", "hint"),
    [
        ("sync", "--frozn", "did you mean `--frozen`?"),
        ("sync", "--nodev", "did you mean `--no-dev` or `--dev`?"),
        ("sync", "--output", "did you mean `--output-format`?"),
        ("sync", "--universal", None),
        ("sync", "--torch-backend", None),
        ("lock", "--no-editable", None),
        ("lock", "--with", None),
        ("run", "--installation", None),
    ],
)
def test_only_what_is_near_is_taken_for_what_was_meant(command: str, flag: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        command_parser(command, COMMANDS[command], "dxpy", Parser).understand([flag])
    see = f"see `dxpy {command} --help`"
    assert caught.value.hints() == ((see,) if hint is None else (hint, see))


def test_the_version_is_told_to_programs(told: Told, tmp_path: Path) -> None:
    assert '"package_name": "dxpy"' in told("self version --output-format json", tmp_path).out
