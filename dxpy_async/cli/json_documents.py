"""The documents that commands write with `--output-format json`, as types: one for each command, with a version.

Within a version keys are added and never removed or given another meaning, so programs must let unknown keys be; all
that are here are always there. A change of another kind is a new version, and both are told in the changelog. Each
document has `warnings` and `seconds` besides (see `Document`). `scripts/schemas.py` makes `docs/schemas` from this.

Paths are absolute, sizes in bytes, times in seconds, moments in UTC as ISO 8601. Only types: importing this at run time
serves the making of schemas alone.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict


class Document(TypedDict):
    """What every document has, added when it is written."""

    warnings: Annotated[list[str], "what people were warned of on stderr"]
    seconds: Annotated[float, "from the start of the command to this document"]


class ErrorDocument(TypedDict):
    """What a command that fails writes in place of its own document. The same is on stderr for people."""

    schema: Literal["dxpy/error/1"]
    code: Annotated[str, "what went wrong, as a word that stays the same: `no-solution`, `hash-mismatch`, `usage`, …"]
    message: Annotated[str, "one sentence, or several lines where a resolution is explained"]
    hints: Annotated[list[str], "ways out, the most likely first"]
    exit_code: Annotated[int, "what the command ends with: 1 for what has to be changed, 2 for a failure"]


class PathDocument(TypedDict):
    """The commands that tell a place: `dxpy cache dir`, `python dir`, `workspace dir`."""

    schema: Literal["dxpy/path/1"]
    path: str


class Member(TypedDict):
    """One member of a workspace."""

    name: str
    version: Annotated[str | None, "null for one that its build backend tells"]
    path: str
    requires: Annotated[list[str], "names of the other members that it requires"]


class WorkspaceListDocument(TypedDict):
    """`dxpy workspace list`."""

    schema: Literal["dxpy/workspace-list/1"]
    root: str
    members: list[Member]


class Files(TypedDict):
    """How much there is of something."""

    files: int
    bytes: int


class CacheSizeDocument(TypedDict):
    """`dxpy cache size`."""

    schema: Literal["dxpy/cache-size/1"]
    directory: str
    files: int
    bytes: int
    buckets: Annotated[dict[str, Files], "the parts of the cache by name"]


class CacheEntry(TypedDict):
    """A wheel in the store."""

    name: str
    version: str
    filename: str
    key: str
    files: int
    bytes: int
    used_at: Annotated[str, "the day, like `2024-01-31`"]


class CacheListDocument(TypedDict):
    """`dxpy cache list`."""

    schema: Literal["dxpy/cache-list/1"]
    packages: list[CacheEntry]


class Damage(TypedDict):
    """A package in the store that was not what was unpacked, and was removed."""

    filename: str
    file: Annotated[str, "the first of its files that was wrong"]
    reason: str
    environments: Annotated[list[str], "those that linked to it, which a sync repairs"]


class CacheVerifyDocument(TypedDict):
    """`dxpy cache verify`, which ends with 1 if anything was damaged."""

    schema: Literal["dxpy/cache-verify/1"]
    checked: Annotated[int, "packages"]
    damaged: list[Damage]


class CacheRemovalDocument(TypedDict):
    """`dxpy cache clean`, `prune` and `gc`: what was removed, or would be."""

    schema: Literal["dxpy/cache-removal/1"]
    directory: str
    dry_run: bool
    packages: list[CacheEntry]
    files: int
    bytes: int
