"""The store's manifests: thin DPP packages, not described, that keep beside each file's digests when it was unpacked.

The store reads hundreds of these before it does anything else, so they are read in bulk, without the accessors of
`formats.dpp`. The BLAKE3 tells damage from health; it does not tell friend from foe, so a manifest is as trustworthy as
the directory it lies in. They know files by SHA-256 alone, which RECORD makes everyone compute anyway: a second digest
takes a third of a second for 800 MB, and would tell nothing more.
"""

from __future__ import annotations

from itertools import repeat
from operator import add
from struct import Struct

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.manifests import Manifest, ManifestFile
from dxpy_async.formats.dpp_content import DppContent, PackageIdentity
from dxpy_async.formats.dpp_sections import (
    bytecode_section,
    dependencies_section,
    files_section,
    header,
    metadata_section,
    native_section,
    path_places,
    with_manifest_digest,
)

_ROW = Struct("<Q?11x32s32xq")
"""What a manifest needs of a row of the files, in the order of ManifestFile."""
_WRITTEN_ROW = Struct("<Q?xHI4x32s32xq")


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of a manifest, whose files are sorted. Raises InvalidPackage for what the format cannot hold."""
    identity = PackageIdentity(
        name=manifest.name,
        version=manifest.version,
        requires_python="",
        filename=manifest.filename,
        dist_info=manifest.dist_info,
        data=manifest.data,
        root_is_purelib=manifest.root_is_purelib,
        tags=manifest.tags,
        top_level=manifest.top_level,
        entry_points={group: dict(names) for group, names in manifest.entry_points.items()},
        size=manifest.size,
        sha256=manifest.sha256,
        blake3=manifest.blake3,
    )
    paths = [file.path for file in manifest.files]
    rows = [
        _WRITTEN_ROW.pack(file.size, file.executable, *place, file.sha256, file.mtime_ns)
        for file, place in zip(manifest.files, path_places(paths), strict=True)
    ]
    metadata = metadata_section(identity)
    files = files_section(paths, rows, sum(file.size for file in manifest.files), manifest.filename)
    rest = (bytecode_section((), (), manifest.filename), native_section(paths), dependencies_section((), (), ""))
    beginning = header(0, [len(section) for section in (metadata, files, *rest)])
    body = b"".join((metadata, with_manifest_digest(beginning, metadata, files, *rest), *rest))
    return beginning + blake3_of(beginning, body) + body


def decode_manifest(data: bytes, origin: str) -> Manifest:
    """The manifest in `data`, which errors call `origin`. Raises InvalidPackage for bytes that are not as written."""
    content = DppContent(data, origin)
    content.verify()
    if content.is_fat:
        content.fail("is fat, and the store keeps thin packages", 6)
    identity = content.identity()
    # Half the time of calling ManifestFile, and there are tens of thousands of rows.
    values = map(add, zip(content.paths(), strict=True), content.rows(_ROW))
    return Manifest(
        name=identity.name,
        version=identity.version,
        filename=identity.filename,
        sha256=identity.sha256,
        blake3=identity.blake3,
        size=identity.size,
        root_is_purelib=identity.root_is_purelib,
        dist_info=identity.dist_info,
        data=identity.data,
        tags=identity.tags,
        files=tuple(map(tuple.__new__, repeat(ManifestFile), values)),
        entry_points=identity.entry_points,
        top_level=identity.top_level,
    )
