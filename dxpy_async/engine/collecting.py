"""Bringing wheels and sdists, as the archives that they are, into a directory of the user's."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dxpy_async.core.dataclass import dataclass
from dxpy_async.core.locks import LockedFile, SourceKind
from dxpy_async.core.selection import Selected, Selection
from dxpy_async.core.wheel_names import is_wheel_name
from dxpy_async.engine.events import Listener, Prepared, Preparing, Warned
from dxpy_async.engine.fetching import download
from dxpy_async.engine.trees import SourceShelf, Trees
from dxpy_async.errors import StoreError, UsageError
from dxpy_async.formats.bundle_manifest import is_plain_name
from dxpy_async.index.client import IndexClient
from dxpy_async.index.finishing import in_thread

_UNFINISHED = re.compile(r"\..+\.[0-9]+\.new")
_LONGEST_SECONDS = 24 * 3600
"""What nobody has written to for so long is nobody's any more."""


@dataclass(frozen=True, slots=True)
class Collected:
    """An archive in the directory. `is_new`: it was not there before; `size` is bytes."""

    path: Path
    sha256: str
    size: int
    is_new: bool


class Collector:
    """Brings archives into the directory `into`. What is there already, and is right, is left alone: it can go on.

    Each archive appears in one step, whole and checked; an sdist that the cache has is linked or copied from there.
    """

    def __init__(self, client: IndexClient, shelf: SourceShelf, into: Path, on_event: Listener) -> None:
        self._client, self._shelf, self.into, self.on_event = client, shelf, into, on_event

    async def bring_all(self, files: Iterable[LockedFile]) -> dict[str, Collected]:
        """All of `files`, by file name. Raises what a download raises, and StoreError; what was brought stays."""
        wanted = _by_name(files)
        started = time.perf_counter()
        await in_thread(_prepare_directory, self.into, time.time())
        there = await in_thread(lambda: {name: _find(self.into / name, file) for name, file in wanted.items()})
        missing = [wanted[name] for name, found in there.items() if found is None]
        self.on_event(Preparing(files=len(missing), size=sum(file.size or 0 for file in missing)))
        async with asyncio.TaskGroup() as tasks:
            coming = {file.filename: tasks.create_task(self._bring(file)) for file in missing}
        self.on_event(Prepared(0, time.perf_counter() - started))
        return {name: found or coming[name].result() for name, found in there.items()}

    async def _bring(self, file: LockedFile) -> Collected:
        place = self.into / file.filename
        beside = self.into / f".{file.filename}.{os.getpid()}.new"
        try:
            kept = None if is_wheel_name(file.filename) else await self._shelf.kept(file)
            if kept is not None:
                await in_thread(_link, kept.path, beside)
                sha256, size = kept.sha256, kept.size
            else:
                downloaded = await download(self._client, file, beside, self.on_event)
                sha256, size = downloaded.sha256, downloaded.size
            os.replace(beside, place)
        except OSError as error:
            raise StoreError(f"`{place}` cannot be written: {error.strerror}") from error
        finally:
            with suppress(OSError):
                beside.unlink()
        return Collected(place, sha256, size, is_new=True)


async def collect_selection(
    selection: Selection, collector: Collector, trees: Trees, *, as_wheels: bool
) -> tuple[Collected, ...]:
    """The archives of `selection`, whose trees are located, by name; those of git repositories are built first.

    With `as_wheels` all else that is no wheel is built, too; otherwise directories of source are left out.
    """

    def builds(item: Selected) -> bool:
        is_git = item.package.source.kind is SourceKind.GIT
        return item.is_built and (is_git or as_wheels)

    files = [item.file for item in selection.packages if item.file is not None and not builds(item)]
    found = list((await collector.bring_all(files)).values())
    for item in selection.packages:
        if builds(item):
            path = await trees.wheel_file(item, collector.into, collector.on_event)
            found.append(await in_thread(described, path))
        elif item.file is None:
            collector.on_event(Warned(f"`{item.package.name}` is a directory of source, which is left where it is"))
    return tuple(sorted(found, key=lambda each: each.path.name))


def described(path: Path) -> Collected:
    """An archive that was built just now."""
    with path.open("rb") as archive:
        return Collected(path, hashlib.file_digest(archive, "sha256").hexdigest(), archive.tell(), is_new=True)


def _by_name(files: Iterable[LockedFile]) -> dict[str, LockedFile]:
    wanted: dict[str, LockedFile] = {}
    for file in files:
        if not is_plain_name(file.filename):
            raise UsageError(f"`{file.filename}` is no name for a file in a directory")
        other = wanted.setdefault(file.filename, file)
        if any(file.hashes.get(name, digest) != digest for name, digest in other.hashes.items()):
            raise UsageError(
                f"there are two files `{file.filename}` with different contents, and one directory has room for one"
            )
    return wanted


def _prepare_directory(path: Path, now: float) -> None:
    """Make the directory `path`, or rid it of what those left there who were killed."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(path):
            if _UNFINISHED.fullmatch(entry.name) and entry.stat().st_mtime < now - _LONGEST_SECONDS:
                os.unlink(entry)
    except OSError as error:
        raise StoreError(f"`{path}` cannot be made a directory of files: {error.strerror}") from error


def _find(place: Path, file: LockedFile) -> Collected | None:
    """What is at `place`, if it is `file`. One without a sha256 cannot be told from another, and is fetched again."""
    expected = file.hashes.get("sha256")
    try:
        if expected is None or (file.size is not None and place.stat().st_size != file.size):
            return None
        with place.open("rb") as archive:
            digest = hashlib.file_digest(archive, "sha256").hexdigest()
            size = archive.tell()
    except OSError:
        return None
    return Collected(place, digest, size, is_new=False) if digest == expected else None


def _link(source: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        target.unlink()
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
