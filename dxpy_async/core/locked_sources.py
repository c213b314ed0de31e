"""How a lock says where a release comes from that a direct reference, `name @ url`, asked for.

A reference to a branch is answered by a commit; the lock has both, so that another branch makes it stale and another
commit on the same branch does not:

    git+https://host/x.git@COMMIT#requested=main&subdirectory=d

Archives and directories are locked under the address that they were asked for by.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from dxpy_async.core.locks import Source, SourceKind
from dxpy_async.core.source_urls import ArchiveUrl, DirectoryUrl, GitUrl, parse_source_url
from dxpy_async.errors import LockError

_REQUESTED = "requested"
_COMMIT_DIGITS = (40, 64)


class LockedGit(NamedTuple):
    """A commit, and the reference that led to it."""

    asked: GitUrl
    commit: str

    @property
    def at_commit(self) -> GitUrl:
        """The reference that leads to this commit for ever."""
        return self.asked._replace(revision=self.commit)

    def source(self) -> Source:
        """What stands in the lock."""
        url = str(self.at_commit)
        if self.asked.revision and self.asked.revision != self.commit:
            address, _, fragment = url.partition("#")
            rest = f"&{fragment}" if fragment else ""
            url = f"{address}#{_REQUESTED}={quote(self.asked.revision, safe='/._-~')}{rest}"
        elif not self.asked.revision:
            url += f"{'&' if '#' in url else '#'}{_REQUESTED}="
        return Source(SourceKind.GIT, url)


def parse_locked_git(url: str) -> LockedGit:
    """What a lock says of a commit. Raises ValueError."""
    found = parse_source_url(url)
    if not isinstance(found, GitUrl) or not is_commit(found.revision):
        raise ValueError("it does not name a commit")
    fragment = dict(part.partition("=")[::2] for part in url.partition("#")[2].split("&"))
    requested = unquote(fragment[_REQUESTED]) if _REQUESTED in fragment else found.revision
    return LockedGit(found._replace(revision=requested), found.revision)


def is_commit(revision: str) -> bool:
    """Whether a revision is a whole commit id, which no fetch can make into another."""
    return len(revision) in _COMMIT_DIGITS and not revision.strip("0123456789abcdef")


def locked_archive(url: ArchiveUrl) -> Source:
    """What stands in the lock for an archive; its hashes are in the lock as those of the file."""
    return Source(SourceKind.DIRECT, str(url._replace(hashes=())))


def locked_directory(url: DirectoryUrl) -> Source:
    """What stands in the lock for a directory."""
    return Source(SourceKind.TREE, str(url))


def git_of_source(source: Source) -> LockedGit:
    """The commit that a release comes from. Raises LockError for one that is worded in another way."""
    try:
        return parse_locked_git(source.url)
    except ValueError as error:
        raise LockError(f"the lock has a source `{source.url}`, and {error}") from error


def directory_of_source(source: Source) -> DirectoryUrl | None:
    """The directory that a release comes from; None for one that comes from elsewhere. Raises LockError."""
    if source.kind is not SourceKind.TREE:
        return None
    try:
        found = parse_source_url(source.url)
    except ValueError as error:
        raise LockError(f"the lock has a directory `{source.url}`, and {error}") from error
    if not isinstance(found, DirectoryUrl):
        raise LockError(f"the lock has a directory `{source.url}`, and that is none")
    return found


def answers_reference(source: Source, url: str) -> bool:
    """Whether a release from `source` is what a requirement with `url` asks for."""
    if source.url == url:
        return True
    try:
        asked = parse_source_url(url)
        if isinstance(asked, GitUrl):
            return source.kind is SourceKind.GIT and parse_locked_git(source.url).asked == asked
        locked = locked_archive(asked) if isinstance(asked, ArchiveUrl) else locked_directory(asked)
    except ValueError:
        return False
    return source == locked


def directory_path(url: DirectoryUrl, root: Path) -> Path:
    """Where a directory of source is, its subdirectory applied; `root`, absolute, is the directory of the lock."""
    return Path(os.path.normpath(root / url.path / url.subdirectory))
