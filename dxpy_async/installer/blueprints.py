"""Records by which an environment that was made once is made again, without deciding anything anew.

    blueprints-v2/<key>                 the wheels that some inputs came to; the key is a digest of those inputs
    parts-v1/ab/<blake3>-<digest>       where the files of one wheel go; the digest is that of the record's own bytes

A record is the BLAKE3 of its bytes, then its bytes, which `marshal` made: thirty thousand paths are read in the time
that half a hundred lines of JSON take. Only dxpy writes them, to its own cache; what the digest does not fit, and what
another Python has written, is not there.

This module is loaded where importing `typing` would double the time, so its values are plain tuples and classes.
"""

from __future__ import annotations

import marshal
import os
import sys

from blake3 import blake3

from dxpy_async._version import __version__
from dxpy_async.installer.state import are_as_stamped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from dxpy_async.core.schemes import SkeletonFacts

BLUEPRINTS = "blueprints-v2"
PARTS = "parts-v1"
_DIGEST_BYTES = 32
_MARK = f"{__version__} {marshal.version} {sys.hexversion:x}"
"""What a record must begin with: marshal's bytes are only for the Python that wrote them."""


class Part:
    """What one wheel puts into an environment.

    Sites, scripts and the root are directories of the environment; paths are relative and have forward slashes. A
    `path` with its `size` and `time` (ns) is both where a file is in the store and where it goes in the site directory;
    `links` are files and directories that the site directory has as symbolic links. `moved` goes elsewhere: source,
    place below the root, size, time. `metadata` is the same for the inside of the `.dist-info`, by its name there.
    `copied` scripts are copies that are executable, `written` ones begin with a line for their interpreter. All
    directories are listed, parents first. `record` has the rows of all that but `written`; `above` is how rows of
    scripts begin.
    """

    __slots__ = (
        "above",
        "copied",
        "directories",
        "dist_info",
        "links",
        "metadata",
        "metadata_directories",
        "moved",
        "moved_directories",
        "paths",
        "record",
        "sizes",
        "times",
        "written",
    )

    def __init__(
        self,
        dist_info: str,
        directories: tuple[str, ...],
        paths: tuple[str, ...],
        sizes: tuple[int, ...],
        times: tuple[int, ...],
        links: tuple[str, ...],
        moved_directories: tuple[str, ...],
        moved: tuple[tuple[str, str, int, int], ...],
        metadata_directories: tuple[str, ...],
        metadata: tuple[tuple[str, int, int], ...],
        copied: tuple[tuple[str, str, int, int], ...],
        written: tuple[tuple[str, bytes], ...],
        record: bytes,
        above: str,
    ) -> None:
        self.dist_info, self.directories = dist_info, directories
        self.paths, self.sizes, self.times, self.links = paths, sizes, times, links
        self.moved_directories, self.moved = moved_directories, moved
        self.metadata_directories, self.metadata = metadata_directories, metadata
        self.copied, self.written, self.record, self.above = copied, written, record, above

    def plain(self) -> tuple[object, ...]:
        """The arguments of the constructor, for a record."""
        return (
            self.dist_info,
            self.directories,
            self.paths,
            self.sizes,
            self.times,
            self.links,
            self.moved_directories,
            self.moved,
            self.metadata_directories,
            self.metadata,
            self.copied,
            self.written,
            self.record,
            self.above,
        )


class Wheel:
    """One wheel of a blueprint: its entry in the store (`key`), its part, and what its `.dist-info` says of it.

    `weight` is about how much work it is. `shared` are paths, and places of what is
    moved after a slash, that another wheel of the blueprint brings, too, and which this one leaves to that.
    """

    __slots__ = ("direct_url", "key", "name", "part", "requested", "shared", "version", "weight")

    def __init__(
        self,
        name: str,
        version: str,
        key: str,
        part: str,
        weight: int,
        requested: bool,
        direct_url: str | None,
        shared: tuple[str, ...] = (),
    ) -> None:
        self.name, self.version, self.key, self.part, self.weight = name, version, key, part, weight
        self.requested, self.direct_url, self.shared = requested, direct_url, shared

    def plain(self) -> tuple[object, ...]:
        return (
            self.name,
            self.version,
            self.key,
            self.part,
            self.weight,
            self.requested,
            self.direct_url,
            self.shared,
        )


