"""`dxpy pip list` and `freeze`: what is installed, in the forms of pip.

Source: https://pip.pypa.io/en/stable/cli/pip_list/ and https://pip.pypa.io/en/stable/cli/pip_freeze/
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from dxpy_async.cli import load
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_columns import columns, unfrozen
from dxpy_async.cli.pip_command import find_environment, pip_settings
from dxpy_async.core.names import ProjectName
from dxpy_async.engine.environment_choice import visible_sites
from dxpy_async.errors import UsageError
from dxpy_async.formats.requirements_file import RequirementEntry, decoded, parse_requirements_file
from dxpy_async.installer.inventory import Inventory, InventoryItem, required_by, take_inventory, without
from dxpy_async.python.environments import VirtualEnvironment

if TYPE_CHECKING:  # it comes with all that asks indexes
    from dxpy_async.engine.newest import NewestRelease


def run(arguments: argparse.Namespace, output: Output) -> int:
    environment, inventory = chosen_inventory(arguments)
    if arguments.action == "freeze":
        lines = freeze_lines(inventory, environment, arguments, output)
    else:
        chosen = _wanted(inventory, environment, arguments)
        newest = load("pip_outdated").newest(chosen, environment, arguments) if _asks_indexes(arguments) else {}
        lines = list_lines(_by_age(chosen, newest, arguments), newest if arguments.outdated else {}, arguments)
    if lines:
        output.data("\n".join(lines))
    return 0


def chosen_inventory(arguments: argparse.Namespace) -> tuple[VirtualEnvironment, Inventory]:
    """The environment that the flags mean, and what of it they want to see."""
    given = vars(arguments)
    local = given.get("local", False) or given.get("user", False)
    with pip_settings(arguments) as settings:
        environment = find_environment(arguments, settings)
    inventory = take_inventory(visible_sites(environment, local=local))
    if given.get("path"):
        inventory = take_inventory(arguments.path)
    inventory = without(inventory, given.get("exclude", ()))
    if given.get("exclude_editable"):
        inventory = {name: item for name, item in inventory.items() if item.editable_path is None}
    return environment, inventory


def _wanted(inventory: Inventory, environment: VirtualEnvironment, arguments: argparse.Namespace) -> Inventory:
    if arguments.editable:
        inventory = {name: item for name, item in inventory.items() if item.editable_path is not None}
    if arguments.not_required:
        needed = required_by(inventory, environment.interpreter.target.markers)
        inventory = {name: item for name, item in inventory.items() if name not in needed}
    return inventory


def _asks_indexes(arguments: argparse.Namespace) -> bool:
    return bool(arguments.outdated or arguments.uptodate)


def _by_age(
    inventory: Inventory, newest: Mapping[ProjectName, NewestRelease], arguments: argparse.Namespace
) -> Inventory:
    """Those of which there is a newer release, or of which there is none, as the flags say."""
    if not _asks_indexes(arguments):
        return inventory

    def is_outdated(name: ProjectName, item: InventoryItem) -> bool:
        try:
            return name in newest and newest[name].version > Version(item.version)
        except InvalidVersion:
            return False

    return {name: item for name, item in inventory.items() if is_outdated(name, item) == bool(arguments.outdated)}


# list


def list_lines(
    inventory: Inventory, newest: Mapping[ProjectName, NewestRelease], arguments: argparse.Namespace
) -> list[str]:
    """A line for each, or one of JSON for all; `newest` has what there is that is newer."""
    items = _by_spelling(inventory.values())
    if arguments.format == "freeze":
        return [f"{item.name}=={item.version}" for item in items]
    rows = [_row(item, newest.get(item.project), verbose=arguments.verbose > 0) for item in items]
    if arguments.format == "json":
        return [json.dumps(rows)]
    return columns(rows)


def _row(item: InventoryItem, newest: NewestRelease | None, *, verbose: bool) -> dict[str, str]:
    row = {"name": item.name, "version": item.version}
    if newest is not None:
        row |= {"latest_version": str(newest.version), "latest_filetype": "wheel" if newest.has_wheel else "sdist"}
    if verbose:
        row |= {"location": str(item.site), "installer": item.distribution.installer}
    if item.editable_path is not None:
        row["editable_project_location"] = item.editable_path
    return row


# freeze


def freeze_lines(
    inventory: Inventory, environment: VirtualEnvironment, arguments: argparse.Namespace, output: Output
) -> list[str]:
    """Requirements that install the same again; seeds of environments only when they are asked for."""
    if not arguments.all_packages:
        inventory = without(inventory, unfrozen(int(environment.interpreter.version.split(".")[1])))
    left = dict(inventory)
    lines: list[str] = []
    for file in arguments.requirement:
        lines += _in_order_of(file, inventory, left, output)
    if arguments.requirement and left:
        lines.append("## The following requirements were added by pip freeze:")
    return [*lines, *(line for item in _by_spelling(left.values()) for line in frozen(item))]


def frozen(item: InventoryItem) -> Iterator[str]:
    """The lines of one distribution; those of an editable one say first what it is."""
    if (path := item.editable_path) is not None:
        yield f"# Editable install with no version control ({item.name}=={item.version})"
        yield f"-e {path}"
    elif item.direct_url is not None:
        yield f"{item.name} @ {item.direct_url.reference}"
    else:
        yield f"{item.name}=={item.version}"


def _in_order_of(
    file: str, inventory: Inventory, left: dict[ProjectName, InventoryItem], output: Output
) -> Iterator[str]:
    """The lines of a file of requirements with what is installed in the place of what is asked for; taken from `left`.

    Lines that are no requirements stay as they are.
    """
    try:
        content = Path(file).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"there is no file of requirements `{file}`") from error
    entries = parse_requirements_file(content, file=file, environ=os.environ)
    names = {entry.origin: entry.requirement.name for entry in entries if isinstance(entry, RequirementEntry)}
    for number, line in enumerate(decoded(content, file=file).splitlines(), start=1):
        name = names.get(f"{file}:{number}")
        if not name:
            yield line
        elif name not in inventory:
            output.warn(f"`{file}` asks for `{name}`, which is not installed")
        elif name in left:
            yield from frozen(left.pop(name))


def _by_spelling(items: Iterable[InventoryItem]) -> list[InventoryItem]:
    return sorted(items, key=lambda item: item.name.lower())
