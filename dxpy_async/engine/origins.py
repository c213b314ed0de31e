"""The text of `direct_url.json`: where an installed distribution came from, by which it is known when that changed.

Source: https://packaging.python.org/en/latest/specifications/direct-url/
"""

from __future__ import annotations

import json
from typing import Any

from dxpy_async.core.locked_sources import directory_of_source, git_of_source
from dxpy_async.core.locks import SourceKind
from dxpy_async.core.selection import Selected
from dxpy_async.core.source_urls import ArchiveUrl, file_url, parse_source_url

FINGERPRINT = "dxpy-fingerprint"
"""A key of ours, which others ignore: what the directory was when it was built."""


def direct_url(item: Selected) -> str | None:
    """The text for `item`; None for what came from an index, as a wheel or built."""
    if not item.package.source.kind.is_direct:
        return None
    return json.dumps(_facts(item), sort_keys=True)


def _facts(item: Selected) -> dict[str, Any]:
    source = item.package.source
    if source.kind is SourceKind.DIRECT:
        assert item.file is not None, "an archive is a file"
        found = parse_source_url(source.url)
        archive = {"archive_info": {"hashes": dict(item.file.hashes)}, "url": item.file.url}
        return archive | _below(found.subdirectory if isinstance(found, ArchiveUrl) else "")
    if source.kind is SourceKind.GIT:
        git = git_of_source(source)
        requested = {"requested_revision": git.asked.revision} if git.asked.revision else {}
        info = {"vcs": "git", "commit_id": git.commit, **requested}
        return {"url": git.asked.repository, "vcs_info": info} | _below(git.asked.subdirectory)
    assert item.tree is not None, "a tree is located before it is installed"
    directory = directory_of_source(source)
    editable = {"editable": True} if directory is not None and directory.is_editable else {}
    return {
        "url": file_url(item.tree.root.as_posix()),
        "dir_info": {**editable, FINGERPRINT: item.tree.identity.partition(" ")[2]},
    }


def _below(subdirectory: str) -> dict[str, str]:
    return {"subdirectory": subdirectory} if subdirectory else {}
