"""A file of settings that changes, appears or goes is noticed, also by what answers from a few `stat`s."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command import Command, without_times, write_project


@pytest.fixture
def home(dxpy: Command, tmp_path: Path) -> Path:
    """The user's directory of settings, in surroundings where no variable names an index."""
    index = dxpy.environ.pop("DXPY_DEFAULT_INDEX")
    dxpy.environ.pop("PIP_CONFIG_FILE", None)
    (tmp_path / "home/pip").mkdir(parents=True)
    (tmp_path / "home/dxpy").mkdir()
    (tmp_path / "home/pip/pip.conf").write_text(f"[global]\nindex-url = {index}\n")
    dxpy.environ |= {"XDG_CONFIG_HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    return tmp_path / "home"


def installed_links(root: Path) -> bool:
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    return (site / "tool.py").is_symlink()


def test_the_index_of_pip_serves_who_names_none(dxpy: Command, home: Path, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert dxpy("sync", root).code == 0
    assert without_times(dxpy("sync", root).err) == "Checked 1 package in T\n"
    (home / "pip/pip.conf").write_text("[global]\nindex-url = https://u:secret@nowhere.invalid/simple\n")
    result = dxpy("sync --locked --offline", root)
    assert result.code == 1
    assert "https://nowhere.invalid/simple" in result.err
    assert "secret" not in result.err
    assert "secret" not in (root / "dxpy.lock").read_bytes().decode("latin-1")


@pytest.mark.parametrize("place", ["home/dxpy/dxpy.toml", "p/dxpy.toml"])
def test_a_file_of_settings_that_appears_is_noticed(dxpy: Command, home: Path, tmp_path: Path, place: str) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert dxpy("sync", root).code == 0
    assert without_times(dxpy("sync", root).err) == "Checked 1 package in T\n"
    (tmp_path / place).write_text('link-mode = "symlink"\n')
    assert dxpy("sync", root).code == 0
    assert installed_links(root)
    (tmp_path / place).write_text("link-mode = 1\n")
    reason = "`link-mode` must be a string, not an integer"
    for command in ("sync", "run python -c pass", "lock"):
        result = dxpy(command, root)
        said = f"error: `{tmp_path / place}:1` is not a valid file of settings: {reason}"
        assert (result.code, result.err.splitlines()[0]) == (2, said)


def test_an_environment_is_not_made_again_with_other_settings(dxpy: Command, home: Path, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "tool")
    assert dxpy("sync", root).code == 0
    shutil.rmtree(root / ".venv")
    assert dxpy("sync", root).code == 0
    assert not installed_links(root)
    shutil.rmtree(root / ".venv")
    (home / "dxpy/dxpy.toml").write_text('link-mode = "symlink"\n')
    assert dxpy("sync", root).code == 0
    assert installed_links(root)


def test_a_lock_that_was_made_before_is_not_taken_with_other_settings(
    dxpy: Command, home: Path, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock", root).code == 0
    assert dxpy("lock", root).code == 0
    (root / "dxpy.lock").unlink()
    (root / "dxpy.toml").write_text('constraint-dependencies = ["web<2"]\n')
    assert dxpy("lock", root).code == 0
    assert "web 1.0" in dxpy("lock --show", root).out


def test_a_flag_names_the_file_and_another_passes_over_all(dxpy: Command, home: Path, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    (tmp_path / "other.toml").write_text('constraint-dependencies = ["web<2"]\n')
    assert dxpy("lock --config-file ../other.toml", root).code == 0
    assert "web 1.0" in dxpy("lock --show", root).out
    assert dxpy("lock --offline", root).code == 0
    result = dxpy("lock --offline --no-config --upgrade", root)  # the index that pip names does not count either
    assert (result.code, result.err.splitlines()[0]) == (
        2,
        "error: the page of `web` is not in the cache, and the network is not used (offline)",
    )
    result = dxpy("lock --config-file nowhere.toml", root)
    assert (result.code, result.err) == (2, f"error: there is no file of settings `{root}/nowhere.toml`\n")
