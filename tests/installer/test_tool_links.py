"""The links by which tools appear: made and moved so that a kill at any moment leaves the old tool or the new one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dxpy_async.core.names import ProjectName
from dxpy_async.errors import CommandClash
from dxpy_async.installer.tool_links import abandoned, check_clashes, links_of, owner_of, publish, withdraw

COW = ProjectName("cow")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """The directory of tools: an environment `old` that has `cow` and `calf`, and one `new` with `cow` and `ox`."""
    for name, commands in (("old", ("cow", "calf")), ("new", ("cow", "ox"))):
        scripts = tmp_path / "tools" / ".environments" / name / "bin"
        scripts.mkdir(parents=True)
        for command in commands:
            (scripts / command).write_text(f"#!/bin/sh\necho {command} of {name}\n")
            (scripts / command).chmod(0o755)
    return tmp_path / "tools"


def said(command: Path) -> str:
    return subprocess.check_output([command], text=True)


def test_commands_follow_the_link_of_their_tool(tools: Path, tmp_path: Path) -> None:
    bin_dir = tmp_path / "bin"
    publish(COW, tools / ".environments/old", ["cow", "calf"], bin_dir, tools)
    assert said(bin_dir / "cow") == "cow of old\n"
    publish(COW, tools / ".environments/new", ["cow", "ox"], bin_dir, tools)
    assert sorted(os.listdir(bin_dir)) == ["cow", "ox"]
    assert said(bin_dir / "cow") == "cow of new\n"
    assert abandoned(tools / ".environments", tools) == [tools / ".environments/old"]
    withdraw(COW, bin_dir, tools)
    assert (os.listdir(bin_dir), links_of(None, bin_dir, tools)) == ([], [])
    assert len(abandoned(tools / ".environments", tools)) == 2


def test_a_kill_at_any_moment_leaves_the_old_tool_or_the_new_one(tools: Path, tmp_path: Path) -> None:
    """Every change of the disk is the last that the process makes, in turn."""
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "left = int(sys.argv[1])\n"
        "def until_killed(change):\n"
        "    def counted(*words, **more):\n"
        "        global left\n"
        "        if left == 0:\n"
        "            os._exit(9)\n"
        "        left -= 1\n"
        "        return change(*words, **more)\n"
        "    return counted\n"
        "for name in ('symlink', 'replace', 'unlink', 'rename'):\n"
        "    setattr(os, name, until_killed(getattr(os, name)))\n"
        "from dxpy_async.installer.tool_links import publish\n"
        "tools, bin_dir = Path(sys.argv[2]), Path(sys.argv[3])\n"
        "publish('cow', tools / '.environments/new', ['cow', 'ox'], bin_dir, tools)\n"
    )
    answers = []
    environments = tools / ".environments"
    for changes in range(20):
        bin_dir = tmp_path / f"bin{changes}"
        publish(COW, tools / ".environments/old", ["cow", "calf"], bin_dir, tools)
        ended = subprocess.run([sys.executable, "-c", program, str(changes), tools, bin_dir], check=False)
        answers.append(said(bin_dir / "cow"))
        publish(COW, environments / "new", ["cow", "ox"], bin_dir, tools)
        assert sorted(os.listdir(bin_dir)) == ["cow", "ox"]
        assert said(bin_dir / "ox") == "ox of new\n"
        for left in abandoned(environments, tools):
            if left.is_symlink():
                left.unlink()
        assert sorted(os.listdir(tools)) == [".environments", "cow"]
        assert abandoned(environments, tools) == [environments / "old"]
        if ended.returncode == 0:
            break
    assert answers[0] == "cow of old\n"
    assert answers[-1] == "cow of new\n"
    assert answers == sorted(answers, reverse=True)  # once new, never old again


def test_names_that_others_have_are_found_before_anything_is_written(tools: Path, tmp_path: Path) -> None:
    bin_dir = tmp_path / "bin"
    publish(ProjectName("ranch"), tools / ".environments/old", ["calf"], bin_dir, tools)
    (bin_dir / "cow").write_text("mine")
    (bin_dir / "dangling").symlink_to("nowhere")
    with pytest.raises(CommandClash) as caught:
        check_clashes(COW, ["cow", "calf", "ox", "dangling"], bin_dir, tools)
    assert str(caught.value) == (
        f"`cow` was not installed: `cow`, `calf` (of the tool `ranch`), `dangling` are in `{bin_dir}` already"
    )
    check_clashes(ProjectName("ranch"), ["calf"], bin_dir, tools)


@pytest.mark.parametrize("target", ["/usr/bin/env", "../tools/cow/lib/x", "../tools", "../tools/cow", "../x/cow/bin/c"])
def test_other_links_are_nobodys(tools: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "it").symlink_to(target)
    assert owner_of(tmp_path / "bin" / "it", tools) is None
