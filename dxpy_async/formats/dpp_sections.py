"""The sections of a DPP package as bytes: what a builder puts together, each a function of its values alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.limits import PACKAGE_TEXTS
from dxpy_async.core.requirement_values import Requirement
from dxpy_async.errors import InvalidPackage
from dxpy_async.formats import dpp_layout as layout
from dxpy_async.formats.dpp_content import PackageIdentity

_NATIVE = re.compile(r"\.(?:so|pyd|dylib|dll)(?:\.[0-9]+)*$", re.IGNORECASE)
_EXTENSION = re.compile(r"(?!lib[^.]*\.so$)[^\W\d]\w*(?:\.[\w-]+)?\.(?:so|pyd)$", re.IGNORECASE)
_SHORT = 0xFFFF


def metadata_section(identity: PackageIdentity, core_metadata: bytes = b"") -> bytes:
    """Raises InvalidPackage for what the format cannot hold."""
    entries = [
        text
        for group, names in identity.entry_points.items()
        for name, reference in names.items()
        for text in (group, name, reference)
    ]
    texts = [identity.filename, identity.dist_info, identity.data, *identity.tags, *identity.top_level, *entries]
    heap = _joined(texts, identity.filename)
    first = [text.encode() for text in (identity.name, identity.version, identity.requires_python)]
    if max(map(len, first)) > _SHORT:
        raise InvalidPackage(identity.filename, f"has a name, version or requires-python of more than {_SHORT} bytes")
    head = layout.METADATA_HEAD.pack(
        *map(len, first),
        layout.PURELIB if identity.root_is_purelib else 0,
        len(core_metadata),
        len(identity.tags),
        len(identity.top_level),
        len(entries) // 3,
        len(heap),
        identity.size,
        bytes.fromhex(identity.sha256),
        bytes.fromhex(identity.blake3),
    )
    return b"".join((head, *first, core_metadata, heap))


def path_places(paths: Sequence[str]) -> list[tuple[int, int]]:
    """The size of each path and where it stands among all, for its row."""
    places, offset = [], 0
    for path in paths:
        size = len(path.encode())
        places.append((size, offset))
        offset += size + 1
    return places


def files_section(paths: Sequence[str], rows: Sequence[bytes], unpacked: int, origin: str) -> bytes:
    """The files section without its contents, and with zeros for the BLAKE3 of the manifest."""
    heap = _joined(paths, origin)
    return b"".join((layout.FILES_HEAD.pack(len(paths), len(heap), unpacked, bytes(32)), *rows, heap))


def bytecode_section(tags: Sequence[str], rows: Sequence[bytes], origin: str) -> bytes:
    """The bytecode section without the code."""
    heap = _joined(tags, origin)
    return layout.BYTECODE_HEAD.pack(len(tags), len(rows), len(heap)) + heap + b"".join(rows)


def native_section(paths: Sequence[str]) -> bytes:
    """Which of the files are machine code, by their names."""
    found = [(index, kind) for index, path in enumerate(paths) if (kind := native_kind(path))]
    return layout.NATIVE_HEAD.pack(len(found)) + b"".join([layout.NATIVE_FILE.pack(*row) for row in found])


def native_kind(path: str) -> int:
    """EXTENSION_MODULE, SHARED_LIBRARY, or 0 for a file that is neither."""
    if _NATIVE.search(path) is None:
        return 0
    return layout.EXTENSION_MODULE if _EXTENSION.match(path.rpartition("/")[2]) else layout.SHARED_LIBRARY


def dependencies_section(requirements: Sequence[Requirement], extras: Sequence[str], origin: str) -> bytes:
    """Raises InvalidPackage for what the format cannot hold."""
    texts = list(extras)
    for requirement in requirements:
        texts += (
            requirement.name,
            ",".join(requirement.extras),
            requirement.specifier,
            requirement.url or "",
            requirement.marker,
        )
    heap = _joined(texts, origin)
    return layout.DEPENDENCIES_HEAD.pack(len(requirements), len(extras), len(heap)) + heap


def header(flags: int, sizes: Sequence[int]) -> bytes:
    """The first bytes of the header, up to its BLAKE3; `sizes` are the sections'."""
    offsets = [layout.HEADER.size]
    for size in sizes:
        offsets.append(offsets[-1] + size)
    packed = layout.HEADER.pack(layout.MAGIC, layout.VERSION, flags, *offsets, bytes(32))
    return packed[: layout.DIGEST_OFFSET]


def with_manifest_digest(beginning: bytes, metadata: bytes, files: bytes, *rest: bytes) -> bytes:
    """The files section (without contents) with the BLAKE3 of the manifest in its place."""
    place = layout.FILES_DIGEST_OFFSET
    digest = blake3_of(beginning, metadata, files[:place], files[place + 32 :], *rest)
    return files[:place] + digest + files[place + 32 :]


def _joined(texts: Sequence[str], origin: str) -> bytes:
    if len(texts) > PACKAGE_TEXTS:
        raise InvalidPackage(origin, f"has {len(texts)} texts in one place, a package may have {PACKAGE_TEXTS}")
    heap = "\0".join(texts).encode()
    if texts and heap.count(b"\0") != len(texts) - 1:
        raise InvalidPackage(origin, "has a NUL character in a text")
    return heap
