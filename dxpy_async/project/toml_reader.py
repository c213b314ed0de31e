"""A TOML file that people write, being read: values of the right type, and for every mistake the line it stands in.

`tomllib` keeps no lines, so the line of a wrong value is where its text, or the key that holds it, stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from dxpy_async.core import parsers
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.errors import InvalidProject
from dxpy_async.project.document import decode, parse


class TomlReader:
    """One file being read: its values, and its text, in which mistakes are looked up."""

    def __init__(self, content: bytes, file: Path, document: dict[str, Any] | None = None) -> None:
        """`document` is what `content` says, where that is known already."""
        self._file = str(file)
        self._text = decode(content, self._file)
        self._document = parse(self._text, self._file) if document is None else document

    def _refuse(self, reason: str, *, line: int | None = None, hints: Iterable[str] = ()) -> NoReturn:
        raise InvalidProject(self._file, reason, line=line, hints=tuple(hints))

    def _line_of(self, value: str, key: str) -> int | None:
        """The line with the text `value` as a string, else the one where the last part of `key` is set."""
        return self._line_after(self._place_of_key(key) or 0, value) or self._line_of_key(key)

    def _line_after(self, start: int, value: str) -> int | None:
        """The first line with the text `value` as a string, at best at or behind the place `start`."""
        for behind in (start, 0):
            places = [self._text.find(f"{quote}{value}{quote}", behind) for quote in "\"'"]
            if max(places) >= 0:
                return self._text.count("\n", 0, min(place for place in places if place >= 0)) + 1
        return None

    def _line_of_key(self, key: str) -> int | None:
        """The line of the header `[key]`, else that of the last part of `key` in the table that the others name.

        What stands nowhere on a line of its own, in an inline table say, has the line of what it is in.
        """
        while key:
            place = self._place_of_key(key)
            if place is not None:
                return self._text.count("\n", 0, place) + 1
            key = key.rpartition(".")[0]
        return None

    def _line_in_table(self, table: str, last: str) -> int | None:
        place = self._place_in_table(table, last)
        return self._text.count("\n", 0, place) + 1 if place is not None else None

    def _place_of_key(self, key: str) -> int | None:
        table, _, last = key.rpartition(".")
        return self._place_in_table(table, last)

    def _place_in_table(self, table: str, last: str) -> int | None:
        setting = re.compile(
            rf"""^[ \t]*(?:[\w.-]+\.)?(?:{re.escape(last)}|"{re.escape(last)}"|'{re.escape(last)}')[ \t]*=""",
            re.MULTILINE,
        )
        found = self._header(f"{table}.{last}" if table else last)
        if found is None and (header := self._header(table)):
            following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(self._text, header.end())
            found = setting.search(self._text, header.end(), following.start() if following else len(self._text))
        found = found or setting.search(self._text)
        return found.start() if found else None

    def _header(self, table: str) -> re.Match[str] | None:
        return re.search(rf"^[ \t]*\[+[ \t]*{re.escape(table)}[ \t]*\]", self._text, re.MULTILINE)

    # -- values of the right type

    def _table(self, holder: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
        value = holder.get(key, {})
        if not isinstance(value, dict):
            self._refuse(f"`{where}` must be a table, not {kind_of(value)}", line=self._line_of_key(where))
        return value

    def _string(self, holder: Mapping[str, Any], key: str, where: str) -> str | None:
        value = holder.get(key)
        if value is not None and not isinstance(value, str):
            self._refuse(f"`{where}` must be a string, not {kind_of(value)}", line=self._line_of_key(where))
        return value

    def _boolean(self, holder: Mapping[str, Any], key: str, where: str) -> bool | None:
        value = holder.get(key)
        if value is not None and not isinstance(value, bool):
            self._refuse(f"`{where}` must be true or false, not {kind_of(value)}", line=self._line_of_key(where))
        return value

    def _strings(self, holder: Mapping[str, Any], key: str, where: str) -> list[str]:
        value = holder.get(key, [])
        if not isinstance(value, list):
            self._refuse(f"`{where}` must be an array of strings, not {kind_of(value)}", line=self._line_of_key(where))
        for item in value:
            if not isinstance(item, str):
                self._refuse(f"`{where}` must hold only strings, not {kind_of(item)}", line=self._line_of_key(where))
        return value

    # -- requirements

    def _requirements(self, holder: Mapping[str, Any], key: str, where: str) -> tuple[Requirement, ...]:
        return tuple(self._requirement(text, where) for text in self._strings(holder, key, where))

    def _requirement(self, text: str, where: str) -> Requirement:
        try:
            return parse_requirement(text)
        except parsers.requirements.InvalidRequirement as error:
            self._refuse(f"`{where}` holds an invalid requirement: {error}", line=self._line_of(text, where))


def key_at(table: str, key: str) -> str:
    """The dotted name of a key in a table; the file's own table has no name."""
    return f"{table}.{key}" if table else key


def kind_of(value: object) -> str:
    """What TOML calls a value's type, with its article."""
    names = {bool: "a boolean", str: "a string", int: "an integer", float: "a float", list: "an array", dict: "a table"}
    return names.get(type(value), "a date or time")
