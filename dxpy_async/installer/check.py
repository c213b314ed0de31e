"""Holding an environment against its RECORDs: is everything there that a visible distribution claims to have?"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from dxpy_async.core.schemes import InstallScheme
from dxpy_async.formats.record import RecordRow
from dxpy_async.installer.installed import DIST_INFO
from dxpy_async.installer.ownership import read_rows, visible_metadata
from dxpy_async.installer.state import LINK_MARK
from dxpy_async.installer.tree import SEP, TRANSACTION_NAME, Tree


class Problem(NamedTuple):
    """What is wrong with a distribution: `directory` is its metadata directory, `file` the row or empty."""

    directory: str
    file: str
    reason: str


def verify_environment(scheme: InstallScheme) -> list[Problem]:
    """Everything that is not as the RECORDs of the environment say, sorted by distribution, in RECORD's order.

    Each row must lead to a regular file inside the environment with the digest and size it gives, or to a link to one
    where the environment is linked to the store. Rows without a hash need only be there. A change that was killed, and
    not repaired yet, is a problem too.
    """
    tree = Tree(scheme)
    problems: list[Problem] = []
    hidden = f"{tree.purelib}{SEP}{TRANSACTION_NAME}"
    if os.path.lexists(hidden):
        problems.append(Problem(hidden, "", "a change of the environment was interrupted"))
    for directory in visible_metadata(tree):
        if directory.endswith(DIST_INFO):
            problems += _verify(tree, directory)
    return problems


def _verify(tree: Tree, directory: str) -> Iterator[Problem]:
    rows = read_rows(directory)
    if not rows:
        yield Problem(directory, "", "there is no RECORD that can be read")
        return
    site = directory.rpartition(SEP)[0]
    links = os.path.exists(f"{tree.root}{SEP}{LINK_MARK}")
    for row in rows:
        path = tree.locate(site, row.path)
        reason = "leads out of the environment" if path is None else _difference(path, row, links=links)
        if reason is not None:
            yield Problem(directory, row.path, reason)


def _difference(path: str, row: RecordRow, *, links: bool) -> str | None:
    try:
        facts = os.lstat(path)
        if links and stat.S_ISLNK(facts.st_mode):
            facts = os.stat(path)
            if stat.S_ISDIR(facts.st_mode) and not row.algorithm:
                return None
    except FileNotFoundError:
        return "is missing"
    if not stat.S_ISREG(facts.st_mode):
        return "is not a file"
    if row.size is not None and facts.st_size != row.size:
        return f"has {facts.st_size} bytes, not {row.size}"
    if not row.algorithm:
        return None
    if row.algorithm not in hashlib.algorithms_guaranteed or row.algorithm.startswith("shake"):
        return f"has a hash of an unknown kind, {row.algorithm}"
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, row.algorithm).digest()
    actual = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return None if actual == row.digest else f"has {row.algorithm} {actual}, not {row.digest}"
