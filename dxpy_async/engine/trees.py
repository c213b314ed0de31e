"""Source trees for resolving and for syncing: brought to this machine, asked for their metadata, built."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from packaging.version import Version

from dxpy_async.builds.backends import WHEEL, Kind
from dxpy_async.builds.source_archives import unpack_source_archive
from dxpy_async.core.locked_sources import LockedGit, git_of_source, locked_directory
from dxpy_async.core.locks import LockedFile, LockedPackage, Source, SourceKind
from dxpy_async.core.names import ProjectName
from dxpy_async.core.releases import CoreMetadata, DistributionFile, Unavailable
from dxpy_async.core.requirements import Requirement
from dxpy_async.core.selection import Selected
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.source_urls import ArchiveUrl, DirectoryUrl, GitUrl
from dxpy_async.engine.events import Listener, Waiting
from dxpy_async.engine.fetching import download
from dxpy_async.engine.locating import (
    FindBuilt,
    archive_file,
    archive_subdirectory,
    is_editable,
    locate,
    sdist_tree,
)
from dxpy_async.engine.tree_changes import with_own_sources
from dxpy_async.errors import InvalidMetadata, InvalidSourceArchive, SourceUnavailable
from dxpy_async.index.client import IndexClient
from dxpy_async.index.finishing import in_thread
from dxpy_async.index.sharing import SharedWork
from dxpy_async.project.source_tables import Surroundings
from dxpy_async.resolver.needs import DirectCandidate
from dxpy_async.sources.git import GitRepositories
from dxpy_async.store.store import Store, StoredWheel

SDISTS_BUCKET = "sdists-v1"
_CHUNK = 1024**2


class BuildsTrees(Protocol):
    """Who asks source trees for their metadata, and builds them (`engine.building.Builder`)."""

    def built(self, tree: SourceTree, *, editable: bool = False) -> StoredWheel | None: ...

    def keep(self, tree: SourceTree, stored: StoredWheel, *, editable: bool = False) -> None: ...

    async def metadata(self, tree: SourceTree, *, editable: bool = False, on_event: Listener) -> CoreMetadata: ...

    async def wheel(self, tree: SourceTree, *, editable: bool = False, on_event: Listener) -> StoredWheel: ...

    async def requirements(
        self, tree: SourceTree, *, editable: bool = False, on_event: Listener
    ) -> tuple[Requirement, ...]: ...

    async def distribution(self, tree: SourceTree, kind: Kind, into: Path, *, on_event: Listener) -> Path: ...


class Sdist(NamedTuple):
    """An sdist in the cache."""

    path: Path
    sha256: str
    size: int


class SourceShelf:
    """What sources an engine has on this machine, and how it gets those that it has not."""

    def __init__(self, client: IndexClient, store: Store, repositories: GitRepositories) -> None:
        self._client, self.store, self.repositories = client, store, repositories
        self._under_way: SharedWork[str, Sdist] = SharedWork()

    async def __aenter__(self) -> Self:
        await self._under_way.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._under_way.__aexit__()

    async def sdist(self, file: LockedFile, on_event: Listener) -> Sdist:
        """The sdist `file`, its hashes checked: from the cache, else from where it is."""
        return await self._under_way.run(file.hashes.get("sha256") or file.url, lambda: self._sdist(file, on_event))

    async def kept(self, file: LockedFile) -> Sdist | None:
        """The sdist `file`, if it is in the cache."""
        sha256 = file.hashes.get("sha256")
        return await in_thread(_kept, self._place(sha256), sha256) if sha256 is not None else None

    async def _sdist(self, file: LockedFile, on_event: Listener) -> Sdist:
        if (kept := await self.kept(file)) is not None:
            return kept
        with self.store.staging_directory() as staging:
            archive = staging / "archive"
            downloaded = await download(self._client, file, archive, on_event)
            place = self._place(downloaded.sha256)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(archive, place)
        return Sdist(place, downloaded.sha256, downloaded.size)

    def _place(self, sha256: str) -> Path:
        return self.store.root / SDISTS_BUCKET / sha256[:2] / sha256

    @asynccontextmanager
    async def unpacked(
        self, file: LockedFile, tree: SourceTree, below: str, on_event: Listener
    ) -> AsyncIterator[SourceTree]:
        """`tree` on disk, for as long as the block runs: the sdist `file` unpacked, and in it the directory `below`."""
        sdist = await self.sdist(file, on_event)
        with self.store.staging_directory() as staging:
            top = staging / "source"
            top.mkdir()
            root = await in_thread(unpack_source_archive, sdist.path, file.filename, top)
            yield replace(tree, root=root / below, top=root if below else None, is_disposable=True)


def _kept(place: Path, sha256: str) -> Sdist | None:
    """The sdist at `place`, if it is there and what it should be."""
    digest, size = hashlib.sha256(), 0
    try:
        with open(place, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except OSError:
        return None
    return Sdist(place, sha256, size) if digest.hexdigest() == sha256 else None


def archive_candidate(url: ArchiveUrl, metadata: CoreMetadata, *, sha256: str, size: int) -> DirectCandidate:
    """What an archive that a requirement names came to be."""
    file = DistributionFile(
        filename=url.filename,
        url=url.url,
        hashes={"sha256": sha256},
        size=size,
        requires_python=metadata.requires_python,
    )
    return DirectCandidate(metadata.version, metadata, file)


class Trees:
    """The source trees of one operation. Relative paths are held against the directory of the lock, `root`.

    `builder` gives who builds, once anything has to be asked of a build backend. `commits` are those that an earlier
    lock has for references to git repositories, which are kept.
    """

    def __init__(
        self,
        shelf: SourceShelf,
        builder: Callable[[], BuildsTrees],
        surroundings: Surroundings,
        *,
        commits: Mapping[str, str] | None = None,
    ) -> None:
        self._shelf, self._make_builder, self._commits = shelf, builder, commits or {}
        self._surroundings, self.root = surroundings, Path(surroundings.lock_root)
        self._made: BuildsTrees | None = None
        self._making = asyncio.Lock()

    async def _builder(self) -> BuildsTrees:
        async with self._making:
            if self._made is None:
                self._made = await in_thread(self._make_builder)
        return self._made

    # For resolving

    async def sdist_metadata(
        self, project: ProjectName, version: Version, file: DistributionFile, on_event: Listener
    ) -> CoreMetadata | Unavailable:
        """The metadata of a release that has only the sdist `file`. Unavailable when it is not what its name says."""
        locked = LockedFile(filename=file.filename, url=file.url, size=file.size, hashes=file.hashes)
        try:
            return (await self._archive_metadata(project, version, locked, "", on_event))[0]
        except (InvalidMetadata, InvalidSourceArchive) as error:
            return Unavailable(str(error))

    async def _archive_metadata(
        self, project: ProjectName, version: Version | None, file: LockedFile, below: str, on_event: Listener
    ) -> tuple[CoreMetadata, Sdist]:
        sdist = await self._shelf.sdist(file, on_event)
        hashed = replace(file, hashes={**file.hashes, "sha256": sdist.sha256}, size=sdist.size)
        tree = replace(sdist_tree(hashed, project, subdirectory=below), version=version)
        async with self._shelf.unpacked(hashed, tree, below, on_event) as unpacked:
            return await (await self._builder()).metadata(unpacked, on_event=on_event), sdist

    async def archive(self, project: ProjectName, url: ArchiveUrl, on_event: Listener) -> DirectCandidate | Unavailable:
        """The one candidate of an sdist that a requirement names."""
        file = archive_file(url, self.root)
        try:
            metadata, sdist = await self._archive_metadata(project, None, file, url.subdirectory, on_event)
        except (InvalidMetadata, InvalidSourceArchive) as error:
            return Unavailable(str(error))
        return archive_candidate(url, metadata, sha256=sdist.sha256, size=sdist.size)

    async def commit(self, project: ProjectName, url: GitUrl, on_event: Listener) -> DirectCandidate | Unavailable:
        """The one candidate of a git reference: the commit of an earlier lock, else what the reference means now."""
        on_wait = _waiting(on_event)
        commit = self._commits.get(str(url)) or await self._shelf.repositories.commit_of(url, on_wait=on_wait)
        source = LockedGit(url, commit).source()
        return await self._tree(project, source, on_event)

    async def directory(
        self, project: ProjectName, url: DirectoryUrl, on_event: Listener
    ) -> DirectCandidate | Unavailable:
        """The one candidate of a directory."""
        return await self._tree(project, locked_directory(url), on_event)

    async def _tree(self, project: ProjectName, source: Source, on_event: Listener) -> DirectCandidate | Unavailable:
        package = LockedPackage(name=project, version="", source=source)
        try:
            item = locate(Selected(package, None), self.root, self._shelf.store.root)
            async with self._ready(item, on_event) as tree:
                metadata = await (await self._builder()).metadata(tree, editable=is_editable(item), on_event=on_event)
        except (InvalidMetadata, InvalidSourceArchive) as error:
            return Unavailable(str(error))
        if item.tree is not None and item.tree.is_local:
            metadata = with_own_sources(metadata, item.tree.root, self._surroundings)
        return DirectCandidate(metadata.version, metadata, source)

    # For syncing

    async def wheel(self, item: Selected, on_event: Listener) -> StoredWheel:
        """The wheel of `item`, which was located, in the store; built if it was not yet. Raises BuildError leaves."""
        builder = await self._builder()
        if (found := built_wheel(builder, item)) is not None:
            return found
        async with self._ready(item, on_event) as tree:
            stored = await builder.wheel(tree, editable=is_editable(item), on_event=on_event)
        after = (await in_thread(self.as_built, item)).tree
        if after is not None and after != item.tree:
            await in_thread(partial(builder.keep, after, stored, editable=is_editable(item)))
        return stored

    async def build_requirements(self, item: Selected, on_event: Listener) -> tuple[Requirement, ...]:
        """What building `item`, which was located, requires. Raises BuildError leaves."""
        async with self._ready(item, on_event) as tree:
            return await (await self._builder()).requirements(tree, editable=is_editable(item), on_event=on_event)

    async def wheel_file(self, item: Selected, into: Path, on_event: Listener) -> Path:
        """The wheel of `item`, which was located, built as a file in the directory `into`."""
        async with self._ready(item, on_event) as tree:
            return await (await self._builder()).distribution(tree, WHEEL, into, on_event=on_event)

    def as_built(self, item: Selected) -> Selected:
        """`item` as it is now: a build may leave files in a directory, which would make it look changed ever after."""
        if item.tree is None or not item.tree.is_local:
            return item
        return locate(item, self.root, self._shelf.store.root)

    async def find_built(self) -> FindBuilt:
        """What finds wheels that were built before."""
        return partial(built_wheel, await self._builder())

    @asynccontextmanager
    async def _ready(self, item: Selected, on_event: Listener) -> AsyncIterator[SourceTree]:
        """The tree of `item` on disk, for as long as the block runs."""
        tree = item.tree
        assert tree is not None, "what is built was located"
        if item.file is not None:
            below = archive_subdirectory(item.package)
            async with self._shelf.unpacked(item.file, tree, below, on_event) as unpacked:
                version = None if item.package.source.kind is SourceKind.DIRECT else Version(item.package.version)
                yield replace(unpacked, version=version)
            return
        if item.package.source.kind is SourceKind.GIT:
            commit = git_of_source(item.package.source).at_commit
            await self._shelf.repositories.checkout(commit, on_wait=_waiting(on_event))
            _require_below(tree, item)
        yield tree


def _require_below(tree: SourceTree, item: Selected) -> None:
    if not tree.root.is_dir():
        git = git_of_source(item.package.source)
        raise SourceUnavailable(
            f"the git repository `{git.asked.repository}` has no directory `{git.asked.subdirectory}` "
            f"in commit {git.commit}, where `{item.package.name}` should be"
        )


def built_wheel(builder: BuildsTrees, item: Selected) -> StoredWheel | None:
    """What `builder` has of `item`, which was located, from an earlier build."""
    if item.tree is None or not item.tree.identity:
        return None
    return builder.built(item.tree, editable=is_editable(item))


def _waiting(on_event: Listener) -> Callable[[str], None]:
    return lambda repository: on_event(Waiting(f"another process that reads the git repository `{repository}`"))
