"""`dxpy tool` with the engine."""

from __future__ import annotations

import argparse
from pathlib import Path

from dxpy_async.cli.context import given_flags, listener, settings_of
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.event_loop import run_loop
from dxpy_async.cli.output import Output
from dxpy_async.cli.quick import state_facts
from dxpy_async.cli.running import requirements_besides
from dxpy_async.cli.tool_listing import say_changes, say_tools
from dxpy_async.cli.tool_running import Brought, Means, run_tool
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.settings import Settings
from dxpy_async.engine.events import Listener
from dxpy_async.engine.given_requirements import GivenRequirement
from dxpy_async.engine.tools import ToolManager, ToolOutcome, bring_tool
from dxpy_async.errors import DxpyError, ToolError, UsageError
from dxpy_async.project.pyproject import Project
from dxpy_async.python.interpreters import Interpreter


def run(arguments: argparse.Namespace, output: Output) -> int | None:
    if arguments.action == "run":
        return _run(arguments, output)
    with settings_of(arguments, None) as settings, listener(arguments, output) as on_event:
        tools = ToolManager({**given_flags(arguments), "cache_dir": str(settings.cache_dir)})
        match arguments.action:
            case "install":
                return _install(arguments, tools, output, on_event)
            case "upgrade":
                return _upgrade(arguments, tools, output, on_event)
            case "uninstall":
                return _uninstall(arguments, tools, output, on_event)
            case "sync":
                return _sync(arguments, tools, output, on_event)
            case _:
                return _outdated(arguments, tools, output, on_event)


def _run(arguments: argparse.Namespace, output: Output) -> int | None:
    def name(given: GivenRequirement, settings: Settings) -> ProjectName:
        with listener(arguments, output) as on_event:
            return run_engine(settings, lambda engine: engine.project_name(str(given.url), on_event=on_event))

    def bring(question: Project, interpreter: Interpreter, settings: Settings) -> Brought:
        facts = state_facts("", {})
        with listener(arguments, output) as on_event:
            project, outcome = run_engine(
                settings,
                lambda engine: bring_tool(
                    engine, question, interpreter, settings, state_facts=facts, on_event=on_event
                ),
            )
        return Brought(project.environment, outcome)

    return run_tool(Means(name, bring), arguments, output)


def _install(arguments: argparse.Namespace, tools: ToolManager, output: Output, on_event: Listener) -> int:
    packages: list[str] = arguments.packages
    source: str | None = arguments.tool_package
    if source is not None and len(packages) > 1:
        raise UsageError(f"`--from` says where one tool comes from, and there are {len(packages)}")
    besides = requirements_besides(arguments)

    async def install() -> list[ToolOutcome]:
        if source is not None:
            spec, _ = await tools.spec(source, on_event=on_event)
            if spec.name != normalize(packages[0]):
                raise UsageError(f"`--from {source}` is `{spec.name}`, not `{packages[0]}`")
        return [
            await tools.install(
                package,
                besides=besides,
                commands_from=arguments.with_executables_from,
                python=arguments.python,
                editable=arguments.editable,
                upgrade=arguments.upgrade,
                reinstall=arguments.reinstall,
                force=arguments.force,
                on_event=on_event,
            )
            for package in ([source] if source is not None else packages)
        ]

    say_changes(run_loop(install), output)
    say_of_path(tools, output)
    return 0


def _upgrade(arguments: argparse.Namespace, tools: ToolManager, output: Output, on_event: Listener) -> int:
    _require_names(arguments, "upgrade")
    failed: list[tuple[str, DxpyError]] = []

    async def upgrade() -> list[ToolOutcome]:
        names = [tool.name for tool in await tools.installed()] if arguments.all_tools else arguments.names
        outcomes = []
        for name in names:
            try:
                outcome = await tools.upgrade(
                    name, python=arguments.python, reinstall=arguments.reinstall, on_event=on_event
                )
            except DxpyError as error:
                if len(names) == 1:
                    raise
                failed.append((name, error))  # the others are upgraded all the same
            else:
                outcomes.append(outcome)
        return outcomes

    outcomes = run_loop(upgrade)
    say_changes(outcomes, output, unchanged="is the newest that fits")
    if not outcomes and not failed:
        output.say("There is nothing to upgrade: no tools are installed")
    for name, error in failed:
        about = str(error) if isinstance(error, ToolError) else f"`{name}` was not upgraded: {error}"
        output.error(about, error.hints())
    return max((error.exit_code for _, error in failed), default=0)


def _uninstall(arguments: argparse.Namespace, tools: ToolManager, output: Output, on_event: Listener) -> int:
    _require_names(arguments, "uninstall")
    outcomes = run_loop(lambda: tools.uninstall(arguments.names, all_tools=arguments.all_tools, on_event=on_event))
    say_changes(outcomes, output)
    if not outcomes:
        output.say("There is nothing to remove: no tools are installed")
    return 0


def _sync(arguments: argparse.Namespace, tools: ToolManager, output: Output, on_event: Listener) -> int:
    file = Path(arguments.file)
    say_changes(run_loop(lambda: tools.sync(file, prune=arguments.prune, on_event=on_event)), output)
    say_of_path(tools, output)
    return 0


def _outdated(arguments: argparse.Namespace, tools: ToolManager, output: Output, on_event: Listener) -> int:
    there = run_loop(tools.installed)
    latest = run_loop(lambda: tools.newest(there, on_event=on_event))
    say_tools(arguments, there, tools.directory, tools.bin_directory, output, latest=latest)
    return 0


def _require_names(arguments: argparse.Namespace, verb: str) -> None:
    if bool(arguments.names) == arguments.all_tools:
        raise UsageError(f"say which tools to {verb}, or `--all`", hints=("see `dxpy tool list`",))


def say_of_path(tools: ToolManager, output: Output) -> None:
    """Warn when the commands of tools are not found, and say how they would be in the user's shell."""
    advice = tools.path_advice()
    if advice is not None:
        output.warn(
            f"`{tools.bin_directory}`, where commands of tools are put, is not on PATH; "
            f"add it by `dxpy tool update-shell`, or yourself: {advice.line}"
        )
