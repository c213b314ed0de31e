"""Changing the lists of requirements in a pyproject.toml.

An array is edited as text, because tomlkit's own insertion leaves a comma out where a comment follows the last item.
One that is written plainly, under a header of its table, is found in the text; for all others tomlkit, which takes
longer to load than a list to change, finds the place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Self

from dxpy_async.core import parsers
from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.names import ProjectName
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.errors import InvalidProject
from dxpy_async.project.document import decode, parse
from dxpy_async.project.rewriting import rewritten, table_at, with_line

_INDENT = "    "


class ListKind(StrEnum):
    """The tables in which a pyproject.toml has requirements."""

    PROJECT = "project"
    EXTRA = "project.optional-dependencies"
    GROUP = "dependency-groups"


@dataclass(frozen=True, slots=True)
class DependencyList:
    """One list of requirements in a pyproject.toml. `name` is that of the extra or group, as it is to be written."""

    kind: ListKind = ListKind.PROJECT
    name: str = "dependencies"

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"

    def path_in(self, document: dict[str, Any]) -> tuple[str, ...]:
        """The keys that lead to the list in `document`, where an extra or group may be spelt in another way."""
        tables = tuple(self.kind.split("."))
        holder: Any = document
        for table in tables:
            holder = holder.get(table, {})
        wanted = _key(self.name)
        return (*tables, next((name for name in holder if _key(name) == wanted), self.name))


DEPENDENCIES = DependencyList()
"""The requirements of the project itself."""


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def put_requirements(content: bytes, where: DependencyList, wanted: Sequence[Requirement], *, file: str) -> bytes:
    """The file's content with all `wanted` requirements in the list `where`, which is made if it is not there.

    A project that the list has for the same marker keeps its place, and what `wanted` does not say of it: its version
    where none is given, and its extras. Others come last, or where they belong in a list that is sorted by name.

    Raises InvalidProject when the file cannot be read or changed.
    """

    def change(items: _Items) -> None:
        for requirement in wanted:
            _put(items, requirement)

    return _edited(content, where, change, file=file)


def drop_requirements(content: bytes, where: DependencyList, names: Iterable[ProjectName], *, file: str) -> bytes:
    """The file's content without any requirement on `names` in the list `where`. Raises InvalidProject."""
    unwanted = frozenset(names)

    def change(items: _Items) -> None:
        for place in reversed(range(len(items.values))):
            there = items.requirement(place)
            if there is not None and there.name in unwanted:
                items.remove(place)

    return _edited(content, where, change, file=file)


def requirements_in(document: dict[str, Any], where: DependencyList) -> tuple[Requirement, ...]:
    """The requirements in the list `where` of a parsed and valid pyproject.toml, without those of included groups."""
    found: Any = document
    for key in where.path_in(document):
        found = found.get(key, {})
    return tuple(parse_requirement(item) for item in found if isinstance(item, str))


def lists_with(document: dict[str, Any], name: ProjectName) -> tuple[DependencyList, ...]:
    """The lists of a parsed pyproject.toml that have a requirement on `name`."""
    lists = [
        DEPENDENCIES,
        *(DependencyList(ListKind.EXTRA, extra) for extra in document["project"].get("optional-dependencies", {})),
        *(DependencyList(ListKind.GROUP, group) for group in document.get("dependency-groups", {})),
    ]
    return tuple(where for where in lists if any(each.name == name for each in requirements_in(document, where)))


def put_member(content: bytes, table: str, member: str, *, file: str) -> bytes:
    """The file's content with `member`, a path, as the last of the workspace that `[table]` is, which may be new.

    Raises InvalidProject.
    """
    path = (*table.split("."), "members")
    if _value_at(parse(decode(content, file), file), path[:-1]):
        return _edited_at(content, path, lambda items: items.insert(len(items.values), member), file=file)

    def changed(text: str, document: dict[str, Any]) -> str:
        document.update(_with_value(document, path, [member]))
        return with_line(text, table, f"members = [{_quoted(member)}]")

    return rewritten(content, changed, file=file, what=table)


def _edited(content: bytes, where: DependencyList, change: Callable[[_Items], None], *, file: str) -> bytes:
    return _edited_at(content, where.path_in(parse(decode(content, file), file)), change, file=file)


def _edited_at(content: bytes, path: Sequence[str], change: Callable[[_Items], None], *, file: str) -> bytes:
    """The file's content after `change` to the array at `path`, which is made where there is none."""

    def changed(text: str, document: dict[str, Any]) -> str:
        plainly = _edited_plainly(text, document, path, change, file)
        edited, items = plainly if plainly is not None else _edited_anyhow(text, path, change, file)
        document.update(_with_value(document, path, items))
        return edited

    return rewritten(content, changed, file=file, what=".".join(path))


