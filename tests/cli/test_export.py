"""`dxpy export`: the lock for pip and for all tools that read pylock.toml."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command import Command, clean_environ, without_times, write_project
from index_server import LoopbackIndex
from packaging.pylock import Pylock
from packaging.requirements import Requirement

MORE = (
    '[project.optional-dependencies]\nfast = ["safe"]\n'
    '[dependency-groups]\ndev = ["tool; python_version >= \'3\'"]\nlint = ["templates"]\n'
)


@pytest.fixture
def locked(dxpy: Command, tmp_path: Path) -> Path:
    root = write_project(tmp_path / "p", "safe<2", more=MORE)
    assert dxpy("lock", root).code == 0
    return root


def hash_of(index: LoopbackIndex, name: str, version: str) -> str:
    return next(file.hashes["sha256"] for file in index.files[name] if file.version == version)


def test_requirements_go_to_stdout_with_hashes_and_markers(dxpy: Command, locked: Path, index: LoopbackIndex) -> None:
    result = dxpy("export", locked)
    assert result.code == 0
    assert without_times(result.err) == "Resolved 3 packages in T\n"
    assert result.out == (
        "# made by dxpy from the lock of webapp\n"
        "# for Python >=3.11\n"
        "safe==1.9 \\\n"
        f"    --hash=sha256:{hash_of(index, 'safe', '1.9')}\n"
        "    # via webapp\n"
        'tool==0.1 ; python_version >= "3" \\\n'
        f"    --hash=sha256:{hash_of(index, 'tool', '0.1')}\n"
        "    # via webapp\n"
    )


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--no-dev", ["safe"]),
        ("--all-groups", ["safe", "templates", "tool"]),
        ("--group lint --no-group dev", ["safe", "templates"]),
        ("--all-extras --no-dev", ["safe"]),
    ],
)
def test_extras_and_groups_are_chosen_by_flag(dxpy: Command, locked: Path, flags: str, names: list[str]) -> None:
    result = dxpy(f"export --frozen --no-hashes {flags}", locked)
    assert (result.code, result.err) == (0, "")
    lines = [line for line in result.out.splitlines() if "#" not in line]
    assert [Requirement(line).name for line in lines] == names


def test_a_pylock_leaves_extras_and_groups_to_whoever_installs(dxpy: Command, locked: Path) -> None:
    result = dxpy("export --format pylock.toml --frozen", locked)
    assert (result.code, result.err) == (0, "")
    document = tomllib.loads(result.out)
    lock = Pylock.from_dict(document)
    assert (lock.extras, lock.dependency_groups, lock.default_groups) == (["fast"], ["dev", "lint"], ["dev"])
    assert {package["name"]: package.get("marker") for package in document["packages"]} == {
        "safe": None,
        "templates": "'lint' in dependency_groups",
        "tool": "'dev' in dependency_groups",
    }
    assert [package.name for package, _ in lock.select()] == ["safe", "tool"]


def test_a_pylock_with_extras_and_groups_chosen_leaves_no_choice(dxpy: Command, locked: Path) -> None:
    result = dxpy("export --format pylock.toml --frozen --no-dev --group lint --extra fast", locked)
    lock = Pylock.from_dict(tomllib.loads(result.out))
    assert [package.name for package in lock.packages] == ["safe", "templates"]
    assert not lock.extras
    assert not lock.dependency_groups
    assert not any(package.marker for package in lock.packages)


def test_a_file_is_written_in_the_form_of_its_name(dxpy: Command, locked: Path) -> None:
    result = dxpy("export --frozen -o pylock.dev.toml", locked)
    assert (result.code, result.out, result.err) == (0, "", "Wrote `pylock.dev.toml`\n")
    Pylock.from_dict(tomllib.loads((locked / "pylock.dev.toml").read_text()))
    assert dxpy("-q export --frozen -o requirements.txt", locked).err == ""
    assert (locked / "requirements.txt").read_text() == dxpy("export --frozen", locked).out


def test_a_stale_lock_is_brought_up_to_date_refused_or_used_as_it_is(dxpy: Command, locked: Path) -> None:
    write_project(locked, "safe<2", "web", more=MORE)
    before = (locked / "dxpy.lock").read_bytes()
    assert "web==" not in dxpy("export --frozen", locked).out
    refused = dxpy("export --locked", locked)
    assert (refused.code, refused.out) == (1, "")
    assert "does not match the project" in refused.err
    assert (locked / "dxpy.lock").read_bytes() == before
    assert "web==2.0" in dxpy("export", locked).out
    assert "web==2.0" in dxpy("export --frozen", locked).out


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("export --frozen --extra fats", 2, "did you mean `fast`?"),
        ("export --frozen --format pylock.toml --no-hashes", 2, "always has hashes"),
        ("export --frozen --format pylock.toml -o locked.toml", 2, "call it `pylock.toml` or `pylock.NAME.toml`"),
        ("export --frozen -o no/such/requirements.txt", 2, "there is no directory `no/such`"),
        ("export --frozen -o .", 2, "`.` is a directory"),
        ("export --format uv.lock", 2, "requirements-txt"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(dxpy: Command, locked: Path, words: str, code: int, part: str) -> None:
    result = dxpy(words, locked)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("error: ")
    assert part in result.err


def test_frozen_without_a_lock(dxpy: Command, tmp_path: Path) -> None:
    result = dxpy("export --frozen", write_project(tmp_path / "p", "web"))
    assert (result.code, result.out) == (1, "")
    assert "run `dxpy lock` to make it" in result.err


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="pip is not there")
def test_pip_installs_what_was_exported_and_checks_the_hashes(
    dxpy: Command, index: LoopbackIndex, tmp_path: Path
) -> None:
    root = write_project(tmp_path / "p", "web; python_version >= '3'")
    assert dxpy("export -o requirements.txt", root).code == 0
    environ = clean_environ(HOME=str(tmp_path), PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_CACHE_DIR="1")

    def install(into: str) -> subprocess.CompletedProcess[str]:
        pip = [sys.executable, "-m", "pip", "--isolated", "install", "--require-hashes", "--index-url", index.url]
        return subprocess.run(
            [*pip, "-r", "requirements.txt", "--target", into],
            cwd=root,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    installed = install("there")
    assert installed.returncode == 0, installed.stderr
    assert {path.name for path in (root / "there").glob("*.dist-info")} == {
        "web-2.0.dist-info",
        "templates-1.5.dist-info",
        "safe-1.9.dist-info",
    }
    text = (root / "requirements.txt").read_text()
    (root / "requirements.txt").write_text(text.replace(hash_of(index, "safe", "1.9"), "0" * 64))
    assert "HASHES" in install("elsewhere").stderr


def test_what_is_written_can_be_chosen(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> None:
    write_project(tmp_path / "lib", name="lib")
    more = '[tool.dxpy.sources]\nlib = { path = "../lib", editable = true }\n'
    root = write_project(tmp_path / "p", "web==2.0", "lib", more=more)
    dxpy("lock", root)

    def exported(flags: str) -> list[str]:
        ended = dxpy(f"export --frozen --no-hashes --no-header {flags}", root)
        assert (ended.code, ended.err) == (0, "")
        return ended.out.splitlines()

    pins = ["-e ../lib", "safe==1.9", "templates==1.5", "web==2.0"]
    assert exported("--no-annotate") == pins
    assert exported("--no-annotate --no-editable") == ["../lib", *pins[1:]]
    out = ["", "# The following packages were excluded from the output:"]
    assert exported("--no-annotate --no-emit-package safe --no-emit-local") == [*pins[2:], *out, "# lib", "# safe"]
    assert exported("--no-annotate --prune templates --prune lib") == ["safe==1.9", "web==2.0"]
    assert exported("--prune web --emit-index-url --no-emit-project --no-emit-workspace") == [
        f"--index-url {index.url}",
        "",
        "-e ../lib",
        "    # via webapp",
    ]
    pylock = tomllib.loads(dxpy("export --frozen --format pylock.toml --no-emit-package safe --prune lib", root).out)
    assert [each["name"] for each in pylock["packages"]] == ["templates", "web"]


def test_a_bill_of_materials_has_the_extras_and_groups_that_are_asked_for(dxpy: Command, locked: Path) -> None:
    result = dxpy("export --format cyclonedx1.5 --group lint -o sbom.json", locked, environ={"SOURCE_DATE_EPOCH": "0"})
    assert (result.code, result.out) == (0, "")
    said = json.loads((locked / "sbom.json").read_text())
    assert said["metadata"]["component"]["name"] == "webapp"
    assert said["metadata"]["timestamp"] == "1970-01-01T00:00:00+00:00"
    assert [each["name"] for each in said["components"]] == ["safe", "templates", "tool"]
    wrong = dxpy("export --format cyclonedx1.5", locked, environ={"SOURCE_DATE_EPOCH": "today"})
    assert (wrong.code, wrong.out) == (2, "")
    assert "the variable SOURCE_DATE_EPOCH is `today`" in wrong.err
