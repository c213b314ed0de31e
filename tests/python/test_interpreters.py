"""The interpreter that is asked for is found, and no shim is ever run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dxpy_async.core.settings import PythonPreference
from dxpy_async.errors import InterpreterNotFound, UsageError
from dxpy_async.python.interpreters import SearchPlaces, all_interpreters, find_interpreter, satisfies
from dxpy_async.python.probing import probe


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def link(path: Path, target: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


@pytest.fixture
def places(tmp_path: Path, python311: Path, python312: Path) -> SearchPlaces:
    """PATH with 3.11 as `python3` first, then 3.12 as `python3.12`."""
    first = link(tmp_path / "one" / "python3", python311).parent
    second = link(tmp_path / "two" / "python3.12", python312).parent
    return SearchPlaces(path=(str(first), str(second)))


@pytest.mark.parametrize(
    ("request_", "requires", "minor"),
    [
        (None, "", "3.11"),
        (None, ">=3.12", "3.12"),
        ("3", "", "3.11"),
        ("3.12", "", "3.12"),
        (">=3.11,<3.12", "", "3.11"),
        (">3.11", ">=3.12", "3.12"),
        ("cpython@3.12", "", "3.12"),
        ("cpython3.12", "", "3.12"),
        ("cpython", ">=3.12", "3.12"),
        ("python3.12", "", "3.12"),
        ("python3", "", "3.11"),
    ],
)
def test_first_interpreter_that_fits_is_found(
    places: SearchPlaces, shared_cache: Path, request_: str | None, requires: str, minor: str
) -> None:
    found = find_interpreter(request_, search=places, requires_python=requires, cache_dir=shared_cache)
    assert found.version.startswith(f"{minor}.")
    assert satisfies(found, request_, requires)


def test_whole_version_is_that_version(places: SearchPlaces, shared_cache: Path, python312: Path) -> None:
    version = probe(python312, cache_dir=shared_cache).version
    assert find_interpreter(version, search=places, cache_dir=shared_cache).executable == python312
    with pytest.raises(InterpreterNotFound, match=r"found no Python `3\.12\.99`"):
        find_interpreter("3.12.99", search=places, cache_dir=shared_cache)


def test_path_to_an_executable_or_its_directory_is_taken(tmp_path: Path, shared_cache: Path, python312: Path) -> None:
    nowhere = SearchPlaces()
    for request in (str(python312), str(python312.parent.parent)):
        found = find_interpreter(request, search=nowhere, cache_dir=shared_cache)
        assert found.version.startswith("3.12.")
        assert satisfies(found, request)
    with pytest.raises(InterpreterNotFound, match="holds no Python"):
        find_interpreter(str(tmp_path), search=nowhere, cache_dir=shared_cache)


def test_active_environment_comes_before_path(
    tmp_path: Path, places: SearchPlaces, shared_cache: Path, python312: Path
) -> None:
    link(tmp_path / "env" / "bin" / "python", python312)
    active = SearchPlaces(path=places.path, environment=str(tmp_path / "env"))
    assert find_interpreter(None, search=active, cache_dir=shared_cache).executable == python312
    assert find_interpreter("3.11", search=active, cache_dir=shared_cache).version.startswith("3.11.")


def test_broken_candidates_are_passed_over(tmp_path: Path, places: SearchPlaces, shared_cache: Path) -> None:
    broken = script(tmp_path / "broken" / "python3", "#!/bin/sh\nexit 1\n").parent
    link(tmp_path / "gone" / "bin" / "python", tmp_path / "nothing")
    search = SearchPlaces(
        path=(str(tmp_path / "missing"), str(broken), *places.path), environment=str(tmp_path / "gone")
    )
    assert find_interpreter(None, search=search, cache_dir=shared_cache).version.startswith("3.11.")


def test_shims_are_never_run_but_the_installations_behind_them_are_found(
    tmp_path: Path, shared_cache: Path, python311: Path, python312: Path
) -> None:
    root = tmp_path / "pyenv"
    link(root / "versions" / "3.11.0" / "bin" / "python3.11", python311).parent.joinpath("python3").symlink_to(
        python311
    )
    link(root / "versions" / "3.12.0" / "bin" / "python3.12", python312).parent.joinpath("python3").symlink_to(
        python312
    )
    for name in ("python", "python3", "python3.11", "python3.12"):
        script(root / "shims" / name, f'#!/bin/sh\ntouch "{tmp_path}/shim was run"\nexit 1\n')
    path = (str(root / "shims"),)

    def found(request: str | None, **more: tuple[str, ...]) -> Path:
        return find_interpreter(request, search=SearchPlaces(path=path, **more), cache_dir=shared_cache).executable

    assert found(None) == python312
    assert found("3.11") == found("python3.11") == python311
    assert found(None, pyenv_versions=("3.11",)) == python311
    (root / "version").write_text("3.11.0\n")
    assert found(None) == python311
    assert found(">=3.12") == python312
    assert not (tmp_path / "shim was run").exists()


def test_pyenv_versions_are_found_without_shims_on_path(tmp_path: Path, shared_cache: Path, python312: Path) -> None:
    link(tmp_path / "versions" / "3.12.0" / "bin" / "python3.12", python312)
    search = SearchPlaces.from_environ({"PYENV_ROOT": str(tmp_path), "PATH": ""})
    assert find_interpreter("3.12", search=search, cache_dir=shared_cache).executable == python312


def test_interpreter_in_hand_is_the_last_resort(shared_cache: Path, python311: Path) -> None:
    search = SearchPlaces.from_environ({}, str(python311))
    assert find_interpreter(None, search=search, cache_dir=shared_cache).executable == python311


def test_error_names_what_was_asked_and_what_is_there(places: SearchPlaces, shared_cache: Path) -> None:
    with pytest.raises(InterpreterNotFound) as caught:
        find_interpreter("3.99", search=places, cache_dir=shared_cache)
    text = str(caught.value)
    assert text.startswith("found no Python `3.99`; there are CPython 3.11.")
    assert "CPython 3.12." in text
    assert caught.value.hints()


def test_error_names_what_the_project_requires(places: SearchPlaces, shared_cache: Path) -> None:
    with pytest.raises(InterpreterNotFound, match=r"project requires \(`>=3\.99`\); there are CPython 3\.11"):
        find_interpreter(None, search=places, requires_python=">=3.99", cache_dir=shared_cache)
    with pytest.raises(InterpreterNotFound, match=r"is CPython 3\.11.*requires Python >=3\.12"):
        find_interpreter("python3", search=places, requires_python=">=3.12", cache_dir=shared_cache)


def test_nothing_anywhere_is_said(shared_cache: Path) -> None:
    with pytest.raises(InterpreterNotFound, match="there is no working one"):
        find_interpreter(None, search=SearchPlaces(), cache_dir=shared_cache)
    with pytest.raises(InterpreterNotFound, match="no `frobnicate` on PATH"):
        find_interpreter("frobnicate", search=SearchPlaces(), cache_dir=shared_cache)


@pytest.mark.parametrize("request_", ["", "  ", ">>3", "3.x", "3.12.1.4.5.6!", "cpython@>>1"])
def test_request_that_makes_no_sense_is_refused(shared_cache: Path, request_: str) -> None:
    with pytest.raises(UsageError):
        find_interpreter(request_, search=SearchPlaces(), cache_dir=shared_cache)


def test_free_threaded_and_other_implementations_are_not_taken_for_the_usual_one(
    places: SearchPlaces, shared_cache: Path
) -> None:
    for request in ("3.12t", "pypy", "pypy@3.12", "graalpy"):
        with pytest.raises(InterpreterNotFound, match="CPython"):
            find_interpreter(request, search=places, cache_dir=shared_cache)


def test_interpreter_in_hand_that_does_not_fit_does_not_satisfy(shared_cache: Path, python311: Path) -> None:
    interpreter = probe(python311, cache_dir=shared_cache)
    assert satisfies(interpreter, None, ">=3.11")
    assert not satisfies(interpreter, None, ">=3.12")
    for request in ("3.12", ">3.11,!=3.11.*", "pypy", "3.11t", "python3.12", str(python311.parent / "nothing")):
        assert not satisfies(interpreter, request)


def test_conda_is_an_environment_unless_it_is_the_base(
    tmp_path: Path, places: SearchPlaces, shared_cache: Path, python312: Path
) -> None:
    conda = tmp_path / "conda"
    link(conda / "bin" / "python", python312).with_name("python3").symlink_to(python312)
    environ = {"PATH": ":".join(places.path), "CONDA_PREFIX": str(conda), "HOME": str(tmp_path)}
    active = SearchPlaces.from_environ({**environ, "CONDA_DEFAULT_ENV": "work"})
    assert find_interpreter(None, search=active, cache_dir=shared_cache).executable == python312
    base = SearchPlaces.from_environ({**environ, "CONDA_DEFAULT_ENV": "base", "PATH": places.path[0]})
    assert find_interpreter(None, search=base, cache_dir=shared_cache).version.startswith("3.11.")
    assert find_interpreter("3.12", search=base, cache_dir=shared_cache).executable == python312


@pytest.mark.parametrize("variable", ["ASDF_DATA_DIR", "MISE_DATA_DIR"])
def test_versions_of_asdf_and_mise_are_found(
    tmp_path: Path, shared_cache: Path, python312: Path, variable: str
) -> None:
    link(tmp_path / "installs" / "python" / "3.12.1" / "bin" / "python3", python312)
    search = SearchPlaces.from_environ({variable: str(tmp_path), "PATH": "", "HOME": str(tmp_path)})
    assert find_interpreter("3.12", search=search, cache_dir=shared_cache).executable == python312


@pytest.fixture
def managed(tmp_path: Path, places: SearchPlaces, python312: Path) -> SearchPlaces:
    """3.11 and 3.12 on PATH, and a 3.12 that dxpy has installed."""
    root = tmp_path / "pythons" / "cpython-3.12.1-linux-x86_64-gnu"
    stdlib = python312.parent.parent / "lib" / "python3.12"
    copied = root / "bin" / "python3.12"
    copied.parent.mkdir(parents=True)
    shutil.copy2(python312, copied)
    copied.with_name("python3").symlink_to("python3.12")
    link(root / "lib" / "python3.12", stdlib)
    return places._replace(managed=str(tmp_path / "pythons"))


def test_preference_says_whose_interpreters_come_first(managed: SearchPlaces, shared_cache: Path) -> None:
    def found(request: str | None, preference: PythonPreference) -> tuple[str, bool]:
        one = find_interpreter(request, search=managed, cache_dir=shared_cache, preference=preference)
        return one.version[:4], managed.is_managed(one.executable)

    assert found(None, PythonPreference.MANAGED) == ("3.12", True)
    assert found("3.12", PythonPreference.MANAGED) == ("3.12", True)
    assert found("3.11", PythonPreference.MANAGED) == ("3.11", False)
    assert found(None, PythonPreference.SYSTEM) == ("3.11", False)
    assert found("3.12", PythonPreference.SYSTEM) == ("3.12", False)
    assert found("3.12", PythonPreference.ONLY_MANAGED) == ("3.12", True)
    assert found("3.12", PythonPreference.ONLY_SYSTEM) == ("3.12", False)
    assert found("cpython-3.12.1-linux-x86_64-gnu", PythonPreference.MANAGED) == ("3.12", True)
    with pytest.raises(InterpreterNotFound):
        found("3.11", PythonPreference.ONLY_MANAGED)
    with pytest.raises(InterpreterNotFound, match=r"`cpython-3\.12\.9-linux-x86_64-gnu` is not installed"):
        found("cpython-3.12.9-linux-x86_64-gnu", PythonPreference.MANAGED)


def test_every_interpreter_is_listed_once(managed: SearchPlaces, shared_cache: Path) -> None:
    listed = [each.interpreter for each in all_interpreters(search=managed, cache_dir=shared_cache)]
    assert len({each.executable for each in listed}) == len(listed)
    assert [(each.version[:4], managed.is_managed(each.executable)) for each in listed] == [
        ("3.12", True),
        ("3.11", False),
        ("3.12", False),
    ]
