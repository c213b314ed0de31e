"""Names of the files and directories that dxpy keeps beside a pyproject.toml."""

from __future__ import annotations

PROJECT_NAME = "pyproject.toml"
LOCK_NAME = "dxpy.lock"
ENVIRONMENT_NAME = ".venv"
DOCUMENT_NAME = "pyproject.dx"
"""In the environment: pyproject.toml as it was when somebody last read it."""
STATE_NAME = "dxpy-state"
"""In the environment: what it was made of, and when nothing of that has changed."""
ENVIRONMENTS_BUCKET = "environments-v1"
"""In the cache: environments of scripts and of `dxpy run --with`."""
