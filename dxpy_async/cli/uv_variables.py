"""uv's variables taken over for one command line; imported only where some are set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from dxpy_async.cli.launch import ASSUMED
from dxpy_async.project.uv_variables import said_by_uv


@contextmanager
def taken_over() -> Iterator[None]:
    """Within the block dxpy's variables say what uv's say in their place; commands that are started do not see that."""
    found = said_by_uv(os.environ)
    os.environ.update(found)
    ASSUMED.update(found)
    try:
        yield
    finally:
        for name in found:
            os.environ.pop(name, None)
        ASSUMED.difference_update(found)
