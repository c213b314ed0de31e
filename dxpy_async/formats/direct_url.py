"""`direct_url.json` of an installed distribution: where it came from when that was not an index.

Source: https://packaging.python.org/en/latest/specifications/direct-url/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dxpy_async.core.dataclass import dataclass, field
from dxpy_async.core.source_urls import path_of_file_url


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectUrl:
    """Where a distribution came from: a directory, an archive (`hashes`) or a commit of a repository (`vcs`)."""

    url: str
    is_editable: bool = False
    vcs: str = ""
    commit: str = ""
    requested_revision: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    subdirectory: str = ""

    @property
    def editable_path(self) -> str | None:
        """The directory that an editable distribution leads to."""
        if not self.is_editable:
            return None
        try:
            return path_of_file_url(self.url)
        except ValueError:
            return None

    @property
    def reference(self) -> str:
        """The URL by which the very same can be asked for in a requirement, `name @ url`."""
        below = [f"subdirectory={self.subdirectory}"] if self.subdirectory else []
        if self.vcs:
            address = f"{self.vcs}+{self.url}@{self.commit}"
        else:
            address = self.url
            below = [f"{name}={digest}" for name, digest in list(self.hashes.items())[:1]] + below
        return f"{address}#{'&'.join(below)}" if below else address


def parse_direct_url(text: str) -> DirectUrl | None:
    """What the text of `direct_url.json` says; None when it says nothing that can be understood."""
    try:
        said: Any = json.loads(text)
        info: Any = said.get("archive_info") or {}
        vcs: Any = said.get("vcs_info") or {}
        directory: Any = said.get("dir_info") or {}
        name, _, digest = str(info.get("hash", "")).partition("=")
        hashes = {str(key): str(value) for key, value in (info.get("hashes") or {}).items()}
        return DirectUrl(
            url=str(said["url"]),
            is_editable=directory.get("editable") is True,
            vcs=str(vcs.get("vcs", "")),
            commit=str(vcs.get("commit_id", "")),
            requested_revision=str(vcs.get("requested_revision", "")),
            hashes=hashes or ({name: digest} if digest else {}),
            subdirectory=str(said.get("subdirectory", "")),
        )
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
