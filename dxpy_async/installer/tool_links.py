"""The links by which an installed tool appears: of its name to its environment, of its commands into it.

Which environment a tool has changes with one link, in one step, and a command's link leads through it. So a process
that is killed at any moment leaves either the old tool or the new one, and at worst a link to a command that is not
there, which the next change removes.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from dxpy_async.core.names import ProjectName
from dxpy_async.errors import CommandClash

_SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def check_clashes(tool: ProjectName, commands: Iterable[str], bin_dir: Path, tools: Path) -> None:
    """Raise CommandClash for commands whose names somebody else has in `bin_dir`."""
    taken = []
    for command in commands:
        path = bin_dir / command
        owner = owner_of(path, tools)
        if os.path.lexists(path) and owner != tool:
            taken.append(f"`{command}` (of the tool `{owner}`)" if owner is not None else f"`{command}`")
    if taken:
        what = f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} in `{bin_dir}` already"
        raise CommandClash(
            f"`{tool}` was not installed: {what}",
            hints=(
                "replace what is there with `dxpy tool install --force`",
                "or install into another directory: DXPY_TOOL_BIN_DIR",
            ),
        )


def given_away(tool: ProjectName, commands: Iterable[str], bin_dir: Path, tools: Path) -> frozenset[str]:
    """Those commands of `tool`, which it had, that another tool has now."""
    return frozenset(name for name in commands if owner_of(bin_dir / name, tools) not in (None, tool))


def owner_of(path: Path, tools: Path) -> ProjectName | None:
    """The tool whose command `path` is a link to, whether that is there or not; None when it is anything else."""
    try:
        target = os.path.join(os.path.dirname(path), os.readlink(path))
    except OSError:
        return None
    parts = Path(os.path.relpath(target, tools)).parts
    return ProjectName(parts[0]) if len(parts) == 3 and parts[0] != os.pardir and parts[1] == _SCRIPTS else None


def publish(tool: ProjectName, environment: Path, commands: Collection[str], bin_dir: Path, tools: Path) -> None:
    """Let `tool` be what is in `environment`, with these commands and no others in `bin_dir`. Raises OSError."""
    os.makedirs(bin_dir, exist_ok=True)
    for command in commands:
        _link(bin_dir / command, os.path.join(tools, tool, _SCRIPTS, command))
    _link(tools / tool, os.path.relpath(environment, tools))
    for path in links_of(tool, bin_dir, tools):
        if path.name not in commands:
            path.unlink()


def withdraw(tool: ProjectName, bin_dir: Path, tools: Path) -> None:
    """Let `tool` disappear, its commands first; its environment stays behind. Raises OSError."""
    for path in links_of(tool, bin_dir, tools):
        path.unlink()
    (tools / tool).unlink()


def links_of(tool: ProjectName | None, bin_dir: Path, tools: Path) -> list[Path]:
    """The links in `bin_dir` to commands of `tool`, None: of any."""
    try:
        names = sorted(os.listdir(bin_dir))
    except (FileNotFoundError, NotADirectoryError):
        return []
    owned = ((bin_dir / name, owner_of(bin_dir / name, tools)) for name in names)
    return [path for path, owner in owned if owner is not None and tool in (None, owner)]


def abandoned(environments: Path, tools: Path) -> list[Path]:
    """The environments that no tool has, and links that were being made: left by what was killed."""
    try:
        there, links = sorted(environments.iterdir()), [each for each in sorted(tools.iterdir()) if each.is_symlink()]
    except FileNotFoundError:
        return []
    unfinished = [link for link in links if link.name.startswith(".")]
    used = {os.path.realpath(link) for link in links if link not in unfinished}
    return [*(place for place in there if os.path.realpath(place) not in used), *unfinished]


def _link(path: Path, target: str) -> None:
    if path.is_symlink() and os.readlink(path) == target:
        return
    beside = path.parent / f".{path.name}.{os.urandom(4).hex()}"
    os.symlink(target, beside)
    try:
        os.replace(beside, path)
    except OSError:
        os.unlink(beside)
        raise
