"""The TOML of a foreign lock, with whatever is wrong with it as an `InvalidLock`."""

from __future__ import annotations

import tomllib
from typing import Any

from dxpy_async.core import limits
from dxpy_async.errors import InvalidLock


def parse_toml(text: str, *, file: str) -> dict[str, Any]:
    """The document that `text` is; `file` is what errors call it. Raises InvalidLock."""
    if len(text) > limits.LOCK_BYTES:
        raise InvalidLock(file, f"has {len(text)} characters, the limit for a lock is {limits.LOCK_BYTES}")
    try:
        return tomllib.loads(text)
    except ValueError as error:  # also an integer of more digits than Python converts
        raise InvalidLock(file, f"is not TOML: {error}") from error
    except RecursionError as error:
        raise InvalidLock(file, "is nested too deeply") from error
