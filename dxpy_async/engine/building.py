"""Building what is not a wheel: its metadata, and a wheel of it in the store."""

from __future__ import annotations

from dxpy_async.core.releases import CoreMetadata
from dxpy_async.core.source_trees import SourceTree
from dxpy_async.engine.events import Listener
from dxpy_async.store.store import StoredWheel


class Builder:
    """Builds for one interpreter, or remembers what was built."""

    async def metadata(self, tree: SourceTree, *, editable: bool = False, on_event: Listener) -> CoreMetadata:
        """What `tree` says of itself: without building where it says so statically, else by its build backend."""
        raise NotImplementedError

    async def wheel(self, tree: SourceTree, *, editable: bool = False, on_event: Listener) -> StoredWheel:
        """The wheel of `tree` in the store, built unless it was before."""
        raise NotImplementedError
