"""Bytecode in the store: beside the sources of an entry, made once for each interpreter, linked like any file.

    packages-v1/ab/cd/<blake3>/.dxpy-bytecode-cpython-312       what there is, a file a line
    bytecode-v1/changed                                         an empty file, touched when lists have been added

A list stands in the entry, so it goes when the entry goes. What a list does not name does not count: a compiler that
was killed has made no list, and its work is done again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from dxpy_async.core.manifests import NO_DIGEST, Manifest, ManifestFile
from dxpy_async.store.failures import store_error

STAMP = "bytecode-v1/changed"

_FIRST_LINE = "dxpy-bytecode 2"
LIST_PREFIX = ".dxpy-bytecode-"
"""How the names of lists begin; no wheel may bring such a file."""


def read_bytecode(entry: str, cache_tag: str) -> tuple[ManifestFile, ...] | None:
    """The bytecode that the entry has for an interpreter, by paths in the entry; None when it was not compiled.

    It has no digests, for RECORD has no rows for it.
    """
    return _read(entry, cache_tag, _unrecorded)


def _read(entry: str, cache_tag: str, parse: Callable[[str], ManifestFile]) -> tuple[ManifestFile, ...] | None:
    try:
        with open(_place(entry, cache_tag), encoding="utf-8", errors="surrogateescape") as file:
            first, *lines = file.read().split("\n")
    except OSError:
        return None
    if first != _FIRST_LINE or not lines or lines.pop():
        return None
    try:
        return tuple([parse(line) for line in lines])
    except ValueError:
        return None


def write_bytecode(entry: str, cache_tag: str, files: Iterable[tuple[str, int, int, str]]) -> tuple[ManifestFile, ...]:
    """Note what has been compiled: paths (absolute, below `entry`), sizes, times, SHA-256 (hex). Raises StoreError."""
    found = sorted((path[len(entry) + 1 :], size, time, sha256) for path, size, time, sha256 in files)
    text = "".join([f"{size} {time} {sha256} {path}\n" for path, size, time, sha256 in found])
    place = _place(entry, cache_tag)
    beside = f"{place}.{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(f"{_FIRST_LINE}\n{text}")
        os.replace(beside, place)
    except OSError as error:
        raise store_error(error, "keep bytecode in the store") from error
    return tuple([_unrecorded(line) for line in text.split("\n")[:-1]])


def all_bytecode(entry: str) -> list[ManifestFile]:
    """The bytecode that the entry has for any interpreter, with digests, by paths in the entry. Raises OSError."""
    tags = [name[len(LIST_PREFIX) :] for name in sorted(os.listdir(entry)) if name.startswith(LIST_PREFIX)]
    return [file for tag in tags for file in _read(entry, tag, _file) or ()]


def stamp_bytecode(root: str) -> None:
    """Say that there are new lists in the store at `root`: what knows only older ones is old. Raises OSError."""
    stamp = f"{root}/{STAMP}"
    os.makedirs(os.path.dirname(stamp), exist_ok=True)
    with open(stamp, "wb"):
        os.utime(stamp)


def sources_of(manifest: Manifest, cache_tag: str) -> list[str]:
    """The paths of what can be compiled: Python files that are imported from where they lie in the wheel.

    Not those whose bytecode the wheel brings itself, or where it has a file in the place of the directory for that.
    """
    outside = (f"{manifest.data}/", f"{manifest.dist_info}/") if manifest.data else (f"{manifest.dist_info}/",)
    sources = [file.path for file in manifest.files if file.path.endswith(".py") and not file.path.startswith(outside)]
    brought = {file.path for file in manifest.files if "__pycache__" in file.path}
    if not brought:
        return sources
    return [path for path in sources if brought.isdisjoint(_bytecode_places(path, cache_tag))]


def _bytecode_places(source: str, cache_tag: str) -> tuple[str, str]:
    """The directory that bytecode of a source goes to, and the file."""
    head, slash, name = source.rpartition("/")
    directory = f"{head}{slash}__pycache__"
    return directory, f"{directory}/{name[:-3]}.{cache_tag}.pyc"


def _file(line: str) -> ManifestFile:
    size, time, sha256, path = line.split(" ", 3)
    return ManifestFile(path=path, size=int(size), executable=False, sha256=bytes.fromhex(sha256), mtime_ns=int(time))


def _unrecorded(line: str) -> ManifestFile:
    size, time, _, path = line.split(" ", 3)
    return ManifestFile(path=path, size=int(size), executable=False, sha256=NO_DIGEST, mtime_ns=int(time))


def _place(entry: str, cache_tag: str) -> str:
    return f"{entry}/{LIST_PREFIX}{cache_tag}"
