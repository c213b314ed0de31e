"""`python -m dxpy_async`: the same as the command `dxpy`."""

from __future__ import annotations

import sys

from dxpy_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