def _edited_plainly(
    text: str, before: dict[str, Any], path: Sequence[str], change: Callable[[_Items], None], file: str
) -> tuple[str, list[object]] | None:
    """`text` with a change to the array at `path`, and what is in that then; None when it is not certainly found."""
    place = _place_of(text, path)
    if place is None:
        return None
    try:
        items = _Items.of(text[slice(*place)], file)
        if items.meant() != _value_at(before, path):
            return None
        change(items)
        edited = f"{text[: place[0]]}{items}{text[place[1] :]}"
        meant = items.meant()
        return (edited, meant) if parse(edited, file) == _with_value(before, path, meant) else None
    except InvalidProject:  # it was another array, or none
        return None


def _place_of(text: str, path: Sequence[str]) -> tuple[int, int] | None:
    """Where an array stands that begins on a line with its bare key, somewhere behind the header of its table.

    That this is the array at `path` is only likely: it may be another table's, or lie within a string.
    """
    *tables, key = path
    header = re.compile(rf"^\[{re.escape('.'.join(tables))}\][ \t]*(?:#.*)?$", re.MULTILINE).search(text)
    line = re.compile(rf"^{re.escape(key)}[ \t]*=[ \t]*\[", re.MULTILINE)
    found = line.search(text, header.end()) if header is not None else None
    if found is None:
        return None
    end = found.end()
    while (token := _TOKEN.match(text, end)) is not None:
        end = token.end()
    return (found.end() - 1, end + 1) if text[end : end + 1] == "]" else None


def _edited_anyhow(
    text: str, path: Sequence[str], change: Callable[[_Items], None], file: str
) -> tuple[str, list[object]]:
    """The same with tomlkit, for an array that stands anywhere or is not there."""
    import tomlkit  # noqa: PLC0415 (11 ms, and most lists are found without)

    toml = tomlkit.parse(text)
    *tables, last = path
    holder = table_at(toml, tables)
    array = holder.get(last)
    items = _Items.of(array.as_string() if isinstance(array, tomlkit.items.Array) else "[]", file)
    change(items)
    holder[last] = tomlkit.parse(f"x = {items}")["x"]
    return tomlkit.dumps(toml), items.meant()


def _value_at(document: dict[str, Any], path: Sequence[str]) -> object:
    found: Any = document
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _with_value(document: dict[str, Any], path: Sequence[str], value: object) -> dict[str, Any]:
    """`document` with `value` at `path`."""
    first, *rest = path
    return {**document, first: _with_value(document.get(first, {}), rest, value) if rest else value}


def _put(items: _Items, wanted: Requirement) -> None:
    places = [place for place in range(len(items.values)) if items.names(place) == wanted.name]
    for place in places:
        there = items.requirement(place)
        if there is not None and there.marker == wanted.marker:
            merged = _merged(there, wanted)
            if merged != there:
                items.replace(place, _written(merged))
            return
    items.insert(places[-1] + 1 if places else items.place_for(wanted.name), _written(wanted))


def _written(requirement: Requirement) -> str:
    """A requirement as people write it: the lowest version they want, then the bounds above."""
    clauses = requirement.specifier.split(",")
    order = ("===", "==", "~=", ">=", ">", "<=", "<", "!=")
    clauses.sort(key=lambda clause: next((rank for rank, sign in enumerate(order) if clause.startswith(sign)), 0))
    return str(requirement._replace(specifier=",".join(clauses)))


