"""`--upgrade` and its like of every command that locks, and what of a project is left out of its environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command, write_project

from dxpy_async.engine.locking import read_lock

pytestmark = pytest.mark.slow

GROUPS = '[dependency-groups]\ndev = ["safe"]\n'


@pytest.fixture
def old(dxpy: Command, tmp_path: Path) -> Path:
    """A project whose lock has older versions than it could have."""
    root = write_project(tmp_path / "p", "web<2", more=GROUPS.replace("safe", "safe<2"))
    assert dxpy("sync", root).code == 0
    return write_project(root, "web", more=GROUPS)


def versions(root: Path) -> dict[str, str]:
    lock = read_lock(root / "dxpy.lock")
    assert lock is not None
    return {package.name: package.version for package in lock.packages}


def test_a_sync_upgrades_when_it_is_told_to_and_only_then(dxpy: Command, old: Path) -> None:
    assert dxpy("sync", old).code == 0
    assert versions(old)["web"] == "1.0"
    result = dxpy("sync -U", old)
    assert result.code == 0, result.err
    assert " ~ web==1.0 => 2.0" in result.err or " + web==2.0" in result.err, result.err
    assert versions(old)["web"] == "2.0"


@pytest.mark.parametrize("words", ["lock -P web", "export -P web", "tree -P web", "run -P web python -V"])
def test_one_package_is_upgraded_by_every_command_that_locks(dxpy: Command, old: Path, words: str) -> None:
    result = dxpy(words, old)
    assert result.code == 0, result.err
    assert versions(old)["web"] == "2.0"


def test_what_a_group_names_is_upgraded(dxpy: Command, old: Path) -> None:
    write_project(old, "web", more=GROUPS.replace("safe", "web"))
    assert dxpy("lock", old).code == 0
    assert versions(old)["web"] == "1.0"
    assert dxpy("lock --upgrade-group Dev", old).code == 0
    assert versions(old)["web"] == "2.0"


def test_adding_upgrades_too_and_syncs_what_was_locked(dxpy: Command, old: Path) -> None:
    result = dxpy("add tool -U", old)
    assert result.code == 0, result.err
    assert versions(old)["web"] == "2.0"
    assert (old / ".venv/lib").exists()
    assert result.err.count("Resolved") == 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("sync -U --frozen", "goes with no `--upgrade`"),
        ("lock --upgrade-group gone", "there is no dependency group `gone` to upgrade\n\nhint: there is `dev`"),
        ("add tool --locked", "does not match the project"),
        ("add tool --locked --frozen", "not allowed with"),
    ],
)
def test_what_contradicts_itself_is_refused_and_nothing_changes(
    dxpy: Command, old: Path, words: str, part: str
) -> None:
    before = ((old / "pyproject.toml").read_bytes(), (old / "dxpy.lock").read_bytes())
    result = dxpy(words, old)
    assert result.code in (1, 2)
    assert part in result.err
    assert ((old / "pyproject.toml").read_bytes(), (old / "dxpy.lock").read_bytes()) == before


def test_what_lies_on_this_machine_can_be_left_out(dxpy: Command, tmp_path: Path) -> None:
    write_project(tmp_path / "p/lib", "safe", name="lib", more='[build-system]\nrequires = []\nbuild-backend = "x"\n')
    root = write_project(tmp_path / "p", "lib", more='[tool.dxpy.sources]\nlib = { path = "lib" }\n')
    result = dxpy("sync --no-install-local", root)
    assert result.code == 0, result.err
    assert "+ safe==" in result.err
    assert "+ lib" not in result.err
