"""What was built before, found again without an event loop: wheels, metadata, and what a backend said it requires.

    builds-v1/ab/<key>.wheel       the sha256 of a wheel in the store
    builds-v1/ab/<key>.metadata    the METADATA that a backend prepared
    builds-v1/ab/<key>.requires    what it requires beyond what the source tree says, one a line
    builds-v1/<key>.lock           held by whoever builds

A key is a digest of all that a wheel depends on: the tree's identity, the settings of its build, the interpreter. A
pure wheel whose metadata is static is the same for all interpreters, so its key leaves that out; one whose setup.py
decides what it requires may differ with each, whatever its file name says.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from dxpy_async.core.hashing import blake3_of
from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.requirements import Requirement, parse_requirement
from dxpy_async.core.settings import BuildSettings
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.wheel_names import tag_rank
from dxpy_async.formats.core_metadata import parse_core_metadata
from dxpy_async.python.interpreters import Interpreter
from dxpy_async.store.locks import FileLock
from dxpy_async.store.store import Store, StoredWheel

BUILDS_BUCKET = "builds-v1"

_WHEEL, _METADATA, _REQUIRES = "wheel", "metadata", "requires"


class BuiltWheels:
    """What was built of source trees for `interpreter` with `settings`; `shared_environment` when not in isolation."""

    def __init__(
        self,
        store: Store,
        settings: BuildSettings,
        interpreter: Interpreter,
        *,
        shared_environment: Path | None = None,
    ) -> None:
        self._store, self._settings, self._interpreter = store, settings, interpreter
        self._shared_environment = shared_environment
        self._bucket = f"{store.root}/{BUILDS_BUCKET}"

    def wheel(self, tree: SourceTree, *, editable: bool) -> StoredWheel | None:
        """The wheel that was built of `tree`, if it is still in the store. The tree need not be on disk."""
        for key in self._keys(tree, editable=editable):
            stored = self._store.find(self._read(key, _WHEEL).decode("ascii", "replace").strip())
            if (
                stored is not None
                and tag_rank(stored.manifest.filename, self._interpreter.target.tag_ranks) is not None
            ):
                return stored
        return None

    def metadata(self, tree: SourceTree, *, editable: bool) -> CoreMetadata | None:
        """What is known of the wheel that `tree` becomes. Raises InvalidMetadata when that is of another project."""
        stored = self.wheel(tree, editable=editable)
        if stored is not None:
            return wheel_metadata(stored, tree)
        data = self._read(self._keys(tree, editable=editable)[0], _METADATA)
        return metadata_of(data, tree) if data else None

    def requires(self, tree: SourceTree, *, editable: bool) -> tuple[Requirement, ...] | None:
        """What the backend said that it requires, beyond what the tree says; None when it was not asked."""
        data = self._read(self._keys(tree, editable=editable)[0], _REQUIRES)
        return tuple(parse_requirement(line) for line in data.decode().splitlines() if line) if data else None

    def keep_wheel(self, tree: SourceTree, stored: StoredWheel, *, editable: bool, is_static: bool) -> None:
        """Find `stored` from now on. `is_static`: its metadata stand in the tree."""
        own, common = self._keys(tree, editable=editable)
        is_pure = all(tag.endswith("-none-any") for tag in stored.manifest.tags)
        self._write(common if is_pure and is_static else own, _WHEEL, stored.manifest.sha256.encode() + b"\n")

    def keep_metadata(self, tree: SourceTree, data: bytes, *, editable: bool) -> None:
        self._write(self._keys(tree, editable=editable)[0], _METADATA, data)

    def keep_requires(self, tree: SourceTree, requires: tuple[Requirement, ...], *, editable: bool) -> None:
        text = "".join(f"{requirement}\n" for requirement in requires) or "\n"
        self._write(self._keys(tree, editable=editable)[0], _REQUIRES, text.encode())

    def lock(self, tree: SourceTree, *, editable: bool) -> FileLock:
        """What is held while `tree` is built: one at a time in a directory of the user's, whatever it becomes."""
        name = _digest(str(tree.root)) if tree.is_local else self._keys(tree, editable=editable)[0]
        return FileLock(f"{self._bucket}/{name}.lock")

    def key(self, tree: SourceTree, *, editable: bool) -> str:
        return self._keys(tree, editable=editable)[0]

    def _keys(self, tree: SourceTree, *, editable: bool) -> tuple[str, str]:
        """The key for this interpreter, and the one for all."""
        settings, target = self._settings, self._interpreter.target
        facts = (
            tree.identity,
            str(tree.root) if editable else "",
            sorted(settings.config_for(tree.name).items()),
            [str(each.requirement) for each in settings.constraints],
            [str(each) for each in settings.extra_requires_of(tree.name)],
            "" if self._shared_environment is None else str(self._shared_environment),
        )
        interpreter = (
            self._interpreter.implementation,
            target.markers["python_version"],
            target.tags[0] if target.tags else "",
        )
        return _digest(json.dumps((facts, interpreter))), _digest(json.dumps((facts, None)))

    def _read(self, key: str, what: str) -> bytes:
        """What is known, empty when nothing is."""
        with suppress(OSError), open(self._place(key, what), "rb") as file:
            return file.read()
        return b""

    def _write(self, key: str, what: str, data: bytes) -> None:
        place = self._place(key, what)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        beside = f"{place}.{os.getpid()}-{os.urandom(4).hex()}"
        with open(beside, "xb") as file:
            file.write(data)
        os.replace(beside, place)

    def _place(self, key: str, what: str) -> str:
        return f"{self._bucket}/{key[:2]}/{key}.{what}"


def wheel_metadata(stored: StoredWheel, tree: SourceTree) -> CoreMetadata:
    """What a wheel built of `tree` says. Raises InvalidMetadata when it is of another project or version."""
    return metadata_of((stored.directory / stored.manifest.dist_info / "METADATA").read_bytes(), tree)


def metadata_of(data: bytes, tree: SourceTree) -> CoreMetadata:
    """METADATA as that of `tree`. Raises InvalidMetadata when it is of another project or version."""
    return parse_core_metadata(data, origin=tree.label, project=tree.name, version=tree.version)


def _digest(text: str) -> str:
    return blake3_of(text.encode("utf-8", "surrogateescape")).hex()
