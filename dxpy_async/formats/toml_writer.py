"""TOML text for people, written from a document so that `tomllib` reads the same document again, key order included.

Written here, because the libraries that write TOML move tables behind the other keys of the table that they stand in,
and stop at integers that Python does not print. A table that other keys follow is written inline instead.

Source: https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')
_UNSAFE_IN_LINES = re.compile(r'[\x00-\x08\x0b-\x1f\x7f\\]|(?<="")"|"\Z')
"""Of a run of quotes every one from the third on, lest it ends the string, and the last before its end."""
_LITERAL = re.compile(r"[^\x00-\x1f\x7f']*\\[^\x00-\x1f\x7f']*")
_WIDTH = 100
"""A longer array gets a line for each element."""
_DECIMAL_BITS = 14_000
"""Longer integers are written in hexadecimal: Python reads and prints no more than 4 300 decimal digits."""


def write_toml(document: Mapping[str, object]) -> str:
    """The text of a document that `formats.pyproject_dx` takes. The same document gives the same text."""
    return "\n".join(_lines(document)).lstrip("\n") + "\n" if document else ""


def _lines(document: Mapping[str, object]) -> Iterator[str]:
    pending: list[tuple[str, Mapping[str, object], str]] = [("", document, "")]
    while pending:
        path, table, header = pending.pop()
        inline, following = _divide(table)
        if header.startswith("[[") or (header and (inline or not following)):
            yield from ("", header)
        yield from (f"{_key(key)} = {_value(value)}" for key, value in inline)
        pending += reversed([each for key, value in following for each in _below(path, key, value)])


def _divide(table: Mapping[str, object]) -> tuple[list[tuple[str, object]], list[tuple[str, object]]]:
    """What stands in the table itself, and what follows with headers of its own: the tables at its end."""
    items = list(table.items())
    end = len(items)
    while end and _has_headers(items[end - 1][1]):
        end -= 1
    return items[:end], items[end:]


def _has_headers(value: object) -> bool:
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _below(path: str, key: str, value: object) -> Iterator[tuple[str, Mapping[str, object], str]]:
    full = f"{path}.{_key(key)}" if path else _key(key)
    if isinstance(value, Mapping):
        yield full, value, f"[{full}]"
    elif isinstance(value, list | tuple):
        for item in value:
            yield full, item, f"[[{full}]]"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _quoted(key)


def _value(value: object) -> str:
    """The text of a value after `key =`, on several lines where that reads better."""
    if isinstance(value, str) and "\n" in value:
        return f'"""\n{_UNSAFE_IN_LINES.sub(_escape, value)}"""'
    text = inline_value(value)
    if isinstance(value, list | tuple) and len(text) > _WIDTH:
        return "\n".join(("[", *(f"    {inline_value(item)}," for item in value), "]"))
    return text


def inline_value(value: object) -> str:
    """`value` as TOML on one line. Raises TypeError for what TOML has no place for."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {inline_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return _array(value)
    if isinstance(value, str):
        return f"'{value}'" if _LITERAL.fullmatch(value) else _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _DECIMAL_BITS else f"{value:#x}"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in TOML")


def _array(items: Sequence[object]) -> str:
    return f"[{', '.join(map(inline_value, items))}]"


def _float(value: float) -> str:
    if math.isnan(value):
        return "-nan" if math.copysign(1.0, value) < 0 else "nan"
    return repr(value)  # Python's `1e+16`, `inf` and `-0.0` are TOML's


def _quoted(text: str) -> str:
    return f'"{_UNSAFE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
