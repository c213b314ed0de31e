"""The lock on disk, `dxpy.lock`: opened by mapping it into memory, and read without parsing what is not asked for.

Whatever is wrong with the file is an `InvalidLock` that names the place. The records of files and requirements belong
to one entry each, in order, so that no small file makes a reader read much.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Mapping
from typing import NoReturn, Self

from dxpy_async.core import limits
from dxpy_async.core.hashing import fnv1a_64
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, LockedRoots
from dxpy_async.core.names import ExtraName, GroupName, ProjectName
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.core.wheel_names import best_wheel
from dxpy_async.errors import InvalidLock, LockNotFound
from dxpy_async.formats import dpl_layout as layout
from dxpy_async.formats.dpl_builder import build_dpl
from dxpy_async.formats.dpl_content import DplContent
from dxpy_async.formats.mapped_files import Mapped, map_file

__all__ = ["DplEntry", "DplLockFile", "build_dpl"]


class DplEntry:
    """One release in an open lock: its identity is read, the rest when it is asked for, while the lock is open.

    It has what a `LockedPackage` has.
    """

    __slots__ = (
        "_content",
        "_extras",
        "_requires_python",
        "first_file",
        "first_requirement",
        "has_next",
        "index",
        "name",
        "packed_version",
        "requirement_count",
        "sdist_count",
        "source",
        "version",
        "wheel_count",
    )

    def __init__(self, content: DplContent, index: int) -> None:
        """Entry number `index` of a lock, which has that many."""
        place = content.place(layout.ENTRIES, index)
        fields = layout.ENTRY.unpack(content.read(place, place + layout.ENTRY.size))
        _, name, version, key, kind, _, _, url, _, self._requires_python, self._extras, *rest = fields
        self._content, self.index = content, index
        self.name = ProjectName(content.strings[name])
        self.version = content.strings[version]
        self.packed_version = None if key == layout.NO_KEY else int.from_bytes(key, "little")
        self.source = content.source(kind, url, index)
        self.first_requirement, self.requirement_count = rest[0], rest[1]
        self.first_file, self.wheel_count, self.sdist_count = rest[2], rest[3], rest[4]
        self.has_next = rest[5] != layout.NONE
        if self.sdist_count > 1:
            content.fail(f"has an entry with {self.sdist_count} sdists", content.place(layout.ENTRIES, index))
        if self.has_next and (rest[5] != index + 1 or rest[5] >= content.counts[layout.ENTRIES]):
            content.fail(f"continues entry {index} with entry {rest[5]}", content.place(layout.ENTRIES, index))

    @property
    def requires_python(self) -> str:
        return self._content.strings[self._requires_python]

    @property
    def extras(self) -> tuple[ExtraName, ...]:
        return self._content.extras(self._extras)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        return tuple(self._content.requirements(self.first_requirement, self.requirement_count))

    @property
    def wheels(self) -> tuple[LockedFile, ...]:
        return tuple(self._content.files(self.first_file, self.wheel_count))

    @property
    def sdist(self) -> LockedFile | None:
        return next(iter(self._content.files(self.first_file + self.wheel_count, self.sdist_count)), None)

    def best_wheel(self, tag_ranks: Mapping[str, int]) -> LockedFile | None:
        """The wheel that fits an environment best, None when none does; only those that fit at all are read."""
        return best_wheel(self._content.fitting_wheels(self.first_file, self.wheel_count, tag_ranks), tag_ranks)

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


class DplLockFile(Mapped):
    """An open lock. Has what a `Lock` has, read when asked for; `to_lock` reads it all. Close it, or use `with`."""

    def __init__(self, data: bytes | mmap.mmap, *, file: str, verify: bool = True) -> None:
        """Read the lock that `data` is; `file` is what errors call it. Raises InvalidLock."""
        self._data = data
        self._content = DplContent(data, file=file, verify=verify)
        self._packages: tuple[DplEntry, ...] | None = None
        self._roots: LockedRoots | None = None
        self._tables: tuple[dict[str, str], dict[str, str]] | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, verify: bool = True) -> Self:
        """Map the lock at `path` and check its magic, version and bounds.

        What is read of it is compared with its BLAKE3 the first time, and the whole lock before all its packages are;
        unless `verify` is false. Who must know that all of it is whole calls `verify`.

        Raises LockNotFound and InvalidLock.
        """
        name = os.fspath(path)
        try:
            data = map_file(path, name, what="lock", limit=limits.LOCK_BYTES, refuse=InvalidLock)
        except FileNotFoundError as error:
            raise LockNotFound(name) from error
        except OSError as error:
            raise InvalidLock(name, f"cannot be read: {error.strerror or error}") from error
        return cls._of(data, file=name, verify=verify)

    def verify(self) -> None:
        """Check all that the lock holds. Raises InvalidLock when a bit has changed since it was written."""
        self._content.verify()

    @property
    def project(self) -> str:
        """The project's normalised name, empty when it has none."""
        return self._content.project

    @property
    def requires_python(self) -> str:
        """The Python versions that the project is for."""
        return self._content.requires_python

    @property
    def resolved_at(self) -> int:
        """The newest upload time among its files, in microseconds since 1970 UTC; 0 when none is known."""
        return self._content.resolved_at

    def __len__(self) -> int:
        """How many releases there are."""
        return self._content.counts[layout.ENTRIES]

    def __iter__(self) -> Iterator[LockedPackage]:
        """Each release as a value, sorted by name, then version."""
        return (entry.to_package() for entry in self.packages)

    @property
    def packages(self) -> tuple[DplEntry, ...]:
        """All releases, sorted by name, then version."""
        if self._packages is None:
            self._content.verify_rest()
            self._packages = tuple(self._read_packages())
        return self._packages

    def _read_packages(self) -> Iterator[DplEntry]:
        """All entries in order. Each must have the requirements and files that come after those of the one before."""
        next_requirement, next_file = self._root_requirement_count(), 0
        before: DplEntry | None = None
        for index in range(len(self)):
            entry = DplEntry(self._content, index)
            if (entry.first_requirement, entry.first_file) != (next_requirement, next_file):
                self._refuse_entry("has an entry whose parts are out of order", index)
            if before is not None and (before.name > entry.name or before.has_next != (before.name == entry.name)):
                self._refuse_entry("has an entry whose name is out of order", index)
            next_requirement += entry.requirement_count
            next_file += entry.wheel_count + entry.sdist_count
            before = entry
            yield entry
        if (next_requirement, next_file) != (
            self._content.counts[layout.REQUIREMENTS],
            self._content.counts[layout.FILES],
        ):
            self._content.fail(
                "has requirements or files that belong to no entry", self._content.place(layout.FILES, 0)
            )

    def _refuse_entry(self, reason: str, index: int) -> NoReturn:
        self._content.fail(reason, self._content.place(layout.ENTRIES, index))

    def names(self) -> tuple[ProjectName, ...]:
        """The names of all projects in the lock, sorted, each once."""
        return tuple(dict.fromkeys(entry.name for entry in self.packages))

    def find(self, name: str) -> tuple[DplEntry, ...]:
        """The releases of the project of that normalised name, none when there is no such project; in constant time."""
        index = self._find_first(name.encode(errors="replace"))
        if index is None:
            return ()
        found = [DplEntry(self._content, index)]
        while found[-1].has_next:
            found.append(DplEntry(self._content, index + len(found)))
            if found[-1].name != found[0].name:
                self._refuse_entry("has an entry whose name is out of order", found[-1].index)
        return tuple(found)

    def lookup(self, name: str) -> tuple[LockedPackage, ...]:
        """Like `find`, but as values that outlive the open lock."""
        return tuple(entry.to_package() for entry in self.find(name))

    def _find_first(self, name: bytes) -> int | None:
        wanted, mask = fnv1a_64(name), self._content.counts[layout.SLOTS] - 1
        for probe in range(mask + 1):
            place = self._content.place(layout.SLOTS, wanted + probe & mask)
            (index,) = layout.WORD.unpack(self._content.read(place, place + layout.WORD.size))
            if index == layout.NONE:
                return None
            if index >= len(self):
                self._content.fail(f"refers to entry {index}, it has {len(self)}", place)
            entry = self._content.place(layout.ENTRIES, index)
            found, number = layout.NAME_HASH.unpack(self._content.read(entry, entry + layout.NAME_HASH.size))
            if found == wanted and self._content.string_is(number, name):
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
            records = self._content.records(layout.PAIRS, 0, self._content.counts[layout.PAIRS])
            for table, key, value in layout.PAIR.iter_unpack(records):
                if table >= len(tables):
                    self._content.fail(f"has a pair of unknown table {table}", self._content.place(layout.PAIRS, 0))
                tables[table][self._content.strings[key]] = self._content.strings[value]
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
        records = self._content.records(layout.ROOT_SETS, 0, self._content.counts[layout.ROOT_SETS])
        for number, (kind, name, first, count) in enumerate(layout.ROOT_SET.iter_unpack(records)):
            if first != expected or kind > layout.ROOT_GROUP:
                self._content.fail(
                    "has a root set of unknown kind or out of order", self._content.place(layout.ROOT_SETS, number)
                )
            expected += count
            asked = tuple(self._content.requirements(first, count))
            if kind == layout.ROOT_EXTRA:
                optional[ExtraName(self._content.strings[name])] = asked
            elif kind == layout.ROOT_GROUP:
                groups[GroupName(self._content.strings[name])] = asked
            else:
                requirements = asked
        return LockedRoots(requirements=requirements, optional=optional, groups=groups)

    def _root_requirement_count(self) -> int:
        records = self._content.records(layout.ROOT_SETS, 0, self._content.counts[layout.ROOT_SETS])
        return sum(count for *_, count in layout.ROOT_SET.iter_unpack(records))

    def to_lock(self) -> Lock:
        """The whole lock as a value that outlives the open file."""
        self._content.read_all_strings()
        requirements = self._content.requirements(0, self._content.counts[layout.REQUIREMENTS])
        files = self._content.files(0, self._content.counts[layout.FILES])
        return Lock(
            project=self.project,
            requires_python=self.requires_python,
            roots=self.roots,
            environment=self.environment,
            settings=self.settings,
            packages=tuple(entry.cut(requirements, files) for entry in self.packages),
            resolved_at=self.resolved_at,
        )
