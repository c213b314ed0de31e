"""`dxpy tool` as people see it: installed, listed, upgraded and removed, in words and as documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Command, Result, Told, without_times
from index_server import LoopbackIndex
from json_schemas import checked
from wheels import build_wheel


@pytest.fixture
def here(dxpy: Command, index: LoopbackIndex, tmp_path: Path) -> Path:
    """`cow` has `cow`, and in 1.0 `calf`; `rodeo` has `cow` too."""
    for name, version, commands in (
        ("cow", "1.0", ["calf", "cow"]),
        ("cow", "2.0", ["cow"]),
        ("rodeo", "1.0", ["cow"]),
    ):
        wheel = build_wheel(
            tmp_path / "w",
            name,
            version,
            entry_points={"console_scripts": dict.fromkeys(commands, f"{name}:main")},
            files={f"{name}.py": f"def main(): print('{name} {version}')\n"},
        )
        index.add_wheel(wheel)
    dxpy.environ.update(
        HOME=str(tmp_path),
        SHELL="/bin/bash",
        DXPY_TOOL_DIR=str(tmp_path / "tools"),
        DXPY_TOOL_BIN_DIR=str(tmp_path / "bin"),
    )
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def tool(told: Told, here: Path) -> Callable[[str], Result]:
    """Runs `dxpy tool …`."""

    def run(words: str) -> Result:
        ended = told(f"tool {words}", here)
        return Result(ended.code, ended.out, without_times(ended.err))

    return run


def test_from_installing_to_removing(tool: Callable[[str], Result], dxpy: Command, tmp_path: Path) -> None:
    path = (
        f"warning: `{tmp_path}/bin`, where commands of tools are put, is not on PATH; "
        'add it by `dxpy tool update-shell`, or yourself: export PATH="$HOME/bin:$PATH"\n'
    )
    assert tool("install cow<2 --with safe") == Result(
        0,
        "",
        "Resolved 2 packages in T\nPrepared 2 packages in T\n"
        "Installed cow 1.0: `calf`, `cow`\n + cow==1.0\n + safe==2.0\n" + path,
    )
    dxpy.environ["PATH"] += f":{tmp_path}/bin"
    assert (
        tool("install cow<2 --with safe").err
        == "Resolved 2 packages in T\ncow 1.0 is installed already: `calf`, `cow`\n"
    )
    assert tool("list").out == "cow v1.0\n- calf\n- cow\n"
    full = tool("list --show-paths --show-version-specifiers --show-with")
    assert full.out == (
        f"cow v1.0 [required: <2] [with: safe] ({tmp_path}/tools/cow)\n"
        f"- calf ({tmp_path}/bin/calf)\n- cow ({tmp_path}/bin/cow)\n"
    )
    assert tool("list --outdated").out == "cow v1.0 [latest: 2.0]\n- calf\n- cow\n"
    assert tool("upgrade cow").err == "Resolved 2 packages in T\ncow 1.0 is the newest that fits: `calf`, `cow`\n"
    assert tool("install --upgrade cow").err == (
        "Resolved 1 package in T\nPrepared 1 package in T\n"
        "Updated cow 1.0 -> 2.0: `cow`\n - cow==1.0\n + cow==2.0\n - safe==2.0\n"
    )
    assert tool("run").out == "Installed tools:\n  cow\n"
    assert tool("uninstall cow") == Result(0, "", "Uninstalled cow 2.0\n")
    assert tool("list") == Result(0, "", "No tools are installed\n")
    assert tool("uninstall --all").err == "There is nothing to remove: no tools are installed\n"
    assert tool("upgrade --all").err == "There is nothing to upgrade: no tools are installed\n"


def test_what_cannot_be_done_is_said_with_the_way_out(
    tool: Callable[[str], Result], tmp_path: Path, here: Path
) -> None:
    assert tool("-q install cow").code == 0
    assert tool("-q install rodeo") == Result(
        1,
        "",
        f"error: `rodeo` was not installed: `cow` (of the tool `cow`) is in `{tmp_path}/bin` already\n\n"
        "hint: replace what is there with `dxpy tool install --force`\n"
        "hint: or install into another directory: DXPY_TOOL_BIN_DIR\n",
    )
    assert tool("-q install rodeo --from cow").err == "error: `--from cow` is `cow`, not `rodeo`\n"
    assert tool("-q install --from cow a b").err == "error: `--from` says where one tool comes from, and there are 2\n"
    assert tool("-q upgrade").err == "error: say which tools to upgrade, or `--all`\n\nhint: see `dxpy tool list`\n"
    assert tool("-q uninstall cwo").err == ("error: `cwo` is not installed\n\nhint: there is `cow`\n")
    nope = "error: `nope` is not installed\n\nhint: "
    assert tool("-q uninstall nope").err == f"{nope}`dxpy tool list` shows what is\n"
    assert tool("-q sync none.toml").err == (
        "error: the list of tools `none.toml` cannot be read: No such file or directory\n\n"
        "hint: `dxpy tool export -o FILE` writes one of what is installed\n"
    )
    (here / "t.toml").write_text('[tools]\ncow = "2.0"\n')
    assert tool("-q sync t.toml").err == (
        f"error: `{here}/t.toml:2` cannot be used: `tools.cow` is `2.0`\n\nhint: write `==2.0`\n"
    )
    environment = (tmp_path / "tools/cow").resolve()
    (environment / "bin/python").unlink()
    assert tool("list").err == (
        f"warning: `cow` does not work: the environment `{environment}` does not work: its interpreter "
        f"`{environment}/bin/python` is gone; `dxpy tool upgrade cow` makes it anew\n"
    )


def test_a_list_says_which_commands_a_tool_has_no_more(tool: Callable[[str], Result], tmp_path: Path) -> None:
    assert tool("-q install cow<2").code == 0
    assert tool("-q install --force rodeo").code == 0
    (tmp_path / "bin/calf").unlink()
    assert tool("list").out == (
        "cow v1.0\n- calf [it is missing]\n- cow [the tool `rodeo` has it]\nrodeo v1.0\n- cow\n"
    )
    (tmp_path / "bin/calf").touch()
    assert f"- calf ({tmp_path}/bin/calf) [something else has it]\n" in tool("list --show-paths").out
    assert tool("-q uninstall cow").code == 0
    assert (tmp_path / "bin/calf").exists()
    assert tool("list").out == "rodeo v1.0\n- cow\n"


def test_a_place_for_commands_that_cannot_be_used_is_named(tool: Callable[[str], Result], tmp_path: Path) -> None:
    place = tmp_path / "bin"
    place.touch()
    said = f"error: `{place}` cannot be changed: File exists (`{place}`)\n"
    assert tool("-q install cow") == Result(1, "", said)


def test_one_tool_that_cannot_be_upgraded_does_not_stop_the_others(
    tool: Callable[[str], Result], tmp_path: Path
) -> None:
    assert tool("-q install cow<2").code == 0
    assert tool("-q install --force rodeo").code == 0
    receipt = (tmp_path / "tools/cow/dxpy-receipt.toml").resolve()
    receipt.unlink()
    ended = tool("upgrade --all")
    assert (ended.code, ended.err) == (
        1,
        f"""\
