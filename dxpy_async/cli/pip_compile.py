"""`dxpy pip compile`: all that files of requirements come to, pinned. Flags, form and comments are uv's."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from dxpy_async.cli.context import listener, settings_of, wanted_target
from dxpy_async.cli.engine_run import run_engine
from dxpy_async.cli.output import Output
from dxpy_async.cli.pip_inputs import (
    Asked,
    file_of,
    group_requirements,
    is_project_file,
    project_at,
    project_requirements,
    requirements_in,
    settle_binary_flags,
)
from dxpy_async.core.locks import Lock
from dxpy_async.core.names import ProjectName, normalize
from dxpy_async.core.pins import WantedPin
from dxpy_async.core.settings import Settings
from dxpy_async.engine.engine import Engine
from dxpy_async.errors import UsageError
from dxpy_async.formats.foreign_locks import read_pins
from dxpy_async.formats.pinned_requirements import PinStyle, write_pins
from dxpy_async.formats.pylock import write_pylock
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.resolver.hints import without_credentials

_UNSAID = {"-U", "--upgrade", "-q", "--quiet", "-v", "--verbose", "--no-progress", "-n", "--no-cache", "--offline"}
_UNSAID_VALUES = {"-P", "--upgrade-package", "--cache-dir", "--color", "--directory"}
"""Flags that are not part of what the header tells: they decide nothing about the next time."""


def run(arguments: argparse.Namespace, output: Output) -> int:
    _check(arguments)
    settle_binary_flags(arguments)
    asked, project = _read(arguments)
    place = Path(arguments.output_file) if arguments.output_file else None
    pins = _earlier_pins(place, arguments)
    with settings_of(arguments, project) as settings, listener(arguments, output) as on_event:

        async def work(engine: Engine) -> Lock:
            return await engine.pin(
                [each.requirement for each in asked],
                directory=project.root if project is not None else Path.cwd(),
                label=arguments.sources[0] if arguments.sources else "",
                pins=pins,
                target=wanted_target(arguments),
                on_event=on_event,
            )

        lock = run_engine(settings, work)
        text = _text(lock, asked, settings, arguments, place)
    if place is None or output.verbosity >= 0:
        output.data(text)
    if place is not None:
        replace_file(place, text.encode())
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is resolved, what makes no sense."""
    if not arguments.sources and not arguments.group:
        raise UsageError(
            "there is nothing to compile",
            hints=("name files: `dxpy pip compile requirements.in`", "or a group of the project: `--group NAME`"),
        )
    if (arguments.extra or arguments.all_extras) and not any(map(is_project_file, arguments.sources)):
        raise UsageError("extras are those of a project: name its pyproject.toml")
    place = arguments.output_file
    if place and (os.path.isdir(place) or not os.path.isdir(os.path.dirname(os.path.abspath(place)))):
        raise UsageError(f"`{place}` cannot be written: {'it is' if os.path.isdir(place) else 'it is in no'} directory")


def _read(arguments: argparse.Namespace) -> tuple[list[Asked], Project | None]:
    """All that is asked for, and the project whose settings count: the first of those that are named."""
    asked: list[Asked] = []
    projects: list[Project] = []
    plain_groups = [each for each in arguments.group if ":" not in each]
    for source in arguments.sources:
        if is_project_file(source):
            projects.append(project_at(source))
            extras = arguments.extra
            asked += project_requirements(projects[-1], source, extras, plain_groups, all_extras=arguments.all_extras)
            plain_groups = []
        elif source.endswith((".py", ".cfg", ".lock")) or Path(source).name == "pylock.toml":
            raise UsageError(
                f"`{source}` is not a file of requirements", hints=("name requirements.in or a pyproject.toml",)
            )
        else:
            asked += requirements_in(source)
    elsewhere = [each.rpartition(":")[::2] for each in arguments.group if ":" in each]
    for file, group in [*elsewhere, *(("pyproject.toml", group) for group in plain_groups)]:
        asked += group_requirements(project_at(file), file, [group])
    return asked, projects[0] if projects else None


def _earlier_pins(place: Path | None, arguments: argparse.Namespace) -> tuple[WantedPin, ...]:
    """The pins in the file that is to be written, without those that are to be upgraded."""
    if place is None or arguments.upgrade or not place.is_file():
        return ()
    upgraded = {normalize(each) for each in arguments.upgrade_package}
    found = read_pins(place.read_bytes(), file=str(place))
    return tuple(pin for pin in found.pins if pin.name not in upgraded)


def _text(
    lock: Lock, asked: Sequence[Asked], settings: Settings, arguments: argparse.Namespace, place: Path | None
) -> str:
    is_pylock = place is not None and place.name.startswith("pylock.") and place.suffix == ".toml"
    if arguments.format == "pylock.toml" or (arguments.format is None and is_pylock):
        return write_pylock(lock)
    style = PinStyle(
        command="" if arguments.no_header else _command(arguments),
        head=tuple(_head(settings, arguments)),
        hashes=arguments.generate_hashes,
        extras=arguments.no_strip_extras,
        markers=arguments.no_strip_markers,
        annotated=not arguments.no_annotate,
        in_one_line=arguments.annotation_style == "line",
        with_index=arguments.emit_index_annotation,
        without=frozenset(map(normalize, arguments.no_emit_package)),
    )
    return write_pins(lock, _asked_by(asked, settings), style)


def _asked_by(asked: Sequence[Asked], settings: Settings) -> dict[ProjectName, tuple[str, ...]]:
    amendments = settings.resolution.amendments
    said = [(each.requirement.name, each.origin) for each in asked if each.origin]
    said += [(each.requirement.name, f"-c {file_of(each)}") for each in amendments.constraints if file_of(each)]
    said += [(each.requirement.name, f"--override {file_of(each)}") for each in amendments.overrides if file_of(each)]
    found: dict[ProjectName, list[str]] = {}
    for name, origin in said:
        found.setdefault(name, []).append(origin)
    return {name: tuple(origins) for name, origins in found.items()}


def _head(settings: Settings, arguments: argparse.Namespace) -> list[str]:
    indexes, builds, lines = settings.indexes, settings.builds, list[str]()
    if arguments.emit_index_url:
        lines += [f"--index-url {without_credentials(indexes.index_url)}"] if indexes.index_url else ["--no-index"]
        lines += [f"--extra-index-url {without_credentials(url)}" for url in indexes.extra_index_urls]
    if arguments.emit_find_links:
        lines += [f"--find-links {place}" for place in indexes.find_links]
    if arguments.emit_build_options:
        lines += ["--no-binary :all:"] if builds.no_binary else []
        lines += [f"--no-binary {name}" for name in sorted(builds.no_binary_projects)]
        lines += ["--only-binary :all:"] if builds.no_build else []
        lines += [f"--only-binary {name}" for name in sorted(builds.no_build_projects)]
    return lines


def _command(arguments: argparse.Namespace) -> str:
    """The command that makes the file again, without what is for this time only, and without passwords."""
    custom = arguments.custom_compile_command or os.environ.get("DXPY_CUSTOM_COMPILE_COMMAND")
    if custom:
        return str(custom)
    words: list[str] = []
    given = iter(sys.argv[1:])
    for word in given:
        flag, equals, _ = word.partition("=")
        if flag in _UNSAID_VALUES:
            _ = equals or next(given, "")
        elif word not in _UNSAID:
            words.append(without_credentials(word))
    return shlex.join(["dxpy", *words])
