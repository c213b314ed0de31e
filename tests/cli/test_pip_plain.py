"""`dxpy pip freeze` and `list` from the names of directories: what the full program says, or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PYTHON, Command, Told
from test_imports_of_paths import modules_after
from test_pip_lists import installed

from dxpy_async.cli import pip_plain
from dxpy_async.installer.glance import glance
from dxpy_async.python.environments import VirtualEnvironment, create_environment
from dxpy_async.python.probing import probe


@pytest.fixture
def environment(dxpy: Command, tmp_path: Path) -> VirtualEnvironment:
    made = create_environment(tmp_path / "env", probe(Path(PYTHON), cache_dir=tmp_path / "cache"))
    for name, version in (("Flask", "3.0.3"), ("zope.interface", "6.1"), ("pip", "24.0"), ("six", "1.16.0")):
        installed(made.scheme.purelib, name, version)
    installed(made.scheme.purelib, "ruamel_yaml", "0.18.6+local_1")
    dxpy.environ["VIRTUAL_ENV"] = str(made.root)
    return made


@pytest.mark.parametrize(
    "words", ["freeze", "freeze --all", "list", "list --format json", "list --format=freeze", "list --format=columns"]
)
def test_it_says_what_the_full_program_says(
    told: Told, environment: VirtualEnvironment, tmp_path: Path, words: str
) -> None:
    full = told(f"pip {words} --exclude nothing", tmp_path)
    assert told(f"pip {words}", tmp_path) == full
    assert "Flask" in full.out


def test_it_loads_next_to_nothing(dxpy: Command, environment: VirtualEnvironment, tmp_path: Path) -> None:
    modules = modules_after(dxpy, ["pip", "freeze"], tmp_path)
    assert "dxpy_async.cli.pip_plain" in modules
    assert not modules & {"argparse", "dataclasses", "dxpy_async.cli.program", "packaging", "typing"}


def test_an_environment_without_packages_has_no_lines(told: Told, environment: VirtualEnvironment) -> None:
    for directory in environment.scheme.purelib.iterdir():
        directory.rename(environment.root / directory.name)
    assert told("pip list", environment.root).out == ""


def _editable(environment: VirtualEnvironment) -> None:
    installed(environment.scheme.purelib, "own", "1", direct_url={"url": "file:///own", "dir_info": {"editable": True}})


def _legacy(environment: VirtualEnvironment) -> None:
    (environment.scheme.purelib / "old-1.0.egg-info").write_text("Name: old\n")


def _twice(environment: VirtualEnvironment) -> None:
    installed(environment.scheme.purelib, "flask", "2.0")


def _halved(environment: VirtualEnvironment) -> None:
    (environment.scheme.purelib / "six-1.16.0.dist-info/RECORD").write_text("")


def _nameless(environment: VirtualEnvironment) -> None:
    (environment.scheme.purelib / "six-1.16.0.dist-info/METADATA").write_text("Name: other\n")


def _open(environment: VirtualEnvironment) -> None:
    configuration = environment.root / "pyvenv.cfg"
    configuration.write_text(configuration.read_text().replace("= false", "= true"))


def _without_python(environment: VirtualEnvironment) -> None:
    (environment.root / "bin/python").rename(environment.root / "bin/gone")


@pytest.mark.parametrize("change", [_editable, _legacy, _twice, _halved, _nameless, _open, _without_python])
def test_what_is_out_of_the_ordinary_is_left_to_others(
    environment: VirtualEnvironment, change: Callable[[VirtualEnvironment], None]
) -> None:
    assert glance(str(environment.root)) is not None
    change(environment)
    assert glance(str(environment.root)) is None


def test_settings_of_pip_that_may_count_are_left_to_others(
    dxpy: Command, environment: VirtualEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("# indexes\n[global]\nindex-url = https://example.com\n  more\n")
    more = {"XDG_CONFIG_DIRS": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_NO_CACHE_DIR": "1"}
    monkeypatch.setattr(os, "environ", {**dxpy.environ, **more})
    assert pip_plain.answer(["freeze"]) == 0
    (tmp_path / "pip.conf").write_text("[freeze]\nexclude: six\n")
    assert pip_plain.answer(["freeze"]) is None
