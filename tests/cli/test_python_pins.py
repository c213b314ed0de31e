"""Pins: `.python-version` decides which Python is used, and a change of it is never overlooked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command import Command, Result, write_project
from real_pythons import real_interpreter


class Pinned:
    """`dxpy` in a project, with 3.11 and 3.12 on PATH and a user of its own."""

    def __init__(self, dxpy: Command, tmp_path: Path) -> None:
        self.dxpy, self.root, self.home = dxpy, write_project(tmp_path / "p", "safe"), tmp_path / "home"
        bin_dir = tmp_path / "bin"
        bin_dir.mkdir()
        self.home.mkdir()
        self.versions: dict[str, Path] = {}
        for version in ("3.11", "3.12"):
            python = real_interpreter(version)
            if python is None:
                pytest.skip(f"there is no Python {version} on this machine")
            (bin_dir / f"python{version}").symlink_to(python)
            self.versions[version] = python
        self.environ = {"DXPY_PYTHON": "", "PATH": str(bin_dir), "HOME": str(self.home), "XDG_CONFIG_HOME": ""}

    def __call__(self, words: str | list[str], cwd: Path | None = None, **environ: str) -> Result:
        return self.dxpy(words, cwd or self.root, environ={**self.environ, **environ})

    def pin(self, text: str, directory: Path | None = None) -> None:
        ((directory or self.root) / ".python-version").write_text(text)

    def synced(self) -> str:
        """The version of the environment after a sync."""
        result = self("sync")
        assert result.code == 0, result.err
        code = "import sys; print('%d.%d' % sys.version_info[:2])"
        return subprocess.check_output([self.root / ".venv/bin/python", "-c", code], text=True).strip()


@pytest.fixture
def pinned(dxpy: Command, tmp_path: Path) -> Pinned:
    return Pinned(dxpy, tmp_path)


def test_sync_follows_the_pin_whenever_it_changes(pinned: Pinned) -> None:
    pinned.pin("3.12\n")
    assert pinned.synced() == "3.12"
    assert pinned("sync").err.startswith("Checked 1 package")
    pinned.pin("3.11 # for a while\n3.12\n")
    assert pinned.synced() == "3.11"
    (pinned.root / ".python-version").unlink()
    (pinned.root / ".python-versions").write_text("# ours\n\n3.12\n3.11\n")
    assert pinned.synced() == "3.12"


def test_environment_is_made_again_for_the_pin_that_is_there_now(pinned: Pinned) -> None:
    for version in ("3.12", "3.11", "3.12", "3.11"):
        pinned.pin(version)
        subprocess.run(["rm", "-rf", str(pinned.root / ".venv")], check=True)
        assert pinned.synced() == version


def test_new_pin_makes_a_plain_lock_and_run_look_again(pinned: Pinned) -> None:
    assert pinned("sync", DXPY_PYTHON="").code == 0
    assert pinned("lock").code == 0
    assert "Resolved" in pinned("lock --check").err
    pinned.pin("3.12")
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert pinned(["run", "python", "-c", code]).out == "3.12\n"
    pinned.pin("3.11")
    assert pinned(["run", "python", "-c", code]).out == "3.11\n"


def test_flag_and_variable_come_before_the_pin_and_the_table_after_it(pinned: Pinned) -> None:
    pyproject = pinned.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.dxpy]\npython = "3.11"\n')
    assert pinned("python find").out == f"{pinned.versions['3.11']}\n"
    pinned.pin("3.12")
    assert pinned("python find").out == f"{pinned.versions['3.12']}\n"
    assert pinned("python find", DXPY_PYTHON="3.11").out == f"{pinned.versions['3.11']}\n"
    assert pinned("--no-config python find", DXPY_PYTHON="").code == 0
    made = pinned("venv -p 3.11 other", DXPY_PYTHON="3.12")
    assert f"at {pinned.versions['3.11']}\n" in made.err


def test_pin_against_the_project_is_an_error_that_names_both_files(pinned: Pinned) -> None:
    pinned.pin("3.10")
    expected = (
        f"error: `{pinned.root}/.python-version` asks for Python 3.10, "
        f"but `{pinned.root}/pyproject.toml` requires `>=3.11`\n\n"
        "hint: change the pin with `dxpy python pin VERSION`, or change `requires-python`\n"
    )
    for command in ("sync", "lock", "venv", "python find"):
        result = pinned(command)
        assert (result.code, result.err) == (2, expected), command
    assert not (pinned.root / ".venv").exists()


def test_user_wide_pin_holds_where_the_project_allows_it(pinned: Pinned) -> None:
    assert pinned("python pin --global 3.12").err == f"Pinned {pinned.home}/.config/dxpy/.python-version to `3.12`\n"
    assert pinned.synced() == "3.12"
    assert pinned("python pin --global 3.11").code == 0
    assert pinned.synced() == "3.11"
    assert "it is pinned all the same" in pinned("python pin --global 3.9", PATH="/nowhere").err
    assert pinned.synced() == "3.11"
    assert pinned("python pin --global --rm").code == 0
    assert pinned("python pin --global").code == 2


def test_pin_writes_shows_and_removes_the_file(pinned: Pinned) -> None:
    below = pinned.root / "src"
    below.mkdir()
    assert pinned("python pin 3.12", below).err == "Pinned ../.python-version to `3.12`\n"
    assert (pinned.root / ".python-version").read_text() == "3.12\n"
    assert pinned("python pin", below).out == "3.12\n"
    assert pinned("python pin 3.11").err == "Updated .python-version from `3.12` to `3.11`\n"
    refused = pinned("python pin 3.10")
    assert (refused.code, refused.err.splitlines()[0]) == (
        2,
        f"error: `3.10` is not a Python that `{pinned.root}/pyproject.toml` allows: it requires `>=3.11`",
    )
    assert pinned(["python", "pin", "three"]).code == 2
    assert (pinned.root / ".python-version").read_text() == "3.11\n"
    assert pinned("python pin --resolved 3.12").code == 0
    assert (pinned.root / ".python-version").read_text() == f"{pinned.versions['3.12']}\n"
    assert pinned("python pin --rm").err == "Removed .python-version\n"
    assert pinned("python pin --rm").code == 2


def test_venv_outside_of_projects_goes_by_the_nearest_pin(pinned: Pinned, tmp_path: Path) -> None:
    inner = tmp_path / "elsewhere/deep"
    inner.mkdir(parents=True)
    for version in ("3.11", "3.12", "3.11"):
        pinned.pin(version, inner.parent)
        name = f"env{len(os.listdir(inner))}"
        assert f"at {pinned.versions[version]}\n" in pinned(["venv", name], inner).err
    pinned.pin("3.12", inner)
    assert f"at {pinned.versions['3.12']}\n" in pinned("venv nearest", inner).err


def test_what_only_pyenv_understands_is_passed_over(pinned: Pinned) -> None:
    pinned.pin("system\nmy-env\n3.12\n")
    assert pinned.synced() == "3.12"
    (pinned.root / ".python-version").unlink()
    (pinned.root / ".python-version").mkdir()
    result = pinned("sync")
    assert (result.code, result.err) == (2, f"error: `{pinned.root}/.python-version` cannot be read: Is a directory\n")
