"""Carrying out a journal, and undoing what was only staged; every step can be done again after a kill in its middle."""

from __future__ import annotations

import os
from collections.abc import Collection, Container
from pathlib import Path

from dxpy_async.errors import InstallError
from dxpy_async.installer.decision import coming_files, project_of
from dxpy_async.installer.installed import DIST_INFO
from dxpy_async.installer.journal import Journal, format_journal, parse_journal
from dxpy_async.installer.ownership import bytecode_of, claims, may_go, read_rows, visible_metadata
from dxpy_async.installer.staging import TAKEN_SUFFIX, WAITING_SUFFIX, read_taken, stem
from dxpy_async.installer.tree import SEP, Blocked, Tree, remove_tree, write_file

JOURNAL_NAME = "journal"
DONE_NAME = "done"


def write_journal(hidden: str, journal: Journal) -> None:
    """The point of no return. When something will be destroyed, the journal is safe on the disk before this returns."""
    beside = f"{hidden}{SEP}{JOURNAL_NAME}.new"
    write_file(beside, format_journal(journal))
    if journal.destroys:
        for name, _ in journal.show:
            _sync(f"{hidden}{SEP}{name}{SEP}RECORD")
        _sync(beside)
    os.replace(beside, f"{hidden}{SEP}{JOURNAL_NAME}")
    if journal.destroys:
        _sync_directory(hidden)


def carry_out(tree: Tree, hidden: str, journal: Journal) -> None:
    """Do all steps, those left out that are done already, and forget the journal."""
    for source, name in journal.hide:
        if (visible := _metadata(tree, source)) is not None and not os.path.lexists(f"{hidden}{SEP}{name}"):
            _rename(visible, f"{hidden}{SEP}{name}")
    parents: set[str] = set()
    for relative in journal.delete:
        path = tree.absolute(relative)
        if path is not None:
            parents.add(path.rpartition(SEP)[0])
            if may_go(tree, path):
                os.unlink(path)
    tree.prune(parents)
    for name, relative in journal.place:
        _place(tree, f"{hidden}{SEP}{name}", relative)
    for name, relative in journal.show:
        if (visible := _metadata(tree, relative)) is not None:
            _rename(f"{hidden}{SEP}{name}", visible)
    os.replace(f"{hidden}{SEP}{JOURNAL_NAME}", f"{hidden}{SEP}{DONE_NAME}")
    remove_tree(hidden)


def finish_or_undo(tree: Tree, hidden: str) -> bool:
    """Bring the environment to one side of a change that was killed; gives whether there was one."""
    if not os.path.lexists(hidden):
        return False
    if os.path.lexists(f"{hidden}{SEP}{DONE_NAME}"):
        remove_tree(hidden)
        return True
    journal = _read_journal(hidden)
    if journal is None:
        undo(tree, hidden)
    else:
        carry_out(tree, hidden, _still_right(tree, hidden, journal))
    return True


def undo(tree: Tree, hidden: str, *, created: Collection[str] | None = None) -> None:
    """Take back what was staged, and remove the hidden directory.

    `created` are the directories that staging made, when that is known; else empty parents of what is removed go.
    """
    for name in (JOURNAL_NAME, f"{JOURNAL_NAME}.new"):  # one that could not be written to its end decides nothing
        remove_tree(f"{hidden}{SEP}{name}")
    only = None if created is None else frozenset(created)
    names = [name for name in os.listdir(hidden) if name.endswith(DIST_INFO) and project_of(name) is not None]
    for name in sorted(names):
        _take_back(tree, hidden, name, only=only)
    if only is not None:
        tree.prune(only, only=only)
    remove_tree(hidden)


