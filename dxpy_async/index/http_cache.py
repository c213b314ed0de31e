"""Answers of indexes on disk, in decoded form, each beside the validators that say how long it holds.

One file per answer. Layout, integers little-endian:

    header   magic `DXH\x01`, CRC-32 of lifetime, head and lengths, moment of validation (f64, seconds since 1970),
             lifetime (f64, seconds; infinite for what never changes), length of the head, length of the body (u32)
    head     MessagePack: ETag, Last-Modified; if they are those of a mirror, its address
    body     whatever the caller stores, with a checksum of its own

A file that is cut, damaged or of another kind is not an error but a miss. Files are replaced whole; only the moment of
validation is written in place, eight bytes which no checksum covers, when an index says that nothing has changed.
The cache makes things quicker and is never needed: where it cannot be written, work goes on without, and `trouble`
keeps the first reason for whoever wants to tell it.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from dxpy_async.core.dataclass import dataclass, replace
from dxpy_async.formats.compact_page import crc32
from dxpy_async.index.freshness import HEADER, MAGIC, UNCHECKED_BYTES, is_fresh

STAGING_BUCKET = "tmp-v1"
"""Where answers are written before they are put in their places; the store sweeps it."""
FOREVER = float("inf")

_VALIDATED_AT = 8
_MOMENT = struct.Struct("<d")
_LONGEST_LIFETIME = 10 * 365 * 86_400.0
_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(list[str | None]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """How long an answer holds, and how to ask whether it still does. Times in seconds, moments since 1970."""

    validated_at: float
    lifetime: float = 0.0
    etag: str | None = None
    last_modified: str | None = None
    source: str | None = None
    """The mirror that said so, and that alone can be asked whether it still holds; None for the index itself."""

    def are_fresh(self, now: float) -> bool:
        """Whether the answer may be used unasked."""
        return is_fresh(self.validated_at, self.lifetime, now)

    def conditions(self) -> dict[str, str]:
        """The headers that make the next request conditional."""
        conditions = {}
        if self.etag:
            conditions["If-None-Match"] = self.etag
        if self.last_modified:
            conditions["If-Modified-Since"] = self.last_modified
        return conditions


def validators_of(headers: Mapping[str, str], now: float) -> Validators | None:
    """What the headers of an answer say about keeping it; None when it must not be kept.

    Source: https://www.rfc-editor.org/rfc/rfc9111
    """
    control = _directives(headers.get("Cache-Control", ""))
    if "no-store" in control:
        return None
    lifetime = 0.0 if "no-cache" in control else _seconds(control.get("max-age"))
    return Validators(
        # A shared cache on the way may have had the answer for a while already.
        validated_at=now - _seconds(headers.get("Age")),
        lifetime=lifetime,
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
    )


def renewed(old: Validators, headers: Mapping[str, str], now: float) -> Validators | None:
    """The validators after the index answered that nothing has changed; what it does not say again stays."""
    said = validators_of(headers, now)
    if said is None:
        return None
    lifetime = said.lifetime if "Cache-Control" in headers else old.lifetime
    return replace(
        said,
        lifetime=lifetime,
        etag=said.etag or old.etag,
        last_modified=said.last_modified or old.last_modified,
        source=old.source,
    )


def _directives(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def _seconds(text: str | None) -> float:
    if text is None or not (text.isascii() and text.isdecimal()):
        return 0.0
    return min(float(text[:18]), _LONGEST_LIFETIME)


class CachedAnswer(NamedTuple):
    """One answer read back."""

    validators: Validators
    body: memoryview


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class HttpCache:
    """Answers below one directory. Names are relative paths that the caller makes safe."""

    def __init__(self, directory: Path) -> None:
        self.directory, self._root = directory, str(directory)
        self._temporary = directory / STAGING_BUCKET
        self.trouble: OSError | None = None

    def read(self, name: str) -> CachedAnswer | None:
        """The answer kept under `name`; None for a miss, and everything that is not a whole answer is one."""
        return self._opened(name, _read)

    def map(self, name: str) -> CachedAnswer | None:
        """`read`, of which only those parts are brought in that are looked at."""
        return self._opened(name, _map)

    def _opened(self, name: str, content_of: Callable[[int], bytes | mmap.mmap]) -> CachedAnswer | None:
        try:
            descriptor = os.open(f"{self._root}/{name}", os.O_RDONLY | getattr(os, "O_BINARY", 0))
            try:
                data = content_of(descriptor)
            finally:
                os.close(descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._troubled(error)
            return None
        if len(data) < HEADER.size:
            return None
        magic, checksum, validated_at, lifetime, head_size, body_size = HEADER.unpack_from(data)
        start = HEADER.size + head_size
        if magic != MAGIC or len(data) != start + body_size or crc32(data[UNCHECKED_BYTES:start], 0) != checksum:
            return None
        try:
            etag, last_modified, *mirrors = _decode_head(data[HEADER.size : start])
        except (msgspec.MsgspecError, ValueError):
            return None
        validators = Validators(
            validated_at=validated_at,
            lifetime=lifetime,
            etag=etag,
            last_modified=last_modified,
            source=mirrors[0] if mirrors else None,
        )
        return CachedAnswer(validators, memoryview(data)[start:])

    def write(self, name: str, validators: Validators, body: bytes | memoryview) -> None:
        """Keep an answer under `name`, whole or not at all."""
        path = self.directory / name
        mirror = () if validators.source is None else (validators.source,)
        head = _encode((validators.etag, validators.last_modified, *mirror))
        tail = struct.pack("<dII", validators.lifetime, len(head), len(body)) + head
        header = MAGIC + struct.pack("<Id", crc32(tail, 0), validators.validated_at)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.mkdir(exist_ok=True)
            beside = self._temporary / f"{os.urandom(8).hex()}.tmp"
            file = open(beside, "xb", buffering=0, opener=_private)  # noqa: SIM115 - closed below, before it is renamed
        except OSError as error:
            self._troubled(error)
            return
        try:
            with file:
                for part in (header + tail, body):
                    _write_all(file.fileno(), part)
            os.replace(beside, path)
        except BaseException as error:
            with suppress(OSError):
                os.unlink(beside)
            if not isinstance(error, OSError):
                raise
            self._troubled(error)

    def renew(self, name: str, old: Validators, new: Validators, body: bytes | memoryview) -> None:
        """Keep an answer for longer: only the moment is written when nothing else has changed."""
        if replace(new, validated_at=old.validated_at) != old:
            self.write(name, new, body)
            return
        try:
            descriptor = os.open(self.directory / name, os.O_WRONLY | getattr(os, "O_BINARY", 0))
            try:
                os.lseek(descriptor, _VALIDATED_AT, os.SEEK_SET)
                os.write(descriptor, _MOMENT.pack(new.validated_at))
            finally:
                os.close(descriptor)
        except OSError as error:
            self._troubled(error)

    def _troubled(self, error: OSError) -> None:
        self.trouble = self.trouble or error


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb", buffering=0, closefd=False) as file:
        return file.read()


def _map(descriptor: int) -> bytes | mmap.mmap:
    # An empty file cannot be mapped. Files are replaced, never cut, so what is mapped stays.
    return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) if os.fstat(descriptor).st_size else b""


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
