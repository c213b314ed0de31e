"""Whose file is it: what the RECORDs in an environment say, each of which may have been written by anybody."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from dxpy_async.core.limits import RECORD_BYTES
from dxpy_async.errors import InvalidWheel
from dxpy_async.formats.record import RecordRow, parse_record
from dxpy_async.installer.installed import DIST_INFO, EGG_INFO
from dxpy_async.installer.tree import SEP, Tree


class Claim(NamedTuple):
    """A distribution, by its metadata directory, says that a file is its own and has this digest (as in RECORD)."""

    directory: str
    digest: str


def visible_metadata(tree: Tree) -> list[str]:
    """The real paths of all `.dist-info` and `.egg-info` in the environment, sorted."""
    found: list[str] = []
    for site in tree.sites:
        try:
            names = os.listdir(site)
        except FileNotFoundError:
            continue
        found += [f"{site}{SEP}{name}" for name in names if name.endswith((DIST_INFO, EGG_INFO))]
    return sorted(found)


def read_rows(directory: str) -> tuple[RecordRow, ...] | None:
    """The rows of a metadata directory's RECORD; None when there is none that can be read."""
    path = f"{directory}{SEP}RECORD"
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return parse_record(file.read(RECORD_BYTES + 1), path)
    except (FileNotFoundError, NotADirectoryError, InvalidWheel):
        return None


def claims(tree: Tree, directories: Iterable[str], files: Collection[str]) -> Mapping[str, list[Claim]]:
    """Which of `files` (real paths) belong to which of the distributions with these metadata directories."""
    found: dict[str, list[Claim]] = {}
    if not files:
        return found
    for directory in directories:
        for path, digest in located_rows(tree, directory):
            if path in files:
                found.setdefault(path, []).append(Claim(directory, digest))
    return found


def located_rows(tree: Tree, directory: str) -> Iterator[tuple[str, str]]:
    """The real paths and digests of a visible distribution's rows, without those that lead out of the environment."""
    site = directory.rpartition(SEP)[0]
    locate = tree.locate
    for path, _, digest, _ in read_rows(directory) or ():
        real = locate(site, path)
        if real is not None:
            yield real, digest


def removable(tree: Tree, directory: str) -> set[str]:
    """The files that go when the distribution with this metadata directory goes, without that directory itself.

    A row counts only when it names a file or a link, which is there, by a path that stays inside the environment and
    goes through no link, and that is neither a part of the environment itself nor another distribution's metadata.
    Bytecode of its sources goes too. Without a readable RECORD nothing is known to belong to it.
    """
    sources: set[str] = set()
    site, _, name = directory.rpartition(SEP)
    own = f"{name}/"
    for row in read_rows(directory) or ():
        if row.path.startswith(own):
            continue
        real = tree.locate(site, row.path, through_links=False)
        if real is not None and real not in sources and may_go(tree, real):
            sources.add(real)
    return sources | bytecode_of(tree, sources)


def may_go(tree: Tree, real: str) -> bool:
    """Whether a file may be removed at all: it is there, it is no directory, and nothing of the environment's own."""
    if tree.own_part(real) or tree.metadata_directory(real) is not None:
        return False
    try:
        return not stat.S_ISDIR(os.lstat(real).st_mode)
    except OSError:
        return False


def bytecode_of(tree: Tree, sources: Iterable[str]) -> set[str]:
    """The `.pyc` files that interpreters have made of these sources (real paths)."""
    names_in: dict[str, set[str]] = {}
    for source in sources:
        if source.endswith(".py"):
            directory, _, name = source.rpartition(SEP)
            names_in.setdefault(directory, set()).add(name[:-3])
    found: set[str] = set()
    for directory, stems in names_in.items():
        cache = f"{directory}{SEP}__pycache__"
        if tree.real(cache) != cache:
            continue
        found |= {f"{cache}{SEP}{name}" for name in os.listdir(cache) if source_stem(name) in stems}
    return found


def source_of(cache: str, name: str) -> str:
    """The source that bytecode of this name in a `__pycache__` was made of."""
    return f"{cache.rpartition(SEP)[0]}{SEP}{source_stem(name)}.py"


def source_stem(name: str) -> str | None:
    """`x` of `x.cpython-312.pyc` and `x.cpython-312.opt-1.pyc`. Source: PEP 3147, PEP 488"""
    if not name.endswith(".pyc"):
        return None
    stem, _, tag = name[:-4].rpartition(".")
    if tag.startswith("opt-"):
        stem = stem.rpartition(".")[0]
    return stem
