"""What words and flags of the command line may be: names in the project, the lock, the environment and the cache.

All is read from files that are there, as raw as they are: a project with a mistake in it still completes, and what
cannot be read at all offers nothing.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dxpy_async.cli.launch import scripts_of
from dxpy_async.core.places import ENVIRONMENT_NAME, LOCK_NAME, PROJECT_NAME
from dxpy_async.core.user_places import python_dir, tool_dir
from dxpy_async.errors import DxpyError
from dxpy_async.formats.dpl import DplLockFile
from dxpy_async.project.cache_place import default_cache_dir
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.member_globs import TooManyDirectories, expand

Words = Iterable[str] | Mapping[str, str]
"""What may stand there; as a mapping with what is said of each."""

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_MINOR = r"(?P<minor>3\.(?:[89]|\d\d))"
_EXECUTABLE = re.compile(rf"python{_MINOR}(?P<threads>t?)(?:\.exe)?")
_OF_PYENV = re.compile(rf"{_MINOR}[.\w]*?(?P<threads>t?)")
_INSTALLED = re.compile(rf"cpython-{_MINOR}\.\w+(?P<threads>\+freethreaded)?-.+")
"""The directory of a Python that dxpy has installed."""


class Line(NamedTuple):
    """What stands on the command line: the word that is to be completed, and what was said before."""

    prefix: str
    given: argparse.Namespace

    def words(self, name: str) -> list[str]:
        """The words given so far for an argument that takes several."""
        return getattr(self.given, name, None) or []


Source = Callable[[Line], Words]


class _Project(NamedTuple):
    directory: str
    document: Mapping[str, Any]

    def table(self, *keys: str) -> Mapping[str, Any]:
        """The table at these keys; empty when something else is there, or nothing."""
        found: Any = self.document
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found if isinstance(found, Mapping) else {}

    @property
    def name(self) -> str:
        name = self.table("project").get("name")
        return name if isinstance(name, str) else ""

    def workspace(self) -> Mapping[str, Any]:
        return self.table("tool", "dxpy", "workspace") or self.table("tool", "uv", "workspace")


def completer_for(prog: str, action: argparse.Action) -> Callable[..., Words] | None:
    """What completes an argument of the command `prog`, as argcomplete calls it; None when nothing can be said."""
    source = _source_of(prog, action)
    if source is None:
        return None

    def completer(*, prefix: str, parsed_args: argparse.Namespace, **_: object) -> Words:
        try:
            return source(Line(prefix, parsed_args))
        except (DxpyError, OSError, TooManyDirectories):  # a shell that waits for words is not told what is wrong
            return ()

    return completer


def _source_of(prog: str, action: argparse.Action) -> Source | None:
    if not action.option_strings:
        return _WORDS.get((prog, action.dest)) or _by_placeholder(action)
    own = next((_FLAGS_OF[prog, flag] for flag in action.option_strings if (prog, flag) in _FLAGS_OF), None)
    return own or next((_FLAGS[flag] for flag in action.option_strings if flag in _FLAGS), _by_placeholder(action))


def _by_placeholder(action: argparse.Action) -> Source | None:
    words = action.metavar if isinstance(action.metavar, str) else ""
    if words == "DIR":
        return directories
    return files if words in ("FILE", "PATH", "WHEEL", "LOCK", "SCRIPT", "FILE ...") else None


def files(line: Line) -> list[str]:
    """Files and directories; these end in `/`."""
    return list(_paths(line.prefix))


def directories(line: Line) -> list[str]:
    return [path for path in _paths(line.prefix) if path.endswith("/")]


def _paths(prefix: str) -> Iterator[str]:
    place, _, begun = prefix.rpartition("/")
    place += "/" if "/" in prefix else ""
    for entry in sorted(os.scandir(os.path.expanduser(place) or "."), key=lambda entry: entry.name):
        if entry.name.startswith(begun) and (begun.startswith(".") or not entry.name.startswith(".")):
            yield place + entry.name + ("/" if entry.is_dir() else "")


def extras(line: Line) -> Words:
    return [name for project in _projects(line) for name in project.table("project", "optional-dependencies")]


def groups(line: Line) -> Words:
    return [name for project in _projects(line) for name in project.table("dependency-groups")]


def members(line: Line) -> Words:
    return [project.name for project in _members(line)]


def requirements(line: Line) -> Words:
    """The names of what the project requires, in any of its lists."""
    projects = _projects(line)[:1]
    listed = [project.table("project").get("dependencies") for project in projects]
    for project in projects:
        listed += project.table("project", "optional-dependencies").values()
        listed += project.table("dependency-groups").values()
    texts = (text for each in listed if isinstance(each, list) for text in each if isinstance(text, str))
    return [found[1] for text in texts if (found := _NAME.match(text))]


def locked(line: Line) -> Words:
    """The names of what is in the lock."""
    root = next((each for each in _upwards(line) if os.path.isfile(os.path.join(each, LOCK_NAME))), None)
    if root is None:
        return ()
    with DplLockFile.open(os.path.join(root, LOCK_NAME)) as lock:
        return list(lock.names())


def indexes(line: Line) -> Words:
    return _index_names(line)


def replaced_indexes(line: Line) -> Words:
    """Where the project's index of a name is: the URL is for people to write."""
    return [f"{name}=" for name in _index_names(line)]