def _merged(there: Requirement, wanted: Requirement) -> Requirement:
    """`wanted`, with what only `there` says."""
    extras = tuple(sorted({*there.extras, *wanted.extras}))
    if wanted.specifier or wanted.url is not None:
        return wanted._replace(extras=extras)
    return there._replace(extras=extras)


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t]+)
  | (?P<newline>\r?\n)
  | (?P<comment>\#[^\n\r]*)
  | (?P<comma>,)
  | (?P<value>\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''.*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\{[^{}\n]*\})
    """,
    re.VERBOSE | re.DOTALL,
)


class _Items:
    """An array of requirements as the text it is written in: tokens between the brackets, each with its kind."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens

    @classmethod
    def of(cls, text: str, file: str) -> Self:
        """The array that `text` is, brackets included. Raises InvalidProject for anything but strings and tables."""
        tokens = []
        place, end = 1, len(text) - 1
        while place < end:
            found = _TOKEN.match(text, place, end)
            if found is None or found.lastgroup is None:
                raise InvalidProject(file, f"it has {text[place : place + 20]!r} where a requirement should be")
            tokens.append((found.lastgroup, found[0]))
            place = found.end()
        return cls(tokens)

    def __str__(self) -> str:
        return f"[{''.join(text for _, text in self.tokens)}]"

    @property
    def values(self) -> list[int]:
        """Where the values stand among the tokens."""
        return [place for place, (kind, _) in enumerate(self.tokens) if kind == "value"]

    def meant(self) -> list[object]:
        """The values themselves."""
        return [self._value(place) for place in range(len(self.values))]

    def _value(self, place: int) -> object:
        return parse(f"x = {self.tokens[self.values[place]][1]}", "")["x"]

    def requirement(self, place: int) -> Requirement | None:
        """The requirement that is the value number `place`; None for one that includes a group."""
        value = self._value(place)
        try:
            return parse_requirement(value) if isinstance(value, str) else None
        except parsers.requirements.InvalidRequirement:
            return None

    def names(self, place: int) -> ProjectName | None:
        """The project that the value number `place` is about."""
        requirement = self.requirement(place)
        return requirement.name if requirement is not None else None

    def place_for(self, name: ProjectName) -> int:
        """Where `name` belongs: by the order of the list if it has one, else at its end."""
        there = [each for place in range(len(self.values)) if (each := self.names(place)) is not None]
        if len(there) == len(self.values) > 1 and there == sorted(there):
            return sum(each < name for each in there)
        return len(self.values)

    def replace(self, place: int, text: str) -> None:
        """Write `text` as the value number `place`."""
        self.tokens[self.values[place]] = ("value", _quoted(text))

    def insert(self, place: int, text: str) -> None:
        """Write `text` as a new value before the value number `place`, which may be one past the last."""
        value = ("value", _quoted(text))
        values = self.values
        if not values:
            comments = [token for token in self.tokens if token[0] == "comment"]
            lines = [part for comment in comments for part in (("newline", "\n"), ("space", _INDENT), comment)]
            self.tokens = [*lines, ("newline", "\n"), ("space", _INDENT), value, ("comma", ","), ("newline", "\n")]
            return
        on_lines = any(kind == "newline" for kind, _ in self.tokens)
        if place == 0:
            new = [("newline", "\n"), ("space", self._indent())] if on_lines else []
            rest = [] if on_lines else [("space", " ")]
            self.tokens[0:0] = [*new, value, ("comma", ","), *rest]
            return
        at = self._end_of(values[place - 1], with_comma=True)
        new = [("newline", "\n"), ("space", self._indent())] if on_lines else [("space", " ")]
        last = place == len(values)
        self.tokens[at:at] = [*new, value, *([("comma", ",")] if on_lines or not last else [])]

    def remove(self, place: int) -> None:
        """Take the value number `place` away, with what stands before it on its line and a comment behind it."""
        start = self.values[place]
        end = self._end_of(start, with_comma=False)
        last_of_several = place == len(self.values) - 1 > 0
        while start and self.tokens[start - 1][0] == "space":
            start -= 1
        if start and self.tokens[start - 1][0] == "newline":
            start -= 1
            followed = end < len(self.tokens) and self.tokens[end][0] == "newline"
            if start and self.tokens[start - 1][0] == "comment" and not followed:
                start += 1
        elif place == 0:
            while end < len(self.tokens) and self.tokens[end][0] == "space":
                end += 1
        del self.tokens[start:end]
        if all(kind in ("space", "newline") for kind, _ in self.tokens):
            self.tokens = []
        if last_of_several and not any(kind == "newline" for kind, _ in self.tokens):
            # `[a, b]` became `[a,]`
            for kind in ("space", "comma"):
                if self.tokens and self.tokens[-1][0] == kind:
                    self.tokens.pop()

    def _indent(self) -> str:
        """What lines of values begin with."""
        for place in self.values:
            if place > 1 and self.tokens[place - 1][0] == "space" and self.tokens[place - 2][0] == "newline":
                return self.tokens[place - 1][1]
        return _INDENT

    def _end_of(self, start: int, *, with_comma: bool) -> int:
        """Behind the value at `start`, its comma, which is put there if wanted, and a comment on the same line."""
        place = start + 1
        while place < len(self.tokens) and self.tokens[place][0] in ("space", "newline", "comment"):
            place += 1
        has_comma = place < len(self.tokens) and self.tokens[place][0] == "comma"
        if not has_comma and with_comma:
            self.tokens.insert(start + 1, ("comma", ","))
        place = place + 1 if has_comma else start + (2 if with_comma else 1)
        end = place
        while end < len(self.tokens) and self.tokens[end][0] in ("space", "comment"):
            end += 1
            if self.tokens[end - 1][0] == "comment":
                return end
        return place


def _quoted(text: str) -> str:
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f"'{text}'" if "'" not in text else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