def _take_back(tree: Tree, hidden: str, dist_info: str, *, only: Container[str] | None = None) -> None:
    """Remove the files that staging one wheel has put in place: those of its RECORD whose places were free.

    Directories that are empty then go too, of those in `only` if that is given.
    """
    rows = read_rows(f"{hidden}{SEP}{dist_info}")
    if not rows or rows[-1].path != f"{dist_info}/RECORD":
        return  # the RECORD was not written to its end, so nothing was linked yet
    site, *taken = read_taken(f"{hidden}{SEP}{stem(dist_info)}{TAKEN_SUFFIX}") or tree.sites[:1]
    places = coming_files(tree, hidden, dist_info, site).keys() - set(taken)
    files = {path for path in places if may_go(tree, path)}
    files |= {path for path in bytecode_of(tree, places) if may_go(tree, path)}
    files -= claims(tree, visible_metadata(tree), files).keys()
    for path in files:
        os.unlink(path)
    # Before the RECORD goes: after a kill it is all that tells of these directories.
    there = {tree.nearest(f"{site}{SEP}{row.path}") for row in rows}
    tree.prune({*there, *(f"{path}{SEP}__pycache__" for path in there)}, only=only)
    # From here on there is nothing to take back, whatever of the hidden directory a kill leaves.
    os.unlink(f"{hidden}{SEP}{dist_info}{SEP}RECORD")


def _still_right(tree: Tree, hidden: str, journal: Journal) -> Journal:
    """The journal without what has become wrong since it was written, if somebody else has changed the environment."""
    leaving = {path for relative, _ in journal.hide if (path := tree.absolute(relative)) is not None}
    pending = {
        path
        for relative, name in journal.hide
        if (path := tree.absolute(relative)) in leaving and not os.path.lexists(f"{hidden}{SEP}{name}")
    }
    visible = [directory for directory in visible_metadata(tree) if directory not in pending]
    rivals = {project_of(directory) for directory in visible}
    lost = {name for name, _ in journal.show if os.path.lexists(f"{hidden}{SEP}{name}") and project_of(name) in rivals}
    for name in lost:
        _take_back(tree, hidden, name)
        remove_tree(f"{hidden}{SEP}{name}")
    waiting_of_lost = tuple(f"{stem(name)}{WAITING_SUFFIX}{SEP}" for name in lost)
    kept = {path for relative in journal.delete if (path := tree.absolute(relative)) is not None}
    kept -= claims(tree, visible, kept).keys()
    return Journal(
        hide=journal.hide,
        delete=tuple(tree.relative(path) for path in sorted(kept)),
        place=tuple(pair for pair in journal.place if not pair[0].startswith(waiting_of_lost)),
        show=tuple(pair for pair in journal.show if pair[0] not in lost),
    )


def _metadata(tree: Tree, relative: str) -> str | None:
    """The real path that a journal gives to a metadata directory; None when it leads anywhere else."""
    path = tree.absolute(relative)
    return path if path is not None and tree.metadata_directory(path) == path else None


def _place(tree: Tree, source: str, relative: str) -> None:
    parts = relative.split(SEP)
    if not os.path.lexists(source) or any(part in ("", ".", "..") for part in parts):
        return
    directory, _, name = f"{tree.root}{SEP}{relative}".rpartition(SEP)
    try:
        target = f"{tree.make(directory)}{SEP}{name}"
    except Blocked as error:
        raise InstallError(
            f"`{error.path}` has come in the way of `{relative}` while the environment was being changed",
            hints=("remove or rename it, and run the command again",),
        ) from error
    if not tree.own_part(target) and tree.metadata_directory(target) is None:
        _remove_empty_directories(target)
        os.replace(source, target)


def _remove_empty_directories(path: str) -> None:
    """Make room where a directory with nothing but empty directories is in the way of a file."""
    if os.path.isdir(path) and not os.path.islink(path):
        for directory, _, _ in os.walk(path, topdown=False):
            os.rmdir(directory)


def _rename(source: str, target: str) -> None:
    try:
        os.rename(source, target)
    except FileNotFoundError:
        if os.path.lexists(source):
            raise


def _read_journal(hidden: str) -> Journal | None:
    try:
        return parse_journal(Path(hidden, JOURNAL_NAME).read_bytes())
    except FileNotFoundError:
        return None


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_directory(path: str) -> None:
    if os.name == "nt":
        return  # directories cannot be opened there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
