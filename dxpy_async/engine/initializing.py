"""Beginning a project or a script: its files are written all or none, and pyproject.toml last.

What is there already is kept, so that what a killed run left is completed by the next one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName, is_valid_name, normalize
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.settings import Settings
from dxpy_async.errors import ProjectError, UsageError
from dxpy_async.project.joining import plan_joining
from dxpy_async.project.new_files import (
    DEFAULT_BACKEND,
    IGNORE_NAME,
    IGNORED,
    Backend,
    NewProject,
    ProjectKind,
    project_files,
    script_document,
    script_text,
)
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.script_blocks import find_block, with_block
from dxpy_async.python.interpreters import Interpreter, SearchPlaces, find_interpreter

_GIT_SECONDS = 30


class VersionControl(StrEnum):
    """What keeps the history of a new project; `auto` is git where there is git and no repository yet."""

    AUTO = "auto"
    GIT = "git"
    NONE = "none"


class AuthorSource(StrEnum):
    """Where the author's name comes from; `auto` is git's, for projects that are built."""

    AUTO = "auto"
    GIT = "git"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """How to begin a project. `name` None: that of the directory. `package` None: what `kind` and `backend` suggest."""

    name: str | None = None
    kind: ProjectKind = ProjectKind.APP
    package: bool | None = None
    backend: Backend | None = None
    description: str | None = None
    readme: bool = True
    bare: bool = False
    pin: bool = True
    version_control: VersionControl = VersionControl.AUTO
    author_from: AuthorSource = AuthorSource.AUTO
    join_workspace: bool = True


class Initialized(NamedTuple):
    """A project that was begun, and the root of the workspace that it became a member of."""

    project: NewProject
    workspace: Path | None


def initialize_project(
    directory: Path,
    options: InitOptions,
    *,
    settings: Settings,
    search: SearchPlaces,
    environ: Mapping[str, str],
) -> Initialized:
    """Begin a project in `directory` (absolute), which is made if it is not there, and its repository.

    Below another project it becomes a member of that one's workspace, which is made if there is none.

    Raises ProjectError when there is a project already, UsageError for what cannot be its name, InterpreterNotFound.
    """
    if os.path.lexists(directory / PROJECT_NAME):
        raise ProjectError(
            f"`{directory}` has a project already: there is a `{PROJECT_NAME}`",
            hints=("add to it with `dxpy add`", "name another directory: `dxpy init PATH`"),
        )
    name = _name(directory, options.name)
    joining = plan_joining(directory) if options.join_workspace else None
    interpreter = find_interpreter(settings.python, search=search, cache_dir=settings.cache_dir)
    git = _Git.find(directory, environ)
    if git is None and VersionControl.GIT in (options.version_control, options.author_from):
        raise UsageError("`git` is not on the search path", hints=("leave out what asks for it, or install git",))
    packaged = _is_packaged(options)
    project = NewProject(
        name=name,
        kind=options.kind,
        backend=(options.backend or DEFAULT_BACKEND) if packaged else None,
        description=options.description,
        author=_author(options, git, packaged=packaged),
        requires_python=(joining.requires_python if joining else "") or _requires_python(interpreter),
        pin=_pin(interpreter) if options.pin and not (joining and joining.has_pin) else None,
        readme=options.readme,
        bare=options.bare,
    )
    files = project_files(project)
    with _all_or_nothing(directory) as made:
        if _begins_repository(options, git):
            assert git is not None
            made.repository(directory / ".git")
            git.init(directory)
        if git is not None and not options.bare and os.path.lexists(directory / ".git"):
            files = {IGNORE_NAME: IGNORED, **files}
        for path, text in files.items():
            made.file(directory / path, text)
        if joining is not None:
            joining.save()
    return Initialized(project, joining.root if joining is not None else None)


def initialize_script(file: Path, *, settings: Settings, search: SearchPlaces, bare: bool = False) -> None:
    """Make `file` (absolute) a script that says what it requires; one that is there gets the block alone.

    Raises ProjectError when it says so already, and InterpreterNotFound.
    """
    interpreter = find_interpreter(settings.python, search=search, cache_dir=settings.cache_dir)
    requires_python = _requires_python(interpreter)
    try:
        there = file.read_bytes()
    except FileNotFoundError:
        with _all_or_nothing(file.parent) as made:
            made.file(file, script_text(file.name, requires_python, bare=bare))
        return
    except OSError as error:
        raise ProjectError(f"`{file}` cannot be read as a script: {error}") from error
    if find_block(there, str(file)) is not None:
        raise ProjectError(
            f"`{file}` says already what it requires", hints=(f"add to that with `dxpy add --script {file.name} …`",)
        )
    replace_file(file, with_block(there, script_document(requires_python), str(file)))


def _name(directory: Path, given: str | None) -> ProjectName:
    name = directory.name if given is None else given
    if is_valid_name(name):
        return normalize(name)
    what = f"`{name}` cannot be the name of a project"
    if given is None:
        what = f"`{name}`, the name of the directory, cannot be that of a project" if name else "`/` has no name"
    hints = ["a name has letters, digits, `-`, `_` and `.`, and begins and ends with a letter or digit"]
    likely = "-".join(filter(None, "".join(c if c.isascii() and c.isalnum() else " " for c in name).split()))
    if likely:
        hints.append(f"say `--name {likely.lower()}`" if given is None else f"`{likely.lower()}` would do")
    elif given is None:
        hints.append("say `--name NAME`")
    raise UsageError(what, hints=hints)


def _is_packaged(options: InitOptions) -> bool:
    if options.package is not None:
        return options.package
    return options.kind is ProjectKind.LIB or options.backend is not None


def _requires_python(interpreter: Interpreter) -> str:
    major, minor = interpreter.target.python_version.release[:2]
    return f">={major}.{minor}"


def _pin(interpreter: Interpreter) -> str:
    """The request that finds an interpreter like this one."""
    major, minor = interpreter.target.python_version.release[:2]
    implementation = interpreter.target.markers.get("implementation_name", "cpython")
    return f"{major}.{minor}" if implementation == "cpython" else f"{implementation}@{major}.{minor}"


def _author(options: InitOptions, git: _Git | None, *, packaged: bool) -> tuple[str, str] | None:
    wanted = packaged and not options.bare if options.author_from is AuthorSource.AUTO else True
    if git is None or options.author_from is AuthorSource.NONE or not wanted:
        return None
    author = git.setting("user.name"), git.setting("user.email")
    if not any(author) and options.author_from is AuthorSource.GIT:
        raise UsageError(
            "git does not know the author's name", hints=("tell it: `git config --global user.name 'Your Name'`",)
        )
    return author if any(author) else None


def _begins_repository(options: InitOptions, git: _Git | None) -> bool:
    if options.version_control is VersionControl.NONE or git is None or git.has_repository:
        return False
    return options.version_control is VersionControl.GIT or not options.bare


@dataclass(frozen=True, slots=True)
class _Git:
    """The program, and the directory it is asked in, which is the nearest that exists."""

    program: str
    place: Path
    environ: Mapping[str, str]

    @property
    def has_repository(self) -> bool:
        inside = self._run("rev-parse", "--is-inside-work-tree")
        return inside.returncode == 0 and inside.stdout.strip() == "true"

    @classmethod
    def find(cls, directory: Path, environ: Mapping[str, str]) -> _Git | None:
        program = shutil.which("git", path=environ.get("PATH"))
        if program is None:
            return None
        place = next(each for each in (directory, *directory.parents) if each.is_dir())
        return cls(program, place, environ)

    def setting(self, key: str) -> str:
        """A value of git's configuration, empty when it has none."""
        found = self._run("config", "--get", key)
        text = found.stdout.strip() if found.returncode == 0 else ""
        return text if text.isprintable() else ""

    def init(self, directory: Path) -> None:
        """Begin a repository. Raises ProjectError."""
        ended = self._run("init", "--quiet", "--", str(directory))
        if ended.returncode:
            said = " ".join(ended.stderr.split()) or f"it ended with {ended.returncode}"
            raise ProjectError(f"`git init` in `{directory}` failed: {said}", hints=("say `--vcs none` to do without",))

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self.program, *arguments],
                cwd=self.place,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_GIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProjectError(f"`git {arguments[0]}` took over {_GIT_SECONDS} seconds") from error


