"""uv's variables taken over for one command line; imported only where some are set."""

from __future__ import annotations

import os

from dxpy_async.cli.launch import ASSUMED
from dxpy_async.project.uv_variables import said_by_uv


class TakenOver:
    """Within the block dxpy's variables say what uv's say in their place; commands that are started do not see that.

    A class, because `contextlib` takes as long to import as all the rest of a command with nothing to do.
    """

    def __enter__(self) -> None:
        self._found = said_by_uv(os.environ)
        os.environ.update(self._found)
        ASSUMED.update(self._found)

    def __exit__(self, *_: object) -> None:
        for name in self._found:
            os.environ.pop(name, None)
        ASSUMED.difference_update(self._found)
