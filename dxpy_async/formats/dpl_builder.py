"""From a lock to the bytes of a DPL file. The same packages, in whatever order, give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from dxpy_async.core import limits
from dxpy_async.core.hashing import blake3_of, fnv1a_64
from dxpy_async.core.locks import Lock, LockedFile, LockedPackage, SourceKind
from dxpy_async.core.packed_versions import PACKED_KEY_BYTES, packed_key
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import LockError
from dxpy_async.formats import dpl_layout as layout

_is_sha256 = re.compile(r"[0-9a-f]{64}").fullmatch
_is_digest_path = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/").fullmatch
_from_hex = bytes.fromhex
_NO_DIGEST = bytes(32)
_DIGEST_PATH_LENGTH = 67


def build_dpl(lock: Lock) -> bytes:
    """The bytes of `dxpy.lock` for `lock`, its packages sorted by name, then version, then source.

    Raises LockError for a lock that names one release of one source twice, or that is over a limit.
    """
    return _Builder(lock).to_bytes()


def _order(package: LockedPackage) -> tuple[str, int, str, str, str]:
    key = packed_key(package.version)
    return (
        package.name,
        key if key is not None else 1 << 8 * PACKED_KEY_BYTES,
        package.version,
        package.source.kind,
        package.source.url,
    )


class _Builder:
    """The sections while they grow. Strings, digests and lists are kept once each, numbered in order of first use."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._packages = sorted(lock.packages, key=_order)
        self._strings: dict[str, int] = {"": 0}
        self._digests: dict[bytes, int] = {}
        self._lists: dict[tuple[int, ...], int] = {(): 0}
        self._words: list[int] = [0]
        self._requirements: list[bytes] = []
        self._files: list[bytes] = []

    def to_bytes(self) -> bytes:
        self._refuse_duplicates()
        lock = self._lock
        project, requires_python = self._string(lock.project), self._string(lock.requires_python)
        root_sets = self._root_sets()
        pairs = [
            *self._pairs(layout.ENVIRONMENT_TABLE, lock.environment),
            *self._pairs(layout.SETTINGS_TABLE, lock.settings),
        ]
        entries = self._entries()
        spans, strings = self._string_sections()
        sections = [
            b"".join(entries),
            b"".join(self._files),
            b"".join(self._digests),
            b"".join(self._requirements),
            _pack_words(self._slots()),
            _pack_words(self._words),
            b"".join(root_sets),
            b"".join(pairs),
            spans,
            strings,
        ]
        sections.insert(layout.BLOCKS, _block_digests(b"".join(sections)))
        return self._with_header(sections, project, requires_python)

    def _refuse_duplicates(self) -> None:
        for one, other in pairwise(self._packages):
            if (one.name, one.version, one.source) == (other.name, other.version, other.source):
                raise LockError(f"`{one.name}` {one.version} from `{one.source.url}` stands in the lock twice")

    def _with_header(self, sections: list[bytes], project: int, requires_python: int) -> bytes:
        lock = self._lock
        counts = [len(section) // size for section, (_, size) in zip(sections, layout.SECTIONS, strict=True)]
        offsets = [layout.HEADER.size]
        for section in sections:
            offsets.append(offsets[-1] + len(section))
        total = offsets.pop()
        if total > limits.LOCK_BYTES:
            raise LockError(f"the lock would have {total} bytes, the limit is {limits.LOCK_BYTES}")
        if not 0 <= lock.resolved_at < 1 << 64:
            raise LockError(f"the lock cannot be of the time {lock.resolved_at}")
        header = layout.HEADER.pack(
            layout.MAGIC,
            layout.TREE_VERSION if any(each.source.kind.is_tree for each in self._packages) else layout.VERSION,
            0,
            total,
            project,
            requires_python,
            0,
            lock.resolved_at,
            _label(lock.environment.get("python_full_version", ""), 16),
            _label("-".join(lock.environment.get(key, "") for key in ("sys_platform", "platform_machine")), 32),
            *counts,
            *offsets,
            bytes(32),
        )
        before = header[: layout.DIGEST_OFFSET]
        return b"".join([before, blake3_of(before, sections[layout.BLOCKS]), *sections])

    def _string(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))

    def _list(self, items: Iterable[int]) -> int:
        key = tuple(items)
        known = self._lists.get(key)
        if known is None:
            known = self._lists[key] = len(self._words)
            self._words += (len(key), *key)
        return known

    def _string_sections(self) -> tuple[bytes, bytes]:
        try:
            encoded = [text.encode() for text in self._strings]
        except UnicodeEncodeError as error:
            raise LockError(f"the lock cannot hold the text {error.object!r}, which is not Unicode") from error
        offsets = [0]
        for text in encoded:
            offsets.append(offsets[-1] + len(text))
        if offsets[-1] > limits.LOCK_BYTES:
            raise LockError(f"the texts of the lock have {offsets[-1]} bytes, the limit is {limits.LOCK_BYTES}")
        return _pack_words(offsets), b"".join(encoded)

    def _pairs(self, table: int, values: Mapping[str, str]) -> list[bytes]:
        return [
            layout.PAIR.pack(table, self._string(key), self._string(value)) for key, value in sorted(values.items())
        ]

    def _root_sets(self) -> list[bytes]:
        roots = self._lock.roots
        return [
            self._root_set(layout.ROOT_REQUIREMENTS, "", roots.requirements),
            *(self._root_set(layout.ROOT_EXTRA, extra, roots.optional[extra]) for extra in sorted(roots.optional)),
            *(self._root_set(layout.ROOT_GROUP, group, roots.groups[group]) for group in sorted(roots.groups)),
        ]

    def _root_set(self, kind: int, name: str, requirements: tuple[Requirement, ...]) -> bytes:
        return layout.ROOT_SET.pack(kind, self._string(name), self._add_requirements(requirements), len(requirements))

    def _add_requirements(self, requirements: tuple[Requirement, ...]) -> int:
        first = len(self._requirements)
        string = self._string
        for requirement in requirements:
            self._requirements.append(
                layout.REQUIREMENT.pack(
                    string(requirement.name),
                    self._list(map(string, requirement.extras)),
                    string(requirement.specifier),
                    layout.NONE if requirement.url is None else string(requirement.url),
                    string(requirement.marker),
                )
            )
        return first

    def _entries(self) -> list[bytes]:
        entries = []
        for index, package in enumerate(self._packages):
            following = self._packages[index + 1] if index + 1 < len(self._packages) else None
            has_next = following is not None and following.name == package.name
            entries.append(self._entry(package, index + 1 if has_next else layout.NONE))
        return entries

    def _entry(self, package: LockedPackage, following: int) -> bytes:
        string = self._string
        key = packed_key(package.version)
        algorithm, digest = _source_hash(package)
        name, version = string(package.name), string(package.version)
        first_requirement = self._add_requirements(package.requirements)
        first_file = len(self._files)
        sdists = (package.sdist,) if package.sdist is not None else ()
        self._add_files((*package.wheels, *sdists))
        return layout.ENTRY.pack(
            fnv1a_64(package.name.encode(errors="replace")),
            name,
            version,
            layout.NO_KEY if key is None else key.to_bytes(PACKED_KEY_BYTES, "little"),
            layout.SOURCE_KINDS[package.source.kind],
            algorithm,
            0,
            string(package.source.url),
            digest,
            string(package.requires_python),
            self._list(map(string, package.extras)),
            first_requirement,
            len(package.requirements),
            first_file,
            len(package.wheels),
            len(sdists),
            following,
        )

    def _add_files(self, files: Iterable[LockedFile]) -> None:
        """Flat, and with everything at hand: a lock has thousands."""
        add, pack, strings = self._files.append, layout.FILE.pack, self._strings
        number, url_parts, sha256_of = strings.setdefault, self._url, _raw_sha256
        unknown_size, unknown_time, kind_shift = layout.UNKNOWN_SIZE, layout.UNKNOWN_TIME, layout.URL_KIND_SHIFT
        for file in files:
            filename, size, upload_time, hashes = file.filename, file.size, file.upload_time, file.hashes
            if size is None:
                size = unknown_size
            elif not 0 <= size < unknown_size:
                raise LockError(f"`{filename}` cannot have {size} bytes")
            if upload_time is None:
                upload_time = unknown_time
            elif not unknown_time < upload_time < 1 << 63:
                raise LockError(f"`{filename}` cannot have been uploaded at {upload_time}")
            is_short = _is_short(filename)
            head, tail = _split_filename(filename) if is_short else ("", filename)
            kind, url, digest = url_parts(file.url, filename) if is_short else (layout.URL_WHOLE, file.url, layout.NONE)
            raw = sha256_of(hashes.get("sha256", ""))
            add(
                pack(
                    number(head, len(strings)),
                    number(tail, len(strings)),
                    number(url, len(strings)),
                    digest,
                    size,
                    upload_time,
                    0 if raw is not None and len(hashes) == 1 else self._other_hashes(file, raw),
                    (kind << kind_shift) | (layout.HAS_SHA256 if raw is not None else 0),
                    raw or _NO_DIGEST,
                )
            )

    def _other_hashes(self, file: LockedFile, raw: bytes | None) -> int:
        others = [pair for pair in sorted(file.hashes.items()) if raw is None or pair[0] != "sha256"]
        if len(others) > layout.HASHES_PER_FILE:
            raise LockError(f"`{file.filename}` has {len(others)} hashes, the limit is {layout.HASHES_PER_FILE}")
        return self._list(self._string(text) for pair in others for text in pair)

    def _url(self, url: str, filename: str) -> tuple[int, str, int]:
        """How `url` is kept: as a shared beginning, a digest in the middle and the file name, or whole."""
        end = len(url) - len(filename)
        if not filename or not url.endswith(filename):
            return layout.URL_WHOLE, url, layout.NONE
        start = end - _DIGEST_PATH_LENGTH
        if start < 0 or _is_digest_path(url, start, end) is None:
            head = url[:end]
            return (layout.URL_JOINED, head, layout.NONE) if _is_short(head) else (layout.URL_WHOLE, url, layout.NONE)
        head, path = url[:start], url[start:end]
        if not _is_short(head):
            return layout.URL_WHOLE, url, layout.NONE
        digest = _from_hex(path[:2] + path[3:5] + path[6:-1])
        return layout.URL_DIGEST, head, self._digests.setdefault(digest, len(self._digests))

    def _slots(self) -> list[int]:
        firsts: dict[str, int] = {}
        for index, package in enumerate(self._packages):
            firsts.setdefault(package.name, index)
        size = layout.SMALLEST_TABLE
        while size < 2 * len(firsts):
            size *= 2
        slots = [layout.NONE] * size
        for name, index in firsts.items():
            slot = fnv1a_64(name.encode()) & size - 1
            while slots[slot] != layout.NONE:
                slot = slot + 1 & size - 1
            slots[slot] = index
        return slots


