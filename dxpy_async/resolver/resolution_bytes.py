"""A resolution as bytes, to be remembered. The file it stands in has a checksum; so these have none."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from packaging.version import InvalidVersion, Version

from dxpy_async.core.locks import Source, SourceKind
from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_metadata import decode_metadata, encode_metadata
from dxpy_async.resolver.resolution import Pin, Resolution

_File = tuple[str, str, dict[str, str], int | None, int | None, str, str | None, dict[str, str] | None]
_Tree = tuple[str, str]
_Row = tuple[str, str, str | None, list[str], _File | None, _Tree | None, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode


def encode_resolution(resolution: Resolution) -> bytes:
    """The bytes of a resolution's pins; its warnings are kept beside them."""
    rows = [
        (pin.project, str(pin.version), pin.url, sorted(pin.extras), *_parts(pin.file), encode_metadata(pin.metadata))
        for pin in resolution.pins
    ]
    return _encode(rows)


def decode_resolution(data: bytes, warnings: tuple[str, ...]) -> Resolution:
    """What `encode_resolution` was given. Raises FormatError."""
    try:
        return Resolution(pins=tuple([_pin(*row) for row in _decode(data)]), warnings=warnings)
    except (msgspec.MsgspecError, InvalidVersion, ValueError) as error:
        raise FormatError("a remembered resolution", f"is damaged: {error}") from error


def _parts(file: DistributionFile | Source) -> tuple[object, object]:
    return (None, (file.kind.value, file.url)) if isinstance(file, Source) else (_row(file), None)


def _row(file: DistributionFile) -> tuple[object, ...]:
    return (
        file.filename,
        file.url,
        dict(file.hashes),
        file.size,
        file.upload_time,
        file.requires_python,
        file.yanked,
        _plain(file.metadata_hashes),
    )


def _plain(hashes: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if hashes is None else dict(hashes)


def _pin(
    project: str,
    version: str,
    url: str | None,
    extras: list[str],
    file: _File | None,
    tree: _Tree | None,
    metadata: bytes,
) -> Pin:
    known = decode_metadata(metadata, origin=f"the remembered metadata of {project}")
    if not isinstance(known, CoreMetadata):
        raise FormatError("a remembered resolution", f"has no metadata of {project}")
    return Pin(
        project=ProjectName(project),
        version=Version(version),
        metadata=known,
        file=_file(file, tree),
        url=url,
        extras=frozenset(map(ExtraName, extras)),
    )


def _file(file: _File | None, tree: _Tree | None) -> DistributionFile | Source:
    if tree is not None:
        return Source(SourceKind(tree[0]), tree[1])
    if file is None:
        raise FormatError("a remembered resolution", "has a pin without a file")
    filename, address, hashes, size, upload_time, requires_python, yanked, metadata_hashes = file
    return DistributionFile(
        filename=filename,
        url=address,
        hashes=hashes,
        size=size,
        upload_time=upload_time,
        requires_python=requires_python,
        yanked=yanked,
        metadata_hashes=metadata_hashes,
    )
