"""Building a pyproject.dx: a TOML document, as `tomllib` gives it, in bytes that are a function of its content."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from itertools import accumulate
from typing import NoReturn

from dxpy_async.core import limits
from dxpy_async.core.hashing import blake3_of
from dxpy_async.errors import InvalidDocument
from dxpy_async.formats import dpx_layout as layout

_Node = tuple[str | None, int, object]
"""Key, order and value."""


def build_dx(document: Mapping[str, object], source: bytes, *, file: str = "pyproject.toml") -> bytes:
    """The bytes of the pyproject.dx for `document`, which the TOML text `source` says. The same give the same.

    `file` is what errors call the document. Raises InvalidDocument when it has a value that TOML has not, nests too
    deeply, or gets too long.
    """
    return _Builder(file).build(document, source)


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file
        self._nodes: list[_Node] = []
        self._numbers: dict[str, int] = {}

    def build(self, document: Mapping[str, object], source: bytes) -> bytes:
        self._lay_out(document)
        strings = self._number_strings()
        offsets = [0, *accumulate(len(string) for string in strings)]
        sections = (self._encode_nodes(), b"".join(map(layout.WORD.pack, offsets)), b"".join(strings))
        return self._assemble(sections, blake3_of(source))

    def _assemble(self, sections: tuple[bytes, ...], source_digest: bytes) -> bytes:
        counts = [len(data) // size for data, (_, size) in zip(sections, layout.SECTIONS, strict=True)]
        *starts, end = accumulate((len(data) for data in sections), initial=layout.HEADER.size)
        if end > limits.DOCUMENT_BYTES:
            self._refuse(f"becomes {end} bytes long, the limit for a pyproject.dx is {limits.DOCUMENT_BYTES}")
        fields = (layout.MAGIC, layout.VERSION, 0, end, *counts, *starts, source_digest)
        head = layout.HEADER.pack(*fields, bytes(32))[: layout.DIGEST_OFFSET]
        return b"".join((head, blake3_of(head, *sections), *sections))

    def _refuse(self, reason: str) -> NoReturn:
        raise InvalidDocument(self._file, reason)

    # -- the order of things

    def _lay_out(self, document: Mapping[str, object]) -> None:
        """All values level by level; those in one table or array stand together, in the order they have there."""
        level: list[_Node] = [(None, 0, document)]
        depth = 0
        while level:
            if depth > limits.DOCUMENT_DEPTH:
                self._refuse(f"nests more than {limits.DOCUMENT_DEPTH} tables and arrays inside each other")
            self._nodes += level
            level = [child for _, _, value in level for child in self._children(value)]
            depth += 1

    def _children(self, value: object) -> list[_Node]:
        if isinstance(value, Mapping):
            keys = list(value)
            if not all(isinstance(key, str) for key in keys):
                self._refuse("has a key that is not a string")
            ranks = sorted(range(len(keys)), key=keys.__getitem__)
            return [(key, rank, item) for (key, item), rank in zip(value.items(), ranks, strict=True)]
        return [(None, 0, item) for item in value] if isinstance(value, list | tuple) else []

    def _number_strings(self) -> list[bytes]:
        """Every string of the document once, sorted, in UTF-8; from here on each has its number."""
        strings = {key for key, _, _ in self._nodes if key is not None}
        strings |= {text for _, _, value in self._nodes if (text := self._text(value)) is not None}
        try:
            encoded = sorted(string.encode() for string in strings)
        except UnicodeEncodeError as error:
            self._refuse(f"has a string with a lone surrogate: {error.object[error.start]!a}")
        self._numbers = {string.decode(): number for number, string in enumerate(encoded)}
        return encoded

    def _text(self, value: object) -> str | None:
        """What of a value stands among the strings."""
        if isinstance(value, int) and not layout.LEAST_INTEGER <= value <= layout.MOST_INTEGER:
            if value < 0 and value.bit_length() > layout.NEGATIVE_BITS:
                self._refuse(
                    f"has a negative integer of {value.bit_length()} bits, the limit is {layout.NEGATIVE_BITS}"
                )
            return f"{value:x}"
        return value if isinstance(value, str) else None

    # -- bytes

    def _encode_nodes(self) -> bytes:
        next_child = 1
        encoded = []
        for key, order, value in self._nodes:
            number = layout.NONE if key is None else self._numbers[key]
            if isinstance(value, Mapping | list | tuple):
                kind = layout.TABLE if isinstance(value, Mapping) else layout.ARRAY
                payload = next_child | len(value) << layout.COUNT_SHIFT if value else 0
                encoded.append(layout.NODE.pack(number, order, kind, 0, 0, payload))
                next_child += len(value)
            else:
                encoded.append(layout.NODE.pack(number, order, *self._scalar(value)))
        return b"".join(encoded)

    def _scalar(self, value: object) -> tuple[int, int, int, int]:
        """Kind, reserved, minutes and payload."""
        if isinstance(value, str):
            return layout.STRING, 0, 0, self._numbers[value]
        if isinstance(value, bool):
            return layout.BOOLEAN, 0, 0, int(value)
        if isinstance(value, int):
            if (text := self._text(value)) is not None:
                return layout.BIG_INTEGER, 0, 0, self._numbers[text]
            return layout.INTEGER, 0, 0, value
        if isinstance(value, float):
            (bits,) = layout.BITS.unpack(layout.FLOAT.pack(value))
            return layout.FLOATING, 0, 0, bits
        if isinstance(value, datetime):
            return self._date_time(value)
        if isinstance(value, date):
            return layout.LOCAL_DATE, 0, 0, value.toordinal()
        if isinstance(value, time) and value.tzinfo is None:
            moment = datetime.combine(layout.YEAR_ONE, value)
            return layout.LOCAL_TIME, 0, 0, (moment - layout.YEAR_ONE) // layout.MICROSECOND
        return self._refuse(f"has a value that TOML has no place for: {type(value).__name__}")

    def _date_time(self, value: datetime) -> tuple[int, int, int, int]:
        payload = (value.replace(tzinfo=None) - layout.YEAR_ONE) // layout.MICROSECOND
        offset = value.utcoffset()
        if offset is None:
            return layout.LOCAL_DATE_TIME, 0, 0, payload
        minutes, rest = divmod(offset // layout.MICROSECOND, 60_000_000)
        if rest:
            self._refuse(f"has a time {offset} from UTC, which is no whole number of minutes")
        return layout.OFFSET_DATE_TIME, 0, minutes, payload
