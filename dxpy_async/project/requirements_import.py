"""Files of requirements that become a project's own: what they ask for, from where, and which files they name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dxpy_async.core import parsers
from dxpy_async.core.places import PROJECT_NAME
from dxpy_async.core.requirements import parse_requirement
from dxpy_async.core.source_urls import ArchiveUrl, file_url, is_archive_name, parse_source_url
from dxpy_async.errors import InvalidRequirementsFile
from dxpy_async.formats.foreign_projects import ForeignProject, located, path_entry, source_entry
from dxpy_async.formats.requirement_lines import logical_lines, no_requirement, without_options
from dxpy_async.project.source_names import name_of_archive, name_of_directory

_OPTION = re.compile(r"(-[a-zA-Z]|--[a-z-]+)(?:\s*=\s*|\s*)(.*)")
_SHORT = {"-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url", "-f": "--find-links"}
_WITH_EXTRAS = re.compile(r"(?P<path>[^\[\]]+)\[(?P<extras>[^\[\]]+)\]")
_MOST_FILES = 100

GroupList = list[str | dict[str, str]]


class RequirementsImport:
    """Reads files of requirements into `found`; paths are held against `root`, the project's directory."""

    def __init__(self, root: Path, found: ForeignProject) -> None:
        self._root, self._found = root, found
        self.files: list[Path] = []
        """What was read, in order."""

    def read(self, file: Path, to: list[str] | GroupList, *, constraints: bool = False) -> None:
        """Put what `file` and the files it names require behind the others in `to`. Raises InvalidRequirementsFile."""
        file = Path(os.path.normpath(file))
        if file in self.files or file.with_suffix(".in") in self.files:  # what is compiled from another says no more
            return
        if len(self.files) >= _MOST_FILES:
            raise InvalidRequirementsFile(str(file), f"is one of more than {_MOST_FILES} files that name each other")
        self.files.append(file)
        try:
            text = file.read_text("utf-8-sig")
        except OSError as error:
            raise InvalidRequirementsFile(str(file), f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InvalidRequirementsFile(str(file), "is not UTF-8 text") from error
        for line, words in logical_lines(text):
            try:
                self._line(words, file, to, constraints=constraints)
            except parsers.requirements.InvalidRequirement as error:
                raise InvalidRequirementsFile(str(file), no_requirement(words, error), line=line) from error
            except ValueError as error:
                raise InvalidRequirementsFile(str(file), f"{error}", line=line) from error

    def _line(self, words: str, file: Path, to: list[str] | GroupList, *, constraints: bool) -> None:
        if words.startswith("-"):
            self._option(words, file, to, constraints=constraints)
            return
        text = without_options(words)
        if constraints:
            self._constraint(text)
        elif not self._locate(text, to, editable=False):
            self._found.require_text(to, text)

    def _constraint(self, text: str) -> None:
        listed = self._found.settings.setdefault("constraint-dependencies", [])
        self._found.require_text(listed, text)

    def _option(self, words: str, file: Path, to: list[str] | GroupList, *, constraints: bool) -> None:
        option = _OPTION.fullmatch(words)
        name, value = (_SHORT.get(option[1], option[1]), option[2].strip("\"'")) if option is not None else (words, "")
        match name:
            case "--requirement":
                self.read(_beside(file, value), to, constraints=constraints)
            case "--constraint":
                self.read(_beside(file, value), to, constraints=True)
            case "--editable":
                if not self._locate(value, to, editable=True):
                    self._found.leave_out(f"`{words}`, of which the name is not known: `dxpy add --editable {value}`")
            case "--index-url" | "--extra-index-url":
                self._index(value, is_default=name == "--index-url")
            case "--find-links":
                self._found.settings.setdefault("find-links", []).append(value)
            case "--no-index":
                self._found.settings["no-index"] = True
            case "--pre":
                self._found.settings["prerelease"] = "allow"
            case _:
                self._found.leave_out(f"`{words}` in `{file.name}`")

    def _index(self, url: str, *, is_default: bool) -> None:
        if "${" in url:
            self._found.leave_out(f"the index `{url}`, whose address has variables: name it by `DXPY_INDEX`")
        else:
            self._found.add_index(url, kind="default" if is_default else "")

    def _locate(self, text: str, to: list[str] | GroupList, *, editable: bool) -> bool:
        """Whether `text` leads to a place; then it is among what is required, or left out."""
        found = self._found
        if self._is_path(text):
            self._local(text, to, editable=editable)
            return True
        if "://" not in text.partition(" ;")[0]:
            return False
        place = located(text)
        if place is None:
            url = parse_source_url(text)
            of_archive = name_of_archive(url) if isinstance(url, ArchiveUrl) else None
            if of_archive is None:
                found.leave_out(f"`{text}`, of which the name is not known: `dxpy add {text}`")
                return True
            place = of_archive, source_entry(url), "", ()
        name, entry, marker, extras = place
        found.add_source(name, {**entry, **({"editable": True} if editable and "path" in entry else {})})
        found.require(to, name, extras=extras, marker=marker)
        return True

    @staticmethod
    def _is_path(text: str) -> bool:
        try:
            parse_requirement(text)
        except parsers.requirements.InvalidRequirement:
            return "://" not in text
        return text.startswith((".", "/")) or (is_archive_name(text) and "://" not in text)

    def _local(self, text: str, to: list[str] | GroupList, *, editable: bool) -> None:
        path, _, marker = text.partition(" ;")
        with_extras = _WITH_EXTRAS.fullmatch(path.strip())
        plain = with_extras["path"] if with_extras is not None else path.strip()
        if "/" not in plain and os.sep not in plain and plain != "." and not is_archive_name(plain):
            parse_requirement(text)  # says what is wrong with it
        extras = [each.strip() for each in with_extras["extras"].split(",")] if with_extras is not None else []
        place = Path(os.path.normpath(self._root / plain))
        if place == self._root:
            self._found.leave_out(f"`{text}`, which is the project itself: `dxpy sync` installs it")
            return
        own_name = (
            name_of_archive(ArchiveUrl(file_url(place.as_posix())))
            if is_archive_name(plain)
            else name_of_directory(place)
        )
        if own_name is None:
            self._found.leave_out(f"`{text}`, which does not say its name in `{PROJECT_NAME}`: `dxpy add {plain}`")
            return
        self._found.add_source(own_name, path_entry(plain.removeprefix("./"), editable=editable))
        self._found.require(to, own_name, extras=extras, marker=marker.strip())


def _beside(file: Path, name: str) -> Path:
    """The file that `file` names. Raises ValueError when there is none."""
    place = file.parent / name
    if not place.is_file():
        raise ValueError(f"names `{name}`, and there is no such file")
    return place
