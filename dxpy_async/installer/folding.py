"""Which directories of an environment can be one symbolic link into the store, and which must be real: a pure function.

A directory is folded into a link when one wheel has all that is in it, and nothing else is likely to come: it is real
when two wheels share it, when something else is in it already, and when it holds nothing but directories, as namespace
packages do, into which another installer may put its own. What lies in a real directory is looked at in the same way.
In a directory that is shared there are no links to directories: pip, uninstalling, would not see that they are
another's, and take them with what it finds. `__pycache__` beside real files is real, since Python writes there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from dxpy_async.core.manifests import Manifest
from dxpy_async.core.names import ProjectName


class Fold(NamedTuple):
    """The links of one wheel: paths, of directories and of files, relative to the wheel's root and the site directory.

    Both are sorted.
    """

    directories: tuple[str, ...]
    files: tuple[str, ...]


def fold(wheels: Mapping[ProjectName, Iterable[str]], is_foreign: Callable[[str], bool]) -> dict[ProjectName, Fold]:
    """How wheels, by name, with the paths of their files, share the site directory.

    `is_foreign` tells whether a directory is there already, with something in it that is not one of these wheels'.
    """
    paths = {name: list(files) for name, files in wheels.items()}
    owners: dict[str, ProjectName | None] = {}
    with_files: set[str] = set()
    for name, files in paths.items():
        heads = {path.rpartition("/")[0] for path in files}
        with_files |= heads
        for directory in with_parents(heads):
            owners[directory] = None if directory in owners else name
    folds: dict[str, str | None] = {"": None}

    def is_shared(directory: str) -> bool:
        return directory != "" and (owners[directory] is None or is_foreign(directory))

    def link_over(directory: str) -> str | None:
        """The folded directory that `directory` is or lies in; None when it is real."""
        if directory not in folds:
            parent, _, last = directory.rpartition("/")
            above = link_over(parent)
            if above is None:
                stays_real = directory not in with_files or last == "__pycache__"
                among_others = is_shared(parent) or is_shared(directory)
                above = None if stays_real or among_others else directory
            folds[directory] = above
        return folds[directory]

    found: dict[ProjectName, Fold] = {}
    for name, files in paths.items():
        directories: set[str] = set()
        single: list[str] = []
        for path in files:
            link = link_over(path.rpartition("/")[0])
            if link is None:
                single.append(path)
            else:
                directories.add(link)
        found[name] = Fold(tuple(sorted(directories)), tuple(sorted(single)))
    return found


def sites_files(manifest: Manifest) -> list[str]:
    """The files of a wheel whose place in the site directory is their path in the wheel."""
    outside = (f"{manifest.dist_info}/", *([f"{manifest.data}/"] if manifest.data else ()))
    return [file.path for file in manifest.files if not file.path.startswith(outside)]


def with_parents(directories: Iterable[str]) -> tuple[str, ...]:
    """These relative directories and all between them and the root, parents first."""
    found: set[str] = set()
    for directory in directories:
        while directory and directory not in found:
            found.add(directory)
            directory = directory.rpartition("/")[0]  # noqa: PLW2901
    return tuple(sorted(found))