class _Made:
    """What was made so far, in order."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def directory(self, path: Path) -> None:
        """Make `path` and what is missing above it."""
        missing = [path] if not path.is_dir() else []
        while missing and not missing[-1].parent.is_dir():
            missing.append(missing[-1].parent)
        for each in reversed(missing):
            if os.path.lexists(each):
                raise ProjectError(f"`{each}` is a file, and a directory of that name is needed")
            each.mkdir()
            self._made.append(each)

    def file(self, path: Path, text: str) -> None:
        """Write a file that is not there; one that is stays what it is."""
        self.directory(path.parent)
        if path.is_dir():
            raise ProjectError(f"`{path}` is a directory, and a file of that name is needed")
        try:
            with open(path, "x", encoding="utf-8", newline="\n") as file:
                self._made.append(path)
                file.write(text)
        except FileExistsError:
            return

    def repository(self, path: Path) -> None:
        """Count the directory that somebody else is about to make."""
        self.directory(path.parent)
        self._made.append(path)

    def undo(self) -> None:
        for path in reversed(self._made):
            if path.name == ".git":
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)


@contextmanager
def _all_or_nothing(directory: Path) -> Iterator[_Made]:
    """A place to make files in; when the block fails, none of them is left. Raises ProjectError."""
    made = _Made()
    try:
        made.directory(directory)
        yield made
    except OSError as error:
        made.undo()
        where = error.filename or directory
        raise ProjectError(f"`{where}` cannot be made: {error.strerror or error}") from error
    except BaseException:
        made.undo()
        raise
