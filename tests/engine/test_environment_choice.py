"""Which environment is meant, by flags, variables and what is on PATH."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from command import PYTHON

from dxpy_async import Settings
from dxpy_async.engine.environment_choice import (
    ANY_ENVIRONMENT,
    EnvironmentRequest,
    choose_environment,
    require_unmanaged,
    users_instead,
    visible_sites,
)
from dxpy_async.errors import ExternallyManaged, InvalidEnvironment
from dxpy_async.python.environments import VirtualEnvironment, create_environment
from dxpy_async.python.interpreters import SearchPlaces
from dxpy_async.python.places import own_place
from dxpy_async.python.probing import Interpreter, probe


@pytest.fixture
def interpreter(tmp_path: Path) -> Interpreter:
    return probe(Path(PYTHON), cache_dir=tmp_path / "cache")


@pytest.fixture
def active(tmp_path: Path, interpreter: Interpreter) -> VirtualEnvironment:
    return create_environment(tmp_path / "active", interpreter)


def choose(
    tmp_path: Path, request: EnvironmentRequest = ANY_ENVIRONMENT, *, below: str = "", **places: object
) -> VirtualEnvironment:
    found = SearchPlaces(path=(os.path.dirname(PYTHON),), fallback=PYTHON)._replace(**places)
    directory = tmp_path / "work" / below
    directory.mkdir(parents=True, exist_ok=True)
    settings = Settings(cache_dir=tmp_path / "cache")
    environ = {"HOME": str(tmp_path / "home")}
    return choose_environment(request, settings=settings, search=found, environ=environ, directory=directory)


def test_the_active_one_comes_before_one_nearby_and_that_before_the_systems(
    tmp_path: Path, interpreter: Interpreter, active: VirtualEnvironment
) -> None:
    own = choose(tmp_path)
    assert (own.is_virtual, str(own.scheme.purelib)) == (False, interpreter.own_paths.purelib)
    create_environment(tmp_path / "work/.venv", interpreter)
    assert choose(tmp_path, below="a/b").root == tmp_path / "work/.venv"
    assert choose(tmp_path, below="a/b", environment=str(active.root)).root == active.root
    assert not choose(tmp_path, EnvironmentRequest(system=True), environment=str(active.root)).is_virtual


def test_a_python_on_path_stands_for_its_environment(tmp_path: Path, active: VirtualEnvironment) -> None:
    path = (str(active.scheme.scripts), os.path.dirname(PYTHON))
    assert choose(tmp_path, path=path).root == active.root
    assert not choose(tmp_path, EnvironmentRequest(system=True), path=path).is_virtual


def test_an_interpreter_stands_for_its_environment(tmp_path: Path, active: VirtualEnvironment) -> None:
    for text in (str(active.root), str(active.python), "../active"):
        assert choose(tmp_path, EnvironmentRequest(python=text)).root == active.root
    version = ".".join(active.interpreter.version.split(".")[:2])
    assert choose(tmp_path, EnvironmentRequest(python=version), environment=str(active.root)).root == active.root
    assert not choose(tmp_path, EnvironmentRequest(python=PYTHON), environment=str(active.root)).is_virtual


def test_directories_and_what_is_the_users_own(tmp_path: Path, active: VirtualEnvironment) -> None:
    place = choose(tmp_path, EnvironmentRequest(target=Path("out")), environment=str(active.root))
    assert (place.scheme.purelib, place.scheme.scripts) == (tmp_path / "work/out", tmp_path / "work/out/bin")
    user = choose(tmp_path, EnvironmentRequest(user=True))
    assert str(user.scheme.purelib).startswith(f"{tmp_path}/home/.local/lib/python")
    with pytest.raises(InvalidEnvironment, match="not visible in the virtual environment"):
        choose(tmp_path, EnvironmentRequest(user=True), environment=str(active.root))


def test_an_environment_that_is_active_and_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidEnvironment, match=r"the active environment `.*gone` does not exist"):
        choose(tmp_path, environment=str(tmp_path / "gone"))


def test_what_another_package_manager_looks_after_is_left_alone(tmp_path: Path, interpreter: Interpreter) -> None:
    stdlib = tmp_path / "stdlib"
    stdlib.mkdir()
    marked = replace(interpreter, own_paths=replace(interpreter.own_paths, stdlib=str(stdlib)))
    place = own_place(marked)
    require_unmanaged(place, ANY_ENVIRONMENT)
    (stdlib / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=Use apt.\n  Really.\n")
    with pytest.raises(ExternallyManaged, match="externally-managed-environment") as raised:
        require_unmanaged(place, ANY_ENVIRONMENT)
    assert raised.value.hints()[0] == "Use apt.\nReally."
    require_unmanaged(place, EnvironmentRequest(break_system_packages=True))
    require_unmanaged(create_environment(tmp_path / "env", marked), ANY_ENVIRONMENT)


def test_what_cannot_be_written_is_installed_for_the_user(
    tmp_path: Path, interpreter: Interpreter, active: VirtualEnvironment
) -> None:
    environ = {"HOME": str(tmp_path / "home")}

    def instead(place: VirtualEnvironment, request: EnvironmentRequest, *, writable: bool) -> str | None:
        found = users_instead(place, request, environ, can_write=lambda _: writable)
        return str(found.root) if found is not None else None

    own = own_place(interpreter)
    assert instead(own, ANY_ENVIRONMENT, writable=False) == f"{tmp_path}/home/.local"
    assert instead(own, ANY_ENVIRONMENT, writable=True) is None
    assert instead(active, ANY_ENVIRONMENT, writable=False) is None
    assert instead(own, EnvironmentRequest(prefix=tmp_path), writable=False) is None


def test_an_environment_sees_its_own_packages_and_others_only_if_it_says_so(
    tmp_path: Path, interpreter: Interpreter, active: VirtualEnvironment
) -> None:
    own = [str(active.scheme.purelib)] * 2
    assert list(visible_sites(active)) == own
    open_one = create_environment(tmp_path / "open", interpreter, system_site_packages=True)
    assert interpreter.own_paths.purelib in visible_sites(open_one)
    assert interpreter.own_paths.purelib not in visible_sites(open_one, local=True)