def _index_names(line: Line) -> list[str]:
    names = []
    for project in _projects(line):
        listed = project.table("tool", "dxpy").get("index") or project.table("tool", "uv").get("index")
        entries = listed if isinstance(listed, list) else []
        names += [entry["name"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)]
    return names


def pythons(line: Line) -> Words:
    """The minor versions of Python that are there, as far as names tell; and paths, once one is begun."""
    if "/" in line.prefix:
        return files(line)
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    places = dict.fromkeys(os.get_exec_path(), _EXECUTABLE)
    places |= {f"{pyenv}/versions": _OF_PYENV, python_dir(os.environ): _INSTALLED}
    matches = (form.fullmatch(name) for place, form in places.items() for name in _listed(place))
    found = {f"{match['minor']}{'t' if match['threads'] else ''}" for match in matches if match}
    return sorted(found, key=lambda version: tuple(map(int, version.removesuffix("t").split("."))), reverse=True)


def installed(line: Line) -> Words:
    """The projects that are in the environment that is active, or in the project's."""
    active = os.environ.get("VIRTUAL_ENV")
    places = [active] if active else [os.path.join(directory, ENVIRONMENT_NAME) for directory in _upwards(line)]
    place = Path(next(filter(os.path.isdir, places), os.devnull))
    found = [*place.glob("lib/python*/site-packages/*.dist-info"), *place.glob("Lib/site-packages/*.dist-info")]
    return sorted({each.name.partition("-")[0] for each in found})


def tools(line: Line) -> Words:
    """The tools that dxpy has installed."""
    return [name for name in _listed(tool_dir(os.environ)) if not name.startswith(".")]


def runnable(line: Line) -> Words:
    """What `run` can run: tasks, commands of the environment, scripts; and after that, files."""
    if line.words("arguments"):
        return files(line)
    found: dict[str, str] = {}
    for project in reversed(_projects(line)):
        found |= {name: f"task: {_said_of(task)}" for name, task in project.table("tool", "dxpy", "scripts").items()}
    for directory in _upwards(line):
        names = _listed(scripts_of(os.path.join(directory, ENVIRONMENT_NAME)))
        found |= {name: "command" for name in names if name not in found and not name.lower().startswith("activate")}
    return found | {path: "" for path in files(line) if path.endswith((".py", "/"))}


def known_projects(line: Line) -> Words:
    """Projects of which the cache has a page; and paths, once one is begun."""
    if "/" in line.prefix or line.prefix.startswith("."):
        return files(line)
    if not line.prefix:
        return ()  # there are hundreds
    pages = os.path.join(os.environ.get("DXPY_CACHE_DIR") or default_cache_dir(os.environ), "pages-v1")
    begun = line.prefix.lower().replace("_", "-")
    names = {name for index in _listed(pages) for name in _listed(os.path.join(pages, index)) if name.startswith(begun)}
    return sorted(names)


