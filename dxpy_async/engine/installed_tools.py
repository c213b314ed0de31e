"""The tools that are installed, as their directory tells it: what each is, and whether it can be used.

<tools>/
  black                       a link to its environment: what is behind it changes in one step
  .environments/black-3f9c…/  an environment, with its receipt and its lock
  .lock                       held by whoever changes anything here
~/.local/bin/black            a link to <tools>/black/bin/black
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from packaging.specifiers import SpecifierSet

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.places import RECEIPT_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.errors import InvalidEnvironment, InvalidToolFile, ToolError
from dxpy_async.installer.installed import InstalledDistribution, read_installed
from dxpy_async.project.tool_manifests import ToolManifest
from dxpy_async.project.tool_receipts import ToolReceipt, read_receipt
from dxpy_async.python.environments import VirtualEnvironment, open_environment
from dxpy_async.python.interpreters import satisfies

ENVIRONMENTS_NAME = ".environments"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledTool:
    """An installed tool. `link` leads to `environment`; `problem` says why it cannot be used, None when it can.

    Without a receipt that can be read there is a problem.
    """

    name: ProjectName
    link: Path
    environment: Path
    receipt: ToolReceipt | None
    problem: str | None = None
    python: str = ""
    """What its interpreter is, for people; empty while that is gone."""


def read_tool(directory: Path, name: ProjectName, *, cache_dir: Path) -> InstalledTool | None:
    """The tool of that name in the directory of tools, None when it is not installed."""
    link = directory / name
    if not link.is_symlink():
        return None
    environment = Path(os.path.realpath(link))
    receipt, problem, python = None, None, ""
    try:
        receipt = read_receipt((environment / RECEIPT_NAME).read_bytes(), environment / RECEIPT_NAME)
        there = open_environment(environment, cache_dir=cache_dir)
        if there is None:
            problem = f"there is no environment at `{environment}`"
        else:
            python = there.interpreter.describe()
    except OSError as error:
        problem = f"its receipt `{environment / RECEIPT_NAME}` cannot be read: {error.strerror}"
    except (InvalidToolFile, InvalidEnvironment) as error:
        problem = str(error)
    return InstalledTool(name=name, link=link, environment=environment, receipt=receipt, problem=problem, python=python)


def read_tools(directory: Path, *, cache_dir: Path) -> list[InstalledTool]:
    """All installed tools, by name."""
    found = (read_tool(directory, name, cache_dir=cache_dir) for name in tool_names(directory))
    return [tool for tool in found if tool is not None]


def tool_names(directory: Path) -> list[ProjectName]:
    """The names of all installed tools, sorted."""
    try:
        entries = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(normalize(name) for name in entries if is_valid_name(name) and (directory / name).is_symlink())


def manifest_of(tools: Sequence[InstalledTool], *, pinned: bool) -> ToolManifest:
    """The list of these tools, `pinned` to their versions, or as they were asked for.

    Raises ToolError for one whose receipt cannot be read.
    """
    specs = []
    for tool in tools:
        if tool.receipt is None:
            raise ToolError(
                f"`{tool.name}` cannot be listed: {tool.problem}",
                hints=(f"install it again: `dxpy tool install --force {tool.name}`",),
            )
        spec = tool.receipt.spec
        if pinned and spec.requirement.url is None:
            spec = replace(spec, requirement=spec.requirement._replace(specifier=f"=={tool.receipt.version}"))
        specs.append(spec)
    return ToolManifest(tuple(specs))


def not_installed(name: str, directory: Path) -> ToolError:
    """The error for a tool that is asked for by a name that none has."""
    there = tool_names(directory)
    hint = "`dxpy tool list` shows what is" if there else "there are none at all"
    if close := get_close_matches(name, there, 2):
        hint = f"there is {', '.join(f'`{each}`' for each in close)}"
    return ToolError(f"`{name}` is not installed", hints=(hint,))


def fitting(
    tool: InstalledTool, requirements: Sequence[Requirement], python: str | None, *, cache_dir: Path
) -> VirtualEnvironment | None:
    """The environment of an installed tool if it has all of `requirements`, and its Python is what is asked for."""
    if tool.problem is not None or tool.receipt is None:
        return None
    environment = open_environment(tool.environment, cache_dir=cache_dir)
    if environment is None or not satisfies(environment.interpreter, python):
        return None
    asked = {each.name: each for each in (tool.receipt.spec.requirement, *tool.receipt.spec.besides)}
    installed = read_installed(environment.scheme)
    has_all = all(_has(installed.get(each.name), each, asked.get(each.name)) for each in requirements)
    return environment if has_all else None


def _has(there: InstalledDistribution | None, wanted: Requirement, asked: Requirement | None) -> bool:
    """Whether what is installed is what is wanted; `asked` is what was asked for when it was installed."""
    if there is None or there.problem is not None:
        return False
    if wanted.extras and (asked is None or not set(wanted.extras) <= set(asked.extras)):
        return False
    if wanted.url is not None:
        return asked is not None and asked.url == wanted.url
    return SpecifierSet(wanted.specifier).contains(there.version, prereleases=True)
