"""Settings written into files: one key is changed, and all else stays as it is, comments and layout too.

What is to be written is read first, by what reads it later; so nothing is written that would be refused then.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from dxpy_async.errors import InvalidProject, InvalidSettings, UsageError
from dxpy_async.project.document import decode
from dxpy_async.project.publish_settings import check_checked_index, check_upload_url
from dxpy_async.project.pyproject import parse_project
from dxpy_async.project.replacing import replace_file
from dxpy_async.project.settings import SettingsPlace, check_index_url
from dxpy_async.project.settings_files import settings_in
from dxpy_async.project.tool_reader import OF_PROJECTS, SETTINGS
from dxpy_async.resolver.hints import without_credentials

_CHECKS: Mapping[str, Callable[[str], None]] = {
    "index-url": partial(check_index_url, origin="`index-url`"),
    "extra-index-url": partial(check_index_url, origin="`extra-index-url`"),
    "publish-url": check_upload_url,
    "check-url": check_checked_index,
}
"""What files may say, and only those who use it refuse."""


def write_setting(place: SettingsPlace, key: str, texts: Sequence[str]) -> bool:
    """Let `place` say that `key` is what `texts` mean; a dot leads into a table. False: it says so already.

    A text is taken as the TOML value that it is, else as a string; what can only be an array is made one of the texts.
    Raises UsageError for a key or value that would be refused, InvalidProject and InvalidSettings for a file that is.
    """
    _check_name(key)
    content = _content(place)
    refused: InvalidProject | InvalidSettings | None = None
    for value in _meanings(texts):
        changed = _with(content, place, key, value)
        try:
            _check(changed, place)
            _check_addresses(key, value)
        except (InvalidProject, InvalidSettings) as error:
            refused = refused or error
            continue
        return _replace(place, changed)
    assert refused is not None
    shown = without_credentials(" ".join(texts))
    raise UsageError(f"`{key}` cannot be set to `{shown}`: {refused.reason}", hints=refused.hints()) from refused


def remove_setting(place: SettingsPlace, key: str) -> bool:
    """Let `place` say nothing of `key`. False: it says nothing already."""
    content = _content(place)
    document = _parsed(content, place)
    *path, last = _path(place, key)
    table: Any = document
    for name in path:
        table = table.get(name)
        if not isinstance(table, MutableMapping):
            return False
    if last not in table:
        return False
    del table[last]
    return _replace(place, tomlkit.dumps(document).encode())


def _check_name(key: str) -> None:
    name, known = key.partition(".")[0], [*SETTINGS, *OF_PROJECTS]
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean `{close[0]}`?" if close else f"the settings are {', '.join(known)}"
        raise UsageError(f"there is no setting `{key}` that a file can say", hints=(hint,))


def _content(place: SettingsPlace) -> bytes:
    try:
        return Path(place.path).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UsageError(f"`{place.path}` cannot be read: {error.strerror}") from error


def _meanings(texts: Sequence[str]) -> Iterator[object]:
    """What the texts can mean, the likeliest first."""
    if len(texts) == 1:
        with suppress(tomllib.TOMLDecodeError):  # then it is a plain string
            yield tomllib.loads(f"value = {texts[0]}")["value"]
        yield texts[0]
    yield list(texts)


def _path(place: SettingsPlace, key: str) -> list[str]:
    """The keys that lead to a setting, from the top of the file."""
    table = place.table.split(".") if place.table else []
    return [*table, *key.split(".", 1)]


def _with(content: bytes, place: SettingsPlace, key: str, value: object) -> bytes:
    document = _parsed(content, place)
    *path, last = _path(place, key)
    table: Any = document
    for depth, name in enumerate(path):
        if name not in table:
            table[name] = tomlkit.table(is_super_table=depth == 0 and name == "tool")
        table = table[name]
        if not isinstance(table, MutableMapping):
            raise UsageError(f"`{key}` cannot be set in `{place.path}`: `{name}` is no table there")
    table[last] = value
    return tomlkit.dumps(document).encode()


def _parsed(content: bytes, place: SettingsPlace) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(decode(content, place.path))
    except TOMLKitError as error:
        raise InvalidSettings(place.path, f"it is not TOML: {error}") from error


def _check(content: bytes, place: SettingsPlace) -> None:
    if place.table:
        parse_project(content, Path(place.path).parent)
    else:
        settings_in(content, Path(place.path))


def _check_addresses(key: str, value: object) -> None:
    """Raises UsageError for what is to be an address, and is none or has a password in it."""
    if check := _CHECKS.get(key):
        for each in map(str, value if isinstance(value, list) else [value]):
            check(each)
            if (public := without_credentials(each)) != each:
                raise UsageError(
                    f"`{key}` is to be `{public}` with a login, which everybody who reads the file would see",
                    hints=(f"leave it out, and log in with `dxpy auth login {public}`",),
                )


def _replace(place: SettingsPlace, content: bytes) -> bool:
    path = Path(place.path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return replace_file(path, content)
    except OSError as error:
        raise UsageError(f"`{path}` cannot be written: {error.strerror}") from error