Resolved 1 package in T
rodeo 1.0 is the newest that fits: `cow`
error: `cow` was not upgraded: its receipt `{receipt}` cannot be read: No such file or directory

hint: install it again: `dxpy tool install --force cow`
""",
    )


def test_documents_say_the_same(tool: Callable[[str], Result], tmp_path: Path) -> None:
    def document(words: str, kind: str) -> dict[str, object]:
        ended = tool(f"-q {words} --output-format json")
        assert ended.code == 0, ended.err
        return checked(json.loads(ended.out), kind)

    changed = document("install cow@1.0 rodeo --force", "tool-changes")
    assert changed["tools"] == [
        {"name": "cow", "change": "installed", "version": "1.0", "earlier_version": None, "commands": ["calf", "cow"]},
        {"name": "rodeo", "change": "installed", "version": "1.0", "earlier_version": None, "commands": ["cow"]},
    ]
    listed = document("list", "tool-list")
    assert listed["directory"] == f"{tmp_path}/tools"
    assert isinstance(listed["tools"], list)
    python = listed["tools"][0].pop("python")
    assert python.startswith("CPython 3.")
    assert listed["tools"][0] == {
        "name": "cow",
        "version": "1.0",
        "path": f"{tmp_path}/tools/cow",
        "requirement": "cow==1.0",
        "besides": [],
        "commands": [
            {"name": "calf", "path": f"{tmp_path}/bin/calf", "lost": None},
            {"name": "cow", "path": f"{tmp_path}/bin/cow", "lost": "the tool `rodeo` has it"},
        ],
        "latest": None,
        "problem": None,
    }
    assert document("dir --bin", "path") == {"schema": "dxpy/path/1", "path": f"{tmp_path}/bin"}
    removed = document("uninstall rodeo", "tool-changes")
    assert removed["tools"] == [
        {"name": "rodeo", "change": "removed", "version": None, "earlier_version": "1.0", "commands": ["cow"]}
    ]


def test_lists_are_written_and_followed(tool: Callable[[str], Result], here: Path) -> None:
    assert tool("-q install cow<2").code == 0
    assert tool("export").out == '# `dxpy tool sync FILE` installs these tools.\n\n[tools]\ncow = "==1.0"\n'
    assert tool("export --no-pins -o t.toml").err == "Wrote `t.toml`\n"
    assert tool("-q uninstall --all").code == 0
    assert tool("-q install --force rodeo").code == 0
    (here / "t.toml").write_text((here / "t.toml").read_text().replace("cow =", "rodeo = '*'\n# cow ="))
    (here / "t.toml").write_text('[tools]\ncow = "<2"\n')
    clash = tool("-q sync t.toml")
    assert (clash.code, "of the tool `rodeo`" in clash.err) == (1, True)
    (here / "t.toml").write_text('[tools]\nrodeo = "*"\n')
    assert tool("-q sync --prune t.toml").code == 0
    assert tool("list").out == "rodeo v1.0\n- cow\n"


def test_an_installed_tool_is_run_where_it_is_what_is_asked_for(
    tool: Callable[[str], Result], dxpy: Command, here: Path, tmp_path: Path
) -> None:
    dxpy.environ["PATH"] += f":{tmp_path}/bin"
    assert tool("-q install cow<2").code == 0
    show = ["tool", "run", "--from", "cow", "python", "-c", "import sys; print(sys.prefix)"]
    own = f"{(tmp_path / 'tools/cow').resolve()}\n"
    assert dxpy(show, here).out == own
    assert dxpy("tool run cow", here).out == "cow 1.0\n"
    assert dxpy("tool run cow@2.0", here).out == "cow 2.0\n"
    assert tool("-q upgrade cow").code == 0
    assert tool("-q install cow").code == 0
    assert tool("-q upgrade cow").code == 0
    assert dxpy("tool run cow", here).out == "cow 2.0\n"  # an upgrade is seen at once
    assert tool("-q run cwo").err.endswith("hint: `cow` is installed: `dxpy tool run cow`\n")
    assert tool("-q uninstall cow").code == 0
    assert dxpy(show, here).out != own


def test_the_shell_is_told_where_commands_are(tool: Callable[[str], Result], dxpy: Command, tmp_path: Path) -> None:
    line = 'export PATH="$HOME/bin:$PATH"'
    assert tool("update-shell").err == (
        f"Added `{tmp_path}/bin` to PATH in `{tmp_path}/.bashrc`\n"
        f"Added `{tmp_path}/bin` to PATH in `{tmp_path}/.bash_profile`\n"
        f"Start a new shell, or say here: {line}\n"
    )
    assert tool("update-shell").err == (
        f"`{tmp_path}/bin` is put on PATH by `{tmp_path}/.bashrc` and `{tmp_path}/.bash_profile` already\n"
        f"Start a new shell, or say here: {line}\n"
    )
    dxpy.environ["PATH"] += f":{tmp_path}/bin"
    assert tool("update-shell").err == f"`{tmp_path}/bin` is on PATH already\n"
    assert tool("dir").out == f"{tmp_path}/tools\n"
