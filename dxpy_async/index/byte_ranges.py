"""Byte ranges of HTTP: the spans that are asked for and the headers that say what came.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

from typing import NamedTuple

from dxpy_async.core.limits import ARCHIVE_BYTES


class Span(NamedTuple):
    """Bytes `start` up to `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def range_header(span: Span) -> str:
    return f"bytes={span.start}-{span.stop - 1}"


def parse_content_range(text: str | None) -> tuple[Span, int] | None:
    """What a Content-Range header says: the bytes, and the size of the whole. None when it says nothing sensible."""
    unit, _, rest = (text or "").strip().partition(" ")
    bounds, _, total = rest.partition("/")
    first, _, last = bounds.partition("-")
    if unit != "bytes" or not all(part.isascii() and part.isdecimal() for part in (first, last, total)):
        return None
    if max(len(first), len(last), len(total)) > len(str(ARCHIVE_BYTES)):
        return None
    span = Span(int(first), int(last) + 1)
    return (span, int(total)) if span.start < span.stop <= int(total) <= ARCHIVE_BYTES else None
