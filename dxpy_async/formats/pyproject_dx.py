"""pyproject.dx, a TOML document in binary: opened by mapping it, and one value is read without decoding the others.

Whatever is wrong with the file is an `InvalidDocument` that names the place, in time and memory that the file's size
bounds: every node has one parent before it, strings do not overlap, and depth has a limit.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, timedelta, timezone
from itertools import islice, pairwise
from operator import ge, gt, itemgetter
from typing import Any, NoReturn, Self

from dxpy_async.core import limits
from dxpy_async.core.hashing import blake3_of
from dxpy_async.errors import InvalidDocument
from dxpy_async.formats import dpx_layout as layout
from dxpy_async.formats.mapped_files import Mapped, map_file
from dxpy_async.formats.memo import Memo
from dxpy_async.formats.pyproject_dx_builder import build_dx

__all__ = ["DxDocument", "build_dx"]

_LOW = 0xFFFF_FFFF
_DAMAGED = ("make it anew from its source with `dxpy convert`",)


_Children = tuple[dict[str, Any] | list[Any], int, int, int]
"""A table or an array that is being read: itself so far, its first child, how many it has, its own node."""


class DxDocument(Mapped):
    """An open pyproject.dx. Values are what `tomllib` gives, read when asked for. Close it, or use `with`."""

    def __init__(self, data: bytes | mmap.mmap, *, file: str, verify: bool = True) -> None:
        """Read the document that `data` is; `file` is what errors call it. Raises InvalidDocument."""
        self._data, self._file = data, file
        self._strings = Memo(self._read_string)
        self._big_integers = Memo(self._read_big_integer)
        self._string_bytes_read = 0
        self.source_digest = self._read_header()
        """BLAKE3 of the TOML text that it was made from."""
        if verify:
            self.verify()

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Self:
        """Map the file at `path` and check its magic, version and bounds, and its BLAKE3 unless told not to.

        Raises InvalidDocument, also when it cannot be read.
        """
        name = os.fspath(path)
        try:
            data = map_file(path, name, what="pyproject.dx", limit=limits.DOCUMENT_BYTES, refuse=InvalidDocument)
        except OSError as error:
            raise InvalidDocument(name, f"cannot be read: {error.strerror or error}") from error
        return cls._of(data, file=name, verify=verify)

    def verify(self) -> None:
        """Check the BLAKE3 of the whole content. Raises InvalidDocument when a bit has changed since it was written."""
        start, end = layout.DIGEST_OFFSET, layout.HEADER.size
        with memoryview(self._data) as view, view[:start] as before, view[end:] as after:
            actual = blake3_of(before, after)
        if actual != (expected := self._data[start:end]):
            self._fail(f"is damaged: its content has BLAKE3 {actual.hex()}, expected {expected.hex()}", start)

    def is_of(self, source: bytes) -> bool:
        """Whether it was made from this very TOML text, so that it may be read in its place."""
        return self.source_digest == blake3_of(source)

    def get(self, *path: str | int) -> Any:
        """The value at a path of keys, and of numbers in arrays: `get("project", "name")`. None when there is none.

        Only what is at the path is decoded; a table or an array is decoded with all that is in it.
        """
        node = 0
        for step in path:
            found = self._find_child(node, step)
            if found is None:
                return None
            node = found
        return self._decode(node)

    def to_dict(self) -> dict[str, Any]:
        """The whole document, with the order of its keys."""
        self._read_all_strings()
        document: dict[str, Any] = self._decode(0)
        return document

    # -- header and strings

    def _read_header(self) -> bytes:
        size = len(self._data)
        magic = self._data[: len(layout.MAGIC)]
        if magic != layout.MAGIC:
            reason = "is empty" if not magic else f"begins with {magic.hex(' ')}, expected {layout.MAGIC.hex(' ')}"
            self._fail(f"is not a pyproject.dx: it {reason}", 0)
        if size < layout.HEADER.size:
            self._fail(f"is cut short: it has {size} bytes, its header alone has {layout.HEADER.size}", size)
        _, version, _, total, *rest = layout.HEADER.unpack_from(self._data)
        if version != layout.VERSION:
            hints = ("a newer dxpy reads it",) if version > layout.VERSION else _DAMAGED
            self._fail(f"has version {version} of the format, this dxpy reads {layout.VERSION}", 4, hints)
        if total != size:
            self._fail(f"has {size} bytes, its header says {total}", 8)
        self._counts, self._offsets = rest[0:3], rest[3:6]
        self._check_sections(size)
        source_digest: bytes = rest[6]
        return source_digest

    def _check_sections(self, size: int) -> None:
        expected = layout.HEADER.size
        for number, (name, record) in enumerate(layout.SECTIONS):
            if self._offsets[number] != expected:
                place = 24 + 4 * number
                self._fail(f"has its {name} at {self._offsets[number]}, expected {expected}", place)
            expected += self._counts[number] * record
        if expected != size:
            self._fail(f"has sections that end at {expected}, it has {size} bytes", 12)
        if not self._counts[layout.NODES] or not self._counts[layout.STRING_OFFSETS]:
            self._fail("has no nodes or no string offsets", 12)
        ends = [self._word(0), self._word(self._string_count)]
        if ends != [0, self._counts[layout.STRINGS]]:
            self._fail("has strings that do not fill their section", self._offsets[layout.STRING_OFFSETS])
        if (kind := self._node_field(0, 2)) != layout.TABLE:
            self._fail(f"begins with a node of kind {kind}, expected a table", self._offsets[layout.NODES])

    @property
    def _string_count(self) -> int:
        count: int = self._counts[layout.STRING_OFFSETS] - 1
        return count

    def _word(self, number: int) -> int:
        (word,) = layout.WORD.unpack_from(self._data, self._offsets[layout.STRING_OFFSETS] + 4 * number)
        return int(word)

    def _string_bytes(self, number: int) -> bytes:
        start, end = self._word(number), self._word(number + 1)
        if not start <= end <= self._counts[layout.STRINGS]:
            self._fail(f"has string {number} from {start} to {end}", self._place_of_string(number))
        heap = self._offsets[layout.STRINGS]
        return self._data[heap + start : heap + end]

    def _read_string(self, number: int) -> str:
        if not 0 <= number < self._string_count:
            reason = f"refers to string {number}, there are {self._string_count}"
            self._fail(reason, self._offsets[layout.STRING_OFFSETS])
        data = self._string_bytes(number)
        self._string_bytes_read += len(data)
        if self._string_bytes_read > self._counts[layout.STRINGS]:
            self._fail("has strings that overlap", self._place_of_string(number))
        try:
            return data.decode()
        except UnicodeDecodeError:
            self._fail(f"has string {number} that is not UTF-8", self._place_of_string(number))

    def _place_of_string(self, number: int) -> int:
        return int(self._offsets[layout.STRING_OFFSETS]) + 4 * number

    def _read_all_strings(self) -> None:
        """All strings at once, which is quicker, and checked to be sorted."""
        words = self._data[self._offsets[layout.STRING_OFFSETS] : self._offsets[layout.STRINGS]]
        heap = self._data[self._offsets[layout.STRINGS] :]
        ends = list(map(itemgetter(0), layout.WORD.iter_unpack(words)))
        if any(map(gt, ends, islice(ends, 1, None))):
            self._fail("has strings that overlap", self._offsets[layout.STRING_OFFSETS])
        if heap.isascii():
            text = heap.decode()
            strings = [text[start:end] for start, end in pairwise(ends)]
        else:
            strings = [self._strings[number] for number in range(self._string_count)]
        if any(map(ge, strings, islice(strings, 1, None))):
            self._fail("has strings out of order", self._offsets[layout.STRING_OFFSETS])
        self._strings.update(enumerate(strings))

    # -- nodes

    def _place(self, node: int) -> int:
        return int(self._offsets[layout.NODES]) + node * layout.NODE.size

    def _find_child(self, node: int, step: str | int) -> int | None:
        _, _, kind, _, _, payload = layout.NODE.unpack_from(self._data, self._place(node))
        if kind not in (layout.TABLE, layout.ARRAY):
            return None
        first, count = self._span(payload, node)
        if kind == layout.ARRAY:
            return first + step if isinstance(step, int) and 0 <= step < count else None
        return self._find_key(step, first, count) if isinstance(step, str) else None

    def _find_key(self, key: str, first: int, count: int) -> int | None:
        """The child with that key: its number among the sorted strings, then that among the sorted children."""
        try:
            wanted = key.encode()
        except UnicodeEncodeError:
            return None  # no key of TOML is like that
        number = bisect_left(range(self._string_count), wanted, key=self._string_bytes)
        if number == self._string_count or self._string_bytes(number) != wanted:
            return None

        def key_of(rank: int) -> int:
            return self._node_field(self._sorted_child(rank, first, count), 0)

        rank = bisect_left(range(count), number, key=key_of)
        return self._sorted_child(rank, first, count) if rank < count and key_of(rank) == number else None

    def _sorted_child(self, rank: int, first: int, count: int) -> int:
        order = self._node_field(first + rank, 1)
        if order >= count:
            self._fail_node(f"has order {order} among {count}", first + rank)
        return first + order

    def _node_field(self, node: int, field: int) -> int:
        return int(layout.NODE.unpack_from(self._data, self._place(node))[field])

    def _span(self, payload: int, node: int) -> tuple[int, int]:
        """First child and number of children of a table or array. They come after it, and are there."""
        first, count = payload & _LOW, payload >> layout.COUNT_SHIFT
        if payload and (count <= 0 or first <= node or first + count > self._counts[layout.NODES]):
            self._fail_node(f"has {count} children from node {first} on, there are {self._counts[layout.NODES]}", node)
        return first, count

    def _decode(self, node: int) -> Any:
        """The value of a node, with all that is in it.

        The descendants of a node form one stretch on each level. Sweeping over these visits no node twice, whatever
        the file says, and does not recurse, however deep it goes.
        """
        _, _, kind, _, minutes, own = layout.NODE.unpack_from(self._data, self._place(node))
        pending: list[_Children] = []
        value = self._value(kind, minutes, own, node, pending)
        seen, depth = node + 1, 0
        while pending:
            depth += 1
            if depth > limits.DOCUMENT_DEPTH:
                self._fail_node(f"lies more than {limits.DOCUMENT_DEPTH} levels deep", pending[0][3])
            first = pending[0][1]
            if first < seen or (not node and first != seen):
                self._fail_node(f"has children from node {first} on, expected {seen}", pending[0][3])
            seen = first
            for _, start, count, parent in pending:
                if start != seen:
                    self._fail_node(f"has children from node {start} on, expected {seen}", parent)
                seen += count
            pending = self._fill(pending, first, seen)
        if not node and seen != self._counts[layout.NODES]:
            self._fail_node("has no parent", seen)
        return value

    def _fill(self, level: list[_Children], first: int, end: int) -> list[_Children]:
        """Read what is in the tables and arrays of one level, nodes `first` to `end`; gives those that are in them."""
        below: list[_Children] = []
        strings, string = self._strings, layout.STRING
        records = layout.NODE.iter_unpack(self._data[self._place(first) : self._place(end)])
        keys, orders, kinds, _, minutes, payloads = zip(*records, strict=True)
        values = [
            strings[payload] if kind == string and not east else self._value(kind, east, payload, node, below)
            for node, kind, east, payload in zip(range(first, end), kinds, minutes, payloads, strict=True)
        ]
        start = 0
        for holder, node, count, _ in level:
            stop = start + count
            if isinstance(holder, dict):
                self._check_order(orders[start:stop], keys[start:stop], node)
                holder.update(zip(map(strings.__getitem__, keys[start:stop]), values[start:stop], strict=True))
            else:
                if any(orders[start:stop]) or keys[start:stop].count(layout.NONE) != count:
                    self._fail_node("is an element of an array and has a key", node)
                holder.extend(values[start:stop])
            start = stop
        return below

    def _check_order(self, orders: Sequence[int], keys: Sequence[int], node: int) -> None:
        """Refuse a table, whose first child is `node`, unless the orders of its children sort their keys."""
        if max(orders) >= len(orders):
            self._fail_node(f"has order {max(orders)} among {len(orders)}", node + orders.index(max(orders)))
        in_order = [keys[order] for order in orders]
        if any(map(ge, in_order, islice(in_order, 1, None))):
            self._fail_node("begins a table with a key twice or keys out of order", node)

    def _value(self, kind: int, minutes: int, payload: int, node: int, below: list[_Children]) -> Any:
        """The value of a node; a table or an array is empty at first, and joins `below` when it will not stay so."""
        if minutes and kind != layout.OFFSET_DATE_TIME:
            self._fail_node(f"of kind {kind} has an offset from UTC", node)
        if kind in (layout.TABLE, layout.ARRAY):
            first, count = self._span(payload, node)
            holder: dict[str, Any] | list[Any] = {} if kind == layout.TABLE else []
            if count:
                below.append((holder, first, count, node))
            return holder
        if kind == layout.STRING:
            return self._strings[payload]
        if kind == layout.INTEGER:
            return payload
        if kind == layout.BOOLEAN and payload in (0, 1):
            return payload == 1
        if kind == layout.FLOATING:
            return layout.FLOAT.unpack(layout.BITS.pack(payload))[0]
        if kind == layout.BIG_INTEGER:
            return self._big_integers[payload]
        return self._moment(kind, minutes, payload, node)

    def _read_big_integer(self, number: int) -> int:
        text = self._strings[number]
        digits = text.removeprefix("-")
        try:
            value = int(text, 16) if digits.isascii() and digits.isalnum() else 0
        except ValueError:
            value = 0
        too_long = value < 0 and value.bit_length() > layout.NEGATIVE_BITS
        if too_long or layout.LEAST_INTEGER <= value <= layout.MOST_INTEGER or f"{value:x}" != text:
            self._fail(f"has string {number} that is not a big integer", self._place_of_string(number))
        return value

    def _moment(self, kind: int, minutes: int, payload: int, node: int) -> Any:
        try:
            if kind == layout.LOCAL_DATE:
                return date.fromordinal(payload)
            if payload >= 0:
                moment = layout.YEAR_ONE + payload * layout.MICROSECOND
                if kind == layout.LOCAL_DATE_TIME:
                    return moment
                if kind == layout.LOCAL_TIME and payload < layout.DAY_MICROSECONDS:
                    return moment.time()
                if kind == layout.OFFSET_DATE_TIME and abs(minutes) <= layout.MOST_MINUTES:
                    return moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
        except (ValueError, OverflowError):
            pass  # a day before the year 1 or after 9999
        return self._fail_node(f"of kind {kind} has the payload {payload}, which such a node cannot have", node)

    def _fail_node(self, reason: str, node: int) -> NoReturn:
        self._fail(f"has a wrong node: node {node} {reason}", self._place(node))

    def _fail(self, reason: str, offset: int, hints: Sequence[str] = _DAMAGED) -> NoReturn:
        raise InvalidDocument(self._file, reason, offset=offset, hints=hints)