def tools_or_projects(line: Line) -> Words:
    """What `tool run` can run; and after that, files."""
    if line.words("arguments"):
        return files(line)
    return dict.fromkeys(known_projects(line), "") | dict.fromkeys(tools(line), "installed")


def _said_of(task: object) -> str:
    said = task.get("cmd") or task.get("help") if isinstance(task, Mapping) else task
    return " ".join(map(str, said)) if isinstance(said, list) else str(said or "")


def _upwards(line: Line) -> list[str]:
    """The directory that the command would work in, and those above it, to the nearest projects."""
    named = getattr(line.given, "project", None) or os.environ.get("DXPY_PROJECT") or ""
    place = getattr(line.given, "directory", None) or os.environ.get("DXPY_WORKING_DIR") or ""
    start = Path(os.path.abspath(os.path.join(os.path.expanduser(place), os.path.expanduser(named))))
    return list(map(str, (start, *start.parents)))


def _projects(line: Line) -> list[_Project]:
    """The project around, and the workspace above it."""
    found: list[_Project] = []
    for directory in _upwards(line):
        if not found or b"workspace" in _content(directory):
            found += filter(lambda each: not found or each.workspace(), _read(directory))
    return found


def _members(line: Line) -> Iterator[_Project]:
    for root in _projects(line):
        globs = root.workspace().get("members")
        yield from [root] if globs and root.name else []
        for glob in globs if isinstance(globs, list) else []:
            for place in expand(root.directory, glob).found:
                yield from (each for each in _read(os.path.join(root.directory, place)) if each.name)


def _content(directory: str) -> bytes:
    try:
        return read_content(Path(directory, PROJECT_NAME))
    except FileNotFoundError:
        return b""


def _read(directory: str) -> list[_Project]:
    """The project in a directory, if there is one."""
    file, content = os.path.join(directory, PROJECT_NAME), _content(directory)
    return [_Project(directory, parse(decode(content, file), file))] if content else []


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


_FLAGS: Mapping[str, Source] = {
    "--extra": extras,
    "--no-extra": extras,
    "--optional": extras,
    "--group": groups,
    "--no-group": groups,
    "--only-group": groups,
    "--package": members,
    "--upgrade-package": locked,
    "--refresh-package": locked,
    "--no-install-package": locked,
    "--no-build-package": locked,
    "--no-binary-package": locked,
    "--show": locked,
    "--prune": locked,
    "--python": pythons,
    "--index": replaced_indexes,
    "--with": known_projects,
    "--from": known_projects,
}
"""By any of a flag's names, whatever the command."""

_FLAGS_OF: Mapping[tuple[str, str], Source] = {
    ("dxpy tree", "--package"): locked,
    ("dxpy add", "--extra"): lambda _: (),
    ("dxpy lock", "--from"): files,
    ("dxpy publish", "--index"): indexes,
}
"""Where a command means something else by it."""

_WORDS: Mapping[tuple[str, str], Source] = {
    ("dxpy add", "packages"): known_projects,
    ("dxpy remove", "packages"): requirements,
    ("dxpy why", "package"): locked,
    ("dxpy run", "arguments"): runnable,
    ("dxpy cache clean", "packages"): locked,
    ("dxpy auth login", "service"): indexes,
    ("dxpy auth logout", "service"): indexes,
    ("dxpy pip show", "packages"): installed,
    ("dxpy pip uninstall", "packages"): installed,
    ("dxpy python list", "request"): pythons,
    ("dxpy python find", "request"): pythons,
    ("dxpy python pin", "request"): pythons,
    ("dxpy python install", "requests"): pythons,
    ("dxpy python upgrade", "requests"): pythons,
    ("dxpy python uninstall", "requests"): pythons,
    ("dxpy tool run", "arguments"): tools_or_projects,
    ("dxpy tool install", "packages"): known_projects,
    ("dxpy tool upgrade", "names"): tools,
    ("dxpy tool uninstall", "names"): tools,
}
"""By the name of the argument, as it is declared."""
