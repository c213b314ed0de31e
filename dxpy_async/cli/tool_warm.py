"""`dxpy tool` as far as nothing is fetched: `run` of what is in the cache, `list`, `dir`, `export`, `update-shell`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dxpy_async.cli.context import settings_of
from dxpy_async.cli.lines import EventPrinter
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.run_warm import syncing_from_store
from dxpy_async.cli.running import SyncRequest
from dxpy_async.cli.tool_listing import say_tools
from dxpy_async.cli.tool_running import Brought, Means, run_tool
from dxpy_async.core.settings import Settings
from dxpy_async.core.user_places import bin_dir, home_dir, tool_dir
from dxpy_async.engine.installed_tools import manifest_of, read_tools
from dxpy_async.engine.recalled_locking import lock_from_memory
from dxpy_async.engine.tool_environments import ANSWER_ALONE, AS_LOCKED, with_lock
from dxpy_async.engine.watching import StateWatch
from dxpy_async.errors import UsageError
from dxpy_async.installer.state import unchanged
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.shell_profiles import follow, is_on_path, path_advice
from dxpy_async.project.tool_manifests import write_manifest
from dxpy_async.python.interpreters import Interpreter


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    match arguments.action:
        case "run":
            return _run(arguments, output)
        case "dir":
            output.path(_bin_directory() if arguments.bin else tool_dir(os.environ))
        case "list" if not arguments.outdated:
            with settings_of(arguments, None) as settings:
                directory = Path(tool_dir(os.environ))
                tools = read_tools(directory, cache_dir=settings.cache_dir)
                say_tools(arguments, tools, directory, Path(_bin_directory()), output)
        case "export":
            _export(arguments, output)
        case "update-shell":
            _update_shell(output)
        case _:
            return None
    return 0


def _run(arguments: argparse.Namespace, output: Output) -> int | None:
    on_event, sync = EventPrinter(output), syncing_from_store(output)

    def bring(question: Project, interpreter: Interpreter, settings: Settings) -> Brought | None:
        found = lock_from_memory(question, interpreter.target, settings, ANSWER_ALONE, on_event=on_event)
        if found is None:
            return None
        project, facts = with_lock(question, found.lock, interpreter, settings), state_facts("", {})
        if unchanged(str(project.environment), facts) is not None:
            return Brought(project.environment, None)
        watch = StateWatch.of_lock(project.places).without_lock()
        outcome = sync(SyncRequest(project, watch, settings, AS_LOCKED, facts, None))
        return Brought(project.environment, outcome) if outcome is not None else None

    return run_tool(Means(lambda given, settings: None, bring), arguments, output)


def _export(arguments: argparse.Namespace, output: Output) -> None:
    with settings_of(arguments, None) as settings:
        tools = read_tools(Path(tool_dir(os.environ)), cache_dir=settings.cache_dir)
    content = write_manifest(manifest_of(tools, pinned=not arguments.no_pins))
    if arguments.output_file is None:
        output.data(content.decode())
        return
    try:
        changed = replace_file(arguments.output_file, content)
    except OSError as error:
        raise UsageError(f"`{arguments.output_file}` cannot be written: {error.strerror}") from error
    output.say(f"Wrote `{arguments.output_file}`" if changed else f"`{arguments.output_file}` says that already")


def _update_shell(output: Output) -> None:
    directory = _bin_directory()
    if is_on_path(directory, os.environ):
        output.say(f"`{directory}` is on PATH already")
        return
    advice = path_advice(directory, os.environ, Path(home_dir(os.environ)))
    changed = follow(advice)
    for file in changed:
        output.say(f"Added `{directory}` to PATH in `{file}`")
    if not changed:
        files = " and ".join(f"`{file}`" for file in advice.files)
        output.say(f"`{directory}` is put on PATH by {files} already")
    output.say(f"Start a new shell, or say here: {advice.line}")


def _bin_directory() -> str:
    return bin_dir(os.environ, "DXPY_TOOL_BIN_DIR")
