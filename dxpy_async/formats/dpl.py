"""The lock on disk, `dxpy.lock`: opened by mapping it into memory, and read without parsing what is not asked for.

The header's bounds are checked on opening, every reference when it is followed: a damaged or hostile file is an
`InvalidLock` that names the place, in time and memory that its size bounds. For that, sections stand one after the
other, the records of files and requirements belong to one entry each, lists do not overlap, and only short strings
are ever put together.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from struct import Struct
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from dxpy_async.core import limits
from dxpy_async.core.hashing import blake3_of, fnv1a_64
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots, Source
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.wheel_names import best_wheel, tag_rank
from dxpy_async.errors import InvalidLock, LockNotFound
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.dpl_builder import build_dpl

__all__ = ["DplEntry", "DplLockFile", "build_dpl"]

_KINDS = {number: kind for kind, number in layout.SOURCE_KINDS.items()}
_CONFLICT_MARKERS = (b"<<<<<<< ", b"\n=======\n", b">>>>>>> ")
_FOREIGN_BYTES = 65_536
"""How much of a file that is no lock is looked at to say what it is."""

T = TypeVar("T")


class DplEntry:
    """One release in an open lock: its identity is read, the rest when it is asked for, while the lock is open.

    It has what a `LockedPackage` has.
    """

    __slots__ = (
        "_lock",
        "extras",
        "first_file",
        "first_requirement",
        "has_next",
        "index",
        "name",
        "packed_version",
        "requirement_count",
        "requires_python",
        "sdist_count",
        "source",
        "version",
        "wheel_count",
    )

    def __init__(self, lock: DplLockFile, index: int) -> None:
        """Entry number `index` of `lock`, which has that many."""
        fields = layout.ENTRY.unpack_from(lock.data, lock.place(layout.ENTRIES, index))
        _, name, version, key, kind, _, _, url, _, requires_python, extras, *rest = fields
        self._lock, self.index = lock, index
        self.name = ProjectName(lock.strings[name])
        self.version = lock.strings[version]
        self.packed_version = None if key == layout.NO_KEY else int.from_bytes(key, "little")
        self.source = lock.source(kind, url, index)
        self.requires_python = lock.strings[requires_python]
        self.extras: tuple[ExtraName, ...] = lock.extras(extras)
        self.first_requirement, self.requirement_count = rest[0], rest[1]
        self.first_file, self.wheel_count, self.sdist_count = rest[2], rest[3], rest[4]
        self.has_next = rest[5] != layout.NONE
        if self.sdist_count > 1:
            lock.fail(f"has an entry with {self.sdist_count} sdists", lock.place(layout.ENTRIES, index))
        if self.has_next and (rest[5] != index + 1 or rest[5] >= len(lock)):
            lock.fail(f"continues entry {index} with entry {rest[5]}", lock.place(layout.ENTRIES, index))

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return tuple(self._lock.requirements(self.first_requirement, self.requirement_count))

    @property
    def wheels(self) -> tuple[LockedFile, ...]:
        return tuple(self._lock.files(self.first_file, self.wheel_count))

    @property
    def sdist(self) -> LockedFile | None:
        return next(iter(self._lock.files(self.first_file + self.wheel_count, self.sdist_count)), None)

    def best_wheel(self, tag_ranks: Mapping[str, int]) -> LockedFile | None:
        """The wheel that fits an environment best, None when none does; only those that fit at all are read."""
        return best_wheel(self._lock.fitting_wheels(self.first_file, self.wheel_count, tag_ranks), tag_ranks)

    def to_package(self) -> LockedPackage:
        """All of it as a value that outlives the open lock."""
        return self._package(self.requirements, self.wheels, self.sdist)

    def cut(self, requirements: list[Requirement], files: list[LockedFile]) -> LockedPackage:
        """Like `to_package`, out of all the requirements and files of the lock, which were read in one go."""
        end = self.first_file + self.wheel_count
        return self._package(
            tuple(requirements[self.first_requirement : self.first_requirement + self.requirement_count]),
            tuple(files[self.first_file : end]),
            files[end] if self.sdist_count else None,
        )

    def _package(
        self, requirements: tuple[Requirement, ...], wheels: tuple[LockedFile, ...], sdist: LockedFile | None
    ) -> LockedPackage:
        return LockedPackage(
            name=self.name,
            version=self.version,
            source=self.source,
            requires_python=self.requires_python,
            extras=self.extras,
            requirements=requirements,
            wheels=wheels,
            sdist=sdist,
        )


class _Memo(dict[int, T]):
    """What `read` makes of a number, read once. A hit costs no call."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[int], T]) -> None:
        self._read = read

    def __missing__(self, number: int) -> T:
        value = self[number] = self._read(number)
        return value


