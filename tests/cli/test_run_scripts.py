"""Scripts that say in a comment what they need: run, edited, locked, synced and exported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command, without_times, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

SCRIPT = """#!/usr/bin/env -S dxpy run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["web"]
# ///
import sys, web
print("ran", sys.argv, web.__name__)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "s" / "job.py"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    return path


def environments(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "environments-v1").iterdir())


def modules_after(dxpy: Command, arguments: list[str], cwd: Path) -> str:
    """What a run loads up to where it would become the script."""
    show = (
        "import sys, os; os.execve = lambda *_: (print(sorted(sys.modules), flush=True), os._exit(0)); "
        f"from dxpy_async.cli import main; main({arguments!r})"
    )
    return subprocess.check_output([sys.executable, "-c", show], cwd=cwd, env=dxpy.environ, text=True)


def test_a_script_runs_with_what_it_needs_and_another_that_needs_the_same_shares_it(
    dxpy: Command, script: Path, tmp_path: Path
) -> None:
    first = dxpy(["run", "job.py", "a b", "--c"], script.parent)
    assert first.out == "ran ['job.py', 'a b', '--c'] web\n"
    assert without_times(first.err) == (
        "Resolved 3 packages in T\nPrepared 3 packages in T\nInstalled 3 packages in T\n"
        " + safe==1.9\n + templates==1.5\n + web==2.0\n"
    )
    again = dxpy("run --script job.py", script.parent)
    assert (again.out, again.err) == ("ran ['job.py'] web\n", "")
    modules = modules_after(dxpy, ["run", "job.py"], script.parent)
    assert "script_again" in modules
    assert "argparse" not in modules
    script.write_text(SCRIPT.replace("ran", "changed") + "raise SystemExit(5)\n")
    assert dxpy("run job.py", script.parent).code == 5
    assert "argparse" not in modules_after(dxpy, ["run", "job.py"], script.parent)
    (tmp_path / "other.py").write_text(SCRIPT.replace('dependencies = ["web"]', "dependencies = [ 'Web' ]"))
    other = dxpy("run other.py", tmp_path)
    assert (other.out, other.err) == ("ran ['other.py'] web\n", "")
    assert len(environments(tmp_path)) == 1
    script.write_text(SCRIPT.replace("web", "safe"))
    assert dxpy("run job.py", script.parent).out == "ran ['job.py'] safe\n"
    assert len(environments(tmp_path)) == 2


def test_the_environment_of_a_script_links_to_the_store_and_is_looked_after(
    dxpy: Command, script: Path, tmp_path: Path
) -> None:
    assert dxpy("run job.py", script.parent).code == 0
    (environment,) = environments(tmp_path)
    site = next((environment / ".venv" / "lib").glob("python*/site-packages"))
    assert (site / "web").is_symlink()
    assert dxpy("cache gc --older-than 1d", tmp_path).err.startswith("Nothing to clean")
    state = environment / ".venv" / "dxpy-state"
    os.utime(state, (0, 0))
    assert dxpy("cache gc --older-than 1d", tmp_path).code == 0
    assert environments(tmp_path) == []
    assert dxpy("run job.py", script.parent).code == 0
    assert dxpy("cache clean safe", tmp_path).code == 0
    assert environments(tmp_path) == []
    assert dxpy("run job.py", script.parent).code == 0
    assert dxpy("cache clean", tmp_path).code == 0
    assert dxpy("run job.py", script.parent).out == "ran ['job.py'] web\n"


def test_a_project_around_has_no_say_in_a_script(dxpy: Command, script: Path) -> None:
    write_project(script.parent, "nothing-like-this")
    assert dxpy("run job.py", script.parent).out == "ran ['job.py'] web\n"
    assert not (script.parent / ".venv").exists()


