"""What a commit will do, decided from what is staged, what leaves, and whose files are in the way. Changes nothing."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence

from dxpy_async.errors import FileConflict, InstallError
from dxpy_async.installer.installed import DIST_INFO, EGG_INFO, parse_dist_info
from dxpy_async.installer.journal import Journal
from dxpy_async.installer.layout import encoded
from dxpy_async.installer.ownership import (
    Claim,
    bytecode_of,
    claims,
    may_go,
    read_rows,
    removable,
    source_of,
    visible_metadata,
)
from dxpy_async.installer.staging import Staged, Waiting
from dxpy_async.installer.tree import SEP, Tree, files_below

_Coming = Mapping[str, Sequence[tuple[Staged, str]]]
"""Real path to the wheels that bring a file there, with its digest."""


def decide(
    tree: Tree, hidden: str, staged: Iterable[Staged], leaving: Collection[str], *, allow_overwrites: bool = False
) -> Journal:
    """The steps that make `staged` visible in place of `leaving`, metadata directories by their real paths.

    Raises FileConflict when two distributions that will be installed have different files in one place, or when a
    directory or link that nobody may remove is in the way of a file; InstallError when a staged project would be
    visible twice. With `allow_overwrites` the last of those that come with a file has its way, by the order of their
    names, and what comes has its way against what is there.
    """
    order = sorted(staged, key=lambda item: item.dist_info)
    remaining = [directory for directory in visible_metadata(tree) if directory not in leaving]
    _check_not_visible(order, remaining)
    contested = any(item.waiting or item.stale for item in order)
    coming = _coming(tree, hidden, order) if leaving or contested else {}
    going: set[str] = set()
    for directory in leaving:
        going |= removable(tree, directory)
    for item in order:
        going.update(path for path in item.stale if may_go(tree, path))
    going -= coming.keys()
    contested_places = {waiting.target for item in order for waiting in item.waiting}
    claimed = claims(tree, remaining, going | contested_places | bytecode_of(tree, contested_places))
    winners = _last_ones(order, coming) if allow_overwrites else _winners(tree, order, coming, claimed)
    # With the same size and time, bytecode of the file that was replaced would pass for that of the new one.
    going |= bytecode_of(tree, [waiting.target for _, waiting in winners]) - coming.keys()
    going -= claimed.keys()
    winners += _bytecode(order, winners)
    going -= {waiting.target for _, waiting in winners}
    place = [
        (waiting.name, tree.relative(waiting.target))
        for item, waiting in winners
        if _check_replaceable(tree, item, waiting.target, going)
    ]
    return Journal(
        hide=tuple((tree.relative(directory), f"removed-{number}") for number, directory in enumerate(sorted(leaving))),
        delete=tuple(tree.relative(path) for path in sorted(going)),
        place=tuple(place),
        show=tuple((item.dist_info, tree.relative(f"{item.site}{SEP}{item.dist_info}")) for item in order),
    )


def coming_files(tree: Tree, hidden: str, dist_info: str, site: str) -> dict[str, str]:
    """The places (real paths) and digests that the RECORD of a hidden `.dist-info` gives to what is outside of it."""
    own = f"{dist_info}/"
    found: dict[str, str] = {}
    for row in read_rows(f"{hidden}{SEP}{dist_info}") or ():
        if not row.path.startswith(own) and (real := tree.locate(site, row.path)) is not None:
            found[real] = row.digest
    return found


def file_conflict(path: str, one: str, other: str) -> FileConflict:
    """The error for two distributions, by their names for people, with different files at `path` below the root."""
    return FileConflict(
        f"`{one}` and `{other}` both have a file `{path}`, with different contents",
        hints=("only one of the two can be whole; `--allow-overwrites` lets the later one, by name, replace the file",),
    )


def project_of(directory: str) -> str | None:
    """The project that a metadata directory's name names."""
    parsed = parse_dist_info(directory.rpartition(SEP)[2])
    return parsed[0] if parsed is not None else None


def _check_not_visible(staged: Iterable[Staged], remaining: Iterable[str]) -> None:
    visible = {project: directory for directory in remaining if (project := project_of(directory)) is not None}
    for item in staged:
        if item.project in visible:
            raise InstallError(
                f"`{item.label}` cannot be installed: `{visible[item.project]}` is there and was not to be removed"
            )
        visible[item.project] = item.label


def _coming(tree: Tree, hidden: str, staged: Iterable[Staged]) -> _Coming:
    found: dict[str, list[tuple[Staged, str]]] = {}
    for item in staged:
        for place, digest in coming_files(tree, hidden, item.dist_info, item.site).items():
            found.setdefault(place, []).append((item, digest))
        for waiting in item.waiting:
            if not waiting.is_bytecode and (item, waiting.digest) not in found.get(waiting.target, ()):
                found.setdefault(waiting.target, []).append((item, waiting.digest))
    return found


