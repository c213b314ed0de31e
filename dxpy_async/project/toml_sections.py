"""A TOML file as the sections that its headers begin, so that some of them go and not a byte of the others changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import Comment, Item, Table, Whitespace

from dxpy_async.core.names import normalize

_HEADER = re.compile(r"^[ \t]*(?:\[\[?)[ \t]*(?P<path>[^\[\]\n]+?)[ \t]*(?:\]\]?)[ \t]*(?:#[^\n]*)?$", re.MULTILINE)

Path = tuple[str, ...]


class Section(NamedTuple):
    """The text from one header to the next, with the comments right above it; `path` is empty before the first."""

    path: Path
    text: str


class Thinned(NamedTuple):
    """A file without what was taken away. `place` is where the first of that was; `notes` are the comments on it.

    Notes are known by the project whose requirement they stand beside, or above.
    """

    text: str
    place: int | None
    notes: Mapping[str, Sequence[str]]


def sections_of(text: str) -> list[Section]:
    """The sections of a file, in order; joined they are its text."""
    found: list[Section] = []
    path: Path = ()
    start = 0
    for header in _HEADER.finditer(text):
        keys = _keys(header["path"])
        if keys is None:
            continue
        begin = _with_comments_above(text, header.start(), start)
        found.append(Section(path, text[start:begin]))
        path, start = keys, begin
    found.append(Section(path, text[start:]))
    return [each for each in found if each.text]


def _keys(path: str) -> Path | None:
    try:
        holder: object = tomlkit.parse(f"[{path}]\n").unwrap()
    except ParseError:
        return None
    keys = []
    while isinstance(holder, dict) and holder:
        key = next(iter(holder))
        keys.append(key)
        holder = holder[key]
    return tuple(keys)


def _with_comments_above(text: str, header: int, lowest: int) -> int:
    """Where the lines of comments begin that stand right above a header."""
    while header > lowest:
        line = text.rfind("\n", lowest, header - 1) + 1
        line = max(line, lowest)
        if not text[line:header].lstrip().startswith("#"):
            break
        header = line
    return header


def without_paths(text: str, moved: Sequence[Path]) -> Thinned:
    """`text` without the tables and keys at `moved`; a section that has nothing else left goes as a whole."""
    kept: list[str] = []
    notes: dict[str, list[str]] = {}
    place: int | None = None
    for section in sections_of(text):
        depth = len(section.path)
        gone = any(section.path[: len(path)] == path for path in moved)
        keys = [path[depth:] for path in moved if depth and path[:depth] == section.path]
        left = section.text
        if gone:
            notes.update(_notes(section.text))
            above = _comments_above(section.text)
            left = f"{above}\n" if above else ""  # not right above the next header, which it says nothing of
        elif keys:
            left = _without_keys(section.text, section.path, keys)
        if left != section.text and place is None:
            place = sum(map(len, kept)) + len(_comments_above(section.text))
        kept.append(left)
    return Thinned("".join(kept), place, notes)


def _comments_above(text: str) -> str:
    """The comments above the header of a section."""
    header = _HEADER.search(text)
    return text[: header.start()] if header is not None else ""


def _table(text: str, path: Path) -> tuple[tomlkit.TOMLDocument, Table]:
    document = tomlkit.parse(text)
    holder: object = document
    for key in path:
        holder = holder[key]  # type: ignore[index]
        if isinstance(holder, list):
            holder = holder[0]
    assert isinstance(holder, Table)
    return document, holder


def _without_keys(text: str, path: Path, keys: Sequence[Path]) -> str:
    document, table = _table(text, path)
    for key in keys:
        holder: object = table
        for part in key[:-1]:
            holder = holder.get(part) if isinstance(holder, Mapping) else None
        if isinstance(holder, Mapping) and key[-1] in holder:
            del holder[key[-1]]  # type: ignore[attr-defined]
    has_comments = any(isinstance(item, Comment) for _, item in table.value.body)
    if not table and not has_comments:
        return _comments_above(text)
    return tomlkit.dumps(document)


def _notes(text: str) -> Iterator[tuple[str, list[str]]]:
    """The comments beside and above each key of a section."""
    path = next((each.path for each in sections_of(text) if each.path), ())
    _, table = _table(text, path)
    above: list[str] = []
    for key, item in table.value.body:
        if isinstance(item, Comment):
            above.append(item.trivia.comment)
        elif isinstance(item, Whitespace):
            above = above if item.s.count("\n") < 2 else []
        elif key is not None:
            beside = item.trivia.comment if isinstance(item, Item) else ""
            lines = [each.lstrip("# ").rstrip() for each in (*above, beside) if each.strip("# ")]
            if lines:
                yield normalize(key.key), lines
            above = []
