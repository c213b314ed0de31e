"""What `[tool.dxpy]` of a pyproject.toml says, or `[tool.uv]` where there is no `[tool.dxpy]`."""

from __future__ import annotations

from dataclasses import dataclass

from dxpy_async.core.names import GroupName
from dxpy_async.core.settings import LinkMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolTable:
    """The table's values; None or empty for what it does not say. Directories in `find_links` are absolute.

    `default_groups` is None when the table does not say; `all_groups` is the value `"all"` of the same key.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    link_mode: LinkMode | None = None
    python: str | None = None
    default_groups: tuple[GroupName, ...] | None = None
    all_groups: bool = False
