"""Environments that dxpy keeps in the cache, because what they are for has no directory of its own.

    environments-v1/<key>/.venv         the environment, of symbolic links into the store
    environments-v1/<key>/dxpy.lock     what is in it, where nothing else says so

A script without a lock has one for what it asks for, so all scripts that ask for the same share it, and none is
resolved twice; a script with a lock shares with nobody, and neither do the packages of `dxpy run --with`, which lie
over one environment. Another question has another environment, so whether one holds needs no look at the question.
A tool that is run has one for what was resolved, so that one that is running keeps what it has when there is a newer
version. `dxpy cache gc` removes those that nobody has started for long.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.names import ProjectName
from dxpy_async.core.places import ENVIRONMENT_NAME, ENVIRONMENTS_BUCKET, LOCK_NAME
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.settings import Settings
from dxpy_async.core.source_urls import ArchiveUrl, DirectoryUrl, file_url, parse_source_url, path_of_file_url
from dxpy_async.engine.locking import lock_settings
from dxpy_async.project.locked_roots import roots_of
from dxpy_async.project.pyproject import Project, ProjectPlaces
from dxpy_async.project.scripts import script_lock
from dxpy_async.python.interpreters import Interpreter

_KEY_LENGTH = 32


def with_environment(script: Project, settings: Settings, *, locks: bool = False) -> Project:
    """A script with the environment that it is to run in, and with the lock that says what is in there.

    That is its own if it has one, or with `locks`, when it shall have one.
    """
    lock = script_lock(script.file)
    if locks or lock.exists():
        places = _places(settings, ["script", str(script.file), *_asked(script, settings)], script.file)
        return replace(script, elsewhere=replace(places, lock=lock))
    script = replace(script, dependencies=tuple(_anchored(each, script.root) for each in script.dependencies))
    return replace(script, elsewhere=_places(settings, ["scripts", *_asked(script, settings)], script.file))


def overlay(
    requirements: Iterable[Requirement], *, under: Project, base: str, pins: bytes, settings: Settings
) -> Project:
    """What `requirements` make when they are laid over the environment `base`, which may be empty: none.

    `under` is the project or script that is run. `pins` are the bytes of its lock, whose versions count.
    """
    wanted = Project(root=under.root, name=ProjectName(""), dependencies=tuple(requirements), tool=under.tool)
    facts = ["overlay", base, blake3_of(pins).hex(), *_asked(wanted, settings)]
    return replace(wanted, elsewhere=_places(settings, facts, under.root / "--with"))


def isolated(project: Project, settings: Settings) -> Project:
    """The project with an environment of its own beside the usual one."""
    places = _places(settings, ["isolated", str(project.root)], project.file)
    return replace(project, elsewhere=replace(places, lock=project.lock), placed=None)


def tool_question(requirements: Iterable[Requirement], settings: Settings) -> Project:
    """What is to be resolved for a tool that is run: a project without a lock or an environment of its own."""
    root = Path.cwd()
    wanted = Project(root=root, name=ProjectName(""), dependencies=tuple(requirements))
    return replace(wanted, elsewhere=_places(settings, ["tools", *_asked(wanted, settings)], root / "the tool"))


def tool_environment(question: Project, lock: bytes, interpreter: Interpreter, settings: Settings) -> Project:
    """The project with the environment for this answer; the lock that it has there may have to be written."""
    facts = ["tool", blake3_of(lock).hex(), str(interpreter.executable), interpreter.version]
    return replace(question, elsewhere=_places(settings, facts, question.file))


def _anchored(requirement: Requirement, root: Path) -> Requirement:
    """A requirement of a script whose lock is not beside it: what is relative to the script made absolute."""
    if requirement.url is None or not requirement.url.startswith("file:"):
        return requirement
    url = parse_source_url(requirement.url)
    if isinstance(url, DirectoryUrl):
        return requirement._replace(url=str(url._replace(path=(root / url.path).as_posix())))
    if isinstance(url, ArchiveUrl):
        place = file_url((root / path_of_file_url(url.url)).as_posix())
        return requirement._replace(url=str(url._replace(url=place)))
    return requirement


def _asked(project: Project, settings: Settings) -> list[str]:
    """All that decides what is in an environment for `project`, besides time."""
    stated = [f"{name}={value}" for name, value in sorted(lock_settings(settings).items())]
    roots = roots_of(project, settings.resolution.amendments)
    return [project.requires_python, settings.python or "", *stated, *map(str, roots.requirements)]


def _places(settings: Settings, facts: list[str], file: Path) -> ProjectPlaces:
    key = blake3_of("\0".join(facts).encode("utf-8", "surrogateescape")).hex()[:_KEY_LENGTH]
    root = settings.cache_dir / ENVIRONMENTS_BUCKET / key
    return ProjectPlaces(file, root / LOCK_NAME, root / ENVIRONMENT_NAME)
