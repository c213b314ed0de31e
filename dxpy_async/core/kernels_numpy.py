"""Where bounds fall in a table of packed keys, with numpy; imported by `kernels` when it is chosen.

A key is sixteen bytes, most significant first, which numpy compares as it does any text of that length. (Zero bytes at
the end count for nothing in such texts, and the shorter is the smaller, so they order as numbers do.) One call searches
for all bounds. Two words a key, and a search in step for all bounds, take forty times as long for two bounds and nearly
twice as long for two thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dxpy_async.core.packed_versions import PACKED_KEY_BYTES

_KEY = np.dtype(f"S{PACKED_KEY_BYTES}")


def finder(keys: bytes) -> Callable[[Sequence[bytes]], list[int]]:
    """For a sorted table of keys, what tells of each bound how many of them are below it."""
    table = np.frombuffer(keys, _KEY)

    def find(bounds: Sequence[bytes]) -> list[int]:
        places: list[int] = table.searchsorted(np.frombuffer(b"".join(bounds), _KEY)).tolist()
        return places

    return find