def test_a_script_on_stdin(dxpy: Command, script: Path) -> None:
    def piped(text: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dxpy_async", "run", "-", "x"]
        return subprocess.run(
            command, input=text, cwd=script.parent, env=dxpy.environ, capture_output=True, text=True, check=False
        )

    assert piped(SCRIPT).stdout == "ran ['-', 'x'] web\n"
    plain = piped("import sys; print(sys.argv)" + " " * 300_000)
    assert (plain.stdout, plain.stderr) == ("['-', 'x']\n", "")


def test_adding_and_removing_changes_the_block_alone(dxpy: Command, tmp_path: Path) -> None:
    file = tmp_path / "tool.py"
    file.write_bytes(b"#!/usr/bin/python\r\nprint('caf\xe9')\r\n")
    file.chmod(0o750)
    added = dxpy(["add", "--script", "tool.py", "web", "safe<2"], tmp_path)
    assert (added.code, added.err) == (0, "Added `web` to `tool.py`\nAdded `safe<2` to `tool.py`\n")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert file.read_bytes() == (
        b'#!/usr/bin/python\r\n# /// script\r\n# requires-python = ">='
        + version.encode()
        + b'"\r\n# dependencies = [\r\n'
        b'#     "web",\r\n#     "safe<2",\r\n# ]\r\n# ///\r\n\r\nprint(\'caf\xe9\')\r\n'
    )
    assert file.stat().st_mode & 0o777 == 0o750
    assert dxpy(["remove", "--script", "tool.py", "web", "safe"], tmp_path).code == 0
    assert b"# dependencies = []\r\n# ///\r\n\r\nprint('caf\xe9')\r\n" in file.read_bytes()


def test_a_lock_of_a_script_is_used_and_kept_up_to_date(dxpy: Command, script: Path, index: LoopbackIndex) -> None:
    where = script.parent
    assert dxpy("run --locked job.py", where).err == (
        f"error: there is no lock at `{script}.lock`\n\nhint: run `dxpy lock --script job.py` to make it\n"
    )
    assert dxpy("lock --script job.py", where).code == 0
    assert sorted(path.name for path in where.iterdir()) == ["job.py", "job.py.lock"]
    index.add_wheel(build_wheel(where.parent / "newer", "web", "2.5", requires=["safe"]))
    assert dxpy("lock --script job.py --check", where).code == 0
    assert "web==2.0" in dxpy("run job.py", where).err
    assert dxpy("export --script job.py --no-hashes --no-annotate", where).out.splitlines()[2:] == [
        "safe==1.9",
        "templates==1.5",
        "web==2.0",
    ]
    added = dxpy(["add", "--script", "job.py", "tool"], where)
    assert without_times(added.err) == "Resolved 4 packages in T\nAdded `tool>=0.1` to `job.py`\n"
    synced = dxpy("sync --script job.py", where)
    assert " + tool==0.1" in synced.err
    assert dxpy("run job.py", where).err == ""
    script.write_text(script.read_text().replace('"web"', '"web<2"'))
    assert " + web==1.0" in dxpy("run job.py", where).err


def test_the_tool_table_of_a_script_counts(dxpy: Command, script: Path) -> None:
    script.write_text(SCRIPT.replace("# ///\nimport", "# [tool.dxpy]\n# resolution = 'lowest'\n# ///\nimport"))
    assert "web==1.0" in dxpy("run job.py", script.parent).err


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ("# dependencies = ['a b']\n", "the metadata in `{file}:2` is not valid: `dependencies` holds an invalid req"),
        ("# dependencies = [\n", "the metadata in `{file}:2` is not valid: "),
        ("# x = 1\n", "the metadata in `{file}:2` is not valid: a script has no `x`"),
        ("# dependencies = ['web>9']\n", "because you require web>9, and the only versions of web are 1.0 to 3.0rc1"),
        ("# requires-python = '>=9'\n", "found no Python"),
    ],
)
def test_a_script_that_cannot_be_run(dxpy: Command, tmp_path: Path, block: str, error: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(f"# /// script\n{block}# ///\nprint('not this')\n")
    result = dxpy("run bad.py", tmp_path, environ={"DXPY_PYTHON": ""})
    assert result.code in (1, 2)
    assert result.out == ""
    assert result.err.startswith(f"error: {error.format(file=file)}")
    if "web>9" in block:
        assert "bad.py cannot be resolved" in result.err


def test_a_block_that_is_never_closed_is_ignored_and_that_is_said(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "open.py").write_text("# /// script\n# dependencies = ['web']\n\nprint('ran')\n")
    result = dxpy("run open.py", tmp_path)
    assert result.out == "ran\n"
    assert result.err.startswith(f"warning: `{tmp_path}/open.py:1` looks like the beginning of a block of metadata")


def test_what_is_no_script(dxpy: Command, tmp_path: Path) -> None:
    (tmp_path / "d.py").mkdir()
    assert dxpy("run d.py", tmp_path).err == "error: `d.py` is a directory, not a script\n"
    assert dxpy("run nothing.py", tmp_path).err == "error: there is no file `nothing.py`\n"
    assert dxpy("run --script nothing", tmp_path).err == "error: there is no file `nothing`\n"
    assert dxpy("lock --script nothing.py", tmp_path).err == "error: there is no script `nothing.py`\n"
    assert dxpy("add --script nothing.py web", tmp_path).err == f"error: there is no script `{tmp_path}/nothing.py`\n"
