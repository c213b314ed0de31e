"""`dxpy tool list`, and what became of tools: in words, and as documents."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dxpy_async.cli.output import Output
from dxpy_async.core.names import ProjectName
from dxpy_async.engine.installed_tools import InstalledTool
from dxpy_async.installer.tool_links import owner_of

if TYPE_CHECKING:  # types alone
    from dxpy_async.cli.json_documents import ToolChange, ToolChangesDocument, ToolEntry, ToolListDocument
    from dxpy_async.engine.tools import ToolOutcome


def say_tools(
    arguments: argparse.Namespace,
    tools: Sequence[InstalledTool],
    directory: Path,
    bin_directory: Path,
    output: Output,
    *,
    latest: Mapping[ProjectName, str] | None = None,
) -> None:
    """List `tools`; with `latest`, the newest versions there are, only those that have another."""
    newest = latest or {}
    if latest is not None:
        tools = [each for each in tools if each.receipt and newest.get(each.name) not in (None, each.receipt.version)]
    if tools:
        output.data("\n".join(line for tool in tools for line in _lines(arguments, tool, bin_directory, newest)))
    else:
        output.say("No tools are installed" if latest is None else "All tools are the newest there are")
    for tool in tools:
        if tool.problem is not None:
            output.warn(f"`{tool.name}` does not work: {tool.problem}; `{_repair(tool)}` makes it anew")
    if output.is_json:
        entries = [_entry(tool, bin_directory, newest) for tool in tools]
        document: ToolListDocument = {"schema": "dxpy/tool-list/1", "directory": str(directory), "tools": entries}
        output.document(document)


def say_changes(outcomes: Sequence[ToolOutcome], output: Output, *, unchanged: str = "is installed already") -> None:
    """What became of tools; `unchanged` says it of those that stayed what they were."""
    for outcome in outcomes:
        _say_change(outcome, output, unchanged)
    if output.is_json:
        document: ToolChangesDocument = {"schema": "dxpy/tool-changes/1", "tools": [*map(_change, outcomes)]}
        output.document(document)


def _say_change(outcome: ToolOutcome, output: Output, unchanged: str) -> None:
    now, earlier = outcome.receipt, outcome.earlier
    if now is None:
        output.say(f"Uninstalled {outcome.name}{f' {earlier.version}' if earlier is not None else ''}")
        return
    commands = ", ".join(f"`{each.name}`" for each in now.commands)
    if not outcome.changed:
        output.say(f"{outcome.name} {now.version} {unchanged}: {commands}")
        return
    if earlier is None:
        output.say(f"Installed {outcome.name} {now.version}: {commands}")
    elif earlier.version == now.version:
        output.say(f"Installed {outcome.name} {now.version} anew: {commands}")
    else:
        output.say(f"Updated {outcome.name} {earlier.version} -> {now.version}: {commands}")
    changes = [(name, 0, "-", version) for name, version in outcome.removed]
    changes += [(name, 1, "+", version) for name, version in outcome.added]
    output.changes((sign, name, version) for name, _, sign, version in sorted(changes))


def _change(outcome: ToolOutcome) -> ToolChange:
    now, earlier = outcome.receipt, outcome.earlier
    there = now or earlier
    return {
        "name": outcome.name,
        "change": _kind(outcome),
        "version": now.version if now is not None else None,
        "earlier_version": earlier.version if earlier is not None else None,
        "commands": [each.name for each in there.commands] if there is not None else [],
    }


def _kind(outcome: ToolOutcome) -> Literal["installed", "changed", "unchanged", "removed"]:
    if outcome.receipt is None:
        return "removed"
    if not outcome.changed:
        return "unchanged"
    return "installed" if outcome.earlier is None else "changed"


def _repair(tool: InstalledTool) -> str:
    return f"dxpy tool upgrade {tool.name}" if tool.receipt is not None else f"dxpy tool install --force {tool.name}"


def _lines(
    arguments: argparse.Namespace, tool: InstalledTool, bin_directory: Path, latest: Mapping[ProjectName, str]
) -> Iterable[str]:
    receipt = tool.receipt
    if receipt is None:
        yield f"{tool.name} (damaged)"
        return
    requirement, besides = receipt.spec.requirement, receipt.spec.besides
    notes = []
    if arguments.show_version_specifiers and (requirement.specifier or requirement.url):
        notes.append(f"[required: {requirement.specifier or requirement.url}]")
    if arguments.show_extras and requirement.extras:
        notes.append(f"[extras: {', '.join(requirement.extras)}]")
    if arguments.show_with and besides:
        notes.append(f"[with: {', '.join(map(str, besides))}]")
    if arguments.show_python and tool.python:
        notes.append(f"[{tool.python}]")
    if tool.name in latest:
        notes.append(f"[latest: {latest[tool.name]}]")
    if arguments.show_paths:
        notes.append(f"({tool.link})")
    yield " ".join([f"{tool.name} v{receipt.version}", *notes])
    for command in receipt.commands:
        path = bin_directory / command.name
        notes = [f"({path})"] if arguments.show_paths else []
        lost = _lost(path, tool)
        yield " ".join(["-", command.name, *notes, *([f"[{lost}]"] if lost else [])])


def _lost(path: Path, tool: InstalledTool) -> str | None:
    """Who has the command at `path` in place of `tool`, for people; None while the tool has it."""
    owner = owner_of(path, tool.link.parent)
    if owner == tool.name:
        return None
    if owner is not None:
        return f"the tool `{owner}` has it"
    return "something else has it" if os.path.lexists(path) else "it is missing"


def _entry(tool: InstalledTool, bin_directory: Path, latest: Mapping[ProjectName, str]) -> ToolEntry:
    receipt = tool.receipt
    commands = receipt.commands if receipt is not None else ()
    return {
        "name": tool.name,
        "version": receipt.version if receipt is not None else None,
        "path": str(tool.link),
        "python": tool.python or None,
        "requirement": str(receipt.spec.requirement) if receipt is not None else None,
        "besides": [str(each) for each in receipt.spec.besides] if receipt is not None else [],
        "commands": [
            {"name": each.name, "path": str(bin_directory / each.name), "lost": _lost(bin_directory / each.name, tool)}
            for each in commands
        ],
        "latest": latest.get(tool.name),
        "problem": tool.problem,
    }
