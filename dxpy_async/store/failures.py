"""What a failed file operation means for somebody who wanted a package."""

from __future__ import annotations

import errno

from dxpy_async.errors import StoreError

_NO_SPACE = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


def store_error(error: OSError, attempt: str) -> StoreError:
    """The StoreError for `error`: `attempt` completes "cannot …"; a full disk is told apart, for that can be helped."""
    if error.errno in _NO_SPACE:
        return StoreError(
            f"cannot {attempt}: no space left on device",
            hints=("free some space on the disk of the cache, or put the cache elsewhere with `--cache-dir`",),
        )
    where = f" (`{error.filename}`)" if error.filename else ""
    return StoreError(f"cannot {attempt}: {error.strerror or error}{where}")