def _winners(
    tree: Tree, staged: Iterable[Staged], coming: _Coming, claimed: Mapping[str, Sequence[Claim]]
) -> list[tuple[Staged, Waiting]]:
    """The waiting files that have to be put in place: not those that are there already, and one of several alike."""
    waiting_for: dict[str, list[tuple[Staged, Waiting]]] = {}
    for item in staged:
        for waiting in _recorded(item):
            waiting_for.setdefault(waiting.target, []).append((item, waiting))
    found: list[tuple[Staged, Waiting]] = []
    for target, candidates in waiting_for.items():
        item, waiting = candidates[0]
        for other, digest in coming[target]:
            if digest != waiting.digest:
                raise file_conflict(tree.relative(target), item.label, other.label)
        linked_by_another = len({other.dist_info for other, _ in coming[target]}) > len(candidates)
        if not linked_by_another and not _is_shared(tree, item, waiting, claimed.get(target, ())):
            found.append((item, waiting))
    return found


def _last_ones(staged: Iterable[Staged], coming: _Coming) -> list[tuple[Staged, Waiting]]:
    """The waiting files of those that bring a file last, which is on disk already where it does not wait."""
    last = {target: owners[-1][0] for target, owners in coming.items()}
    return [(item, waiting) for item in staged for waiting in _recorded(item) if last[waiting.target] is item]


def _bytecode(staged: Iterable[Staged], winners: Iterable[tuple[Staged, Waiting]]) -> list[tuple[Staged, Waiting]]:
    """The bytecode that waits and whose source, once all is in place, is of the same wheel."""
    owners = {waiting.target: item for item, waiting in winners}
    found: list[tuple[Staged, Waiting]] = []
    for item in staged:
        late = {waiting.target for waiting in item.waiting}
        for waiting in item.waiting:
            if waiting.is_bytecode:
                source = source_of(*waiting.target.rsplit(SEP, 1))
                if owners.get(source, None if source in late else item) is item:
                    found.append((item, waiting))
    return found


def _recorded(item: Staged) -> list[Waiting]:
    return [waiting for waiting in item.waiting if not waiting.is_bytecode]


def _is_shared(tree: Tree, item: Staged, waiting: Waiting, owners: Sequence[Claim]) -> bool:
    """Whether distributions that stay have the very file that waits. Raises FileConflict when theirs is another."""
    if not owners:
        return False
    if digest_of(waiting.target) == waiting.digest:
        return True
    for owner in owners:
        if owner.digest != waiting.digest or not waiting.digest:
            name = owner.directory.rpartition(SEP)[2].removesuffix(DIST_INFO).removesuffix(EGG_INFO)
            raise file_conflict(tree.relative(waiting.target), item.label, name)
    return False  # what is on disk is not what its owners have recorded, and ours is


def _check_replaceable(tree: Tree, item: Staged, target: str, going: Collection[str]) -> bool:
    """Whether what is in the way of `target` will be out of it when files in `going` are gone; raises FileConflict."""
    blocker = _blocking_parent(tree, target)
    if blocker is not None:
        if blocker in going:
            return True
        raise _in_the_way(tree, item, target, blocker)
    try:
        is_directory = stat.S_ISDIR(os.lstat(target).st_mode)
    except FileNotFoundError:
        return True
    if is_directory:
        for path in files_below(target):
            if path not in going:
                raise _in_the_way(tree, item, target, path)
    return True


def _blocking_parent(tree: Tree, target: str) -> str | None:
    """The topmost thing on the way to `target` that is neither a directory of the environment nor missing."""
    parents: list[str] = []
    directory = target.rpartition(SEP)[0]
    while tree.real(directory) is None and len(directory) > len(tree.root):
        parents.append(directory)
        directory = directory.rpartition(SEP)[0]
    for parent in reversed(parents):
        if os.path.lexists(parent):
            return parent
    return None


def _in_the_way(tree: Tree, item: Staged, target: str, blocker: str) -> FileConflict:
    return FileConflict(
        f"`{item.label}` has a file `{tree.relative(target)}`, but `{tree.relative(blocker)}` is in its way, "
        "which belongs to nothing that is being removed",
        hints=(f"remove or rename `{blocker}` if it is not needed",),
    )


def digest_of(path: str) -> str | None:
    """The digest of a file as RECORD writes it; None for what is no file, or cannot be read."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return encoded([hashlib.file_digest(file, "sha256").digest()])[0]
    except OSError:
        return None
