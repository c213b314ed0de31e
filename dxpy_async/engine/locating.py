"""Where what a selection has to build lies: source trees, which need not be on disk yet, and what tells them apart."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dxpy_async.builds.fingerprints import editable_fingerprint, fingerprint
from dxpy_async.core.dataclass import replace
from dxpy_async.core.locked_sources import directory_of_source, directory_path, git_of_source
from dxpy_async.core.locks import LockedFile, SourceKind
from dxpy_async.core.names import normalize
from dxpy_async.core.selection import LockedRelease, Selected, Selection
from dxpy_async.core.settings import Settings
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.core.source_urls import ArchiveUrl, DirectoryUrl, file_url, parse_source_url, path_of_file_url
from dxpy_async.engine.built import BuiltWheels
from dxpy_async.errors import SourceUnavailable
from dxpy_async.python.interpreters import Interpreter
from dxpy_async.sources.places import commit_directory
from dxpy_async.store.store import Store, StoredWheel

FindBuilt = Callable[[Selected], StoredWheel | None]
"""Looks for the wheel of something that has to be built, if it was built before."""

NOWHERE = Path("/nonexistent")
"""The root of a tree that has yet to be unpacked."""


def nothing_built(item: Selected) -> StoredWheel | None:
    """For whoever has nobody who builds."""
    return None


def located(selection: Selection, root: Path, cache_dir: Path) -> Selection:
    """`selection` with the source trees of all that has to be built, and with absolute addresses of files.

    `root` is the directory of the lock. Raises SourceUnavailable for a directory that is not there.
    """
    if not any(item.is_built or _is_relative(item.file) for item in selection.packages):
        return selection
    return replace(selection, packages=tuple(locate(item, root, cache_dir) for item in selection.packages))


def _is_relative(file: LockedFile | None) -> bool:
    return file is not None and file.url.startswith("file:") and not file.url.startswith("file:/")


def locate(item: Selected, root: Path, cache_dir: Path) -> Selected:
    file = absolute_file(item.file, root) if item.file is not None else None
    if not item.is_built:
        return item if file is item.file else replace(item, file=file)
    return replace(item, file=file, tree=_tree_of(item.package, file, root, cache_dir))


def absolute_file(file: LockedFile, root: Path) -> LockedFile:
    """`file` with an address that means the same anywhere on this machine."""
    if not _is_relative(file):
        return file
    return replace(file, url=file_url(os.path.abspath(root / path_of_file_url(file.url)).replace(os.sep, "/")))


def archive_file(url: ArchiveUrl, root: Path) -> LockedFile:
    """The file that a requirement names, with the hashes that it promises."""
    return absolute_file(LockedFile(filename=url.filename, url=url.url, hashes=dict(url.hashes)), root)


def _tree_of(package: LockedRelease, file: LockedFile | None, root: Path, cache_dir: Path) -> SourceTree:
    match package.source.kind:
        case SourceKind.TREE:
            found = directory_of_source(package.source)
            assert found is not None, "a tree is a directory"
            return directory_tree(found, root, package)
        case SourceKind.GIT:
            git = git_of_source(package.source)
            top, below = commit_directory(cache_dir, git.at_commit), git.asked.subdirectory
            return SourceTree(
                root=top / below,
                top=top if below else None,
                label=f"{package.name} @ {git.at_commit}",
                identity=f"git {git.commit} {below}",
                name=package.name,
            )
        case _:
            assert file is not None, "a release of an index or an archive is built from its sdist"
            return sdist_tree(file, package.name, subdirectory=archive_subdirectory(package))


def sdist_tree(file: LockedFile, name: str, *, subdirectory: str = "") -> SourceTree:
    """The tree of an sdist that has yet to be unpacked."""
    digest = file.hashes.get("sha256", "")
    return SourceTree(
        root=NOWHERE,
        label=file.filename,
        identity=f"sdist {digest} {subdirectory}" if digest else "",
        is_sdist=not subdirectory,
        name=normalize(name),
    )


def archive_subdirectory(package: LockedRelease) -> str:
    if package.source.kind is not SourceKind.DIRECT:
        return ""
    found = parse_source_url(package.source.url)
    return found.subdirectory if isinstance(found, ArchiveUrl) else ""


def directory_tree(url: DirectoryUrl, root: Path, package: LockedRelease) -> SourceTree:
    """The tree of a directory as it is now. Raises SourceUnavailable."""
    path = directory_path(url, root)
    if not path.is_dir():
        what = "it is a file" if path.exists() else "there is no such directory"
        raise SourceUnavailable(f"`{package.name}` comes from the directory `{path}`, and {what}")
    return SourceTree(
        root=path,
        label=f"{package.name} @ {file_url(str(path))}",
        identity=f"directory {editable_fingerprint(path) if url.is_editable else fingerprint(path)}",
        is_local=True,
        name=package.name,
    )


def is_editable(item: Selected) -> bool:
    """Whether `item` is installed so that it leads to its source."""
    directory = directory_of_source(item.package.source)
    return directory is not None and directory.is_editable


def finder_of_built(store: Store, settings: Settings, interpreter: Interpreter) -> FindBuilt:
    """Looks for what was built before, without an event loop; what has to be looked at anew is not found."""
    known = BuiltWheels(store, settings.builds, interpreter)

    def find(item: Selected) -> StoredWheel | None:
        tree = item.tree
        if tree is None or not tree.identity or not settings.builds.isolates(tree.name):
            return None
        if settings.network.refreshes(item.package.name):
            return None
        return known.wheel(tree, editable=is_editable(item))

    return find
