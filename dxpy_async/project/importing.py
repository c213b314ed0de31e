"""A project of another tool as one of dxpy's: which files tell of it, and the pyproject.toml that says the same.

What is said twice would come to differ, so what [tool.poetry] or [tool.pdm] said goes from pyproject.toml when it
stands in [project]. All else of that file stays as it was written. Files of other tools are read and left alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import is_valid_name, normalize
from dxpy_async.core.pins import WantedPin
from dxpy_async.core.places import LOCK_NAME, PROJECT_NAME
from dxpy_async.errors import InvalidProject, ProjectError, UsageError
from dxpy_async.formats.foreign_locks import ForeignPins, read_pins
from dxpy_async.formats.foreign_projects import ForeignProject
from dxpy_async.formats.pdm_project import read_pdm
from dxpy_async.formats.pipfile import read_pipfile
from dxpy_async.formats.poetry_project import read_poetry
from dxpy_async.formats.setup_files import read_setup_files
from dxpy_async.project.document import decode, parse, read_content
from dxpy_async.project.import_writing import written
from dxpy_async.project.pyproject import Project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.requirements_import import RequirementsImport
from dxpy_async.project.workspaces import open_project

LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
"""The locks of other tools, in the order in which they are believed."""
_SETUP_FILES = ("setup.cfg", "setup.py")
_PIPFILE = "Pipfile"
_KNOWN = (_PIPFILE, *_SETUP_FILES, *LOCKS)
_REQUIREMENTS = re.compile(
    r"(?:requirements[-_.](?P<behind>[\w.-]+?)|(?P<before>[\w.-]+?)[-_.]requirements|requirements)\.(?P<kind>txt|in)"
)
_MAIN_NAMES = ("base", "main", "prod", "production", "common", "requirements")
_DEV_NAMES = ("develop", "development")
_DIRECTORY = "requirements"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """A pyproject.toml as it is (None: there is none) and as it would be, and the pins to keep.

    `files` are those that tell of the project, by their names; `left_out` what of them is not carried over, in words.
    """

    root: Path
    before: bytes | None
    after: bytes
    project: Project
    files: tuple[str, ...]
    left_out: tuple[str, ...]
    pins_file: str | None = None
    pins: ForeignPins = ForeignPins(())

    @property
    def changes_project(self) -> bool:
        return self.before != self.after

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do: the project says all of it, and has a lock or there are no pins to keep."""
        has_lock = (self.project.root / LOCK_NAME).exists()
        return not self.changes_project and (has_lock or self.pins_file is None)

    @property
    def wanted_pins(self) -> tuple[WantedPin, ...]:
        return self.pins.pins

    def save(self, lock: bytes | None) -> None:
        """Write the project file and, if there is one, the lock: both or none. Raises ProjectError."""
        file = self.root / PROJECT_NAME
        if _content(self.root) != self.before:
            raise ProjectError(
                f"`{file}` was changed by somebody else meanwhile; nothing was written", hints=("try again",)
            )
        replace_file(file, self.after)
        if lock is None:
            return
        try:
            replace_file(self.project.root / LOCK_NAME, lock)
        except BaseException:
            if self.before is None:
                file.unlink()
            else:
                replace_file(file, self.before)
            raise


def plan_import(root: Path, files: Sequence[Path] = ()) -> ImportPlan:
    """What importing the project in `root` (absolute) comes to, from `files`, or else from all that is known there.

    Raises ProjectError leaves, and leaves of FormatError for files that are not what they should be.
    """
    before = _content(root)
    place = str(root / PROJECT_NAME)
    document = parse(decode(before, place), place) if before is not None else {}
    reader = _Finder(root, document)
    found = reader.read(files)
    if not reader.files and reader.pins_file is None and "project" not in document:
        raise ProjectError(
            f"there is nothing to import in `{root}`",
            hints=(
                f"there is no [tool.poetry] or [tool.pdm], no requirements.txt, nor {', '.join(_KNOWN)}",
                "name a file: `dxpy import --from FILE`",
            ),
        )
    after = written(root, before or b"", document, found)
    pins = ForeignPins(())
    if reader.pins_file is not None:
        pins = read_pins(_bytes(root / reader.pins_file), file=reader.pins_file)
    return ImportPlan(
        root=root,
        before=before,
        after=after,
        project=_opened(root, after, reader.files),
        files=tuple(reader.files),
        left_out=tuple(found.left_out),
        pins_file=reader.pins_file,
        pins=pins,
    )


def _opened(root: Path, content: bytes, files: Sequence[str]) -> Project:
    """The project that `content` describes. What is wrong with it is what `files` say, which have other lines."""
    try:
        return open_project(root, content)
    except InvalidProject as error:
        said = " and ".join(f"`{file}`" for file in files) or f"`{PROJECT_NAME}`"
        raise ProjectError(
            f"what {said} would come to is no valid project: {error.reason}", hints=error.hints()
        ) from error


def _content(root: Path) -> bytes | None:
    try:
        return read_content(root / PROJECT_NAME)
    except FileNotFoundError:
        return None


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read: {error.strerror}") from error