def _split_filename(filename: str) -> tuple[str, str]:
    """A wheel's name after its second dash is shared by many wheels; what stands before, by the wheels of a release."""
    place = filename.find("-", filename.find("-") + 1) + 1
    return (filename[:place], filename[place:]) if place and filename.endswith(".whl") else ("", filename)


def _is_short(text: str) -> bool:
    """Whether `text` may be put together with another."""
    return (text.isascii() and len(text) <= layout.PART_BYTES) or len(
        text.encode(errors="replace")
    ) <= layout.PART_BYTES


def _raw_sha256(text: str) -> bytes | None:
    """None too for one that is not 64 lower-case hex digits; it is kept as it is then."""
    return _from_hex(text) if _is_sha256(text) else None


def _source_hash(package: LockedPackage) -> tuple[int, bytes]:
    """The sha256 of the one archive that a direct reference names."""
    files = [*package.wheels, *([package.sdist] if package.sdist is not None else [])]
    if package.source.kind is not SourceKind.DIRECT or len(files) != 1:
        return layout.NO_HASH, _NO_DIGEST
    raw = _raw_sha256(files[0].hashes.get("sha256", ""))
    return (layout.NO_HASH, _NO_DIGEST) if raw is None else (layout.SHA256, raw)


def _label(text: str, size: int) -> bytes:
    """`text` in a field of `size` bytes, or zeros when it does not fit: a label is never cut short."""
    encoded = text.encode(errors="replace")
    return (encoded if len(encoded) <= size and text != "-" else b"").ljust(size, b"\0")


def _block_digests(content: bytes) -> bytes:
    """The BLAKE3 of each block of what comes after the digests."""
    size = layout.BLOCK_BYTES
    return b"".join([blake3_of(content[start : start + size]) for start in range(0, len(content), size)])


def _pack_words(words: list[int]) -> bytes:
    return b"".join(map(layout.WORD.pack, words))