class DplLockFile:
    """An open lock. Has what a `Lock` has, read when asked for; `to_lock` reads it all. Close it, or use `with`."""

    def __init__(self, data: bytes | mmap.mmap, *, file: str, verify: bool = True) -> None:
        """Read the lock that `data` is; `file` is what errors call it. Raises InvalidLock."""
        self.data, self.file = data, file
        self.strings: Mapping[int, str]
        self._strings = self.strings = _Memo(self._read_string)
        self._parts = _Memo(self._read_part)
        self._lists = _Memo(self._read_list)
        self._list_words = 0
        self._sources: dict[tuple[int, int], Source] = {}
        self._packages: tuple[DplEntry, ...] | None = None
        self._roots: LockedRoots | None = None
        self._tables: tuple[dict[str, str], dict[str, str]] | None = None
        self._tag_ranks: Mapping[str, int] = {}
        self._tail_ranks: dict[tuple[bool, int], int | None] = {}
        project, requires_python, self.resolved_at = self._read_header()
        if verify:
            self.verify()
        self.project, self.requires_python = self.strings[project], self.strings[requires_python]

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Self:
        """Map the lock at `path` and check its magic, version and bounds, and its BLAKE3 unless told not to.

        Raises LockNotFound and InvalidLock.
        """
        name = os.fspath(path)
        try:
            data = _map(name)
        except FileNotFoundError as error:
            raise LockNotFound(name) from error
        except OSError as error:
            raise InvalidLock(name, f"cannot be read: {error.strerror or error}") from error
        try:
            return cls(data, file=name, verify=verify)
        except BaseException:
            if isinstance(data, mmap.mmap):
                data.close()
            raise

    def close(self) -> None:
        """Unmap the file. What was read stays; what was not cannot be read any more."""
        if isinstance(self.data, mmap.mmap):
            self.data.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def verify(self) -> None:
        """Check the BLAKE3 of the whole content. Raises InvalidLock when a bit has changed since it was written."""
        start, end = layout.DIGEST_OFFSET, layout.HEADER.size
        with memoryview(self.data) as view, view[:start] as before, view[end:] as after:
            actual = blake3_of(before, after)
        if actual != (expected := self.data[start:end]):
            self.fail(f"is damaged: its content has BLAKE3 {actual.hex()}, expected {expected.hex()}", start)

    # What the lock holds

    def __len__(self) -> int:
        """How many releases there are."""
        return self._counts[layout.ENTRIES]

    def __iter__(self) -> Iterator[LockedPackage]:
        """Each release as a value, sorted by name, then version."""
        return (entry.to_package() for entry in self.packages)

    @property
    def packages(self) -> tuple[DplEntry, ...]:
        """All releases, sorted by name, then version."""
        if self._packages is None:
            self._packages = tuple(self._read_packages())
        return self._packages

    def _read_packages(self) -> Iterator[DplEntry]:
        """All entries in order. Each must have the requirements and files that come after those of the one before."""
        next_requirement, next_file = self._root_requirement_count(), 0
        before: DplEntry | None = None
        for index in range(len(self)):
            entry = DplEntry(self, index)
            if (entry.first_requirement, entry.first_file) != (next_requirement, next_file):
                self.fail("has an entry whose parts are out of order", self.place(layout.ENTRIES, index))
            if before is not None and (before.name > entry.name or before.has_next != (before.name == entry.name)):
                self.fail("has an entry whose name is out of order", self.place(layout.ENTRIES, index))
            next_requirement += entry.requirement_count
            next_file += entry.wheel_count + entry.sdist_count
            before = entry
            yield entry
        if (next_requirement, next_file) != (self._counts[layout.REQUIREMENTS], self._counts[layout.FILES]):
            self.fail("has requirements or files that belong to no entry", self._offsets[layout.FILES])

    def names(self) -> tuple[ProjectName, ...]:
        """The names of all projects in the lock, sorted, each once."""
        return tuple(dict.fromkeys(entry.name for entry in self.packages))

    def find(self, name: str) -> tuple[DplEntry, ...]:
        """The releases of the project of that normalised name, none when there is no such project; in constant time."""
        index = self._find_first(name.encode(errors="replace"))
        if index is None:
            return ()
        found = [DplEntry(self, index)]
        while found[-1].has_next:
            found.append(DplEntry(self, index + len(found)))
            if found[-1].name != found[0].name:
                self.fail("has an entry whose name is out of order", self.place(layout.ENTRIES, found[-1].index))
        return tuple(found)

    def lookup(self, name: str) -> tuple[LockedPackage, ...]:
        """Like `find`, but as values that outlive the open lock."""
        return tuple(entry.to_package() for entry in self.find(name))

    def _find_first(self, name: bytes) -> int | None:
        wanted, mask = fnv1a_64(name), self._counts[layout.SLOTS] - 1
        for probe in range(mask + 1):
            place = self.place(layout.SLOTS, wanted + probe & mask)
            (index,) = layout.WORD.unpack_from(self.data, place)
            if index == layout.NONE:
                return None
            if index >= len(self):
                self.fail(f"refers to entry {index}, it has {len(self)}", place)
            found, number = layout.NAME_HASH.unpack_from(self.data, self.place(layout.ENTRIES, index))
            if found == wanted and self._string_bytes(number) == name:
                return int(index)
        return None

    @property
    def environment(self) -> Mapping[str, str]:
        """The marker values it was resolved for."""
        return self._read_tables()[layout.ENVIRONMENT_TABLE]

    @property
    def settings(self) -> Mapping[str, str]:
        """What else the answer depends on."""
        return self._read_tables()[layout.SETTINGS_TABLE]

    def _read_tables(self) -> tuple[dict[str, str], dict[str, str]]:
        if self._tables is None:
            tables: tuple[dict[str, str], dict[str, str]] = ({}, {})
            records = self._records(layout.PAIRS, 0, self._counts[layout.PAIRS])
            for table, key, value in layout.PAIR.iter_unpack(records):
                if table >= len(tables):
                    self.fail(f"has a pair of unknown table {table}", self._offsets[layout.PAIRS])
                tables[table][self.strings[key]] = self.strings[value]
            self._tables = tables
        return self._tables

    @property
    def roots(self) -> LockedRoots:
        """What the project itself asks for."""
        if self._roots is None:
            self._roots = self._read_roots()
        return self._roots

    def _read_roots(self) -> LockedRoots:
        requirements: tuple[Requirement, ...] = ()
        optional: dict[ExtraName, tuple[Requirement, ...]] = {}
        groups: dict[GroupName, tuple[Requirement, ...]] = {}
        expected = 0
        records = self._records(layout.ROOT_SETS, 0, self._counts[layout.ROOT_SETS])
        for number, (kind, name, first, count) in enumerate(layout.ROOT_SET.iter_unpack(records)):
            if first != expected or kind > layout.ROOT_GROUP:
                self.fail("has a root set of unknown kind or out of order", self.place(layout.ROOT_SETS, number))
            expected += count
            asked = tuple(self.requirements(first, count))
            if kind == layout.ROOT_EXTRA:
                optional[ExtraName(self.strings[name])] = asked
            elif kind == layout.ROOT_GROUP:
                groups[GroupName(self.strings[name])] = asked
            else:
                requirements = asked
        return LockedRoots(requirements=requirements, optional=optional, groups=groups)

    def _root_requirement_count(self) -> int:
        records = self._records(layout.ROOT_SETS, 0, self._counts[layout.ROOT_SETS])
        return sum(count for *_, count in layout.ROOT_SET.iter_unpack(records))

    def to_lock(self) -> Lock:
        """The whole lock as a value that outlives the open file."""
        self._read_all_strings()
        requirements = self.requirements(0, self._counts[layout.REQUIREMENTS])
        files = self.files(0, self._counts[layout.FILES])
        return Lock(
            project=self.project,
            requires_python=self.requires_python,
            roots=self.roots,
            environment=self.environment,
            settings=self.settings,
            packages=tuple(entry.cut(requirements, files) for entry in self.packages),
            resolved_at=self.resolved_at,
        )

    # Parts of the file, by number

    def source(self, kind: int, url: int, entry: int) -> Source:
        """The source of that kind and url; `entry` is the number of the entry that has it."""
        known = self._sources.get((kind, url))
        if known is None:
            if kind not in _KINDS:
                self.fail(f"has a source of unknown kind {kind}", self.place(layout.ENTRIES, entry))
            known = self._sources[kind, url] = Source(_KINDS[kind], self.strings[url])
        return known

    def extras(self, first_word: int) -> tuple[ExtraName, ...]:
        """The list of extras that begins at that word."""
        return tuple(map(ExtraName, self._lists[first_word]))

    def requirements(self, first: int, count: int) -> list[Requirement]:
        """`count` requirements from number `first` on."""
        strings, extras_of = self.strings, _Memo(self.extras)
        records = self._records(layout.REQUIREMENTS, first, count)
        rows = [
            (
                strings[name],
                extras_of[extras],
                strings[specifier],
                None if url == layout.NONE else strings[url],
                strings[marker],
            )
            for name, extras, specifier, url, marker in layout.REQUIREMENT.iter_unpack(records)
        ]
        return _make(Requirement, rows)

    def files(self, first: int, count: int) -> list[LockedFile]:
        """`count` files from number `first` on."""
        return self._read_files(self._records(layout.FILES, first, count), self.place(layout.FILES, first))

    def fitting_wheels(self, first: int, count: int, tag_ranks: Mapping[str, int]) -> list[LockedFile]:
        """Those among `count` wheels from number `first` on that an environment with these tags accepts at all."""
        if tag_ranks is not self._tag_ranks:
            self._tag_ranks, self._tail_ranks = tag_ranks, {}
        records, ranks = self._records(layout.FILES, first, count), self._tail_ranks
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
        strings, parts, data = self.strings, self._parts, self.data
        digests, first_digest = self._counts[layout.DIGESTS], self.place(layout.DIGESTS, 0)
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
                path = data[start : start + digest_size].hex()
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
        return _make(LockedFile, rows)

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
        text = self._string_bytes(number)
        try:
            return text.decode()
        except UnicodeDecodeError:
            self.fail(f"has string {number} in something else than UTF-8", self.place(layout.STRING_OFFSETS, number))

    def _string_bytes(self, number: int) -> bytes:
        if number >= self._counts[layout.STRING_OFFSETS] - 1:
            self.fail(f"refers to string {number}, it has {self._counts[layout.STRING_OFFSETS] - 1}")
        place, base = self.place(layout.STRING_OFFSETS, number), self._offsets[layout.STRINGS]
        start, end = layout.STRING_SPAN.unpack_from(self.data, place)
        if not start <= end <= self._counts[layout.STRINGS]:
            self.fail(f"has a string from {start} to {end} of {self._counts[layout.STRINGS]} bytes", place)
        return self.data[base + start : base + end]

    def _read_all_strings(self) -> None:
        """Decode all strings at once, in a tenth of the time of one by one, which is left to find what is damaged."""
        count, base = self._counts[layout.STRING_OFFSETS], self._offsets[layout.STRINGS]
        offsets = Struct(f"<{count}I").unpack_from(self.data, self._offsets[layout.STRING_OFFSETS])
        content = self.data[base : base + self._counts[layout.STRINGS]]
        in_order = all(start <= end for start, end in pairwise(offsets)) and offsets[-1] <= len(content)
        if in_order and content.isascii():
            text = content.decode()
            self._strings.update(enumerate(text[start:end] for start, end in pairwise(offsets)))

    def _read_list(self, first_word: int) -> tuple[str, ...]:
        words, place = self._counts[layout.WORDS], self.place(layout.WORDS, first_word)
        if first_word >= words:
            self.fail(f"refers to word {first_word}, it has {words}")
        (count,) = layout.WORD.unpack_from(self.data, place)
        self._list_words += count + 1
        if count >= words - first_word or self._list_words > words:
            self.fail(f"has a list of {count} words that reaches over its end or another list", place)
        numbers = Struct(f"<{count}I").unpack_from(self.data, place + layout.WORD.size)
        return tuple(self.strings[number] for number in numbers)

    def _records(self, section: int, first: int, count: int) -> bytes:
        if first + count > self._counts[section]:
            name = layout.SECTIONS[section][0]
            self.fail(f"refers to {name} {first} to {first + count}, it has {self._counts[section]}")
        return self.data[self.place(section, first) : self.place(section, first + count)]

    def place(self, section: int, index: int) -> int:
        """Where in the file record `index` of a section begins."""
        return self._offsets[section] + index * layout.SECTIONS[section][1]

    def fail(self, reason: str, offset: int | None = None) -> NoReturn:
        """Refuse the lock."""
        raise InvalidLock(self.file, reason, offset=offset)

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
        if version != layout.VERSION:
            raise InvalidLock(
                self.file,
                f"is in version {version} of the lock format, this dxpy reads version {layout.VERSION}",
                offset=4,
                hints=("it was made by a newer dxpy: use that version or a later one",)
                if version > layout.VERSION
                else (),
            )
        if total != len(data):
            self.fail(f"has {len(data)} bytes, its header says {total}", 8)
        sections = len(layout.SECTIONS)
        self._counts: tuple[int, ...] = tuple(table[:sections])
        self._offsets: tuple[int, ...] = tuple(table[sections:])
        self._check_sections(total)
        return project, requires_python, resolved_at

    def _check_sections(self, total: int) -> None:
        expected = layout.HEADER.size
        for (name, size), count, offset in zip(layout.SECTIONS, self._counts, self._offsets, strict=True):
            if offset != expected:
                self.fail(f"has its {name} at byte {offset}, expected at {expected}")
            expected += count * size
            if expected > total:
                self.fail(f"claims {count} {name} of {size} bytes each, more than it has room for", offset)
        if expected != total:
            self.fail("has bytes after its last section", expected)
        slots = self._counts[layout.SLOTS]
        if slots < layout.SMALLEST_TABLE or slots & slots - 1:
            self.fail(f"has a hash table of {slots} slots, which is no power of two", self._offsets[layout.SLOTS])
        if not self._counts[layout.WORDS]:
            self.fail("has no words", self._offsets[layout.WORDS])
        first = self.data[self._offsets[layout.STRING_OFFSETS] : self._offsets[layout.STRINGS]][:8]
        if first != bytes(8):
            self.fail("does not begin its strings with the empty one", self._offsets[layout.STRING_OFFSETS])

    def _refuse_foreign(self) -> NoReturn:
        start = self.data[:_FOREIGN_BYTES]
        if not start:
            self.fail("is empty", 0)
        if any(marker in start for marker in _CONFLICT_MARKERS):
            raise InvalidLock(
                self.file,
                "holds git conflict markers",
                offset=0,
                hints=("take one side with `git checkout --ours` or `--theirs`, then run `dxpy lock`",),
            )
        if layout.MAGIC.startswith(start):
            self.fail(f"is cut short: it has {len(start)} bytes", len(start))
        self.fail(f"is not a lock: it begins with {start[:4]!r}, expected {layout.MAGIC!r}", 0)


def _map(path: str) -> bytes | mmap.mmap:
    # a pipe of that name must not make anybody wait
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidLock(path, "is not a regular file")
        if status.st_size > limits.LOCK_BYTES:
            raise InvalidLock(path, f"has {status.st_size} bytes, the limit for a lock is {limits.LOCK_BYTES}")
        # an empty file cannot be mapped
        return mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ) if status.st_size else b""
    except ValueError as error:
        raise InvalidLock(path, f"cannot be mapped: {error}") from error
    finally:
        os.close(descriptor)


def _make(kind: type[T], rows: Sequence[tuple[object, ...]]) -> list[T]:
    """Values of a slotted dataclass from rows of all their fields.

    Field by field over all values, without running the constructor, which is a fifth of its cost; a lock has thousands.
    """
    values = [object.__new__(kind) for _ in rows]
    for name, column in zip(kind.__slots__, zip(*rows, strict=True), strict=False):  # type: ignore[attr-defined]
        deque(map(getattr(kind, name).__set__, values, column), maxlen=0)
    return values