class _Finder:
    """Finds and reads what tells of the project in a directory."""

    def __init__(self, root: Path, document: Mapping[str, Any]) -> None:
        self._root, self._document = root, document
        self._found = ForeignProject()
        self.files: list[str] = []
        self.pins_file: str | None = None

    def read(self, files: Sequence[Path]) -> ForeignProject:
        tools = self._document.get("tool", {})
        self._read_tables(tools)
        has_project = "project" in self._document or bool(self.files)
        if files:
            for file in files:
                self._read_named(file)
        elif not has_project:
            self._read_others()
        if self.pins_file is None:
            self.pins_file = next(self._locks(), None)
        return self._found

    def _locks(self) -> Iterator[str]:
        tools = self._document.get("tool", {})
        own = [f"{tool}.lock" for tool in ("poetry", "pdm") if tool in tools]
        yield from (name for name in (*own, *LOCKS) if (self._root / name).is_file())

    def _read_tables(self, tools: Mapping[str, Any]) -> None:
        for tool, read in (("poetry", read_poetry), ("pdm", read_pdm)):
            if not isinstance(tools.get(tool), dict):
                continue
            found = self._told(read, self._document, PROJECT_NAME)
            if found.moved:
                self._found = found
                self.files.append(PROJECT_NAME)
        legacy = tools.get("uv", {}).get("dev-dependencies") if isinstance(tools.get("uv"), dict) else None
        if isinstance(legacy, list):
            for text in legacy:
                self._found.require_text(self._found.groups.setdefault("dev", []), str(text))
            self._found.moved.append(("tool", "uv", "dev-dependencies"))
            self.files.append(PROJECT_NAME)

    def _told(self, read: Callable[..., ForeignProject], *given: Any) -> ForeignProject:
        """What a reader says of a file, which is named last; its errors name that file."""
        try:
            return read(*given[:-1])
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            reason = str(error)
            if isinstance(error, KeyError):
                reason = f"it has no `{error.args[0]}`"
            elif not isinstance(error, ValueError):
                reason = f"a value in it is of another kind than it should be: {error}"
            raise InvalidProject(str(self._root / given[-1]), reason) from error

    def _read_named(self, file: Path) -> None:
        name = os.path.relpath(self._root / file, self._root)
        base = os.path.basename(name)
        if not (self._root / name).is_file():
            raise UsageError(f"there is no file `{file}` to import from")
        if base == _PIPFILE:
            self._read_pipfile(name)
        elif base in _SETUP_FILES:
            self._read_setup((name,))
        elif base.endswith(".lock") or base in LOCKS or (base.startswith("pylock.") and base.endswith(".toml")):
            self.pins_file = name
        else:
            self._read_requirements([(name, _group_of(name))])

    def _read_others(self) -> None:
        if (self._root / _PIPFILE).is_file():
            self._read_pipfile(_PIPFILE)
            return
        requirements = _requirements_files(self._root)
        setup = [name for name in _SETUP_FILES if (self._root / name).is_file()]
        if setup:
            self._read_setup(setup)
        if self._found.project.get("name") or self._found.dependencies:
            self._pin_by(name for name, group in requirements if group is None)
            requirements = [(name, group) for name, group in requirements if group is not None]
        self._read_requirements(requirements)

    def _read_pipfile(self, name: str) -> None:
        text = decode(_bytes(self._root / name), str(self._root / name))
        self._found = self._told(read_pipfile, parse(text, str(self._root / name)), name)
        self.files.append(name)

    def _read_setup(self, names: Sequence[str]) -> None:
        texts = {os.path.basename(name): decode(_bytes(self._root / name), name) for name in names}
        found = self._told(read_setup_files, texts.get("setup.cfg"), texts.get("setup.py"), names[-1])
        if found.project.keys() - {"dynamic"} or found.dependencies or "setup.py" in texts:
            self._found = found
            self.files += names

    def _read_requirements(self, files: Iterable[tuple[str, str | None]]) -> None:
        listed = list(files)
        reader = RequirementsImport(self._root, self._found)
        names = {name for name, _ in listed}
        for name, group in listed:
            source = f"{name.removesuffix('.txt')}.in"
            if name.endswith(".txt") and source in names:
                self._pin_by([name] if group is None else [])
                self.files.append(name)
                continue
            to: Any = self._found.dependencies if group is None else self._found.groups.setdefault(group, [])
            reader.read(self._root / name, to)
            self._pin_by([name] if group is None and name.endswith(".txt") else [])
        self.files += [os.path.relpath(each, self._root) for each in reader.files]

    def _pin_by(self, names: Iterable[str]) -> None:
        """Take pins from the first of `names`, unless there is a lock."""
        if self.pins_file is None and next(self._locks(), None) is None:
            self.pins_file = next(iter(names), None)


def _requirements_files(root: Path) -> list[tuple[str, str | None]]:
    """The files of requirements in a project, and the group that each is for; those of the project itself first."""
    found = [(name, _group_of(name)) for name in sorted(os.listdir(root)) if _REQUIREMENTS.fullmatch(name)]
    inner = root / _DIRECTORY
    if inner.is_dir():
        names = sorted(name for name in os.listdir(inner) if name.endswith((".txt", ".in")))
        found += [(f"{_DIRECTORY}/{name}", _group_of(f"{_DIRECTORY}/{name}")) for name in names]
    found = [(name, group) for name, group in found if (root / name).is_file() and group != "constraints"]
    return sorted(found, key=lambda each: each[1] is not None)


def _group_of(name: str) -> str | None:
    """The dependency group that a file of requirements is for, by its name; None for the project itself."""
    directory, base = os.path.split(name)
    parsed = _REQUIREMENTS.fullmatch(base)
    word = (parsed["behind"] or parsed["before"] or "") if parsed is not None else ""
    if parsed is None and os.path.basename(directory) == _DIRECTORY:
        word = os.path.splitext(base)[0]
    word = word.lower()
    if not word or word in _MAIN_NAMES or not is_valid_name(word):
        return None
    return "dev" if word in _DEV_NAMES else normalize(word)
