"""RECORD: the list of a distribution's files with their digests and sizes, as text and as values.

RECORD is a CSV file in the dialect of the `csv` module: comma, `"` doubled inside quotes, either line ending. It is
read without that module, because its limits raise errors of their own and because nearly every RECORD has neither
quotes nor carriage returns, which makes splitting it faster.

Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from dxpy_async.core.limits import ARCHIVE_MEMBERS, RECORD_BYTES
from dxpy_async.errors import InvalidWheel

RECORD_ROWS = 2 * ARCHIVE_MEMBERS
"""Rows of one RECORD: an installed one may list a bytecode file beside each member."""

_SIZE_DIGITS = 19


class RecordRow(NamedTuple):
    """One file: its path as it stands there, and its digest as urlsafe base64 without padding.

    `algorithm` and `digest` are empty when the row has no hash, `size` (bytes) is None when it has none. Nothing is
    said about the path: a RECORD may be anybody's, and whoever acts on a row decides where it may lead.
    """

    path: str
    algorithm: str
    digest: str
    size: int | None


_FIELD = r'(?:"((?:[^"]++|"")*+)"|([^",\r\n]*+))'
_ROW = re.compile(f"{_FIELD},{_FIELD},{_FIELD}(?:\r?\n|\\Z)")


def parse_record(data: bytes, origin: str) -> tuple[RecordRow, ...]:
    """The rows of a RECORD in their order, empty lines left out. `origin` names it in errors.

    Raises InvalidWheel for bytes that are not UTF-8, a row that does not have three fields, a hash that is not
    `algorithm=digest`, a size that is not a number, and a RECORD over the limits.
    """
    if len(data) > RECORD_BYTES:
        raise InvalidWheel(origin, f"has {len(data)} bytes, a RECORD may have {RECORD_BYTES}")
    rows = data.count(b"\n")
    if rows > RECORD_ROWS:
        raise InvalidWheel(origin, f"has {rows} lines, a RECORD may have {RECORD_ROWS}")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidWheel(origin, "is not UTF-8", offset=error.start) from error
    if "\0" in text:
        raise InvalidWheel(origin, "has a NUL character")
    if '"' in text or "\r" in text or not text.isascii():
        return _parse_any(text, origin)
    return _parse_plain(text, origin)


def _parse_plain(text: str, origin: str) -> tuple[RecordRow, ...]:
    """Rows without quotes, carriage returns and non-ASCII characters."""
    rows: list[RecordRow] = []
    append = rows.append
    new = tuple.__new__  # a third of the time of calling RecordRow, and there are tens of thousands of rows
    for line in text.split("\n"):
        fields = line.split(",")
        if len(fields) == 3:
            path, spec, size = fields
            digest = spec[7:]
            if spec[:7] == "sha256=" and digest and "=" not in digest and size.isdigit() and len(size) <= _SIZE_DIGITS:
                append(new(RecordRow, (path, "sha256", digest, int(size))))
            else:
                append(_row(path, spec, size, origin, len(rows) + 1))
        elif line:
            raise InvalidWheel(origin, f"has {len(fields)} fields in row {len(rows) + 1}, a RECORD has three")
    return tuple(rows)


def _parse_any(text: str, origin: str) -> tuple[RecordRow, ...]:
    rows: list[RecordRow] = []
    position, end = 0, len(text)
    match_row = _ROW.match
    while position < end:
        if text.startswith(("\n", "\r\n"), position):
            position = text.index("\n", position) + 1
            continue
        match = match_row(text, position)
        if match is None:
            raise InvalidWheel(origin, f"has a row {len(rows) + 1} that is not `path,hash,size`")
        quoted_path, path, quoted_spec, spec, quoted_size, size = match.groups()
        rows.append(
            _row(
                _unquoted(quoted_path, path),
                _unquoted(quoted_spec, spec),
                _unquoted(quoted_size, size),
                origin,
                len(rows) + 1,
            )
        )
        position = match.end()
    return tuple(rows)


def _unquoted(quoted: str | None, plain: str | None) -> str:
    return quoted.replace('""', '"') if quoted is not None else plain or ""


def _row(path: str, spec: str, size: str, origin: str, number: int) -> RecordRow:
    algorithm, equals, digest = spec.partition("=")
    if spec and (not equals or not algorithm or not digest or "=" in digest):
        raise InvalidWheel(origin, f"has a hash in row {number} that is not `algorithm=digest`: {spec[:120]!r}")
    if size and not (size.isascii() and size.isdigit() and len(size) <= _SIZE_DIGITS):
        raise InvalidWheel(origin, f"has a size in row {number} that is not a number: {size[:40]!r}")
    return RecordRow(path, algorithm, digest, int(size) if size else None)


def format_record(rows: Sequence[tuple[str, str, str, int | None]]) -> bytes:
    """The bytes of a RECORD with these rows (RecordRow) in this order; `parse_record` gives the same rows back."""
    text = _join(rows)
    # Quotes are needed by next to no RECORD, and looking at the whole text is cheaper than looking at every path.
    if '"' in text or "\r" in text or text.count(",") != 2 * len(rows) or text.count("\n") != len(rows):
        text = _join([(_quoted(path), algorithm, digest, size) for path, algorithm, digest, size in rows])
    return text.encode()


def _join(rows: Sequence[tuple[str, str, str, int | None]]) -> str:
    return "".join(
        [
            f"{path},{algorithm}={digest},{'' if size is None else size}\n"
            if algorithm
            else f"{path},,{'' if size is None else size}\n"
            for path, algorithm, digest, size in rows
        ]
    )


def _quoted(path: str) -> str:
    if "," in path or '"' in path or "\n" in path or "\r" in path:
        return '"' + path.replace('"', '""') + '"'
    return path
