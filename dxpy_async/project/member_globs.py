"""Which directories the globs of a workspace name, and what has to be watched to see that these become others.

`*`, `?` and `[…]` stand for parts of one name, `**` for any number of directories. As in a shell, they do not name what
begins with a dot, and `**` does not go through symbolic links.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache

from dxpy_async.core.dataclass import dataclass

MOST_DIRECTORIES = 50_000
"""How many directories are looked into at most for one glob."""


class TooManyDirectories(Exception):
    """A glob leads through more directories than anybody can mean."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a glob named: directories relative to where it started, with `/`, sorted; and those that were listed."""

    found: tuple[str, ...]
    listed: tuple[str, ...]


def expand(root: str, glob: str) -> Expansion:
    """The directories below `root`, absolute, that `glob` names. Raises TooManyDirectories."""
    places, listed = {""}, dict[str, None]()
    for part in _parts(glob):
        if part == "**":
            places = {below for place in places for below in _walk(root, place, listed)}
        elif has_wildcard(part):
            places = {
                _join(place, entry.name)
                for place in places
                for entry in _directories(root, place, listed)
                if matches(entry.name, part)
            }
        else:
            places = {_join(place, part) for place in places}
    found = sorted(place for place in places if place and os.path.isdir(os.path.join(root, place)))
    return Expansion(tuple(found), tuple(listed))


def has_wildcard(text: str) -> bool:
    """Whether a glob can name more than one directory."""
    return any(character in text for character in "*?[")


def matches(path: str, glob: str) -> bool:
    """Whether `glob` names the directory at `path`, relative and with `/`."""
    return _pattern(glob).fullmatch(path) is not None


def _parts(glob: str) -> list[str]:
    return [part for part in glob.split("/") if part not in ("", ".")]


def _join(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def _directories(root: str, place: str, listed: dict[str, None]) -> Iterator[os.DirEntry[str]]:
    directory = os.path.join(root, place) if place else root
    if len(listed) >= MOST_DIRECTORIES:
        raise TooManyDirectories
    listed[directory] = None
    try:
        with os.scandir(directory) as entries:
            yield from [entry for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return  # nothing is named there


def _walk(root: str, place: str, listed: dict[str, None]) -> Iterator[str]:
    ahead = [place]
    while ahead:
        here = ahead.pop()
        yield here
        below = _directories(root, here, listed)
        ahead += [_join(here, each.name) for each in below if not each.name.startswith(".") and not each.is_symlink()]


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = _parts(glob)
    text = ""
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part == "**":
            text += ".*" if is_last else "(?:[^/.][^/]*/)*"
        else:
            text += _name_pattern(part) + ("" if is_last else "/")
    return re.compile(text, re.DOTALL)


def _name_pattern(part: str) -> str:
    """A part without `**` as a regular expression; a `[` that nothing closes stands for itself."""
    text = "(?![.])" if has_wildcard(part[:1]) else ""
    place = 0
    while place < len(part):
        character = part[place]
        end = part.find("]", place + 2) if character == "[" else -1
        if end > 0:
            inner = part[place + 1 : end].replace("\\", "\\\\")
            text += f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]"
            place = end
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character)
        place += 1
    return text
