"""What `dxpy python list` prints: the Pythons that are there, and those that a mirror has, newest first."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import NamedTuple

from packaging.version import Version

from dxpy_async.cli.output import Output
from dxpy_async.core.settings import Settings
from dxpy_async.python.builds import Machine, PythonBuild, PythonKey
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, all_interpreters
from dxpy_async.python.requests import ANY, parse_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dxpy_async.cli.json_documents import ListedPython, PythonListDocument


class _Row(NamedTuple):
    key: PythonKey
    path: str | None
    target: str | None
    """Where `path` leads, if that is a link to another place."""


def say_listing(
    arguments: argparse.Namespace, settings: Settings, builds: Iterable[PythonBuild], output: Output
) -> None:
    """Print what fits the request, as the flags say; `builds` are those of the mirror."""
    wanted = parse_request(arguments.request) if arguments.request else ANY._replace(free_threaded=None)
    rows = [] if arguments.only_downloads else _installed(settings)
    there = {row.key for row in rows}
    rows += [_Row(build.key, None, None) for build in builds if build.key not in there]
    rows = [row for row in rows if row.key.fits(wanted)]
    rows.sort(key=lambda row: row.key.order, reverse=True)
    if not arguments.all_versions:
        rows = _newest_of_each_minor(rows)
    document: PythonListDocument = {"schema": "dxpy/python-list/1", "pythons": list(map(_as_json, rows))}
    output.document(document)
    width = max((len(str(row.key)) for row in rows), default=0)
    for row in rows:
        arrow = f" -> {row.target}" if row.target else ""
        output.data(f"{row.key!s:{width}}  {row.path or '<can be installed>'}{arrow}")


def _installed(settings: Settings) -> list[_Row]:
    search = SearchPlaces.from_environ(os.environ, sys.executable)
    found = all_interpreters(search=search, cache_dir=settings.cache_dir, preference=settings.python_preference)
    rows = []
    for interpreter, path in found:
        target = str(interpreter.executable)
        rows.append(_Row(_key(interpreter), str(path), target if target != str(path) else None))
    return rows


def _key(interpreter: Interpreter) -> PythonKey:
    machine = Machine.of(interpreter.target, is_64bit=interpreter.is_64bit)
    return PythonKey(interpreter.implementation, interpreter.version, interpreter.free_threaded, machine)


def _newest_of_each_minor(rows: list[_Row]) -> list[_Row]:
    """Everything that is there, and of what could be installed one of each minor version."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for row in rows:
        minor = (row.key.implementation, row.key.minor_name)
        if row.path is not None or minor not in seen:
            kept.append(row)
        seen.add(minor)
    return kept


def _as_json(row: _Row) -> ListedPython:
    key, version = row.key, Version(row.key.version)
    return {
        "key": str(key),
        "version": key.version,
        "version_parts": {"major": version.major, "minor": version.minor, "patch": version.micro},
        "path": row.path,
        "symlink": row.target,
        "os": key.machine.system,
        "arch": key.machine.machine,
        "libc": key.machine.libc,
        "implementation": key.implementation,
        "variant": "freethreaded" if key.free_threaded else "default",
    }