class Blueprint:
    """How an environment is made again.

    `stamps` are those of the files and directories that the choice of the interpreter hung on, `kernel` that of the
    system it was made on. `checked` says that the lock was found to answer the project. `locked` is how many releases
    the lock has; `message` is said to people. `compiling` says that bytecode was still being made, so that the next
    sync looks again when nobody makes any.
    """

    __slots__ = (
        "checked",
        "compiling",
        "kernel",
        "locked",
        "message",
        "prompt",
        "skeleton",
        "stamps",
        "symlinks",
        "wheels",
    )

    def __init__(
        self,
        stamps: dict[str, str],
        kernel: str,
        skeleton: SkeletonFacts,
        prompt: str,
        checked: bool,
        symlinks: bool,
        compiling: bool,
        locked: int,
        message: str,
        wheels: Iterable[Wheel],
    ) -> None:
        self.stamps, self.kernel, self.skeleton, self.prompt = stamps, kernel, skeleton, prompt
        self.checked, self.symlinks, self.compiling = checked, symlinks, compiling
        self.locked, self.message = locked, message
        self.wheels = tuple(wheels)

    def write(self, cache_dir: str, key: str) -> None:
        """Keep it. A cache that takes nothing costs the time of deciding again, nothing more."""
        wheels = tuple(wheel.plain() for wheel in self.wheels)
        facts = (self.stamps, self.kernel, self.skeleton, self.prompt)
        rest = (self.checked, self.symlinks, self.compiling, self.locked, self.message)
        _write(f"{cache_dir}/{BLUEPRINTS}/{key}", _body((*facts, *rest, wheels)))

    @classmethod
    def read(cls, cache_dir: str, key: str) -> Blueprint | None:
        """The one of this key; None when there is none that can be read."""
        plain = _read(f"{cache_dir}/{BLUEPRINTS}/{key}")
        if plain is None:
            return None
        arguments: Any = (*plain[:-1], [Wheel(*wheel) for wheel in plain[-1]])
        return cls(*arguments)

    def still_fits(self, kernel: str) -> bool:
        """Whether the machine is as it was when the interpreter was chosen."""
        return self.kernel == kernel and are_as_stamped(self.stamps)


def blueprint_time(cache_dir: str, key: str) -> int | None:
    """When a blueprint was written, in nanoseconds since 1970 UTC; None when there is none."""
    try:
        return os.stat(f"{cache_dir}/{BLUEPRINTS}/{key}").st_mtime_ns
    except OSError:
        return None


def kernel_of(system: os.uname_result) -> str:
    """What of the running system a choice of wheels can hang on."""
    return f"{system.release} {system.version} {system.machine}"


def write_part(cache_dir: str, key: str, part: Part) -> str:
    """Keep the part of the wheel whose entry is `key`, if it is not kept already; gives its name."""
    body = _body(part.plain())
    name = f"{key}-{blake3(body).hexdigest()[:16]}"
    path = _part_path(cache_dir, name)
    if not os.path.exists(path):
        _write(path, body)
    return name


def read_part(cache_dir: str, name: str) -> Part | None:
    """The part of this name; None when there is none that can be read."""
    plain = _read(_part_path(cache_dir, name))
    return None if plain is None else Part(*plain)


def _part_path(cache_dir: str, name: str) -> str:
    return f"{cache_dir}/{PARTS}/{name[:2]}/{name}"


def _body(value: Any) -> bytes:
    return marshal.dumps((_MARK, value))


def _write(path: str, body: bytes) -> None:
    """Keep a record; nothing is said when the disk does not take it."""
    beside = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(beside, "xb") as file:
                file.write(blake3(body).digest() + body)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError:
        return


def _read(path: str) -> Any:
    """The value of a record; None when there is none, it is damaged, or was not written by this very program."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            data = os.read(descriptor, os.fstat(descriptor).st_size + 1)
        finally:
            os.close(descriptor)
    except OSError:
        return None
    body = memoryview(data)[_DIGEST_BYTES:]
    if blake3(body).digest() != data[:_DIGEST_BYTES]:
        return None
    mark, value = marshal.loads(body)
    return value if mark == _MARK else None
