"""`dxpy pip cache`: pip's questions about its cache, answered of the store, which holds wheels unpacked.

Source: https://pip.pypa.io/en/stable/cli/pip_cache/
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fnmatch import fnmatch

from dxpy_async.cli.output import Output, count
from dxpy_async.cli.pip_command import pip_settings
from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.quantities import readable_size
from dxpy_async.store.store import Store
from dxpy_async.store.upkeep import Entry, Removed, Upkeep


def run(arguments: argparse.Namespace, output: Output) -> int:
    with pip_settings(arguments) as settings:
        where = settings.cache_dir
        upkeep = Upkeep(Store(where), on_wait=lambda: output.say(f"Waiting for other processes that use {where}"))
        if arguments.question == "dir":
            output.data(str(where))
        elif arguments.question == "info":
            sizes = upkeep.sizes()
            output.data(
                f"Package cache location: {where}\n"
                f"Package cache size: {readable_size(sum(size for _, size in sizes.values()))}\n"
                f"Number of wheels: {len(upkeep.entries())}"
            )
        elif arguments.question == "list":
            _list(_matching(upkeep.entries(), arguments.pattern), arguments, output)
        elif arguments.question == "remove":
            _remove(upkeep, arguments.pattern, output)
        else:
            _say(upkeep.clean(), output)
    return 0


def _matching(entries: Sequence[Entry], pattern: str | None) -> list[Entry]:
    """Those of a project of that name, or with a file name that fits a pattern; all without one."""
    if pattern is None:
        return list(entries)
    name = normalize(pattern) if is_valid_name(pattern) else None
    patterns = (pattern, f"{pattern}-*.whl")
    return [
        entry
        for entry in entries
        if entry.project == name or any(fnmatch(entry.filename.lower(), each.lower()) for each in patterns)
    ]


def _list(entries: list[Entry], arguments: argparse.Namespace, output: Output) -> None:
    if arguments.format == "abspath":
        if entries:
            output.data("\n".join(sorted(str(entry.directory) for entry in entries)))
    elif not entries:
        output.data("No wheels cached.")
    else:
        rows = sorted(f" - {entry.filename} ({readable_size(entry.size)})" for entry in entries)
        output.data("\n".join(["Cache contents:", "", *rows]))


def _remove(upkeep: Upkeep, pattern: str, output: Output) -> None:
    going = {entry.project for entry in _matching(upkeep.entries(), pattern)}
    if not going:
        output.warn(f'No matching packages for pattern "{pattern}"')
    _say(upkeep.clean(sorted(going)) if going else Removed(), output)


def _say(removed: Removed, output: Output) -> None:
    for entry in removed.entries:
        output.detail(f"removed {entry.filename}")
    output.data(f"Files removed: {removed.files} ({count(len(removed.entries))}, {readable_size(removed.size)})")
