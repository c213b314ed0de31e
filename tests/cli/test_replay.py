"""A sync that was done before is done again from its blueprint: the same environment, or the long way at any doubt."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from command import PYTHON, Command, wait_until, without_times, write_project
from environments import tree_of
from test_imports_of_paths import modules_after

from dxpy_async.core.places import COMPILING
from dxpy_async.installer.blueprints import BLUEPRINTS, Blueprint
from dxpy_async.store.locks import FileLock, is_held

MODES = ("hardlink", "symlink")
INSTALLED = "Resolved 3 packages in T\nInstalled 3 packages in T\n + safe==1.9\n + templates==1.5\n + web==2.0\n"


@pytest.fixture(params=MODES)
def remembered(request: pytest.FixtureRequest, dxpy: Command, tmp_path: Path) -> Path:
    """A synced project whose sync is remembered; the link mode is in the variables."""
    dxpy.environ["DXPY_LINK_MODE"] = request.param
    root = write_project(tmp_path / "p", "web", "tool", name="shown")
    assert dxpy("sync", root).code == 0
    again(dxpy, root)
    return root


def again(dxpy: Command, root: Path, arguments: str = "sync", **variables: str) -> str:
    """Sync into an environment that is not there any more; gives what it said."""
    shutil.rmtree(root / ".venv", ignore_errors=True)
    said = dxpy(arguments, root, environ=variables)
    assert said.code == 0, said.err
    return without_times(said.err)


def is_replayed(dxpy: Command, root: Path, arguments: str = "sync", **variables: str) -> bool:
    """Whether that sync is done without deciding anything."""
    shutil.rmtree(root / ".venv", ignore_errors=True)
    return "dxpy_async.engine.warm" not in modules_after(dxpy, arguments.split(), root, **variables)


def contents(root: Path) -> dict[str, tuple[object, object]]:
    """What is in the environment, without what is newer or older."""
    skipped = ("dxpy-state", "pyproject.dx")
    found = {path: (what[0], what[-1]) for path, what in tree_of(root / ".venv").items() if path not in skipped}
    for path, (mode, text) in found.items():
        if path.endswith("/RECORD") and isinstance(text, bytes):
            found[path] = (mode, sorted(text.splitlines()))
    return found


def test_a_replay_makes_the_very_environment_that_deciding_makes(dxpy: Command, remembered: Path) -> None:
    assert is_replayed(dxpy, remembered)
    replayed = contents(remembered)
    again(dxpy, remembered, DXPY_OVERRIDE=" ")
    decided = contents(remembered)
    assert replayed.keys() == decided.keys()
    assert {path: (replayed[path], decided[path]) for path in replayed if replayed[path] != decided[path]} == {}


def test_a_replay_says_what_deciding_says(dxpy: Command, remembered: Path) -> None:
    assert again(dxpy, remembered) == again(dxpy, remembered, DXPY_OVERRIDE=" ")


def test_a_replayed_environment_is_known_to_be_unchanged(dxpy: Command, remembered: Path) -> None:
    again(dxpy, remembered)
    said = dxpy("sync", remembered)
    assert without_times(said.err) == "Checked 4 packages in T\n"
    site = next((remembered / ".venv/lib").glob("python3*/site-packages"))
    (site / "new.py").write_text("")
    assert "Resolved" in dxpy("sync", remembered).err


def test_a_replay_loads_next_to_nothing(dxpy: Command, remembered: Path) -> None:
    shutil.rmtree(remembered / ".venv")
    modules = modules_after(dxpy, ["sync", "--frozen"], remembered)
    assert not modules & {"typing", "dataclasses", "pathlib", "argparse", "packaging", "threading", "contextlib"}
    assert not {name for name in modules if name.startswith(("dxpy_async.engine", "dxpy_async.formats"))}


@pytest.mark.parametrize("arguments", ["-q sync --frozen", "sync -q", "sync --quiet --frozen"])
def test_quiet_replays_and_checks_say_nothing(dxpy: Command, remembered: Path, arguments: str) -> None:
    assert is_replayed(dxpy, remembered, arguments)
    assert dxpy(arguments.replace(" --frozen", ""), remembered).err == ""
    assert dxpy("lock", remembered).code == 0
    modules = modules_after(dxpy, ["-q", "lock"], remembered)
    assert not {name for name in modules if name.startswith("dxpy_async.engine")}


@pytest.mark.parametrize("flags", ["", "--frozen", "--locked --offline"])
def test_flags_that_change_nothing_are_replayed_alike(dxpy: Command, remembered: Path, flags: str) -> None:
    assert is_replayed(dxpy, remembered, f"sync {flags}")


@pytest.mark.parametrize(("flags", "variables"), [("--no-config", {}), ("", {"DXPY_NO_CONFIG": "1"})])
def test_without_settings_files_it_is_another_sync(
    dxpy: Command, remembered: Path, flags: str, variables: dict[str, str]
) -> None:
    with open(remembered / "pyproject.toml", "a") as file:
        file.write("\n[tool.dxpy]\ndefault-groups = []\n")
    again(dxpy, remembered)
    assert is_replayed(dxpy, remembered)
    assert not is_replayed(dxpy, remembered, f"sync {flags}", **variables)
    assert is_replayed(dxpy, remembered, f"sync {flags}", **variables)


def test_another_place_of_the_same_project_is_replayed(dxpy: Command, remembered: Path) -> None:
    other = shutil.copytree(remembered, remembered.parent / "other", ignore=shutil.ignore_patterns(".venv"))
    assert is_replayed(dxpy, other)
    tool = dxpy("run tool a", other)
    assert (tool.code, tool.out) == (7, "tool a\n")


def test_a_project_inside_of_another_is_replayed_unless_that_is_a_workspace(dxpy: Command, remembered: Path) -> None:
    outer = remembered.parent / "pyproject.toml"
    outer.write_text('[project]\nname = "outer"\nversion = "1"\n')
    assert is_replayed(dxpy, remembered)
    with open(outer, "a") as file:
        file.write('\n[tool.dxpy.workspace]\nmembers = ["p"]\n')
    assert not is_replayed(dxpy, remembered)


@pytest.mark.parametrize("what", ["pyproject", "lock", "variable", "flag", "interpreters", "blueprint", "part", "age"])
def test_whatever_could_change_the_answer_is_decided_anew(dxpy: Command, remembered: Path, what: str) -> None:
    cache, arguments, variables = remembered.parent / "cache", "sync", {}
    match what:
        case "pyproject":
            with open(remembered / "pyproject.toml", "a") as file:
                file.write("\n[project.optional-dependencies]\nx = []\n")
        case "lock":
            assert dxpy("lock", write_project(remembered.parent / "n", "safe<2")).code == 0
            shutil.copy(remembered.parent / "n/dxpy.lock", remembered / "dxpy.lock")
        case "variable":
            variables["DXPY_PYTHON"] = "3"
        case "flag":
            arguments = "sync --no-dev"
        case "interpreters":
            variables["PATH"] = f"{remembered}:{os.environ['PATH']}"
        case "blueprint":
            (blueprint,) = (cache / "blueprints-v2").iterdir()
            blueprint.write_bytes(blueprint.read_bytes()[:-1])
        case "part":
            shutil.rmtree(cache / "parts-v1")
        case "age":
            (blueprint,) = (cache / "blueprints-v2").iterdir()
            os.utime(blueprint, (0, 0))
    assert not is_replayed(dxpy, remembered, arguments, **variables)
    assert dxpy("sync", remembered).code == 0


def test_an_entry_that_is_gone_is_fetched_again(dxpy: Command, remembered: Path) -> None:
    shutil.rmtree(remembered / ".venv")
    dxpy("cache clean", remembered)
    assert "Prepared 4 packages" in again(dxpy, remembered)
    assert dxpy("run tool", remembered).code == 7


def test_a_file_that_was_edited_in_the_store_is_not_spread(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    for _ in range(2):
        again(dxpy, root)
    (edited,) = (tmp_path / "cache/packages-v1").glob("*/*/*/safe/part1.py")
    edited.chmod(0o644)
    edited.write_text("n = 'edited'\n")
    again(dxpy, root)
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    assert (site / "safe/part1.py").read_text() == "n = 1\n"


def test_bytecode_that_came_into_the_store_since_is_not_passed_over(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    for _ in range(2):
        again(dxpy, root)
    again(dxpy, root, "sync --compile-bytecode")
    again(dxpy, root)
    site = next((root / ".venv/lib").glob("python3*/site-packages"))
    assert len(list((site / "safe/__pycache__").iterdir())) == 30


def test_a_sync_that_had_to_fetch_everything_is_replayed(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert "Prepared 3 packages" in again(dxpy, root)
    assert is_replayed(dxpy, root)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by what they hold")
def test_links_are_replayed_while_their_bytecode_is_compiled_and_afterwards(dxpy: Command, tmp_path: Path) -> None:
    cache, root = tmp_path / "cache", write_project(tmp_path / "p", "web")
    dxpy.environ["DXPY_LINK_MODE"] = "symlink"
    del dxpy.environ["DXPY_COMPILE_BYTECODE"]
    with FileLock(cache / COMPILING):  # so that compiling waits
        again(dxpy, root)
        wait_until(lambda: only_blueprint(cache) is not None)
        assert is_replayed(dxpy, root)
        assert list(cache.glob("packages-v1/*/*/*/.dxpy-bytecode-*")) == []
    wait_until(lambda: (blueprint := only_blueprint(cache)) is not None and not blueprint.compiling)
    wait_until(lambda: not is_held(str(cache / COMPILING)))
    assert is_replayed(dxpy, root)
    assert dxpy("cache verify", root).code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found by what they hold")
def test_a_sync_is_remembered_though_its_environment_was_removed_at_once(dxpy: Command, tmp_path: Path) -> None:
    cache, root = tmp_path / "cache", write_project(tmp_path / "p", "web")
    dxpy.environ["DXPY_LINK_MODE"] = "symlink"
    del dxpy.environ["DXPY_COMPILE_BYTECODE"]
    with FileLock(cache / COMPILING):  # so that what is kept comes behind the removal
        again(dxpy, root)
        wait_until(lambda: only_blueprint(cache) is not None)
        shutil.rmtree(root / ".venv")
    wait_until(lambda: (blueprint := only_blueprint(cache)) is not None and not blueprint.compiling)
    wait_until(lambda: not is_held(str(cache / COMPILING)))
    assert is_replayed(dxpy, root)


def test_links_whose_compiler_was_killed_are_decided_anew(dxpy: Command, tmp_path: Path) -> None:
    cache, root = tmp_path / "cache", write_project(tmp_path / "p", "web")
    dxpy.environ["DXPY_LINK_MODE"] = "symlink"
    again(dxpy, root)
    blueprint = only_blueprint(cache)
    assert blueprint is not None
    blueprint.compiling = True
    blueprint.write(str(cache), next((cache / BLUEPRINTS).iterdir()).name)
    assert not is_replayed(dxpy, root)
    assert is_replayed(dxpy, root), "and kept once more"


def test_an_entry_that_a_killed_compiler_left_writable_is_sealed_before_it_is_linked(
    dxpy: Command, tmp_path: Path
) -> None:
    cache, root = tmp_path / "cache", write_project(tmp_path / "p", "web")
    dxpy.environ["DXPY_LINK_MODE"] = "symlink"
    again(dxpy, root)
    (directory,) = cache.glob("packages-v1/*/*/*/safe")
    directory.chmod(0o755)
    note = cache / "bytecode-v1/unsealed-1"
    note.parent.mkdir(exist_ok=True)
    note.write_text(directory.parent.name)
    again(dxpy, root)
    assert directory.stat().st_mode & 0o222 == 0
    assert not note.exists()


def only_blueprint(cache: Path) -> Blueprint | None:
    """The blueprint in a cache that has one at the most."""
    names = [path.name for path in cache.glob(f"{BLUEPRINTS}/*") if "." not in path.name]
    return Blueprint.read(str(cache), names[0]) if names else None


def test_an_environment_alone_is_made_again_the_same(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    first = dxpy("venv", root)
    assert first.code == 0, first.err
    made = contents(root)
    shutil.rmtree(root / ".venv")
    assert "dxpy_async.python.environments" not in modules_after(dxpy, ["venv"], root)
    assert contents(root) == made
    shutil.rmtree(root / ".venv")
    assert dxpy("venv", root) == first
    assert "Keeping the virtual environment at .venv" in dxpy("venv", root).err
    assert dxpy("venv other", root).err == first.err.replace(".venv", "other")


def test_another_demand_on_the_interpreter_is_looked_at(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    assert dxpy("venv", root).code == 0
    assert dxpy("venv again", root).code == 0
    text = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(text.replace(">=3.11", ">=3.99"))
    assert dxpy("venv other", root).code != 0


def test_settings_that_appear_are_looked_at(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p")
    assert dxpy("venv one", root).code == 0
    assert dxpy("venv two", root).code == 0
    (root / "dxpy.toml").write_text("python-preference = 1\n")
    assert "python-preference" in dxpy("venv three", root).err
    (root / "dxpy.toml").unlink()
    elsewhere = {"DXPY_CONFIG_FILE": "../named.toml"}
    (tmp_path / "named.toml").write_text("\n")
    assert dxpy("venv three", root, environ=elsewhere).code == 0
    (tmp_path / "named.toml").write_text("python-preference = 2\n")
    assert "python-preference" in dxpy("venv four", root, environ=elsewhere).err


@pytest.mark.parametrize("within_project", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        "venv -q {}",
        "-q venv {}",
        "venv {} --prompt shown --quiet",
        "venv --python {python} {}",
        "venv -q -p {python} {}",
    ],
)
def test_a_plain_environment_is_made_without_deciding_anything(
    dxpy: Command, tmp_path: Path, arguments: str, within_project: bool
) -> None:
    root = write_project(tmp_path / "p") if within_project else tmp_path
    written = arguments.replace("{python}", PYTHON)
    first = dxpy(written.format("one"), root)
    assert first.code == 0, first.err
    modules = modules_after(dxpy, written.format("two").split(), root)
    assert not modules & {"dxpy_async.python.environments", "dataclasses", "pathlib", "argparse"}
    assert not modules & {"blake3", "fcntl", "dxpy_async.errors", "dxpy_async.store", "dxpy_async.installer.blueprints"}
    again = dxpy(written.format("three"), root)
    assert (again.code, again.err) == (0, first.err.replace("one", "three"))
    made = [(root / name / "pyvenv.cfg").read_text().replace(name, "") for name in ("one", "two", "three")]
    assert made[0] == made[1] == made[2]
    assert ("prompt = shown" in made[0]) == ("shown" in arguments)


def test_an_environment_of_another_interpreter_is_not_replayed(dxpy: Command, tmp_path: Path) -> None:
    assert dxpy(f"venv --python {PYTHON} one", tmp_path).code == 0
    assert dxpy("venv --python 3.99 two", tmp_path).code != 0
    assert dxpy("venv --python ./one/bin/python three", tmp_path).code == 0
    assert not (tmp_path / "two").exists()
