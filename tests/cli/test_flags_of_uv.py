"""docs/uv.md against uv itself: its help, flag by flag, and against what dxpy's parser takes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command import UV, Command, clean_environ, without_times, write_project

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from uv_page import PAGE, flags_of

pytestmark = pytest.mark.slow

_FLAG = re.compile(r"^\s{2,6}(?:-[a-zA-Z], )?(--[a-z0-9-]+)", re.MULTILINE)
_COMMAND = re.compile(r"^  ([a-z][a-z-]*)\s", re.MULTILINE)


def page() -> dict[str, dict[str, set[str]]]:
    """The flags on the page, by command and by what is said of them."""
    found: dict[str, dict[str, set[str]]] = {}
    for section in re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        kinds = found.setdefault(
            title.removeprefix("uv").strip(), {"same": set(), "differs": set(), "not there": set()}
        )
        for kind, text in re.findall(
            r"^- (same|differs|not there): (.*?)(?=^- |^#|\Z)", body, re.MULTILINE | re.DOTALL
        ):
            outside = re.sub(r"\([^()]*\)", "", text) if kind == "not there" else text
            kinds[kind] |= set(re.findall(r"`(--[a-z0-9-]+)`", outside))
    return found


def help_of(path: tuple[str, ...]) -> str:
    assert UV is not None
    ended = subprocess.run([UV, *path, "--help"], capture_output=True, text=True, env=clean_environ(), check=True)
    return ended.stdout


def commands_in(text: str) -> list[str]:
    listed = re.search(r"^Commands:\n(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    return [name for name in _COMMAND.findall(listed[1]) if name != "help"] if listed is not None else []


def uv_flags() -> Iterator[tuple[str, set[str]]]:
    """The flags of all commands of uv, and first, under no name, those that all of them have."""
    with ThreadPoolExecutor(2) as pool:
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            following: list[tuple[str, ...]] = []
            for path, text in zip(waiting, pool.map(help_of, waiting), strict=True):
                inner = [(*path, name) for name in commands_in(text)]
                following += inner
                if not inner or not path:
                    yield " ".join(path), set(_FLAG.findall(text))
            waiting = following


@pytest.mark.skipif(UV is None, reason="uv is not installed")
def test_the_page_has_every_command_and_flag_of_uv() -> None:
    told, forgotten = page(), list[str]()
    everywhere = set().union(*told[""].values())
    for command, flags in uv_flags():
        known = set().union(*told.get(command, {}).values()) | everywhere
        if command not in told:
            forgotten.append(f"uv {command}")
        forgotten += [f"uv {command} {flag}" for flag in sorted(flags - known)]
    assert forgotten == []


def test_what_the_page_calls_the_same_is_accepted() -> None:
    refused: list[str] = []
    for command, kinds in page().items():
        refused += [f"dxpy {command} {flag}" for flag in sorted((kinds["same"] | kinds["differs"]) - flags_of(command))]
    assert refused == []


def test_help_is_a_command_too(dxpy: Command, tmp_path: Path) -> None:
    assert dxpy("help lock", tmp_path).out == dxpy("lock --help", tmp_path).out
    assert dxpy("help python pin", tmp_path).out.startswith("usage: dxpy python pin")
    assert dxpy("self version --short", tmp_path).out == dxpy("--version", tmp_path).out.removeprefix("dxpy ")


def test_whether_there_is_a_lock_can_be_asked_without_looking_into_it(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "web")
    assert dxpy("lock --check-exists", root).code == 1
    (root / "dxpy.lock").write_bytes(b"")
    result = dxpy("lock --check-exists", root)
    assert (result.code, result.err) == (0, f"There is a lock at `{root / 'dxpy.lock'}`\n")


def test_packages_are_installed_again_when_that_is_asked(dxpy: Command, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", "safe==1.9", "tool")
    assert dxpy("sync", root).code == 0
    result = dxpy("sync --reinstall-package Safe", root)
    assert without_times(result.err) == (
        "Resolved 2 packages in T\nRemoved 1 package in T\nInstalled 1 package in T\n - safe==1.9\n + safe==1.9\n"
    )
    assert "2 packages" in dxpy("sync --reinstall", root).err.partition("Installed ")[2]


def test_a_run_takes_directories_and_what_scripts_say(dxpy: Command, tmp_path: Path) -> None:
    package = write_project(tmp_path / "near", "safe", name="near", more="[tool.dxpy]\npackage = false\n")
    script = tmp_path / "s.py"
    script.write_text('# /// script\n# dependencies = ["tool"]\n# ///\n')
    words = ["run", "--no-project", "--with", f"{package}", "--with-requirements", "s.py", "python", "-c"]
    result = dxpy([*words, "import safe, tool"], tmp_path)
    assert result.code == 0, result.err
    script.write_text("import tool\n")
    assert "it has no block of metadata" in dxpy([*words, ""], tmp_path).err
    assert "does not say what it is called" in dxpy("run --with git+https://x.example/a python", tmp_path).err


def test_a_tree_of_a_script(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text('# /// script\n# dependencies = ["web==2.0"]\n# ///\n')
    result = dxpy("tree --script s.py --depth 1", tmp_path)
    assert result.out == "s.py\n└── web v2.0\n"
