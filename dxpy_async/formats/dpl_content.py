"""The parts of a DPL lock by their numbers: its header, strings, lists, requirements and files, each checked when read.

Bounds are checked on opening, every reference when it is followed: a damaged or hostile file is an `InvalidLock` that
names the place, in time and memory that its size bounds. For that, sections stand one after the other, strings and
lists do not overlap and are read once, and only short strings are ever put together.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from itertools import accumulate, pairwise
from operator import mul
from struct import Struct
from typing import NoReturn, TypeVar, cast

from blake3 import blake3

from dxpy_async.core.dataclass import from_rows
from dxpy_async.core.locks import LockedFile, Source
from dxpy_async.core.names import ExtraName
from dxpy_async.core.requirement_values import Requirement, new_tuple
from dxpy_async.core.wheel_names import tag_rank
from dxpy_async.errors import InvalidLock
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.memo import Memo

_KINDS = {number: kind for kind, number in layout.SOURCE_KINDS.items()}
_CONFLICT_MARKERS = (b"<<<<<<< ", b">>>>>>> ")
_DAMAGE_HINT = "take it from a commit with `git checkout COMMIT -- dxpy.lock`, or remove it; then run `dxpy lock`"
_CONFLICT_HINT = "in the middle of a git merge, `dxpy lock` takes the pins of both sides"
_FOREIGN_BYTES = 65_536
"""How much of a file that is no lock is looked at to say what it is."""

T = TypeVar("T")


class DplContent:
    """The bytes of a lock, which `file` names in errors. Opening checks the header; raises InvalidLock."""

    def __init__(self, data: bytes | mmap.mmap, *, file: str, verify: bool) -> None:
        self.data, self.file = data, file
        self.strings = Memo(self._read_string)
        self._parts = Memo(self._read_part)
        self._lists = Memo(self._read_list)
        self._string_bytes_read = self._list_words_read = 0
        self._sources: dict[tuple[int, int], Source] = {}
        self._tag_ranks: Mapping[str, int] = {}
        self._tail_ranks: dict[tuple[bool, int], int | None] = {}
        self._checked: set[int] | None = None
        self._project, self._requires_python, self.resolved_at = self._read_header()
        if verify:
            self._checked = set()
            self._verify_header()

    # Digests: that of the header covers those of the blocks, and these everything else

    def verify(self) -> None:
        """Check all digests. Raises InvalidLock when a bit has changed since the lock was written."""
        self._checked = set()
        self._verify_header()
        self.verify_rest()

    def verify_rest(self) -> None:
        """Check the digests of all blocks that have not been read yet; nothing in a lock that is not to be verified."""
        if self._checked is not None:
            self._verify_blocks(self._checked, self._offsets[layout.ENTRIES], len(self.data))
            self._checked = None

    def read(self, start: int, end: int) -> bytes:
        """Bytes from behind the block digests, of blocks that have been compared with theirs."""
        if self._checked is not None:
            self._verify_blocks(self._checked, start, end)
        return self.data[start:end]

    def _verify_blocks(self, known: set[int], start: int, end: int) -> None:
        first, size = self._offsets[layout.ENTRIES], layout.BLOCK_BYTES
        for block in range((start - first) // size, (end - first - 1) // size + 1):
            if block not in known:
                place = first + block * size
                actual = blake3(self.data[place : place + size]).digest()
                self._compare(actual, self.place(layout.BLOCKS, block), place)
                known.add(block)

    def _verify_header(self) -> None:
        start = layout.DIGEST_OFFSET
        digests = self.data[layout.HEADER.size : self._offsets[layout.ENTRIES]]
        self._compare(blake3(self.data[:start] + digests).digest(), start, 0)

    def _compare(self, actual: bytes, digest: int, place: int) -> None:
        expected = self.data[digest : digest + layout.DIGEST.size]
        if actual != expected:
            self.fail(f"is damaged: what stands there has BLAKE3 {actual.hex()}, expected {expected.hex()}", place)

    # The header's strings

    @property
    def project(self) -> str:
        return self.strings[self._project]

    @property
    def requires_python(self) -> str:
        return self.strings[self._requires_python]

    # Parts, by number

    def source(self, kind: int, url: int, entry: int) -> Source:
        """The source of that kind and url; `entry` is the number of the entry that has it."""
        known = self._sources.get((kind, url))
        if known is None:
            if kind not in _KINDS:
                self.fail(f"has a source of unknown kind {kind}", self.place(layout.ENTRIES, entry))
            known = self._sources[kind, url] = Source(_KINDS[kind], self.strings[url])
        return known

    def extras(self, first_word: int) -> tuple[ExtraName, ...]:
        """The list of extras that begins at that word; the same object for all that refer to it."""
        return cast("tuple[ExtraName, ...]", self._lists[first_word])

    def requirements(self, first: int, count: int) -> list[Requirement]:
        """`count` requirements from number `first` on."""
        strings, lists = self.strings, self._lists
        records = self.records(layout.REQUIREMENTS, first, count)
        return [
            new_tuple(
                Requirement,
                (
                    strings[name],
                    lists[extras],
                    strings[specifier],
                    None if url == layout.NONE else strings[url],
                    strings[marker],
                ),
            )
            for name, extras, specifier, url, marker in layout.REQUIREMENT.iter_unpack(records)
        ]

    def files(self, first: int, count: int) -> list[LockedFile]:
        """`count` files from number `first` on."""
        return self._read_files(self.records(layout.FILES, first, count), self.place(layout.FILES, first))

    def fitting_wheels(self, first: int, count: int, tag_ranks: Mapping[str, int]) -> list[LockedFile]:
        """Those among `count` wheels from number `first` on that an environment with these tags accepts at all."""
        if tag_ranks is not self._tag_ranks:
            self._tag_ranks, self._tail_ranks = tag_ranks, {}
        records, ranks = self.records(layout.FILES, first, count), self._tail_ranks
        fitting = []
        for place, fields in zip(
            range(0, len(records), layout.FILE.size), layout.FILE.iter_unpack(records), strict=True
        ):
            tail = (fields[0] != 0, fields[1])
            if tail not in ranks:
                # the tags of a wheel all stand in its tail, which many wheels share
                ranks[tail] = tag_rank(f"{'any-0-' if tail[0] else ''}{self.strings[fields[1]]}", tag_ranks)
            if ranks[tail] is not None:
                fitting.append(records[place : place + layout.FILE.size])
        return self._read_files(b"".join(fitting), self.place(layout.FILES, first))

    def _read_files(self, records: bytes, place: int) -> list[LockedFile]:
        """The files of these records; `place` is where in the lock they are, or nearly."""
        strings, parts = self.strings, self._parts
        digests, first_digest = self.counts[layout.DIGESTS], self.place(layout.DIGESTS, 0)
        digest_size = layout.DIGEST.size
        rows = []
        for head, tail, url, digest, size, upload_time, others, flags, sha256 in layout.FILE.iter_unpack(records):
            filename = parts[head] + parts[tail] if head else strings[tail]
            kind = flags >> layout.URL_KIND_SHIFT
            if kind == layout.URL_WHOLE:
                address = strings[url]
            elif kind > layout.URL_WHOLE or len(filename) > 2 * layout.PART_BYTES:
                self.fail(f"has a file with unknown flags {flags:#x} or too long a name", place)
            elif kind == layout.URL_DIGEST:
                if digest >= digests:
                    self.fail(f"refers to digest {digest}, it has {digests}", place)
                start = first_digest + digest * digest_size
                path = self.read(start, start + digest_size).hex()
                address = f"{parts[url]}{path[:2]}/{path[2:4]}/{path[4:]}/{filename}"
            else:
                address = parts[url] + filename
            hashes = {"sha256": sha256.hex()} if flags & layout.HAS_SHA256 else {}
            if others:
                hashes.update(self._other_hashes(others, place))
            rows.append(
                (
                    filename,
                    address,
                    None if size == layout.UNKNOWN_SIZE else size,
                    None if upload_time == layout.UNKNOWN_TIME else upload_time,
                    hashes,
                )
            )
        return from_rows(LockedFile, rows)

    def _read_part(self, number: int) -> str:
        text = self.strings[number]
        if len(text) > layout.PART_BYTES:
            self.fail(f"puts string {number} of {len(text)} characters together, the limit is {layout.PART_BYTES}")
        return text

    def _other_hashes(self, first_word: int, place: int) -> dict[str, str]:
        words = self._lists[first_word]
        if len(words) % 2 or len(words) > 2 * layout.HASHES_PER_FILE:
            self.fail(f"has a file with {len(words)} words of hashes", place)
        return dict(zip(words[::2], words[1::2], strict=True))

    def _read_string(self, number: int) -> str:
        start, end = self._string_span(number)
        self._string_bytes_read += end - start
        if self._string_bytes_read > self.counts[layout.STRINGS]:
            self.fail("has strings that overlap", self.place(layout.STRING_OFFSETS, number))
        try:
            return self.read(start, end).decode()
        except UnicodeDecodeError:
            self.fail(f"has string {number} in something else than UTF-8", start)

    def string_is(self, number: int, text: bytes) -> bool:
        """Whether the string of that number is `text`; nothing is kept."""
        start, end = self._string_span(number)
        return end - start == len(text) and self.read(start, end) == text

    def _string_span(self, number: int) -> tuple[int, int]:
        """Where in the file the string of that number begins and ends."""
        if number >= self.counts[layout.STRING_OFFSETS] - 1:
            self.fail(f"refers to string {number}, it has {self.counts[layout.STRING_OFFSETS] - 1}")
        place, base = self.place(layout.STRING_OFFSETS, number), self._offsets[layout.STRINGS]
        start, end = layout.STRING_SPAN.unpack(self.read(place, place + layout.STRING_SPAN.size))
        if not start <= end <= self.counts[layout.STRINGS]:
            self.fail(f"has a string from {start} to {end} of {self.counts[layout.STRINGS]} bytes", place)
        return base + start, base + end

    def read_all_strings(self) -> None:
        """Decode all strings at once, in a tenth of the time of one by one, which is left to find what is damaged."""
        self.verify_rest()
        count, base = self.counts[layout.STRING_OFFSETS], self._offsets[layout.STRINGS]
        offsets = Struct(f"<{count}I").unpack_from(self.data, self._offsets[layout.STRING_OFFSETS])
        content = self.data[base : base + self.counts[layout.STRINGS]]
        in_order = all(start <= end for start, end in pairwise(offsets)) and offsets[-1] <= len(content)
        if in_order and content.isascii():
            text = content.decode()
            self.strings.update(enumerate(text[start:end] for start, end in pairwise(offsets)))

    def _read_list(self, first_word: int) -> tuple[str, ...]:
        words, place = self.counts[layout.WORDS], self.place(layout.WORDS, first_word)
        if first_word >= words:
            self.fail(f"refers to word {first_word}, it has {words}")
        first = place + layout.WORD.size
        (count,) = layout.WORD.unpack(self.read(place, first))
        self._list_words_read += count + 1
        if count >= words - first_word or self._list_words_read > words:
            self.fail(f"has a list of {count} words that reaches over its end or another list", place)
        numbers = Struct(f"<{count}I").unpack(self.read(first, first + count * layout.WORD.size))
        return tuple(self.strings[number] for number in numbers)

    def records(self, section: int, first: int, count: int) -> bytes:
        """`count` records of a section from number `first` on."""
        if first + count > self.counts[section]:
            name = layout.SECTIONS[section][0]
            self.fail(f"refers to {name} {first} to {first + count}, it has {self.counts[section]}")
        return self.read(self.place(section, first), self.place(section, first + count))

    def place(self, section: int, index: int) -> int:
        """Where in the file record `index` of a section begins."""
        return self._offsets[section] + index * layout.SECTIONS[section][1]

    def fail(self, reason: str, offset: int | None = None) -> NoReturn:
        """Refuse the lock."""
        raise InvalidLock(self.file, reason, offset=offset, hints=(_DAMAGE_HINT,))

    # The header

    def _read_header(self) -> tuple[int, int, int]:
        data = self.data
        if data[:4] != layout.MAGIC:
            self._refuse_foreign()
        if len(data) < layout.HEADER.size:
            self.fail(f"is cut short: it has {len(data)} bytes, the header alone has {layout.HEADER.size}", len(data))
        _, version, _, total, project, requires_python, _, resolved_at, _, _, *table, _ = layout.HEADER.unpack_from(
            data
        )
        if version not in (layout.VERSION, layout.TREE_VERSION):
            raise InvalidLock(
                self.file,
                f"is in version {version} of the lock format, "
                f"this dxpy reads versions {layout.VERSION} and {layout.TREE_VERSION}",
                offset=4,
                hints=("it was made by a newer dxpy: use that version or a later one",)
                if version > layout.TREE_VERSION
                else (),
            )
        if total != len(data):
            self.fail(f"has {len(data)} bytes, its header says {total}", 8)
        sections = len(layout.SECTIONS)
        self.counts: tuple[int, ...] = tuple(table[:sections])
        self._offsets: tuple[int, ...] = tuple(table[sections:])
        self._check_sections(total)
        return project, requires_python, resolved_at

    def _check_sections(self, total: int) -> None:
        if (*self._offsets, total) != tuple(
            accumulate(map(mul, self.counts, layout.SECTION_SIZES), initial=layout.HEADER.size)
        ):
            self._refuse_sections(total)
        blocks = -((self._offsets[layout.ENTRIES] - total) // layout.BLOCK_BYTES)
        if self.counts[layout.BLOCKS] != blocks:
            self.fail(f"has {self.counts[layout.BLOCKS]} block digests, expected {blocks}", layout.HEADER.size)
        slots = self.counts[layout.SLOTS]
        if slots < layout.SMALLEST_TABLE or slots & slots - 1:
            self.fail(f"has a hash table of {slots} slots, which is no power of two", self._offsets[layout.SLOTS])
        if not self.counts[layout.WORDS]:
            self.fail("has no words", self._offsets[layout.WORDS])
        first = self.data[self._offsets[layout.STRING_OFFSETS] : self._offsets[layout.STRINGS]][:8]
        if first != bytes(8):
            self.fail("does not begin its strings with the empty one", self._offsets[layout.STRING_OFFSETS])

    def _refuse_sections(self, total: int) -> NoReturn:
        expected = layout.HEADER.size
        for (name, size), count, offset in zip(layout.SECTIONS, self.counts, self._offsets, strict=True):
            if offset != expected:
                self.fail(f"has its {name} at byte {offset}, expected at {expected}")
            expected += count * size
            if expected > total:
                self.fail(f"claims {count} {name} of {size} bytes each, more than it has room for", offset)
        self.fail("has bytes after its last section", expected)

    def _refuse_foreign(self) -> NoReturn:
        start = self.data[:_FOREIGN_BYTES]
        if not start:
            self.fail("is empty", 0)
        if any(marker in start for marker in _CONFLICT_MARKERS):
            raise InvalidLock(
                self.file,
                "holds git conflict markers",
                offset=0,
                hints=(_CONFLICT_HINT, _DAMAGE_HINT),
            )
        if layout.MAGIC.startswith(start):
            self.fail(f"is cut short: it has {len(start)} bytes", len(start))
        self.fail(f"is not a lock: it begins with {start[:4]!r}, expected {layout.MAGIC!r}", 0)
