"""Names of the files and directories that dxpy keeps beside a pyproject.toml, and of what several layers know of."""

from __future__ import annotations

PROJECT_NAME = "pyproject.toml"
LOCK_NAME = "dxpy.lock"
ENVIRONMENT_NAME = ".venv"
DOCUMENT_NAME = "pyproject.dx"
"""In the environment: pyproject.toml as it was when somebody last read it."""

COMPILING = "bytecode-v1/compiling"
"""In the cache: the lock of the process that compiles for environments of symbolic links; it holds its number."""
