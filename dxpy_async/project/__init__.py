"""pyproject.toml and settings."""
