"""Names of the files and directories that dxpy keeps beside a pyproject.toml, and of what several layers know of."""

from __future__ import annotations

PROJECT_NAME = "pyproject.toml"
LOCK_NAME = "dxpy.lock"
BUILD_FILES = (PROJECT_NAME, "setup.py", "setup.cfg")
"""In a source tree: what says how it is built."""
ENVIRONMENT_NAME = ".venv"
DOCUMENT_NAME = "pyproject.dx"
"""In the environment: pyproject.toml as it was when somebody last read it."""
STATE_NAME = "dxpy-state"
"""In the environment: what it was made of, and when nothing of that has changed."""
ENVIRONMENTS_BUCKET = "environments-v1"
"""In the cache: environments of scripts, of tools that are run, and of `dxpy run --with`."""
RECEIPT_NAME = "dxpy-receipt.toml"
"""In the environment of an installed tool: what was asked for, and which commands it has."""

COMPILING = "bytecode-v1/compiling"
"""In the cache: the lock of the process that compiles for environments of symbolic links; it holds its number."""
DIST_NAME = "dist"
"""The directory of distributions for others."""
