"""`dxpy add --script` and `dxpy remove --script`: the requirements in a script's block, and its lock if it has one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dxpy_async.cli.additions import additions_of, wanted_of
from dxpy_async.cli.context import passed_over, settings_of
from dxpy_async.cli.editing import edit_document
from dxpy_async.cli.output import Output
from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.pins import pins_of
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import Settings
from dxpy_async.engine.drafts import Bounds
from dxpy_async.engine.kept_environments import with_environment
from dxpy_async.engine.locking import LockOutcome
from dxpy_async.errors import ProjectError, UsageError
from dxpy_async.formats.dpl import build_dpl
from dxpy_async.project.document import parse
from dxpy_async.project.editing import SCRIPT_DEPENDENCIES, drop_requirements, put_requirements, requirements_in
from dxpy_async.project.locked_roots import roots_of
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.script_blocks import find_block, read_script_content, with_block
from dxpy_async.project.scripts import project_of_script, script_lock
from dxpy_async.python.interpreters import SearchPlaces, find_interpreter

Locking = Callable[[Project, Settings, Output], LockOutcome | None]
"""Locks a script, writing nothing; None when that takes more than this rung has."""


def edit_script(arguments: argparse.Namespace, output: Output, lock: Locking) -> int | None:
    """Change the script, and the lock beside it; both or none. None when `lock` cannot."""
    _refuse_flags(arguments)
    file = Path(os.path.abspath(arguments.script))
    if not file.is_file():
        raise ProjectError(f"there is no script `{file}`")
    content = read_script_content(file)
    project_of_script(content, file)
    before = _document(content, file, arguments)
    after = _edited(before, file, arguments)
    new, changed = _difference(before, after, file)
    outcome = None
    if arguments.frozen or not script_lock(file).exists():
        replace_file(file, with_block(content, after, str(file)))
    else:
        edited = project_of_script(with_block(content, after, str(file)), file, passed_over(arguments))
        with settings_of(arguments, edited) as settings:
            outcome = lock(with_environment(edited, settings, locks=True), settings, output)
            if outcome is None:
                return None
            after, new = _with_bounds(after, new, outcome, file, arguments)
            written = with_block(content, after, str(file))
            roots = roots_of(project_of_script(written, file, passed_over(arguments)), settings.resolution.amendments)
        replace_file(file, written)
        try:
            changes = replace_file(script_lock(file), build_dpl(replace(outcome.lock, roots=roots)))
            outcome = replace(outcome, changed=changes)
        except BaseException:
            replace_file(file, content)
            raise
    for requirement in new:
        output.say(f"Added `{requirement}` to `{arguments.script}`")
    for requirement in changed:
        output.say(f"Changed `{requirement}` in `{arguments.script}`")
    if output.is_json:
        output.document(edit_document(arguments, file, SCRIPT_DEPENDENCIES, new, changed, outcome, None))
    return 0


def _refuse_flags(arguments: argparse.Namespace) -> None:
    if arguments.dev or arguments.to_group is not None or arguments.optional is not None:
        raise UsageError("a script has no groups and no extras")


def _document(content: bytes, file: Path, arguments: argparse.Namespace) -> str:
    """The TOML in the script's block; for one without a block, what a new one begins with."""
    block = find_block(content, str(file))
    if block is not None or arguments.command == "remove":
        return block.toml if block is not None else ""
    with settings_of(arguments, None) as settings:
        search = SearchPlaces.from_environ(os.environ, sys.executable)
        python = find_interpreter(settings.python, search=search, cache_dir=settings.cache_dir)
    major, minor = python.version.split(".")[:2]
    return f'requires-python = ">={major}.{minor}"\n'


def _edited(document: str, file: Path, arguments: argparse.Namespace) -> str:
    if arguments.command == "add":
        additions = additions_of(arguments)
        if any(not each.requirement.name for each in additions):
            raise UsageError("what a script needs of a git repository has to be named", hints=("write `NAME @ URL`",))
        # where something comes from stands in the requirement itself
        raw = argparse.Namespace(**{**vars(arguments), "raw": True})
        wanted = wanted_of(additions, (), raw, file.parent, members={}).requirements
        return put_requirements(document.encode(), SCRIPT_DEPENDENCIES, wanted, file=str(file)).decode()
    listed = {each.name for each in _requirements(document, file)}
    for name in arguments.packages:
        if not is_valid_name(name):
            raise UsageError(f"`{name}` is not the name of a project", hints=("`dxpy remove` takes names alone",))
        if normalize(name) not in listed:
            close = get_close_matches(normalize(name), listed, n=2)
            hints = (f"did you mean {' or '.join(f'`{each}`' for each in close)}?",) if close else ()
            raise ProjectError(f"`{arguments.script}` does not require `{name}`", hints=hints)
    names = map(normalize, arguments.packages)
    return drop_requirements(document.encode(), SCRIPT_DEPENDENCIES, names, file=str(file)).decode()


def _requirements(document: str, file: Path) -> tuple[Requirement, ...]:
    parsed: dict[str, Any] = parse(document, str(file))
    return requirements_in(parsed, SCRIPT_DEPENDENCIES)


def _difference(before: str, after: str, file: Path) -> tuple[list[Requirement], list[Requirement]]:
    """What is in the one and not in the other, and what is in both in another form."""
    were = {(each.name, each.marker): each for each in _requirements(before, file)}
    are = _requirements(after, file)
    new = [each for each in are if (each.name, each.marker) not in were]
    return new, [each for each in are if were.get((each.name, each.marker), each) != each]


def _with_bounds(
    document: str, new: Iterable[Requirement], outcome: LockOutcome, file: Path, arguments: argparse.Namespace
) -> tuple[str, list[Requirement]]:
    """The document with bounds around the picked versions of new requirements that have none."""
    bounds = Bounds.NONE if arguments.command == "remove" or arguments.raw else Bounds(arguments.bounds)
    pins = pins_of(outcome.lock)
    bounded = [
        each._replace(specifier=bounds.around(pins[each.name]))
        if not each.specifier and each.url is None and each.name in pins
        else each
        for each in new
    ]
    if not bounded:
        return document, []
    return put_requirements(document.encode(), SCRIPT_DEPENDENCIES, bounded, file=str(file)).decode(), bounded
