"""Bytecode in the store: beside the sources of an entry, made once for each interpreter, linked like any file.

    packages-v1/ab/cd/<blake3>/.dxpy-bytecode-cpython-312       what there is: path, size and time of each file
    bytecode-v1/changed                                         an empty file, touched when lists have been added

A list stands in the entry, so it goes when the entry goes. What a list does not name does not count: a compiler that
was killed has made no list, and its work is done again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from dxpy_async.core.manifests import NO_DIGEST, Manifest, ManifestFile
from dxpy_async.store.failures import store_error

STAMP = "bytecode-v1/changed"

_FIRST_LINE = "dxpy-bytecode 1"


def read_bytecode(entry: str, cache_tag: str) -> tuple[ManifestFile, ...] | None:
    """The bytecode that the entry has for an interpreter, by paths in the entry; None when it was not compiled."""
    try:
        with open(_place(entry, cache_tag), encoding="utf-8", errors="surrogateescape") as file:
            first, *lines = file.read().split("\n")
    except OSError:
        return None
    if first != _FIRST_LINE or not lines or lines.pop():
        return None
    try:
        return tuple([_file(line) for line in lines])
    except ValueError:
        return None


def write_bytecode(entry: str, cache_tag: str, files: Iterable[tuple[str, int, int]]) -> tuple[ManifestFile, ...]:
    """Note what has been compiled: paths (absolute, below `entry`), sizes and times. Raises StoreError."""
    found = sorted((path[len(entry) + 1 :], size, time) for path, size, time in files)
    text = "".join([f"{size} {time} {path}\n" for path, size, time in found])
    place = _place(entry, cache_tag)
    beside = f"{place}.{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"{_FIRST_LINE}\n{text}")
        os.replace(beside, place)
    except OSError as error:
        raise store_error(error, "keep bytecode in the store") from error
    return tuple(
        [
            ManifestFile(path=path, size=size, executable=False, sha256=NO_DIGEST, mtime_ns=time)
            for path, size, time in found
        ]
    )


def stamp_bytecode(root: str) -> None:
    """Say that there are new lists in the store at `root`: what knows only older ones is old. Raises OSError."""
    stamp = f"{root}/{STAMP}"
    os.makedirs(os.path.dirname(stamp), exist_ok=True)
    with open(stamp, "wb"):
        os.utime(stamp)


def sources_of(manifest: Manifest) -> list[str]:
    """The paths of what can be compiled: Python files that are imported from where they lie in the wheel."""
    outside = (f"{manifest.data}/", f"{manifest.dist_info}/") if manifest.data else (f"{manifest.dist_info}/",)
    return [file.path for file in manifest.files if file.path.endswith(".py") and not file.path.startswith(outside)]


def _file(line: str) -> ManifestFile:
    size, time, path = line.split(" ", 2)
    return ManifestFile(path=path, size=int(size), executable=False, sha256=NO_DIGEST, mtime_ns=int(time))


def _place(entry: str, cache_tag: str) -> str:
    return f"{entry}/.dxpy-bytecode-{cache_tag}"
