"""Removing directory trees of the store."""

from __future__ import annotations

import os


def remove_tree(path: str) -> tuple[int, int]:
    """Remove `path` with everything in it; give the number of files, and their bytes unless they have other names too.

    Symbolic links are removed, never followed; what somebody else removes meanwhile is not missed; directories that
    were made read-only are made writable. Raises OSError for what cannot be removed.
    """
    files = size = 0
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
        return 1, 0
    pending, emptied = [path], list[str]()
    while pending:
        directory = pending.pop()
        emptied.append(directory)
        for entry in _entries(directory):
            if entry.is_dir(follow_symlinks=False):
                pending.append(entry.path)
            elif (removed := _remove_file(entry, directory)) is not None:
                files, size = files + 1, size + removed
    for directory in reversed(emptied):
        _remove_directory(directory)
    return files, size


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except PermissionError:
        os.chmod(directory, 0o700)
        with os.scandir(directory) as entries:
            return list(entries)


def _remove_file(entry: os.DirEntry[str], directory: str) -> int | None:
    try:
        facts = os.lstat(entry.path)
        try:
            os.unlink(entry.path)
        except PermissionError:
            os.chmod(directory, 0o700)
            os.unlink(entry.path)
    except FileNotFoundError:
        return None
    return facts.st_size if facts.st_nlink == 1 else 0


def _remove_directory(directory: str) -> None:
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return
    except PermissionError:
        os.chmod(os.path.dirname(directory), 0o700)
        os.rmdir(directory)
