"""A resolution as bytes, to be remembered. The file it stands in has a checksum; so these have none."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from packaging.version import InvalidVersion, Version

from dxpy_async.core.names import ExtraName, ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile
from dxpy_async.errors import FormatError
from dxpy_async.formats.compact_metadata import decode_metadata, encode_metadata
from dxpy_async.resolver.resolution import Pin, Resolution

_File = tuple[str, str, dict[str, str], int | None, int | None, str, str | None, dict[str, str] | None]
_Row = tuple[str, str, str | None, list[str], _File, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode


def encode_resolution(resolution: Resolution) -> bytes:
    """The bytes of a resolution's pins; its warnings are kept beside them."""
    rows = [
        (pin.project, str(pin.version), pin.url, sorted(pin.extras), _row(pin.file), encode_metadata(pin.metadata))
        for pin in resolution.pins
    ]
    return _encode(rows)


def decode_resolution(data: bytes, warnings: tuple[str, ...]) -> Resolution:
    """What `encode_resolution` was given. Raises FormatError."""
    try:
        return Resolution(pins=tuple([_pin(*row) for row in _decode(data)]), warnings=warnings)
    except (msgspec.MsgspecError, InvalidVersion) as error:
        raise FormatError("a remembered resolution", f"is damaged: {error}") from error


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


def _pin(project: str, version: str, url: str | None, extras: list[str], file: _File, metadata: bytes) -> Pin:
    known = decode_metadata(metadata, origin=f"the remembered metadata of {project}")
    if not isinstance(known, CoreMetadata):
        raise FormatError("a remembered resolution", f"has no metadata of {project}")
    filename, address, hashes, size, upload_time, requires_python, yanked, metadata_hashes = file
    return Pin(
        project=ProjectName(project),
        version=Version(version),
        metadata=known,
        file=DistributionFile(
            filename=filename,
            url=address,
            hashes=hashes,
            size=size,
            upload_time=upload_time,
            requires_python=requires_python,
            yanked=yanked,
            metadata_hashes=metadata_hashes,
        ),
        url=url,
        extras=frozenset(map(ExtraName, extras)),
    )
