"""What the README shows works as it stands there."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

import pytest
from command import PYTHON, write_project
from index_server import LoopbackIndex
from wheels import build_wheel

README = Path(__file__).parents[1] / "README.md"


async def test_the_program_in_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = README.read_text().partition("```python\n")[2].partition("```")[0]
    write_project(tmp_path / "my-project", "web")
    async with LoopbackIndex() as index:
        index.add_wheel(build_wheel(tmp_path / "wheels", "web", "1.0"))
        monkeypatch.chdir(tmp_path)
        for name, value in {"DEFAULT_INDEX": index.url, "CACHE_DIR": str(tmp_path / "cache"), "PYTHON": PYTHON}.items():
            monkeypatch.setenv(f"DXPY_{name}", value)
        program = compile(source, str(README), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(program, names := {})
        assert inspect.iscoroutine(running), textwrap.indent(source, "    ")
        await running
    assert names["outcome"].installed == (("web", "1.0"),)
    assert (tmp_path / "my-project/dxpy.lock").exists()


@pytest.mark.parametrize("command", ["python3 scripts/quickstart.py", "python3 scripts/test.py"])
def test_the_commands_in_the_readme_exist(command: str) -> None:
    assert command in README.read_text()
    assert (README.parent / command.split()[1]).is_file()
