"""`dxpy run`, whichever rung carries out the syncs that it takes: what to run, in which environment, with what around.

A word after `run` is, in this order: `-` for a script on standard input, a file `*.py`, a task of the project, a
command of the environment or on PATH. A file with a block of metadata has an environment of its own and needs nothing
of the project; everything else runs in the project's, or where there is no project, in the active environment, in a
`.venv` here or above, or with the interpreter that is found.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from dxpy_async.cli import load
from dxpy_async.cli.children import run_child
from dxpy_async.cli.context import (
    kept_settings,
    project_root,
    settings_of,
    sync_options,
    watched_project,
)
from dxpy_async.cli.launch import become, is_source, prepare, scripts_of
from dxpy_async.cli.output import Output, printable
from dxpy_async.cli.script_again import remember_script
from dxpy_async.cli.script_projects import read_script
from dxpy_async.cli.summary import report
from dxpy_async.cli.sync_requests import blueprint_key, request_text, sync_facts
from dxpy_async.cli.with_again import remember_overlay
from dxpy_async.core import parsers
from dxpy_async.core.dataclass import replace
from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import ENVIRONMENT_NAME
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.settings import Settings
from dxpy_async.engine.kept_environments import isolated, overlay, with_environment
from dxpy_async.engine.overlays import lay_over
from dxpy_async.engine.sync_options import SyncOptions
from dxpy_async.engine.syncing import SyncOutcome
from dxpy_async.engine.watching import StateWatch
from dxpy_async.errors import InvalidEnvironment, LockNotFound, ProjectNotFound, UsageError
from dxpy_async.formats.env_file import parse_env_file
from dxpy_async.installer.installed import site_directories
from dxpy_async.installer.state import take_stamps, unchanged
from dxpy_async.project.pyproject import Project, ProjectPlaces
from dxpy_async.project.scripts import script_lock
from dxpy_async.project.settings import switched_on, watched_paths
from dxpy_async.project.statements import read_statements
from dxpy_async.project.tasks import Step, steps_of, summary_of
from dxpy_async.python.environments import open_environment
from dxpy_async.python.interpreters import SearchPlaces, find_interpreter, probe


class SyncRequest(NamedTuple):
    """A project whose environment is to be brought up to date, as the engine is asked for it."""

    project: Project
    watch: StateWatch
    settings: Settings
    options: SyncOptions
    state_facts: Mapping[str, str]
    blueprint_key: str | None


Sync = Callable[[SyncRequest], SyncOutcome | None]
"""Brings an environment up to date; None when that takes more than this rung has."""


class Wanted(NamedTuple):
    """What is to be run: `words`, of which the first may be a task unless `is_command`; or `script`, a file or `-`."""

    words: list[str]
    script: str = ""
    is_command: bool = False


class Place(NamedTuple):
    """Where it runs: an environment, which may lie `over` another one; or only the interpreter `python`."""

    environment: str = ""
    over: str = ""
    python: str = ""


def run_with(sync: Sync, arguments: argparse.Namespace, output: Output) -> int | None:
    """Carry out `dxpy run`; None when `sync` cannot, and then nothing was run."""
    wanted, variables = _wanted(arguments), {**variables_of_files(arguments), **os.environ}
    with ExitStack() as stack:
        runner = _Runner(arguments, output, sync, stack)
        place = runner.place_of_script(wanted.script) if wanted.script else runner.place_of_project()
        if place is None:
            return None
        if not wanted.words:
            return _list(runner.project, place, output)
        if wanted.script == "-":
            _put_on_stdin(arguments.script_content)
        owner = None if wanted.is_command else _owner_of_task(wanted.words[0], runner.project)
        if owner is not None:
            steps = steps_of(owner.tool.tasks, wanted.words[0], wanted.words[1:])
            return _run_steps(steps, owner.root, place, variables, output)
        hints = _hints(wanted.words[0], runner.project, place)
        return _run(wanted.words, place, variables, hints, stays=arguments.no_cache)


# What is asked for


def _wanted(arguments: argparse.Namespace) -> Wanted:
    given: list[str] = arguments.arguments
    verbatim = given[:1] == ["--"]
    words = given[1:] if verbatim else given
    if arguments.module:
        if not words:
            raise UsageError("no module is named", hints=("name one: `dxpy run -m http.server`",))
        return Wanted(["python", "-m", *words], is_command=True)
    if not words:
        if arguments.as_script:
            raise UsageError("no script is named", hints=("name one: `dxpy run --script FILE`",))
        return Wanted([])
    first = words[0]
    if arguments.as_script or is_source(first) or (first == "-" and not verbatim):
        if first != "-":
            _require_file(first)
        return Wanted(["python", *words], script=first, is_command=True)
    if first.endswith(".pyz") or os.path.isfile(os.path.join(first, "__main__.py")):
        return Wanted(["python", *words], is_command=True)
    if first.endswith(".py") and os.path.isdir(first):
        _require_file(first)
    return Wanted(words, is_command=verbatim)


def _projects(project: Project | None) -> list[Project]:
    """The projects whose tasks can be run: that which is meant, then the workspace that it is in."""
    if project is None:
        return []
    return [project] if project.meant is project else [project.meant, project]


def _owner_of_task(name: str, project: Project | None) -> Project | None:
    """The first of these with a task of that name."""
    return next((each for each in _projects(project) if name in each.tool.tasks), None)


def _require_file(name: str) -> None:
    if os.path.isdir(name):
        raise UsageError(f"`{name}` is a directory, not a script")
    if not os.path.isfile(name):
        raise UsageError(f"there is no file `{name}`")


def requirements_besides(arguments: argparse.Namespace) -> list[Requirement]:
    """What is to be there besides: of `--with`, `--with-editable` and `--with-requirements`."""
    texts = [text for given in arguments.with_packages for text in split_requirements(given)]
    wanted = [load("editables").placed(text) if _is_place(text) else _requirement(text) for text in texts]
    if arguments.with_editable:
        wanted += map(load("editables").editable, arguments.with_editable)
    scripts = [file for file in arguments.with_requirements if file.endswith(".py")]
    for script in scripts:
        wanted += load("editables").asked_by_script(script)
    files = [file for file in arguments.with_requirements if file not in scripts]
    in_files = read_statements(files, "requirements", Path.cwd())
    return [*wanted, *(each.requirement for each in in_files)]


def _is_place(text: str) -> bool:
    """Whether a directory, an archive, a repository or an address is meant, and no name."""
    return text.startswith((".", "~", "/", "git+", "file:")) or "/" in text.partition("@")[0] or text.endswith(".whl")


def split_requirements(text: str) -> list[str]:
    """The requirements in a list with commas: one that is followed by a name ends one, others are of a version."""
    found, depth = [""], 0
    for place, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        following = text[place + 1 :].lstrip()[:1]
        if character == "," and depth == 0 and (following.isalnum() or not following):
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found if part.strip()]


def _requirement(text: str) -> Requirement:
    try:
        return parse_requirement(text)
    except parsers.requirements.InvalidRequirement as error:
        raise UsageError(f"`--with {text}` is not a requirement: {str(error).partition(chr(10))[0]}") from error


def variables_of_files(arguments: argparse.Namespace) -> dict[str, str]:
    """What the files of variables say; of several files the later wins."""
    if arguments.no_env_file or switched_on(os.environ, "DXPY_NO_ENV_FILE"):
        return {}
    found: dict[str, str] = {}
    for name in arguments.env_file or os.environ.get("DXPY_ENV_FILE", "").split():
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            raise UsageError(f"the file of variables `{name}` cannot be read: {error.strerror}") from error
        found |= parse_env_file(content, {**found, **os.environ}, file=name)
    return found


# Where it runs


class _Runner:
    """Finds the environment, and brings it up to date."""

    def __init__(self, arguments: argparse.Namespace, output: Output, sync: Sync, stack: ExitStack) -> None:
        self._arguments, self._output, self._sync, self._stack = arguments, output, sync, stack
        self.project: Project | None = None
        self._began_ns = time.time_ns()

    def place_of_script(self, name: str) -> Place | None:
        script = read_script(name, self._arguments, self._output)
        if script is None:
            return self.place_of_project()
        lock = script_lock(script.file)
        if (self._arguments.locked or self._arguments.frozen) and not lock.exists():
            raise LockNotFound(str(lock), command=f"dxpy lock --script {name}")
        settings = self._stack.enter_context(settings_of(self._arguments, script))
        script = with_environment(script, settings)
        if not self._sync_kept(script, settings):
            return None
        if name != "-":
            self._remember(script, settings)
        return self._overlaid(script, Place(str(script.environment)), settings)

    def _is_plain(self, project: Project) -> bool:
        """Whether no flag has a say in the environment; `--with` does not count."""
        given = self._arguments
        flags = (given.no_cache, given.no_config, given.config_file, given.cache_dir, given.no_sync, given.offline)
        more = (given.frozen, given.locked, given.isolated, given.project, given.with_requirements, given.with_editable)
        return not (any(flags) or any(more) or request_text(given, project))

    def _remember_overlay(self, under: Project, place: Place, above: Project, settings: Settings) -> None:
        places = any(_is_place(text) for text in self._arguments.with_packages)  # which may change unseen
        if self.project is None or places or not self._is_plain(replace(under, members=())):
            return
        stamps = take_stamps([str(under.lock)], self._began_ns)
        texts, cache_dir = self._arguments.with_packages, str(settings.cache_dir)
        remember_overlay(texts, place.environment, str(above.environment), stamps, cache_dir)

    def _remember(self, script: Project, settings: Settings) -> None:
        given = self._arguments
        if given.with_packages or not self._is_plain(script):
            return
        watched = [str(script.lock), *map(str, watched_paths(script, os.environ, Path.cwd()))]
        stamps = take_stamps(watched, self._began_ns)
        remember_script(given.script_content, str(script.file), str(script.environment), stamps, settings.cache_dir)

    def place_of_project(self) -> Place | None:
        arguments = self._arguments
        root = None if arguments.no_project else _root(arguments)
        if root is None:
            settings = self._stack.enter_context(settings_of(arguments, None))
            here = Project(root=Path.cwd(), name=ProjectName(""), elsewhere=ProjectPlaces.within(Path.cwd()))
            return self._overlaid(here, _outside(arguments, settings), settings)
        project, watch = watched_project(arguments)
        settings = self._stack.enter_context(settings_of(arguments, project))
        if arguments.isolated:
            project = isolated(project, settings)
            watch = StateWatch.begin(project.places)
            settings = kept_settings(arguments, project, settings)
        self.project = project
        facts, options = sync_facts(arguments, project), sync_options(arguments)
        if arguments.no_sync:
            _require_environment(project)
        elif options.begins_anew or unchanged(str(project.environment), facts, exact=options.exact) is None:
            key = None if arguments.isolated else blueprint_key(arguments, project)
            outcome = self._sync(SyncRequest(project, watch, settings, options, facts, key))
            if outcome is None:
                return None
            self._report(outcome)
        return self._overlaid(project, Place(str(project.environment)), settings)

    def _overlaid(self, under: Project, place: Place, settings: Settings) -> Place | None:
        """The place, with what is wanted besides laid over it."""
        requirements = requirements_besides(self._arguments)
        if not requirements:
            return place
        if place.environment:
            base = open_environment(Path(place.environment), cache_dir=settings.cache_dir)
            if base is None:
                raise InvalidEnvironment(f"there is no environment at `{place.environment}`")
            interpreter, sites = base.interpreter, site_directories(base.scheme)
        else:
            interpreter, sites = probe(Path(place.python), cache_dir=settings.cache_dir), ()
        settings = kept_settings(self._arguments, under, replace(settings, python=str(interpreter.executable)))
        pins = under.lock.read_bytes() if under.lock.is_file() else b""
        above = overlay(requirements, under=under, base=place.environment, pins=pins, settings=settings)
        lay_over(above, interpreter, sites, settings)
        if not self._sync_kept(above, settings, pins=under.lock):
            return None
        self._remember_overlay(under, place, above, settings)
        return Place(str(above.environment), over=place.environment)

    def _sync_kept(self, project: Project, settings: Settings, *, pins: Path | None = None) -> bool:
        """Bring an environment in the cache up to date; whether that worked.

        With `pins` it is one that is laid over another, and this run's own: `--no-sync` does not mean it.
        """
        facts = sync_facts(self._arguments, project)
        if self._arguments.no_sync and pins is None:
            _require_environment(project)
        elif unchanged(str(project.environment), facts) is None:
            project.environment.parent.mkdir(parents=True, exist_ok=True)
            watch = StateWatch.of_lock(project.places)
            options = replace(sync_options(self._arguments), pins_from=pins, exact=True)
            outcome = self._sync(SyncRequest(project, watch, settings, options, facts, None))
            if outcome is None:
                return False
            self._report(outcome)
        return True

    def _report(self, outcome: SyncOutcome) -> None:
        if outcome.changed:
            report(outcome, self._output)


def _root(arguments: argparse.Namespace) -> Path | None:
    try:
        return project_root(arguments)
    except ProjectNotFound:
        if arguments.project:
            raise
        return None


def _require_environment(project: Project) -> None:
    if not project.environment.is_dir():
        raise InvalidEnvironment(
            f"there is no environment at `{project.environment}`", hints=("leave out `--no-sync`, and it is made",)
        )


def _outside(arguments: argparse.Namespace, settings: Settings) -> Place:
    """Where commands run when there is no project: the active environment, one here or above, or no environment."""
    if settings.python is None and not arguments.isolated:
        here = Path.cwd()
        around = [str(directory / ENVIRONMENT_NAME) for directory in (here, *here.parents)]
        for candidate in (os.environ.get("VIRTUAL_ENV", ""), *around):
            if candidate and os.path.isfile(os.path.join(candidate, "pyvenv.cfg")):
                return Place(candidate)
    search = SearchPlaces.from_environ(os.environ, sys.executable)
    return Place(python=str(find_interpreter(settings.python, search=search, cache_dir=settings.cache_dir).executable))


# Running it


def _ways_out(error: OSError) -> tuple[str, ...]:
    """What helps when a command is there and cannot be found: its first line names an interpreter that is not."""
    if not isinstance(error, FileNotFoundError) or not os.path.exists(error.filename or ""):
        return ()
    hint = "its first line names an interpreter that is not there; when the environment was moved, "
    return (f"{hint}`dxpy sync --reinstall` writes its commands anew",)


def _run(words: list[str], place: Place, variables: Mapping[str, str], hints: Sequence[str], *, stays: bool) -> int:
    """Become the command, or with `stays` wait for its end. Raises UsageError if it cannot be."""
    try:
        prepared = prepare(place.environment, words, variables, over=place.over, python=place.python)
        if prepared is not None:
            return run_child(*prepared) if stays else become(*prepared)
    except OSError as error:
        raise UsageError(f"`{words[0]}` cannot be started: {error.strerror}", hints=_ways_out(error)) from error
    if words[0].endswith(".py"):
        raise UsageError(f"there is no file `{words[0]}`")
    raise UsageError(f"there is no command `{words[0]}` in the environment or on PATH", hints=tuple(hints))


def _run_steps(steps: Sequence[Step], root: Path, place: Place, variables: Mapping[str, str], output: Output) -> int:
    """Run what a task comes to, one command after the other while they succeed; the last one replaces this process."""
    for number, (task, command) in enumerate(steps, 1):
        directory = root / task.cwd
        try:
            os.chdir(directory)
        except OSError as error:
            raise UsageError(f"the task `{task.name}` cannot run in `{directory}`: {error.strerror}") from error
        if len(steps) > 1:
            output.detail(f"$ {command}")
        words = _shell(command.words[0]) if command.shell else [*command.words]
        hints = (f"it is a command of the task `{task.name}`",)
        code = _run(words, place, {**variables, **task.env}, hints, stays=number < len(steps))
        if code:
            return code
    return 0


def _shell(text: str) -> list[str]:
    return [os.environ.get("COMSPEC", "cmd.exe"), "/c", text] if os.name == "nt" else ["/bin/sh", "-c", text]


def _put_on_stdin(content: bytes) -> None:
    """Let whoever comes after this process read `content` from standard input."""
    import tempfile  # noqa: PLC0415 - 8 ms, and few scripts come that way

    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        file.seek(0)
        os.dup2(file.fileno(), 0)


# What can be run


def _list(project: Project | None, place: Place, output: Output) -> int:
    tasks = {name: task for each in reversed(_projects(project)) for name, task in each.tool.tasks.items()}.values()
    width = max((len(task.name) for task in tasks), default=0)
    listed = ["Tasks:", *(f"  {task.name:{width}}  {summary_of(task)}" for task in tasks)] if tasks else []
    if commands := _commands(place):
        listed += [*([""] if listed else []), "Commands in the environment:", *(f"  {name}" for name in commands)]
    if listed:
        output.data(printable("\n".join(listed)))
    output.say("Run one with `dxpy run NAME`")
    return 0


def _commands(place: Place) -> list[str]:
    """The executables of the environment, without those that every one has."""
    found: set[str] = set()
    for environment in (place.environment, place.over):
        directory = scripts_of(environment) if environment else ""
        names = os.listdir(directory) if os.path.isdir(directory) else []
        found |= {name for name in names if os.access(os.path.join(directory, name), os.X_OK)}
    return sorted(name for name in found if not name.lower().startswith(("python", "activate", "deactivate")))


def _hints(name: str, project: Project | None, place: Place) -> list[str]:
    """Ways out when there is nothing called `name`."""
    tasks = {task for each in _projects(project) for task in each.tool.tasks}
    hints = []
    if close := get_close_matches(name, {*tasks, *_commands(place)} - {name}, 2):
        hints.append(f"did you mean {' or '.join(f'`{each}`' for each in close)}?")
    if name in tasks:
        hints.append(f"there is a task of that name: `dxpy run {name}`")
    if project is not None:
        hints.append("if a package provides it, add that package to the project's dependencies")
    else:
        hints.append("if a package provides it, name that package with `--with`")
    return hints
