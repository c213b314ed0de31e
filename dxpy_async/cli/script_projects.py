"""Scripts that commands work on as on projects; loaded when the command line names one."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from dxpy_async.cli.context import passed_over, settings_of
from dxpy_async.cli.output import Output
from dxpy_async.engine.kept_environments import with_environment
from dxpy_async.errors import UsageError
from dxpy_async.project.pyproject import Project
from dxpy_async.project.script_blocks import find_block, read_script_content, unfinished_block
from dxpy_async.project.scripts import project_of_script


def settled_script(name: str, arguments: argparse.Namespace) -> Project:
    """A script, and where its lock and its environment are, or will be."""
    if not os.path.isfile(name):
        raise UsageError(f"there is no script `{name}`")
    file = Path(os.path.abspath(name))
    script = project_of_script(read_script_content(file), file, passed_over(arguments))
    with settings_of(arguments, script) as settings:
        script = with_environment(script, settings, locks=arguments.command == "lock")
    script.environment.parent.mkdir(parents=True, exist_ok=True)
    return script


def read_script(name: str, arguments: argparse.Namespace, output: Output) -> Project | None:
    """What a script needs, `-` the one on standard input; None when it has no block that says so.

    Its bytes are kept with the arguments: standard input can be read once. Raises InvalidScript.
    """
    file = Path.cwd() / "<stdin>" if name == "-" else Path(os.path.abspath(name))
    if not hasattr(arguments, "script_content"):
        arguments.script_content = sys.stdin.buffer.read() if name == "-" else read_script_content(file)
    content = arguments.script_content
    if find_block(content, str(file)) is not None:
        return project_of_script(content, file, passed_over(arguments))
    if (line := unfinished_block(content)) is not None:
        output.warn(
            f"`{file}:{line}` looks like the beginning of a block of metadata, which would begin with `# /// script`, "
            "go on with lines that begin with `#` and end with `# ///`; it is ignored"
        )
    return None
